"""Quadratic assignments by branch and bound, on the costs of a dual solution.

Rows are matched one after the other, depth first. The bound of a node is the cheapest linear
assignment of the other rows, each pair with its dual costs towards the rows that are matched.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skid.solvers.kernels.assignment import Buffers, assign
from skid.solvers.kernels.compilation import inner, kernel
from skid.solvers.kernels.quadratic_costs import ROUNDING, total_cost

FINISHED, UNOPENED = -1, -2


class Search(NamedTuple):
    """The path from the root to the open node, by depth.

    ``marginals[d]`` are the dual costs of each pair, of shape (n, m_or_none), with d rows matched,
    and ``totals[d]`` the costs of these rows. ``row[d]`` is the next row, whose choices
    ``choices[d]``, in the order of their bounds ``bounds[d]``, are tried from ``following[d]`` on.
    ``column_of_row`` is the partial matching: -1 for no column, -2 for a row that is not decided.
    ``depth`` has one entry, or `UNOPENED` before the first visit, `FINISHED` after the last.
    """

    marginals: np.ndarray
    totals: np.ndarray
    row: np.ndarray
    choices: np.ndarray
    bounds: np.ndarray
    n_choices: np.ndarray
    following: np.ndarray
    column_of_row: np.ndarray
    is_free: np.ndarray
    depth: np.ndarray
    work: Buffers
    buffer: np.ndarray
    found: np.ndarray


def new_search(problem):
    """Return a search whose root has not been opened."""
    n, m = problem.node_costs.shape
    n_choices, width = m + problem.partial, n + m
    return Search(
        marginals=np.empty((n + 1, n, n_choices)),
        totals=np.empty(n + 1),
        row=np.zeros(n, np.int64),
        choices=np.empty((n, n_choices), np.int64),
        bounds=np.empty((n, n_choices)),
        n_choices=np.zeros(n, np.int64),
        following=np.zeros(n, np.int64),
        column_of_row=np.full(n, -2),
        is_free=np.ones(m, np.bool_),
        depth=np.full(1, UNOPENED),
        work=Buffers(
            row_of_column=np.empty(width, np.int64),
            free_rows=np.empty(n, np.int64),
            potential=np.empty(width),
            distance=np.empty(width),
            parent=np.empty(width, np.int64),
            columns=np.empty(width, np.int64),
        ),
        buffer=np.empty(n * width),
        found=np.empty(n, np.int64),
    )


@kernel
def visit(problem, dual, search, best, limits, most_nodes):
    """Visit up to ``most_nodes`` nodes; return the lowest bound of those left, or infinity.

    A cheaper matching is written to ``best``, its cost to ``limits[0]``.
    """
    n = len(search.found)
    depth = search.depth[0]
    if depth == UNOPENED:
        for i in range(n):
            for j in range(dual.nodes.shape[1]):
                search.marginals[0, i, j] = dual.nodes[i, j]
        search.totals[0] = dual.bound[0]
        depth = 0
        if not _expand(problem, search, depth, best, limits):
            depth = FINISHED
    n_visited = 0
    while depth >= 0 and n_visited < most_nodes:
        i, position = search.row[depth], search.following[depth]
        if search.column_of_row[i] >= 0:
            search.is_free[search.column_of_row[i]] = True
        search.column_of_row[i] = -2
        if (
            position == search.n_choices[depth]
            or search.bounds[depth, position] >= limits[0] - ROUNDING
        ):
            depth -= 1
            continue
        search.following[depth] = position + 1
        _match(problem, dual, search, depth, i, search.choices[depth, position])
        n_visited += 1
        if depth + 1 == n:
            _keep(problem, search.column_of_row, best, limits)
        elif _expand(problem, search, depth + 1, best, limits):
            depth += 1
    search.depth[0] = depth
    lowest = np.inf
    for d in range(depth + 1):
        if search.following[d] < search.n_choices[d]:
            lowest = min(lowest, search.bounds[d, search.following[d]])
    return lowest


@inner
def _keep(problem, column_of_row, best, limits):
    total = total_cost(problem, column_of_row)
    if total < limits[0] - ROUNDING:
        limits[0] = total
        for i in range(len(best)):
            best[i] = column_of_row[i]


@inner
def _match(problem, dual, search, depth, i, choice):
    """Match row i, the last choice being no column, and update the costs of the other rows."""
    m = len(search.is_free)
    search.column_of_row[i] = choice if choice < m else -1
    if choice < m:
        search.is_free[choice] = False
    before, after = search.marginals[depth], search.marginals[depth + 1]
    search.totals[depth + 1] = search.totals[depth] + before[i, choice]
    for k in range(len(before)):
        if search.column_of_row[k] != -2:
            continue
        r = problem.rows.of_pair[i, k]
        for h in range(before.shape[1]):
            after[k, h] = before[k, h]
            if r >= 0:
                edge = dual.edge_of_arc[r]
                if i < k:
                    after[k, h] += dual.pairs[edge, choice, h]
                else:
                    after[k, h] += dual.pairs[edge, h, choice]


@inner
def _expand(problem, search, depth, best, limits):
    """Bound a node, and list the choices of its next row; return False if it can be left out."""
    n, m = problem.node_costs.shape
    marginal = search.marginals[depth]
    columns = search.work.columns
    n_columns, n_left = 0, 0
    for j in range(m):
        if search.is_free[j]:
            n_columns += 1
    for i in range(n):
        if search.column_of_row[i] == -2:
            n_left += 1
    width = n_columns + n_left if problem.partial else n_columns
    costs = search.buffer[: n_left * width].reshape(n_left, width)
    a = 0
    for i in range(n):
        if search.column_of_row[i] != -2:
            continue
        b = 0
        for j in range(m):
            if search.is_free[j]:
                costs[a, b] = marginal[i, j]
                b += 1
        for b in range(n_columns, width):
            costs[a, b] = np.inf
        if problem.partial:
            costs[a, n_columns + a] = marginal[i, m]
        a += 1
    assign(costs, search.work, search.found)
    bound = search.totals[depth]
    for a in range(n_left):
        bound += costs[a, search.found[a]]
    search.n_choices[depth] = 0
    search.following[depth] = 0
    if bound >= limits[0] - ROUNDING:
        return False
    # The row with the fewest choices that could lead to a better matching.
    fewest, chosen = width + 1, -1
    potential = search.work.potential
    for a in range(n_left):
        lowest = costs[a, search.found[a]] - potential[search.found[a]]
        n_choices = 0
        for b in range(width):
            if bound + costs[a, b] - lowest - potential[b] < limits[0] - ROUNDING:
                n_choices += 1
        if n_choices < fewest:
            fewest, chosen = n_choices, a
    lowest = costs[chosen, search.found[chosen]] - potential[search.found[chosen]]
    for j in range(m):
        columns[j] = j
    b = 0
    for j in range(m):
        if search.is_free[j]:
            columns[b] = j
            b += 1
    n_choices = 0
    for b in range(width):
        child = bound + costs[chosen, b] - lowest - potential[b]
        if child >= limits[0] - ROUNDING:
            continue
        place = n_choices
        while place > 0 and search.bounds[depth, place - 1] > child:
            search.bounds[depth, place] = search.bounds[depth, place - 1]
            search.choices[depth, place] = search.choices[depth, place - 1]
            place -= 1
        search.bounds[depth, place] = child
        search.choices[depth, place] = columns[b] if b < n_columns else m
        n_choices += 1
    search.n_choices[depth] = n_choices
    # The bound's own assignment may be a cheaper matching.
    a = 0
    whole = search.work.free_rows
    for i in range(n):
        whole[i] = search.column_of_row[i]
        if whole[i] == -2:
            b = search.found[a]
            whole[i] = columns[b] if b < n_columns else -1
            if a == chosen:
                search.row[depth] = i
            a += 1
    _keep(problem, whole, best, limits)
    return True
