"""Shortest augmenting paths for the linear assignment problem, on dense costs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skid.solvers.kernels.compilation import inner, kernel


class Buffers(NamedTuple):
    """Arrays of an assignment; ``potential`` holds the potentials of the columns."""

    row_of_column: np.ndarray
    free_rows: np.ndarray
    potential: np.ndarray
    distance: np.ndarray
    parent: np.ndarray
    columns: np.ndarray


@kernel
def assign_rows(costs, column_of_row):
    """Assign the rows of every instance to different columns.

    ``costs`` has shape (n, n_rows, n_columns), ``n_rows <= n_columns``; an infinite cost forbids
    the pair. The columns are written to ``column_of_row`` of shape (n, n_rows), int64. Returns the
    first instance that has no assignment, or -1.
    """
    work = new_assignment(costs.shape[1], costs.shape[2])
    for i in range(len(costs)):
        if not assign(costs[i], work, column_of_row[i]):
            return i
    return -1


@inner
def new_assignment(n_rows, n_columns):
    """Buffers for assignments of up to ``n_rows`` rows to up to ``n_columns`` columns."""
    return Buffers(
        np.empty(n_columns, np.int64),
        np.empty(n_rows, np.int64),
        np.empty(n_columns),
        np.empty(n_columns),
        np.empty(n_columns, np.int64),
        np.empty(n_columns, np.int64),
    )


@inner
def assign(cost, work, column_of_row):
    """Assign the rows of one instance; return False if that is impossible.

    The potential of a column is at most 0, and 0 if the column is not assigned. That of a row is
    the cost of its pair minus the potential of the column.
    """
    n_rows, n_columns = cost.shape
    for j in range(n_columns):
        work.row_of_column[j] = -1
        work.potential[j] = 0.0
    n_free = _reduce_rows(
        cost, work.potential, column_of_row, work.row_of_column, work.free_rows, n_rows
    )
    for k in range(n_free):
        end = _augment(
            cost,
            work.free_rows[k],
            work.potential,
            column_of_row,
            work.row_of_column,
            work.distance,
            work.parent,
            work.columns,
        )
        if end < 0:
            return False
    return True


@inner
def _reduce_rows(cost, potential, column_of_row, row_of_column, free_rows, n_rows):
    """Let rows bid for their cheapest column; return the number of rows without a column.

    A row lowers the potential of its column as far as its second-best column allows, and displaces
    the row that had the column before, which then bids. Only potentials of assigned columns
    decrease, so the potentials stay valid if there are more columns than rows.
    """
    n_columns = cost.shape[1]
    n_free = 0
    for row in range(n_rows):
        bidder = row
        # The bids are a warm start. Their number is bounded, as rounding might make them cycle.
        for _ in range(16):
            best, second, column = np.inf, np.inf, -1
            for j in range(n_columns):
                reduced = cost[bidder, j] - potential[j]
                if reduced < second:
                    if reduced < best:
                        best, second, column = reduced, best, j
                    else:
                        second = reduced
            if column < 0:
                break
            displaced = row_of_column[column]
            if displaced >= 0 and (not second > best):
                break
            if second < np.inf:
                potential[column] -= second - best
            row_of_column[column] = bidder
            column_of_row[bidder] = column
            bidder = displaced
            if bidder < 0:
                break
        if bidder >= 0:
            free_rows[n_free] = bidder
            n_free += 1
    return n_free


@inner
def _augment(cost, row, potential, column_of_row, row_of_column, distance, parent, columns):
    """Assign one more row along a path of least reduced cost; return its last column, or -1."""
    n_columns = cost.shape[1]
    position, nearest = -1, np.inf
    for j in range(n_columns):
        columns[j] = j
        parent[j] = row
        distance[j] = cost[row, j] - potential[j]
        if distance[j] < nearest or (distance[j] == nearest and row_of_column[j] < 0):
            nearest, position = distance[j], j
    # The first n_final columns of the list are those whose distance is final.
    n_final = 0
    while True:
        if nearest == np.inf:
            return -1
        end = columns[position]
        columns[position] = columns[n_final]
        columns[n_final] = end
        through = row_of_column[end]
        if through < 0:
            break
        n_final += 1
        base = nearest - (cost[through, end] - potential[end])
        nearest = np.inf
        for k in range(n_final, n_columns):
            j = columns[k]
            candidate = base + (cost[through, j] - potential[j])
            if candidate < distance[j]:
                distance[j] = candidate
                parent[j] = through
            # Of equally near columns a free one is taken, as it ends the search.
            if distance[j] < nearest or (distance[j] == nearest and row_of_column[j] < 0):
                nearest, position = distance[j], k
    for k in range(n_final):
        potential[columns[k]] += distance[columns[k]] - distance[end]
    column = end
    while True:
        through = parent[column]
        row_of_column[column] = through
        following = column_of_row[through]
        column_of_row[through] = column
        if through == row:
            return end
        column = following
