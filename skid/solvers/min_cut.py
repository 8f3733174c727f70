"""Minimum cuts between two vertices of a graph."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skid.solvers.algorithms.edges import (
    Graph,
    arcs_by_vertex,
    checked_vertices,
    edge_bytes,
    edges_from_bytes,
)
from skid.solvers.algorithms.threads import solve_in_blocks
from skid.solvers.base import Solver, check_costs

# Edges that are solved in about 50 microseconds.
_EDGES_PER_CHUNK = 500


class MinCut(Solver):
    """Separate two vertices of a graph by edges of the least total capacity.

    ``y(w) = argmin <w, y>`` over the 0/1 vectors of the edges that lead from S to its complement,
    for all sets S of vertices that contain the source and not the target.

    Parameters
    ----------
    edges : array-like of shape (m, 2), int, or sparse matrix
        Tail and head of every edge, as vertices numbered from 0. A sparse matrix has an edge for
        every stored entry, sorted by row, then by column. Loops and parallel edges are allowed.
    source : int
        Vertex inside S.
    target : int
        Vertex outside S.
    n_vertices : int, default=None
        Number of vertices. If None, the largest vertex of ``edges`` plus 1, or the size of the
        matrix.
    directed : bool, default=True
        Whether only edges that leave S are cut; otherwise all edges between S and its complement.

    Notes
    -----
    The costs are capacities and must be at least 0. Of several minimum cuts the one with the
    smallest S is chosen: the vertices that can be reached from the source after a maximum flow is
    subtracted. All edges that leave S are part of the cut, including those that cost nothing.

    The maximum flow is found by blocking flows [1]_ in float64; the solver releases the GIL. The
    total cost of the cut equals the value of the flow up to rounding.

    Cuts differ in their number of edges, so ``mean`` and ``std`` are not valid projections.

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
    def cost_shape(self) -> tuple[int]:  # type: ignore[override]  # Read-only here.
        """One capacity for every edge."""
        return (len(self._graph().ends) // 2,)

    def solve(
        self, costs: np.ndarray, *, source: ArrayLike | None = None, target: ArrayLike | None = None
    ) -> np.ndarray:
        """Solve a batch of instances.

        Parameters
        ----------
        costs : array-like of shape (n, m), float
            Capacity of every edge, at least 0.
        source, target : int or array-like of shape (n,), int, default=None
            Ends for all instances or for each; those of the solver if None.

        Returns
        -------
        ndarray of shape (n, m), dtype of ``costs``
            1 for the edges of the cut, 0 otherwise.

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
        sources = checked_vertices("source", source, len(costs), n_vertices)
        targets = checked_vertices("target", target, len(costs), n_vertices)
        same = sources == targets
        if same.any():
            instance = int(np.argmax(same))
            raise ValueError(
                f"source and target must be different vertices, got {sources[instance]} for both "
                f"in instance {instance}"
            )

        from skid.solvers.kernels.min_cut import cut_edges

        def solve_block(block: np.ndarray, rows: slice, cuts: np.ndarray) -> None:
            cut_edges(block, sources[rows], targets[rows], graph, bool(self.directed), cuts)

        chunk = max(1, _EDGES_PER_CHUNK // max(1, costs.shape[1]))
        return solve_in_blocks(solve_block, costs, smallest_chunk=chunk)

    def _graph(self) -> Graph:
        return _graph_of(*edge_bytes(self.edges, self.n_vertices))


@lru_cache(maxsize=32)
def _graph_of(encoded_edges: bytes, n_vertices: int | None) -> Graph:
    return arcs_by_vertex(*edges_from_bytes(encoded_edges, n_vertices))
