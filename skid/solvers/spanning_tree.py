"""The minimum spanning tree of a graph."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from skid.solvers.algorithms.edges import edge_bytes, edges_from_bytes
from skid.solvers.algorithms.threads import solve_in_blocks
from skid.solvers.base import Solver, check_costs

# Edges that are solved in about 50 microseconds.
_EDGES_PER_CHUNK = 10_000


class SpanningTree(Solver):
    """Connect all vertices of a graph by edges of the least total cost.

    ``y(w) = argmin <w, y>`` over the 0/1 vectors of the edges of a spanning tree. Costs may have
    any sign; of equal costs the one with the lower index counts as smaller.

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
    All solutions have ``n_vertices - 1`` edges, so every projection is valid.

    The tree is found by Boruvka's algorithm [1]_, which does not sort the edges.

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
    def cost_shape(self) -> tuple[int]:  # type: ignore[override]  # Read-only here.
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
            1 for the edges of the tree, 0 otherwise.

        Raises
        ------
        ValueError
            If the shape is wrong, a cost is not finite, an end is not a vertex or the graph is
            not connected.
        """
        graph = self._graph()
        costs = check_costs(costs, cost_shape=(graph.n_edges,))

        from skid.solvers.kernels.spanning_tree import mark_spanning_trees

        def solve_block(block: np.ndarray, rows: slice, trees: np.ndarray) -> None:
            mark_spanning_trees(
                block, graph.kept, graph.tails, graph.heads, graph.n_vertices, trees
            )

        chunk = 1 + _EDGES_PER_CHUNK // (graph.n_edges + 1)
        return solve_in_blocks(solve_block, costs, smallest_chunk=chunk)

    def _graph(self) -> _Graph:
        return _graph_of(*edge_bytes(self.edges, self.n_vertices))


class _Graph(NamedTuple):
    """The edges that are not loops, ``kept``, and their ends."""

    n_vertices: int
    n_edges: int
    kept: np.ndarray
    tails: np.ndarray
    heads: np.ndarray


@lru_cache(maxsize=32, typed=True)
def _graph_of(encoded_edges: bytes, n_vertices: int | None) -> _Graph:
    edges, n_vertices = edges_from_bytes(encoded_edges, n_vertices)
    tails, heads = edges.T
    adjacency = csr_array((np.ones(len(edges)), (tails, heads)), shape=(n_vertices, n_vertices))
    n_components, component = connected_components(adjacency, directed=False)
    if n_components > 1:
        vertex = int(np.argmax(component != component[0]))
        raise ValueError(
            f"edges must connect all vertices, got {n_components} components: vertex {vertex} is "
            "not connected to vertex 0"
        )
    kept = np.flatnonzero(tails != heads)
    return _Graph(
        n_vertices,
        len(edges),
        kept,
        np.ascontiguousarray(tails[kept]),
        np.ascontiguousarray(heads[kept]),
    )
