"""Perfect matchings of a graph."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, maximum_bipartite_matching

from skid.solvers.algorithms.edges import Graph, arcs_by_vertex, edge_bytes, edges_from_bytes
from skid.solvers.algorithms.threads import solve_in_blocks
from skid.solvers.assignment import assigned_columns
from skid.solvers.base import Solver, check_costs

# Edges that are solved in about 50 microseconds.
_EDGES_PER_CHUNK = 250
# A bipartite graph is solved as a dense assignment up to this number of vertices on a side, or this
# number of entries of the cost matrix for every edge; above, blossoms are faster.
_LARGEST_SPARSE_SIDE = 100
_LARGEST_SPARSE_RATIO = 4
_ENTRIES_PER_BLOCK = 2**21
_IMPOSSIBLE = "edges must allow a perfect matching, got a graph without one"


class PerfectMatching(Solver):
    """Pair all vertices of an undirected graph along edges of the least total cost.

    ``y(w) = argmin <w, y>`` over the 0/1 vectors of edges that meet every vertex exactly once.

    Parameters
    ----------
    edges : array-like of shape (m, 2), int, or sparse matrix
        The two ends of every edge, as vertices numbered from 0. A sparse matrix has an edge for
        every stored entry, sorted by row, then by column; of a symmetric matrix, pass the upper
        triangle. Loops, which are never chosen, and parallel edges are allowed.
    n_vertices : int, default=None
        Number of vertices. If None, the largest vertex of ``edges`` plus 1, or the size of the
        matrix.

    Notes
    -----
    A bipartite graph, unless it is large and sparse, is solved as an `Assignment`. Any other graph
    is solved by Edmonds' primal-dual method [1]_, with one alternating tree at a time [2]_, on
    costs that are rounded to integers of about 50 bits: a total may exceed the minimum by about
    1e-15 of the largest cost for every edge. Both release the GIL; numba compiles them at the first
    call of a process.

    All solutions have the same number of edges, so every projection is valid.

    References
    ----------
    .. [1] J. Edmonds: *Maximum matching and a polyhedron with 0,1-vertices*, Journal of Research
       of the National Bureau of Standards 69B, 125-130, 1965.
    .. [2] W. Cook, A. Rohe: *Computing minimum-weight perfect matchings*, INFORMS Journal on
       Computing 11, 138-148, 1999.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.solvers import PerfectMatching
    >>> square = PerfectMatching([(0, 1), (1, 2), (2, 3), (3, 0)])
    >>> square.solve(np.array([[1.0, 3.0, 2.0, 1.0]]))
    array([[1., 0., 1., 0.]])
    """

    default_projection = "norm"
    binary = True

    def __init__(self, edges: Any, *, n_vertices: int | None = None):
        self.edges = edges
        self.n_vertices = n_vertices

    @property
    def cost_shape(self) -> tuple[int]:  # type: ignore[override]  # Read-only here.
        """One cost for every edge."""
        return (self._structure().n_edges,)

    def solve(self, costs: np.ndarray) -> np.ndarray:
        """Solve a batch of instances.

        Parameters
        ----------
        costs : array-like of shape (n, m), float
            Cost of every edge, of any sign.

        Returns
        -------
        ndarray of shape (n, m), dtype of ``costs``
            1 for the edges of the matching, 0 otherwise.

        Raises
        ------
        ValueError
            If the shape is wrong, a cost is not finite, or the graph has no perfect matching.
        """
        structure = self._structure()
        costs = check_costs(costs, cost_shape=(structure.n_edges,))
        pair_costs, edge_of_pair = structure.cheapest_parallels(
            np.array(costs, dtype=np.float64, order="C")
        )
        matched = structure.match(pair_costs).astype(costs.dtype, copy=False)
        if edge_of_pair is None:
            return matched
        solutions = np.zeros_like(costs)
        np.put_along_axis(solutions, edge_of_pair, matched, axis=1)
        return solutions

    def _structure(self) -> _Structure:
        return _structure_of(*edge_bytes(self.edges, self.n_vertices))


class _Structure(NamedTuple):
    """The graph whose edges are the different pairs of vertices with an edge.

    ``first`` is the first edge of every pair; ``others`` are the remaining edges, as rows of
    (edge, pair), in the order of the edges. Both exclude loops. ``sides`` are the row and the
    column of every pair in the cost matrix of an assignment, or None.
    """

    graph: Graph
    first: np.ndarray
    others: np.ndarray
    n_edges: int
    sides: np.ndarray | None

    def match(self, costs: np.ndarray) -> np.ndarray:
        """Return 1 for the pairs of the cheapest perfect matching of every instance, else 0."""
        return _match(costs, self.graph) if self.sides is None else _assign(costs, *self.sides)

    def cheapest_parallels(self, costs: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the lowest cost of every pair and its edge; None if no edges are parallel."""
        if len(self.first) == self.n_edges:
            return costs, None
        pair_costs = costs[:, self.first].copy()
        edge_of_pair = np.tile(self.first, (len(costs), 1))
        for edge, pair in self.others:
            cheaper = costs[:, edge] < pair_costs[:, pair]
            pair_costs[cheaper, pair] = costs[cheaper, edge]
            edge_of_pair[cheaper, pair] = edge
        return pair_costs, edge_of_pair


@lru_cache(maxsize=32)
def _structure_of(encoded_edges: bytes, n_vertices: int | None) -> _Structure:
    """Arrange the edges by vertex, and check that a perfect matching exists."""
    edges, n_vertices = edges_from_bytes(encoded_edges, n_vertices)
    if n_vertices % 2:
        raise ValueError(
            f"edges must allow a perfect matching, got an odd number of vertices: {n_vertices}"
        )
    proper = np.flatnonzero(edges[:, 0] != edges[:, 1])
    unordered = np.sort(edges[proper], axis=1)
    _, first, pair = np.unique(unordered, axis=0, return_index=True, return_inverse=True)
    # Pairs are sorted by their first edge.
    order = np.argsort(first)
    pair = np.argsort(order)[pair.reshape(-1)]
    first = first[order]
    repeated = np.setdiff1d(np.arange(len(proper)), first)
    pairs = unordered[first]
    structure = _Structure(
        graph=arcs_by_vertex(pairs, n_vertices),
        first=proper[first],
        others=np.stack([proper[repeated], pair[repeated]], axis=1),
        n_edges=len(edges),
        sides=_sides(pairs, n_vertices),
    )
    if structure.sides is None:
        structure.match(np.zeros((1, len(pairs))))
    return structure


def _sides(pairs: np.ndarray, n_vertices: int) -> np.ndarray | None:
    """Return the rows and the columns of the pairs if the graph is bipartite and small or dense."""
    half = n_vertices // 2
    # In the double cover, every edge connects a copy of one end with the other copy of the other
    # end. The two copies of a vertex are connected if and only if it lies on an odd cycle.
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    cover = csr_array(
        (np.ones(len(ends)), (ends[:, 0], ends[:, 1] + n_vertices)), shape=(2 * n_vertices,) * 2
    )
    labels = connected_components(cover, directed=False)[1].reshape(2, n_vertices)
    if (labels[0] == labels[1]).any():
        return None
    is_column = labels[0] > labels[1]
    index = np.where(is_column, np.cumsum(is_column), np.cumsum(~is_column)) - 1
    flipped = is_column[pairs[:, 0]]
    rows = index[np.where(flipped, pairs[:, 1], pairs[:, 0])]
    columns = index[np.where(flipped, pairs[:, 0], pairs[:, 1])]
    if is_column.sum() != half or not _has_assignment(rows, columns, half):
        raise ValueError(_IMPOSSIBLE)
    if half > _LARGEST_SPARSE_SIDE and _LARGEST_SPARSE_RATIO * len(pairs) < half**2:
        return None
    return np.stack([rows, columns])


def _has_assignment(rows: np.ndarray, columns: np.ndarray, size: int) -> bool:
    matrix = csr_array((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    return bool((maximum_bipartite_matching(matrix) >= 0).all())


def _assign(costs: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Match a bipartite graph by assignments that avoid the pairs without an edge."""
    size = rows.max(initial=-1) + 1
    matched = np.empty_like(costs)
    n_per_block = max(1, _ENTRIES_PER_BLOCK // max(1, size * size))
    for start in range(0, len(costs), n_per_block):
        block = slice(start, start + n_per_block)
        matrices = np.full((len(costs[block]), size, size), np.inf)
        matrices[:, rows, columns] = costs[block]
        matched[block] = assigned_columns(matrices)[:, rows] == columns
    return matched


def _match(costs: np.ndarray, graph: Graph) -> np.ndarray:
    """Match any graph by blossoms."""
    from skid.solvers.kernels.blossoms import new_nodes
    from skid.solvers.kernels.matching import match, new_heap

    def solve_block(block: np.ndarray, rows: slice, matched: np.ndarray) -> None:
        nodes, heap = new_nodes(len(graph.offsets) - 1), new_heap(block.shape[1])
        if not match(block, graph, nodes, heap, matched):
            raise ValueError(_IMPOSSIBLE)

    chunk = max(1, _EDGES_PER_CHUNK // max(1, costs.shape[1]))
    return solve_in_blocks(solve_block, costs, smallest_chunk=chunk)
