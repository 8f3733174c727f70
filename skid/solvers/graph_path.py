"""The shortest path between two vertices of a graph, given by its edges."""

from __future__ import annotations

from functools import lru_cache
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.utils.metaestimators import available_if

from skid.projections import PROJECTIONS
from skid.solvers.algorithms.acyclic import Sweep, arrange_sweep, edges_between, vertex_levels
from skid.solvers.algorithms.edge_bytes import edge_bytes, edges_from_bytes
from skid.solvers.algorithms.edges import checked_ends
from skid.solvers.algorithms.frontier import Frontier, arrange_frontier, mark_paths
from skid.solvers.algorithms.relaxation import WaysIn, arrange_ways_in, mark_paths_between
from skid.solvers.algorithms.threads import solve_in_threads
from skid.solvers.base import Solver, check_costs

if TYPE_CHECKING:
    import tensorflow as tf

# Edges that are worth a hand-over to a thread.
_SWEPT_EDGES_PER_CHUNK = 40_000
_SEARCHED_EDGES_PER_CHUNK = 4000
# Sums above which the solvers on tensors fall behind the one on the host.
_LARGEST_FRONTIER = 2**14
_LARGEST_RELAXATION = 2**17


class ShortestPath(Solver):
    """Find the shortest path between two vertices of a graph with costs on its edges.

    ``y(w) = argmin <w, y>`` over the 0/1 vectors of the edges on a path from source to target.

    Parameters
    ----------
    edges : array-like of shape (m, 2), int, or sparse matrix
        Tail and head of every edge, vertices counted from 0. A sparse matrix has an edge for every
        entry that it stores, row by row and in a row by ascending column. Loops and parallel edges
        may occur.
    source : int
        Vertex where the path starts.
    target : int
        Vertex where it ends.
    n_vertices : int, default=None
        Number of vertices; None means one more than the largest end, or the size of the matrix.
    directed : bool, default=True
        Whether edges lead from tail to head only. With False each may be used both ways.

    Notes
    -----
    A directed graph without cycles is swept once in topological order: costs may have any sign,
    and of equally cheap edges into a vertex the first is taken. Any other graph is searched by
    Dijkstra's algorithm, which needs costs of at least 0. Both sum in float64.

    ``mean`` and ``std`` are valid projections where the graph has no cycle and all paths between
    the ends given here have the same number of edges, as in a grid whose edges lead right and
    down. Whoever asks for them vouches for ends given to ``solve``.

    ``solve_tf`` exists where ``graph_devices`` is not empty: for graphs without cycles of up to
    some thousand edges.

    References
    ----------
    Elmachtoub, Grigas: *Smart "Predict, then Optimize"*, Management Science 68(1), 2022, section
    6.1, has the grid without cycles.

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
    def cost_shape(self) -> tuple[int]:
        """One cost for every edge."""
        return (self._graph().n_edges,)

    @property
    def nonnegative_costs(self) -> bool:
        """Whether the graph may have a cycle, so that costs must be at least 0."""
        return self._graph().sweep is None

    @property
    def projections(self) -> tuple[str, ...]:
        """All where every path between the ends has the same number of edges."""
        return PROJECTIONS if self._route().equally_long else ("none", "norm")

    @property
    def graph_devices(self) -> tuple[str, ...]:
        """CPU and GPU where ``solve_tf`` exists."""
        return ("cpu", "gpu") if self._has_solve_tf() else ()

    def solve(self, costs: np.ndarray, *, source: Any = None, target: Any = None) -> np.ndarray:
        """Find the shortest path of every instance.

        Parameters
        ----------
        costs : array-like of shape (n, m), float
            Cost of every edge; at least 0 unless the graph is directed and has no cycle.
        source : int or array-like of shape (n,), int, default=None
            Start of all instances or of each, if not that of the solver.
        target : int or array-like of shape (n,), int, default=None
            The same for the end.

        Returns
        -------
        ndarray of shape (n, m), dtype of ``costs``
            1 for the edges on the path, 0 elsewhere.

        Raises
        ------
        ValueError
            If the shape is wrong, a cost is not finite or negative where that is not allowed, an
            end is no vertex or the target cannot be reached, or a parameter of the solver is
            invalid.
        """
        graph = self._graph()
        sweep = graph.sweep
        if source is None and target is None:
            sweep = self._route().sweep
        costs = check_costs(costs, cost_shape=(graph.n_edges,), nonnegative=self.nonnegative_costs)
        ends = []
        for name, given in (("source", source), ("target", target)):
            given = getattr(self, name) if given is None else given
            ends.append(checked_ends(name, given, len(costs), graph.n_vertices))
        return _solve(graph, sweep, costs, *ends)

    def _has_solve_tf(self) -> bool:
        return self._graph().ways_in is not None and self._route().frontier is not None

    @available_if(_has_solve_tf)
    def solve_tf(self, costs: tf.Tensor, *, source: Any = None, target: Any = None) -> tf.Tensor:
        """Find the shortest path of every instance, on TensorFlow tensors.

        Runs eagerly, in graphs and compiled by XLA. No gradient passes through.

        Parameters
        ----------
        costs : tensor of shape (n, m), float
            Cost of every edge. The path of an instance with a NaN is arbitrary: whoever wants an
            error instead checks before.
        source : int or int tensor of shape () or (n,), default=None
            Start of all instances or of each, if not that of the solver. What is no vertex counts
            as the nearest one.
        target : int or int tensor of shape () or (n,), default=None
            The same for the end. Where it cannot be reached, there are no ones.

        Returns
        -------
        tensor of shape (n, m), dtype of ``costs``
            1 for the edges on the path, 0 elsewhere.

        Raises
        ------
        ValueError
            If the shape is wrong.
        """
        from skid.engine.backend import tensorflow

        tf = tensorflow()
        costs = tf.stop_gradient(tf.convert_to_tensor(costs))
        graph = self._graph()
        if not costs.shape.is_compatible_with([None, graph.n_edges]):
            raise ValueError(
                f"The costs must have the shape (n, {graph.n_edges}), but have {costs.shape}."
            )
        if source is None and target is None:
            return mark_paths(tf, self._route().frontier, costs)
        ends = []
        for end, own in ((source, self.source), (target, self.target)):
            end = tf.clip_by_value(
                tf.cast(own if end is None else end, tf.int32), 0, graph.n_vertices - 1
            )
            ends.append(tf.broadcast_to(end, [tf.shape(costs)[0]]))
        return mark_paths_between(tf, graph.ways_in, costs, *ends)

    def _graph(self) -> _Graph:
        return _arranged(*edge_bytes(self.edges, self.n_vertices), bool(self.directed))

    def _route(self) -> _Route:
        frozen, n_vertices = edge_bytes(self.edges, self.n_vertices)
        for name, end in (("source", self.source), ("target", self.target)):
            if not isinstance(end, Integral) or isinstance(end, bool):
                raise ValueError(f"{name} must be an integer, but is {end!r}.")
        return _between(frozen, n_vertices, bool(self.directed), int(self.source), int(self.target))


class _Graph(NamedTuple):
    """A graph: without cycles as a sweep, else as the ways out of every vertex."""

    n_vertices: int
    n_edges: int
    sweep: Sweep | None
    first_out: np.ndarray
    out_edges: np.ndarray
    out_tails: np.ndarray
    out_heads: np.ndarray
    ways_in: WaysIn | None


class _Route(NamedTuple):
    """What lies between two ends of a graph without cycles, else nothing."""

    sweep: Sweep | None
    frontier: Frontier | None
    equally_long: bool


@lru_cache(maxsize=32, typed=True)
def _arranged(frozen: bytes, n_vertices: int | None, directed: bool) -> _Graph:
    edges, n_vertices = edges_from_bytes(frozen, n_vertices)
    m = len(edges)
    sweep = ways_in = None
    levels = vertex_levels(edges, n_vertices) if directed else None
    if levels is not None:
        sweep = arrange_sweep(edges, np.arange(m), np.arange(n_vertices), levels)
        ways_in = arrange_ways_in(edges, levels, largest=_LARGEST_RELAXATION)
    ways = edges if directed else np.concatenate([edges, edges[:, ::-1]])
    by_tail = np.argsort(ways[:, 0], kind="stable")
    tails, heads = np.ascontiguousarray(ways[by_tail].T)
    first_out = np.searchsorted(tails, np.arange(n_vertices + 1))
    return _Graph(n_vertices, m, sweep, first_out, by_tail % max(m, 1), tails, heads, ways_in)


@lru_cache(maxsize=32, typed=True)
def _between(
    frozen: bytes, n_vertices: int | None, directed: bool, source: int, target: int
) -> _Route:
    graph = _arranged(frozen, n_vertices, directed)
    checked_ends("source", source, 1, graph.n_vertices)
    checked_ends("target", target, 1, graph.n_vertices)
    edges, _ = edges_from_bytes(frozen, graph.n_vertices)
    ways = edges if directed else np.concatenate([edges, edges[:, ::-1]])
    kept = edges_between(ways, graph.n_vertices, source, target)
    if not len(kept) and source != target:
        raise ValueError(f"target={target} cannot be reached from source={source}.")
    if graph.sweep is None:
        return _Route(None, None, False)
    levels = vertex_levels(edges[kept], graph.n_vertices)
    vertices = np.union1d(edges[kept], [source])
    return _Route(
        arrange_sweep(edges, kept, vertices, levels),
        arrange_frontier(edges, kept, levels, largest=_LARGEST_FRONTIER),
        bool((levels[edges[kept, 1]] == levels[edges[kept, 0]] + 1).all()),
    )


def _solve(
    graph: _Graph, sweep: Sweep | None, costs: np.ndarray, sources: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    solutions = np.zeros_like(costs)
    if not len(costs):
        return solutions

    from skid.solvers.kernels.graph_path import search_cheapest_paths, sweep_cheapest_paths

    def mark(start: int, stop: int) -> None:
        block = np.array(costs[start:stop], np.float64, order="C")
        paths = np.zeros_like(block)
        ends = sources[start:stop], targets[start:stop]
        if sweep is None:
            failed = search_cheapest_paths(block, *graph[3:7], *ends, paths)
        else:
            positions = (sweep.position[end] for end in ends)
            failed = sweep_cheapest_paths(block, *sweep[:3], *positions, paths)
        if failed >= 0:
            instance = start + failed
            if block[failed].max() > np.finfo(block.dtype).max / block.shape[1]:
                raise ValueError(
                    f"The costs of instance {instance} are too large to be added up: rescale them."
                )
            raise ValueError(
                f"The target {targets[instance]} of instance {instance} cannot be reached from "
                f"its source {sources[instance]}."
            )
        solutions[start:stop] = paths

    edges_per_chunk = _SEARCHED_EDGES_PER_CHUNK if sweep is None else _SWEPT_EDGES_PER_CHUNK
    solve_in_threads(mark, len(costs), smallest_chunk=1 + edges_per_chunk // (graph.n_edges + 1))
    return solutions
