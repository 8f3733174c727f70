"""The minimum spanning tree of a graph, given by its edges."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from skid.solvers.algorithms.edge_bytes import edge_bytes, edges_from_bytes
from skid.solvers.algorithms.threads import solve_in_threads
from skid.solvers.base import Solver, check_costs

_EDGES_PER_CHUNK = 10_000


class SpanningTree(Solver):
    """Connect all vertices of a graph by edges of the least total cost.

    ``y(w) = argmin <w, y>`` over the 0/1 vectors of the edges of a spanning tree. Costs may have
    any sign; of equal costs the lower index counts as the smaller.

    Parameters
    ----------
    edges : array-like of shape (m, 2), int, or sparse matrix
        The two ends of every edge, vertices counted from 0. A sparse matrix has an edge for every
        entry that it stores, row by row and in a row by ascending column, so that of a symmetric
        one the upper triangle is enough. Loops and parallel edges may occur; a loop is never
        chosen.
    n_vertices : int, default=None
        Number of vertices; None means one more than the largest end, or the size of the matrix.

    Notes
    -----
    All solutions have ``n_vertices - 1`` edges, so every projection is valid.

    The tree grows by Boruvka's algorithm [1]_, compiled by numba: no edge need be sorted.

    References
    ----------
    .. [1] O. Boruvka: *O jistem problemu minimalnim*, Prace Moravske prirodovedecke spolecnosti 3,
       37-58, 1926.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.solvers import SpanningTree
    >>> triangle = SpanningTree([(0, 1), (1, 2), (0, 2)])
    >>> triangle.solve(np.array([[3.0, -1.0, 2.0], [1.0, 1.0, 1.0]]))
    array([[0., 1., 1.],
           [1., 1., 0.]])
    """

    default_projection = "std"
    default_noise_scale = 0.3
    binary = True

    def __init__(self, edges: Any, *, n_vertices: int | None = None):
        self.edges = edges
        self.n_vertices = n_vertices

    @property
    def cost_shape(self) -> tuple[int]:
        """One cost for every edge."""
        return (self._graph().n_edges,)

    def solve(self, costs: np.ndarray) -> np.ndarray:
        """Find the minimum spanning tree of every instance.

        Parameters
        ----------
        costs : array-like of shape (n, m), float
            Cost of every edge.

        Returns
        -------
        ndarray of shape (n, m), dtype of ``costs``
            1 for the edges of the tree, 0 elsewhere.

        Raises
        ------
        ValueError
            If the shape is wrong, a cost is not finite, an end is no vertex or the graph is not
            connected.
        """
        graph = self._graph()
        costs = check_costs(costs, cost_shape=(graph.n_edges,))
        solutions = np.zeros_like(costs)
        if not len(costs):
            return solutions

        from skid.solvers.kernels.spanning_tree import mark_spanning_trees

        def mark(start: int, stop: int) -> None:
            block = np.array(costs[start:stop], np.float64, order="C")
            trees = np.zeros_like(block)
            mark_spanning_trees(
                block, graph.kept, graph.tails, graph.heads, graph.n_vertices, trees
            )
            solutions[start:stop] = trees

        chunk = 1 + _EDGES_PER_CHUNK // (graph.n_edges + 1)
        solve_in_threads(mark, len(costs), smallest_chunk=chunk)
        return solutions

    def _graph(self) -> _Graph:
        return _arranged(*edge_bytes(self.edges, self.n_vertices))


class _Graph(NamedTuple):
    """The edges that are no loops, ``kept``, and their ends."""

    n_vertices: int
    n_edges: int
    kept: np.ndarray
    tails: np.ndarray
    heads: np.ndarray


@lru_cache(maxsize=32, typed=True)
def _arranged(frozen: bytes, n_vertices: int | None) -> _Graph:
    edges, n_vertices = edges_from_bytes(frozen, n_vertices)
    tails, heads = edges.T
    adjacency = csr_array((np.ones(len(edges)), (tails, heads)), shape=(n_vertices, n_vertices))
    n_components, component = connected_components(adjacency, directed=False)
    if n_components > 1:
        apart = int(np.argmax(component != component[0]))
        raise ValueError(
            f"The graph has no spanning tree: vertex {apart} is not connected to vertex 0 "
            f"({n_components} components)."
        )
    kept = np.flatnonzero(tails != heads)
    return _Graph(
        n_vertices,
        len(edges),
        kept,
        np.ascontiguousarray(tails[kept]),
        np.ascontiguousarray(heads[kept]),
    )
