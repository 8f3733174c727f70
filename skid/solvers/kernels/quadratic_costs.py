"""Costs of a quadratic assignment by the arcs of its two graphs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skid.solvers.kernels.compilation import inner, kernel

# Smaller gains, for costs of about 1, are rounding errors.
ROUNDING = 1e-10


class Arcs(NamedTuple):
    """A graph by its arcs, both directions of each edge.

    Arcs ``offsets[v]`` to ``offsets[v + 1] - 1`` leave vertex v for ``heads[arc]``; ``reverse`` is
    the arc back, and ``of_pair[v, w]`` the arc from v to w, or -1.
    """

    offsets: np.ndarray
    heads: np.ndarray
    reverse: np.ndarray
    of_pair: np.ndarray


class Problem(NamedTuple):
    """One instance: n rows are matched to different ones of m columns, ``n <= m``.

    ``node_costs`` has shape (n, m). ``pair_costs[r, q]`` is paid if both ends of the row arc r are
    matched to those of the column arc q, once for an arc and its reverse. With ``partial``, rows
    may stay unmatched at no cost. ``forbidden`` is the cost of what must not occur: more than any
    two solutions without it differ.
    """

    rows: Arcs
    columns: Arcs
    node_costs: np.ndarray
    pair_costs: np.ndarray
    partial: bool
    forbidden: float


@kernel
def prepare(cost, shape, sizes, edges_a, edges_b, unmatched, partial):
    """Arrange the costs of one instance, of length ``shape[0] * shape[1] + e_a * e_b``.

    Only the first ``sizes`` nodes of the two graphs and edges without -1 count. The smaller graph
    becomes the rows. If ``partial``, an unmatched node of either graph costs ``unmatched``.
    """
    transposed = sizes[0] > sizes[1]
    n, m = min(sizes[0], sizes[1]), max(sizes[0], sizes[1])
    rows = _arcs(edges_b if transposed else edges_a, n)
    columns = _arcs(edges_a if transposed else edges_b, m)
    node_costs = np.empty((n, m))
    for i in range(n):
        for j in range(m):
            place = j * shape[1] + i if transposed else i * shape[1] + j
            node_costs[i, j] = cost[place]
    pair_costs = np.zeros((len(rows.heads), len(columns.heads)))
    place = shape[0] * shape[1] - 1
    for e in range(len(edges_a)):
        for f in range(len(edges_b)):
            place += 1
            i, k, j, h = edges_a[e, 0], edges_a[e, 1], edges_b[f, 0], edges_b[f, 1]
            if i < 0 or j < 0:
                continue
            if transposed:
                i, k, j, h = j, h, i, k
            if i != k and j != h:
                r, q = rows.of_pair[i, k], columns.of_pair[j, h]
                pair_costs[r, q] += cost[place]
                pair_costs[rows.reverse[r], columns.reverse[q]] += cost[place]
            elif i == k and j == h:
                node_costs[i, j] += cost[place]
    if partial:
        for i in range(n):
            for j in range(m):
                node_costs[i, j] -= 2 * unmatched
    forbidden = _forbid(node_costs, pair_costs)
    return Problem(rows, columns, node_costs, pair_costs, partial, forbidden)


@inner
def _arcs(edges, n):
    of_pair = np.full((n, n), -1)
    for e in range(len(edges)):
        tail, head = edges[e, 0], edges[e, 1]
        if tail >= 0 and tail != head:
            of_pair[tail, head] = 0
            of_pair[head, tail] = 0
    offsets = np.zeros(n + 1, np.int64)
    n_arcs = 0
    for tail in range(n):
        for head in range(n):
            if of_pair[tail, head] == 0:
                of_pair[tail, head] = n_arcs
                n_arcs += 1
        offsets[tail + 1] = n_arcs
    heads = np.empty(n_arcs, np.int64)
    reverse = np.empty(n_arcs, np.int64)
    for tail in range(n):
        for head in range(n):
            arc = of_pair[tail, head]
            if arc >= 0:
                heads[arc] = head
                reverse[arc] = of_pair[head, tail]
    return Arcs(offsets, heads, reverse, of_pair)


@inner
def _forbid(node_costs, pair_costs):
    """Replace infinite costs by a power of two that exceeds what any others add up to."""
    limit = 1.0
    for costs in (node_costs, pair_costs):
        for row in costs:
            largest = 0.0
            for entry in row:
                if entry < np.inf:
                    largest = max(largest, abs(entry))
            limit += 2 * largest
    forbidden = 2.0 ** np.ceil(np.log2(limit))
    for costs in (node_costs, pair_costs):
        for row in costs:
            for j in range(len(row)):
                if row[j] == np.inf:
                    row[j] = forbidden
    return forbidden


@inner
def pair_cost(problem, i, j, k, h):
    """Cost of matching row i to column j together with row k to column h."""
    r = problem.rows.of_pair[i, k]
    if r < 0 or j < 0 or h < 0:
        return 0.0
    q = problem.columns.of_pair[j, h]
    return problem.pair_costs[r, q] if q >= 0 else 0.0


@inner
def total_cost(problem, column_of_row):
    """Cost of a matching; -1 is the column of rows without one."""
    total = 0.0
    for i in range(len(column_of_row)):
        j = column_of_row[i]
        if j < 0:
            continue
        total += problem.node_costs[i, j]
        for r in range(problem.rows.offsets[i], problem.rows.offsets[i + 1]):
            k = problem.rows.heads[r]
            if k < i:
                total += pair_cost(problem, i, j, k, column_of_row[k])
    return total
