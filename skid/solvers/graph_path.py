"""The shortest path between two vertices of a graph."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.metaestimators import available_if

from skid._parameter_checks import is_integer
from skid.engine.backend import tensorflow
from skid.projections import PROJECTIONS
from skid.solvers.algorithms.acyclic import Sweep, arrange_sweep, edges_between, vertex_levels
from skid.solvers.algorithms.edges import checked_vertices, edge_bytes, edges_from_bytes
from skid.solvers.algorithms.frontier import Frontier, arrange_frontier, mark_paths
from skid.solvers.algorithms.relaxation import EdgesIn, arrange_edges_in, mark_paths_between
from skid.solvers.algorithms.threads import solve_in_blocks
from skid.solvers.base import Solver, check_costs

if TYPE_CHECKING:
    import tensorflow as tf

# Edges that are solved in about 50 microseconds.
_SWEPT_EDGES_PER_CHUNK = 40_000
_SEARCHED_EDGES_PER_CHUNK = 4000
# Numbers of sums above which the solvers on tensors are slower than the one on the host.
_LARGEST_FRONTIER = 2**14
_LARGEST_RELAXATION = 2**17


class ShortestPath(Solver):
    """Find the shortest path between two vertices of a graph with costs on its edges.

    ``y(w) = argmin <w, y>`` over the 0/1 vectors of the edges on a path from source to target.

    Parameters
    ----------
    edges : array-like of shape (m, 2), int, or sparse matrix
        Tail and head of every edge, as vertices numbered from 0. A sparse matrix has an edge for
        every stored entry, sorted by row, then by column. Loops and parallel edges are allowed.
    source : int
        Vertex where the path starts.
    target : int
        Vertex where it ends.
    n_vertices : int, default=None
        Number of vertices. If None, the largest vertex of ``edges`` plus 1, or the size of the
        matrix.
    directed : bool, default=True
        Whether edges lead from tail to head only; otherwise they can be used in both directions.

    Notes
    -----
    A directed graph without cycles is processed once in topological order: costs may have any
    sign, and of equally cheap edges into a vertex the first is taken. Any other graph is searched
    by Dijkstra's algorithm, which needs costs of at least 0. Both compute in float64.

    ``mean`` and ``std`` are valid projections if the graph has no cycle and all paths from
    ``source`` to ``target`` have the same number of edges, as in a grid whose edges lead right and
    down. If other ends are passed to ``solve``, this is not checked.

    ``solve_tf`` exists if ``graph_devices`` is not empty: for graphs without cycles of up to a few
    thousand edges.

    References
    ----------
    Elmachtoub, Grigas: *Smart "Predict, then Optimize"*, Management Science 68(1), 2022, section
    6.1, for the grid without cycles.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.solvers import ShortestPath
    >>> solver = ShortestPath([(0, 1), (1, 3), (0, 2), (2, 3)], source=0, target=3)
    >>> solver.solve(np.array([[1.0, 1.0, 3.0, -2.0], [1.0, 1.0, 3.0, 0.0]]))
    array([[0., 0., 1., 1.],
           [1., 1., 0., 0.]])
    >>> solver.projections
    ('none', 'mean', 'norm', 'std')
    """

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
        """One cost for every edge."""
        return (self._graph().n_edges,)

    @property
    def nonnegative_costs(self) -> bool:  # type: ignore[override]  # Read-only here.
        """Whether the graph may have a cycle, so that costs must be at least 0."""
        return self._graph().sweep is None

    @property
    def projections(self) -> tuple[str, ...]:  # type: ignore[override]  # Read-only here.
        """All projections if every path has the same number of edges, else none and norm."""
        return PROJECTIONS if self._route().equally_long else ("none", "norm")

    @property
    def graph_devices(self) -> tuple[str, ...]:  # type: ignore[override]  # Read-only here.
        """CPU and GPU if ``solve_tf`` exists."""
        return ("cpu", "gpu") if self._has_solve_tf() else ()

    def solve(
        self, costs: np.ndarray, *, source: ArrayLike | None = None, target: ArrayLike | None = None
    ) -> np.ndarray:
        """Find the shortest path of every instance.

        Parameters
        ----------
        costs : array-like of shape (n, m), float
            Cost of every edge; at least 0 unless the graph is directed and has no cycle.
        source, target : int or array-like of shape (n,), int, default=None
            Start and end of all instances or of each; those of the solver if None.

        Returns
        -------
        ndarray of shape (n, m), dtype of ``costs``
            1 for the edges on the path, 0 otherwise.

        Raises
        ------
        ValueError
            If the shape is wrong, a cost is not finite or negative where that is not allowed, an
            end is not a vertex, the target cannot be reached, or a parameter of the solver is
            invalid.
        """
        graph = self._graph()
        sweep = graph.sweep
        if source is None and target is None:
            sweep = self._route().sweep
        costs = check_costs(costs, cost_shape=(graph.n_edges,), nonnegative=self.nonnegative_costs)
        source = self.source if source is None else source
        target = self.target if target is None else target
        sources = checked_vertices("source", source, len(costs), graph.n_vertices)
        targets = checked_vertices("target", target, len(costs), graph.n_vertices)
        return _solve(graph, sweep, costs, sources, targets)

    def _has_solve_tf(self) -> bool:
        return self._graph().edges_in is not None and self._route().frontier is not None

    @available_if(_has_solve_tf)
    def solve_tf(self, costs: tf.Tensor, *, source: Any = None, target: Any = None) -> tf.Tensor:
        """Find the shortest path of every instance, on TensorFlow tensors.

        Runs eagerly, in graphs and compiled by XLA. No gradient passes through.

        Parameters
        ----------
        costs : tensor of shape (n, m), float
            Cost of every edge. They are not checked: the path of an instance with a NaN is
            arbitrary.
        source, target : int or int tensor of shape () or (n,), default=None
            Start and end of all instances or of each; those of the solver if None. Numbers
            outside the range of the vertices are clipped.

        Returns
        -------
        tensor of shape (n, m), dtype of ``costs``
            1 for the edges on the path, 0 otherwise; all 0 if the target cannot be reached.

        Raises
        ------
        ValueError
            If the shape is wrong.
        """
        tf = tensorflow()
        costs = tf.stop_gradient(tf.convert_to_tensor(costs))
        graph = self._graph()
        if not costs.shape.is_compatible_with([None, graph.n_edges]):
            raise ValueError(f"costs must have shape (n, {graph.n_edges}), got {costs.shape}")
        if source is None and target is None:
            # `available_if` refuses the call where they would be None.
            return mark_paths(tf, self._route().frontier, costs)  # type: ignore[arg-type]
        ends = []
        for end, default in ((source, self.source), (target, self.target)):
            end = tf.cast(default if end is None else end, tf.int32)
            end = tf.clip_by_value(end, 0, graph.n_vertices - 1)
            ends.append(tf.broadcast_to(end, [tf.shape(costs)[0]]))
        return mark_paths_between(tf, graph.edges_in, costs, *ends)  # type: ignore[arg-type]

    def _graph(self) -> _Graph:
        return _graph_of(*edge_bytes(self.edges, self.n_vertices), bool(self.directed))

    def _route(self) -> _Route:
        for name, end in (("source", self.source), ("target", self.target)):
            if not is_integer(end):
                raise ValueError(f"{name} must be an integer, got {end!r}")
        edges, n_vertices = edge_bytes(self.edges, self.n_vertices)
        ends = int(self.source), int(self.target)
        return _route_of(edges, n_vertices, bool(self.directed), *ends)


class _Graph(NamedTuple):
    """A graph by the edges out of every vertex; without cycles also in topological order."""

    n_vertices: int
    n_edges: int
    sweep: Sweep | None
    first_out: np.ndarray
    out_edges: np.ndarray
    out_tails: np.ndarray
    out_heads: np.ndarray
    edges_in: EdgesIn | None


class _Route(NamedTuple):
    """The part of a graph without cycles between two vertices; None for other graphs."""

    sweep: Sweep | None
    frontier: Frontier | None
    equally_long: bool


@lru_cache(maxsize=32, typed=True)
def _graph_of(encoded_edges: bytes, n_vertices: int | None, directed: bool) -> _Graph:
    edges, n_vertices = edges_from_bytes(encoded_edges, n_vertices)
    m = len(edges)
    sweep = edges_in = None
    levels = vertex_levels(edges, n_vertices) if directed else None
    if levels is not None:
        sweep = arrange_sweep(edges, np.arange(m), np.arange(n_vertices), levels)
        edges_in = arrange_edges_in(edges, levels, largest=_LARGEST_RELAXATION)
    arcs = edges if directed else np.concatenate([edges, edges[:, ::-1]])
    by_tail = np.argsort(arcs[:, 0], kind="stable")
    tails, heads = np.ascontiguousarray(arcs[by_tail].T)
    first_out = np.searchsorted(tails, np.arange(n_vertices + 1))
    return _Graph(n_vertices, m, sweep, first_out, by_tail % max(m, 1), tails, heads, edges_in)


@lru_cache(maxsize=32, typed=True)
def _route_of(
    encoded_edges: bytes, n_vertices: int | None, directed: bool, source: int, target: int
) -> _Route:
    graph = _graph_of(encoded_edges, n_vertices, directed)
    checked_vertices("source", source, 1, graph.n_vertices)
    checked_vertices("target", target, 1, graph.n_vertices)
    edges, _ = edges_from_bytes(encoded_edges, graph.n_vertices)
    arcs = edges if directed else np.concatenate([edges, edges[:, ::-1]])
    kept = edges_between(arcs, graph.n_vertices, source, target)
    if not len(kept) and source != target:
        raise ValueError(f"target must be reachable from source={source}, got {target}")
    levels = None if graph.sweep is None else vertex_levels(edges[kept], graph.n_vertices)
    if levels is None:
        return _Route(None, None, False)
    vertices = np.union1d(edges[kept], [source])
    return _Route(
        arrange_sweep(edges, kept, vertices, levels),
        arrange_frontier(edges, kept, levels, largest=_LARGEST_FRONTIER),
        bool((levels[edges[kept, 1]] == levels[edges[kept, 0]] + 1).all()),
    )


def _solve(
    graph: _Graph, sweep: Sweep | None, costs: np.ndarray, sources: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    from skid.solvers.kernels.graph_path import search_cheapest_paths, sweep_cheapest_paths

    def solve_block(block: np.ndarray, rows: slice, paths: np.ndarray) -> None:
        ends = sources[rows], targets[rows]
        if sweep is None:
            failed = search_cheapest_paths(block, *graph[3:7], *ends, paths)
        else:
            positions = (sweep.position[end] for end in ends)
            failed = sweep_cheapest_paths(block, *sweep[:3], *positions, paths)
        if failed >= 0:
            instance = rows.start + failed
            if block[failed].max() > np.finfo(block.dtype).max / block.shape[1]:
                raise ValueError(
                    f"costs must be small enough to be added up, got {block[failed].max()} in "
                    f"instance {instance}: rescale them"
                )
            raise ValueError(
                f"target must be reachable from source={sources[instance]}, "
                f"got {targets[instance]} in instance {instance}"
            )

    edges_per_chunk = _SEARCHED_EDGES_PER_CHUNK if sweep is None else _SWEPT_EDGES_PER_CHUNK
    chunk = 1 + edges_per_chunk // (graph.n_edges + 1)
    return solve_in_blocks(solve_block, costs, smallest_chunk=chunk)
