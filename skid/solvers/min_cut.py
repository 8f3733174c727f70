"""Minimum cuts between two vertices of a graph."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from skid.solvers.algorithms.edge_bytes import edge_bytes, edges_from_bytes
from skid.solvers.algorithms.edges import Graph, arcs_by_vertex, checked_ends
from skid.solvers.algorithms.threads import solve_in_threads
from skid.solvers.base import Solver, check_costs

# Edges of instances that a thread works through in about 50 microseconds.
_EDGES_PER_CHUNK = 500


class MinCut(Solver):
    """Separate two vertices of a graph by edges of the least total capacity.

    ``y(w) = argmin <w, y>`` over the 0/1 vectors of the edges that lead from S to its complement,
    for a set S of vertices with the source inside and the target outside.

    Parameters
    ----------
    edges : array-like of shape (m, 2), int, or sparse matrix
        Tail and head of every edge, vertices counted from 0. A sparse matrix has an edge for every
        entry that it stores, row by row and in a row by ascending column. Loops and parallel edges
        may occur.
    source : int
        Vertex on the near side of the cut.
    target : int
        Vertex on the far side of the cut.
    n_vertices : int, default=None
        Number of vertices; None means one more than the largest end, or the size of the matrix.
    directed : bool, default=True
        Whether only edges from the near to the far side have to be cut. With False an edge
        between the sides is cut in either direction.

    Notes
    -----
    The costs are capacities, and must not be negative. Among several minimum cuts the one with
    the smallest near side is chosen: its vertices are those that can still be reached from the
    source when a maximum flow is subtracted. Edges from the near to the far side are part of the
    cut even where they cost nothing.

    The maximum flow is found by blocking flows [1]_ in float64, by numba, which releases the GIL.
    The value of the cut is that of the flow up to rounding.

    Cuts differ in their number of edges, so the costs may not be centred.

    References
    ----------
    .. [1] E. A. Dinic: *Algorithm for solution of a problem of maximum flow in networks with
       power estimation*, Soviet Mathematics Doklady 11, 1277-1280, 1970.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.solvers import MinCut
    >>> cut = MinCut([(0, 1), (0, 2), (1, 3), (2, 3)], source=0, target=3)
    >>> cut.solve(np.array([[3.0, 1.0, 2.0, 4.0]]))
    array([[0., 1., 1., 0.]])
    """

    projections = ("none", "norm")
    nonnegative_costs = True
    default_cost_sign = 1
    binary = True
    context = ("source", "target")

    def __init__(
        self,
        edges: Any,
        source: int,
        target: int,
        *,
        n_vertices: int | None = None,
        directed: bool = True,
    ):
        self.edges = edges
        self.source = source
        self.target = target
        self.n_vertices = n_vertices
        self.directed = directed

    @property
    def cost_shape(self) -> tuple[int]:
        """One capacity for every edge."""
        return (len(self._graph().ends) // 2,)

    def solve(self, costs: np.ndarray, *, source: Any = None, target: Any = None) -> np.ndarray:
        """Solve a batch of instances.

        Parameters
        ----------
        costs : array-like of shape (n, m), float
            Capacity of every edge, at least zero.
        source : int or array-like of shape (n,), default=None
            Source of every instance, in place of the solver's.
        target : int or array-like of shape (n,), default=None
            Target of every instance, in place of the solver's.

        Returns
        -------
        ndarray of shape (n, m), dtype of ``costs``
            1 for the edges of the cut, else 0.

        Raises
        ------
        ValueError
            If a shape is wrong, a cost is negative or not finite, an end is not a vertex, or the
            source and the target are the same.
        """
        graph = self._graph()
        costs = check_costs(costs, cost_shape=(len(graph.ends) // 2,), nonnegative=True)
        n_vertices = len(graph.offsets) - 1
        source = self.source if source is None else source
        target = self.target if target is None else target
        sources = checked_ends("source", source, len(costs), n_vertices)
        targets = checked_ends("target", target, len(costs), n_vertices)
        same = sources == targets
        if same.any():
            culprit = int(np.argmax(same))
            raise ValueError(
                f"The source and the target of instance {culprit} are both {sources[culprit]}."
            )
        return self._solve(graph, costs, sources, targets)

    def _graph(self) -> Graph:
        return _arranged(*edge_bytes(self.edges, self.n_vertices))

    def _solve(
        self, graph: Graph, costs: np.ndarray, sources: np.ndarray, targets: np.ndarray
    ) -> np.ndarray:
        from skid.solvers.kernels.min_cut import cut_edges

        # A copy can be written to: for arrays that cannot, the kernel would be compiled once more.
        capacities = np.array(costs, dtype=np.float64, order="C")
        solutions = np.empty_like(capacities)

        def solve_rows(start: int, stop: int) -> None:
            cut_edges(
                capacities, start, stop, sources, targets, graph, bool(self.directed), solutions
            )

        chunk = max(1, _EDGES_PER_CHUNK // max(1, costs.shape[1]))
        solve_in_threads(solve_rows, len(costs), smallest_chunk=chunk)
        return solutions.astype(costs.dtype, copy=False)


@lru_cache(maxsize=32)
def _arranged(frozen: bytes, n_vertices: int | None) -> Graph:
    return arcs_by_vertex(*edges_from_bytes(frozen, n_vertices))
