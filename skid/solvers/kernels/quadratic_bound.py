"""Lower bounds of quadratic assignments by dual block coordinate ascent.

The problem is decomposed into a linear assignment of all rows and, for each pair of a row and a
column, an assignment of the neighbours of the row: the stars. Messages between them are
differences of dual solutions.

P. Hahn, T. Grant: *Lower bounds for the quadratic assignment problem based upon a dual
formulation*, Operations Research 46, 912-922, 1998; Z. Zhang, Q. Shi, J. McAuley, W. Wei, Y. Zhang,
A. van den Hengel: *Pairwise matching through max-weight bipartite belief propagation*, CVPR 2016.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skid.solvers.kernels.assignment import assign, new_assignment
from skid.solvers.kernels.compilation import inner, kernel
from skid.solvers.kernels.quadratic_costs import ROUNDING, total_cost


class Dual(NamedTuple):
    """Costs with the same totals: of each matching, ``bound`` plus these costs, which are >= 0.

    ``nodes`` has shape (n, m), ``pairs`` (n_edges, m, m) for the rows of each edge, the smaller
    first; if the matching is partial, m is larger by 1, for an unmatched row. ``edge_of_arc`` is
    the edge of each row arc. ``bound`` has one entry.
    """

    nodes: np.ndarray
    pairs: np.ndarray
    edge_of_arc: np.ndarray
    bound: np.ndarray


def new_dual(problem):
    """Return the arrays of a dual solution, which `ascend` fills."""
    n, m = problem.node_costs.shape
    n_choices = m + problem.partial
    n_arcs = len(problem.rows.heads)
    return Dual(
        nodes=np.zeros((n, n_choices)),
        pairs=np.zeros((n_arcs // 2, n_choices, n_choices)),
        edge_of_arc=np.zeros(n_arcs, np.int64),
        bound=np.full(1, np.nan),
    )


@kernel
def ascend(problem, dual, n_sweeps, spread, best, limits, lookahead):
    """Raise the bound by ``n_sweeps`` passes over all stars, in alternating directions.

    Each pass also rounds the dual solution to a matching by assignment. The cheapest is written to
    ``best`` and its cost to ``limits[0]``, if it is below; ``lookahead`` of shape (n, m) becomes
    the cost of each pair in the last assignment. The passes end when the bound reaches
    ``limits[0]``. A ``dual`` whose bound is NaN is first filled with the costs of the problem.

    ``spread`` is the share of the reduced costs that a row returns to its stars. With 0, the bound
    is lower, but what the matched rows cost says more about the others.
    """
    n, m = problem.node_costs.shape
    if np.isnan(dual.bound[0]):
        _fill(problem, dual)
    width = m + n
    work = new_assignment(n, width)
    buffer = np.empty(n * width)
    found = np.empty(n, np.int64)
    for sweep in range(n_sweeps):
        backwards = sweep % 2 == 1
        for step in range(n):
            i = n - 1 - step if backwards else step
            for j in range(dual.nodes.shape[1]):
                _solve_star(problem, dual, i, j, backwards, buffer, work, found)
            _spread(problem, dual, i, spread)
        _solve_nodes(problem, dual, buffer, work, found, lookahead)
        total = total_cost(problem, found)
        if total < limits[0]:
            limits[0] = total
            for i in range(n):
                best[i] = found[i]
        if dual.bound[0] >= limits[0] - ROUNDING:
            break


@inner
def _fill(problem, dual):
    """Set the dual costs to those of the problem; ``dual.pairs`` is 0 before."""
    n, m = problem.node_costs.shape
    rows, columns = problem.rows, problem.columns
    dual.bound[0] = 0.0
    for i in range(n):
        for j in range(m):
            dual.nodes[i, j] = problem.node_costs[i, j]
    edge = 0
    for i in range(n):
        for r in range(rows.offsets[i], rows.offsets[i + 1]):
            if rows.heads[r] < i:
                continue
            dual.edge_of_arc[r] = edge
            dual.edge_of_arc[rows.reverse[r]] = edge
            for j in range(m):
                dual.pairs[edge, j, j] = np.inf
                for q in range(columns.offsets[j], columns.offsets[j + 1]):
                    dual.pairs[edge, j, columns.heads[q]] = problem.pair_costs[r, q]
            edge += 1


@inner
def _solve_star(problem, dual, i, j, backwards, buffer, work, found):
    """Move the cheapest assignment of the neighbours of row i to the cost of pair (i, j)."""
    rows = problem.rows
    m = problem.node_costs.shape[1]
    start = rows.offsets[i]
    n_neighbours = rows.offsets[i + 1] - start
    if n_neighbours == 0:
        return
    width = m + n_neighbours if problem.partial else m
    costs = buffer[: n_neighbours * width].reshape(n_neighbours, width)
    for a in range(n_neighbours):
        edge, k = dual.edge_of_arc[start + a], rows.heads[start + a]
        # The stars that follow in this pass get a share of the edge.
        share = 0.5 if (k > i) != backwards else 1.0
        if i < k:
            for h in range(m):
                costs[a, h] = share * dual.pairs[edge, j, h]
        else:
            for h in range(m):
                costs[a, h] = share * dual.pairs[edge, h, j]
        for h in range(m, width):
            costs[a, h] = np.inf
        if problem.partial:
            none = dual.pairs[edge, j, m] if i < k else dual.pairs[edge, m, j]
            costs[a, m + a] = share * none
    assign(costs, work, found)
    value = 0.0
    for a in range(n_neighbours):
        edge, k = dual.edge_of_arc[start + a], rows.heads[start + a]
        row_potential = costs[a, found[a]] - work.potential[found[a]]
        value += costs[a, found[a]]
        if i < k:
            for h in range(m):
                dual.pairs[edge, j, h] -= row_potential + work.potential[h]
        else:
            for h in range(m):
                dual.pairs[edge, h, j] -= row_potential + work.potential[h]
        if problem.partial:
            if i < k:
                dual.pairs[edge, j, m] -= row_potential + work.potential[m + a]
            else:
                dual.pairs[edge, m, j] -= row_potential + work.potential[m + a]
    dual.nodes[i, j] += value


@inner
def _solve_nodes(problem, dual, buffer, work, found, lookahead):
    """Move the cheapest assignment of the rows to the bound, and write it to ``found``."""
    n, m = problem.node_costs.shape
    width = m + n if problem.partial else m
    costs = buffer[: n * width].reshape(n, width)
    for i in range(n):
        for j in range(m):
            costs[i, j] = dual.nodes[i, j]
            lookahead[i, j] = dual.nodes[i, j]
        for j in range(m, width):
            costs[i, j] = np.inf
        if problem.partial:
            costs[i, m + i] = dual.nodes[i, m]
    assign(costs, work, found)
    for i in range(n):
        row_potential = costs[i, found[i]] - work.potential[found[i]]
        dual.bound[0] += costs[i, found[i]]
        for j in range(m):
            dual.nodes[i, j] = costs[i, j] - row_potential - work.potential[j]
        if problem.partial:
            dual.nodes[i, m] = costs[i, m + i] - row_potential - work.potential[m + i]
    for i in range(n):
        if found[i] >= m:
            found[i] = -1


@inner
def _spread(problem, dual, i, spread):
    """Move the least cost of row i to the bound, and most of the rest to the stars around it."""
    rows = problem.rows
    n_choices = dual.nodes.shape[1]
    start, stop = rows.offsets[i], rows.offsets[i + 1]
    least = np.inf
    for j in range(n_choices):
        least = min(least, dual.nodes[i, j])
    dual.bound[0] += least
    for j in range(n_choices):
        dual.nodes[i, j] -= least
        if start == stop:
            continue
        share = spread * dual.nodes[i, j] / (stop - start)
        dual.nodes[i, j] *= 1 - spread
        for r in range(start, stop):
            edge = dual.edge_of_arc[r]
            if i < rows.heads[r]:
                for h in range(n_choices):
                    dual.pairs[edge, j, h] += share
            else:
                for h in range(n_choices):
                    dual.pairs[edge, h, j] += share
