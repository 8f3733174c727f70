"""The cheapest path across a grid with costs on its vertices, such as a terrain map."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from skid._parameter_checks import checked_grid_shape, is_integer
from skid.engine.backend import tensorflow
from skid.solvers.algorithms.threads import solve_in_blocks
from skid.solvers.base import Solver, check_costs

if TYPE_CHECKING:
    import tensorflow as tf

# Vertices that are solved in about 50 microseconds.
_VERTICES_PER_CHUNK = 4000
# The order of the steps breaks ties between equally cheap paths.
_STEPS = {
    4: ((-1, 0), (0, -1), (0, 1), (1, 0)),
    8: ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)),
}
# On a GPU, checking for changes takes longer than a few sweeps.
_SWEEPS_PER_CHECK = 4


class GridShortestPath(Solver):
    """Find the cheapest path between two vertices of a grid with costs on its vertices.

    ``y(w) = argmin <w, y>`` over the 0/1 maps of the vertices on a path from source to target,
    both ends included. A path moves to one of 4 or 8 neighbours at a time.

    Parameters
    ----------
    shape : tuple of int
        Number of rows and of columns, both at least 1.
    neighbours : {4, 8}, default=8
        Whether a path may move diagonally (8) or not (4).
    source : tuple of int, default=None
        Row and column of the start; None for the top left corner.
    target : tuple of int, default=None
        Row and column of the end; None for the bottom right corner.

    Notes
    -----
    Paths differ in their number of vertices, so ``mean`` and ``std`` are not valid projections.

    ``solve`` is Dijkstra's algorithm with a heap, in float64. ``solve_tf`` updates all vertices in
    parallel until nothing changes, about as many times as the longest cheapest path has vertices:
    use it on a GPU only. The two may choose different paths of the same cost.

    References
    ----------
    Vlastelica, Paulus, Musil, Martius, Rolinek: *Differentiation of Blackbox Combinatorial
    Solvers*, ICLR 2020, section 4.1.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.solvers import GridShortestPath
    >>> terrain = np.array([[[1.0, 9.0, 1.0], [1.0, 9.0, 1.0], [9.0, 1.0, 1.0]]])
    >>> GridShortestPath((3, 3)).solve(terrain)
    array([[[1., 0., 0.],
            [1., 0., 0.],
            [0., 1., 1.]]])
    >>> GridShortestPath((3, 3)).solve(terrain, target=[[1, 1]])
    array([[[1., 0., 0.],
            [0., 1., 0.],
            [0., 0., 0.]]])
    """

    projections = ("none", "norm")
    nonnegative_costs = True
    default_noise_scale = 0.05
    default_noise_fraction = 0.5
    default_cost_sign = 1
    binary = True
    context = ("source", "target")
    graph_devices = ("gpu",)

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        neighbours: int = 8,
        source: tuple[int, int] | None = None,
        target: tuple[int, int] | None = None,
    ):
        self.shape = shape
        self.neighbours = neighbours
        self.source = source
        self.target = target

    @property
    def cost_shape(self) -> tuple[int, int]:  # type: ignore[override]  # Read-only here.
        """Number of rows and of columns."""
        return checked_grid_shape("shape", self.shape)

    def solve(
        self, costs: np.ndarray, *, source: ArrayLike | None = None, target: ArrayLike | None = None
    ) -> np.ndarray:
        """Find the cheapest path of every instance.

        Parameters
        ----------
        costs : array-like of shape (n, rows, columns), float
            Costs of the vertices, at least 0.
        source, target : array-like of shape (2,) or (n, 2), int, default=None
            Row and column of the start and of the end, for all instances or for each; those of
            the solver if None.

        Returns
        -------
        ndarray of shape (n, rows, columns), dtype of ``costs``
            1 for the vertices on the path, 0 otherwise.

        Raises
        ------
        ValueError
            If the shape is wrong, a cost is negative or not finite, an end is outside the grid,
            or a parameter of the solver is invalid.
        """
        steps = np.array(_STEPS[self._checked_neighbours()])
        costs = check_costs(costs, cost_shape=self.cost_shape, nonnegative=True)
        n, n_rows, n_columns = costs.shape
        # The kernel pads the grid by one vertex on every side.
        strides = np.array([n_columns + 2, 1])
        sources = self._checked_ends("source", source, n) @ strides + strides.sum()
        targets = self._checked_ends("target", target, n) @ strides + strides.sum()
        unsigned_steps = (steps @ strides).astype(np.uint64)

        from skid.solvers.kernels.grid_path import mark_cheapest_paths

        def solve_block(block: np.ndarray, rows: slice, paths: np.ndarray) -> None:
            mark_cheapest_paths(block, sources[rows], targets[rows], unsigned_steps, paths)

        chunk = 1 + _VERTICES_PER_CHUNK // (n_rows * n_columns)
        return solve_in_blocks(solve_block, costs, smallest_chunk=chunk)

    def solve_tf(self, costs: tf.Tensor, *, source: Any = None, target: Any = None) -> tf.Tensor:
        """Find the cheapest path of every instance, on TensorFlow tensors.

        Runs eagerly, in graphs and compiled by XLA. No gradient passes through.

        Parameters
        ----------
        costs : tensor of shape (n, rows, columns), float
            Costs of the vertices. They are not checked: negative and NaN costs count as 0.
        source, target : tensor of shape (2,) or (n, 2), int, default=None
            Row and column of the start and of the end, for all instances or for each; those of
            the solver if None. Positions outside the grid are clipped.

        Returns
        -------
        tensor of shape (n, rows, columns), dtype of ``costs``
            1 for the vertices on the path, 0 otherwise.

        Raises
        ------
        ValueError
            If the shape is wrong or a parameter of the solver is invalid.
        """
        tf = tensorflow()
        steps = _STEPS[self._checked_neighbours()]
        n_rows, n_columns = self.cost_shape
        costs = tf.stop_gradient(tf.convert_to_tensor(costs))
        if not costs.shape.is_compatible_with([None, n_rows, n_columns]):
            raise ValueError(f"costs must have shape (n, {n_rows}, {n_columns}), got {costs.shape}")
        costs = tf.ensure_shape(costs, [None, n_rows, n_columns])
        costs = tf.where(costs > 0, costs, tf.zeros_like(costs))
        sources = self._vertices_tf(tf, "source", source, tf.shape(costs)[0])
        targets = self._vertices_tf(tf, "target", target, tf.shape(costs)[0])
        distances, rounds = _relax(tf, costs, sources, len(steps) == 8)
        predecessors = _predecessors(tf, distances, rounds, steps)
        marked = _trace_back(tf, predecessors, sources, targets)
        return tf.reshape(tf.cast(marked, costs.dtype), tf.shape(costs))

    def _checked_neighbours(self) -> int:
        if not is_integer(self.neighbours) or self.neighbours not in _STEPS:
            raise ValueError(f"neighbours must be 4 or 8, got {self.neighbours!r}")
        return int(self.neighbours)

    def _checked_ends(self, name: str, ends: Any, n: int) -> np.ndarray:
        """Rows and columns of the ends of n instances."""
        shape = self.cost_shape
        if ends is None:
            ends = getattr(self, name)
        if ends is None:
            ends = (0, 0) if name == "source" else (shape[0] - 1, shape[1] - 1)
        ends = np.asarray(ends)
        if not np.issubdtype(ends.dtype, np.integer) and ends.size:
            raise ValueError(f"{name} must be integers, got dtype {ends.dtype}")
        if ends.shape not in ((2,), (n, 2)):
            raise ValueError(f"{name} must have shape (2,) or ({n}, 2), got {ends.shape}")
        outside = ((ends < 0) | (ends >= shape)).any(axis=-1)
        if outside.any():
            instance = f" in instance {outside.argmax()}" if ends.ndim == 2 else ""
            position = tuple(ends[outside][0].tolist())
            raise ValueError(
                f"{name} must be inside the grid of shape {shape}, got {position}{instance}"
            )
        return np.broadcast_to(ends, (n, 2)).astype(np.int64)

    def _vertices_tf(self, tf: Any, name: str, ends: Any, n: tf.Tensor) -> tf.Tensor:
        """Positions of the ends of n instances in the flattened grid."""
        n_rows, n_columns = self.cost_shape
        if ends is None:
            ends = self._checked_ends(name, None, 1)[0]
        ends = tf.cast(ends, tf.int32)
        row = tf.clip_by_value(ends[..., 0], 0, n_rows - 1)
        column = tf.clip_by_value(ends[..., 1], 0, n_columns - 1)
        return tf.broadcast_to(row * n_columns + column, [n])


def _shifted(tf: Any, grid: tf.Tensor, step: tuple[int, int], fill: float) -> tf.Tensor:
    """Values one step away from every vertex; ``fill`` outside the grid."""
    n_rows, n_columns = grid.shape[1:]
    padded = tf.pad(grid, [[0, 0], [1, 1], [1, 1]], constant_values=fill)
    row, column = 1 + step[0], 1 + step[1]
    return padded[:, row : row + n_rows, column : column + n_columns]


def _relax(
    tf: Any, costs: tf.Tensor, sources: tf.Tensor, diagonal: bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """Cost of the cheapest path to every vertex, and the sweep in which it was found."""
    infinity = tf.constant(np.inf, costs.dtype)
    n_vertices = costs.shape[1] * costs.shape[2]
    is_source = tf.reshape(tf.range(n_vertices) == sources[:, tf.newaxis], tf.shape(costs))

    def nearest(grid: tf.Tensor, *steps: tuple[int, int]) -> tf.Tensor:
        return reduce(tf.minimum, (_shifted(tf, grid, step, infinity) for step in steps), grid)

    def sweep(count: tf.Tensor, distances: tf.Tensor, rounds: tf.Tensor) -> tuple[tf.Tensor, ...]:
        along = nearest(distances, (0, -1), (0, 1))
        across = nearest(along if diagonal else distances, (-1, 0), (1, 0))
        reached = costs + tf.minimum(along, across)
        better = reached < distances
        return (
            tf.where(better, reached, distances),
            tf.where(better, count, rounds),
            tf.reduce_any(better),
        )

    def several_sweeps(
        count: tf.Tensor, distances: tf.Tensor, rounds: tf.Tensor, changed: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        for _ in range(_SWEEPS_PER_CHECK):
            count += 1
            distances, rounds, changed = sweep(count, distances, rounds)
        return count, distances, rounds, changed

    start = (
        tf.constant(0),
        tf.where(is_source, costs, infinity),
        tf.zeros(tf.shape(costs), tf.int32),
        tf.constant(True),
    )
    final = tf.while_loop(lambda *state: state[-1], several_sweeps, start)
    return final[1], final[2]


def _predecessors(
    tf: Any, distances: tf.Tensor, rounds: tf.Tensor, steps: tuple[tuple[int, int], ...]
) -> tf.Tensor:
    """The neighbour at the end of the cheapest path, of equal costs the one found first.

    This path costs at most as much as that to the vertex. With equal costs, which occur where
    vertices cost nothing, it was found in an earlier sweep: no cycle is possible.
    """
    n_columns = distances.shape[2]
    position = tf.reshape(tf.range(distances.shape[1] * n_columns), [1, -1, n_columns])
    infinity = tf.constant(np.inf, distances.dtype)
    nearest = tf.fill(tf.shape(distances), infinity)
    earliest = tf.fill(tf.shape(rounds), tf.int32.max)
    predecessors = tf.zeros_like(rounds)
    for step in steps:
        distance = _shifted(tf, distances, step, infinity)
        found = _shifted(tf, rounds, step, tf.int32.max)
        better = (distance < nearest) | ((distance == nearest) & (found < earliest))
        nearest = tf.where(better, distance, nearest)
        earliest = tf.where(better, found, earliest)
        neighbour = position + step[0] * n_columns + step[1]
        predecessors = tf.where(better, neighbour, predecessors)
    return predecessors


def _trace_back(
    tf: Any, predecessors: tf.Tensor, sources: tf.Tensor, targets: tf.Tensor
) -> tf.Tensor:
    """Mark the vertices from the targets back to the sources, by pointer doubling.

    After j steps ``2 ** j`` vertices are marked, and every vertex points ``2 ** j`` vertices back.
    Returns 0 or 1 in the shape (n, rows * columns).
    """
    n_vertices = predecessors.shape[1] * predecessors.shape[2]
    vertex = tf.range(n_vertices)
    first = n_vertices * tf.range(tf.shape(sources)[0])[:, tf.newaxis]

    def double(doublings: tf.Tensor, back: tf.Tensor, marked: tf.Tensor) -> tuple[tf.Tensor, ...]:
        reached = first + tf.where(marked > 0, back, vertex)
        marks = tf.tensor_scatter_nd_max(
            tf.reshape(marked, [-1]), tf.reshape(reached, [-1, 1]), tf.reshape(marked, [-1])
        )
        back = tf.gather(back, back, batch_dims=1)
        return doublings + 1, back, tf.reshape(marks, tf.shape(marked))

    at_source = vertex == sources[:, tf.newaxis]
    start = (
        tf.constant(0),
        tf.where(at_source, vertex, tf.reshape(predecessors, [-1, n_vertices])),
        tf.cast(vertex == targets[:, tf.newaxis], tf.int32),
    )
    n_doublings = (n_vertices - 1).bit_length()
    return tf.while_loop(
        lambda doublings, *_: doublings < n_doublings,
        double,
        start,
        maximum_iterations=n_doublings,
    )[2]
