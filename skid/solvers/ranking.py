"""Ranks of d items, for retrieval and learning to rank."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from skid.engine.backend import tensorflow
from skid.solvers.algorithms.threads import solve_in_threads
from skid.solvers.base import Solver, check_costs

if TYPE_CHECKING:
    import tensorflow as tf

# Most items for which counting is faster than sorting, and items that are counted together.
_MOST_COUNTED_ITEMS = 1024
_ITEMS_PER_COUNT = 16
# Items that are ranked in about 50 microseconds.
_ITEMS_PER_CHUNK = 20_000


class Ranking(Solver):
    """Rank d items: the largest cost has rank 1.

    ``y(w) = argmin <w, y>`` over the permutations y of the ranks 1 to d. By the rearrangement
    inequality the largest cost has the smallest rank, so scores are passed as costs without a
    change of sign: the best score has rank 1. Of equal costs the lower index has the smaller rank.

    Notes
    -----
    All solutions have the same sum and the same norm, so every projection is valid.

    For up to 1,024 items ``solve_tf`` counts how many items come before each, as XLA vectorises
    this, but not a sort.

    References
    ----------
    Rolinek, Musil, Paulus, Vlastelica, Michaelis, Martius: *Optimizing Rank-based Metrics with
    Blackbox Differentiation*, CVPR 2020, section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.solvers import Ranking
    >>> Ranking().solve(np.array([[0.3, 0.1, 0.2], [5.0, 7.0, 5.0]]))
    array([[1., 3., 2.],
           [2., 1., 3.]])
    """

    cost_shape = (None,)
    default_projection = "std"
    default_noise_scale = 0.5
    graph_devices = ("gpu",)

    def solve(self, costs: np.ndarray) -> np.ndarray:
        """Rank the items of every row.

        Parameters
        ----------
        costs : array-like of shape (n, d), float
            Costs, one instance per row.

        Returns
        -------
        ndarray of shape (n, d), dtype of ``costs``
            The ranks 1 to d of every row. In float16 they are exact up to d = 2048.

        Raises
        ------
        ValueError
            If ``costs`` is not two-dimensional or a cost is not finite.
        """
        costs = check_costs(costs, cost_shape=self.cost_shape)
        n, d = costs.shape
        solutions = np.empty(costs.shape, costs.dtype)
        ranks = np.arange(1, d + 1, dtype=costs.dtype)

        def rank(start: int, stop: int) -> None:
            order = np.argsort(-costs[start:stop], axis=1, kind="stable")
            np.put_along_axis(solutions[start:stop], order, ranks, axis=1)

        solve_in_threads(rank, n, smallest_chunk=1 + _ITEMS_PER_CHUNK // (d + 1))
        return solutions

    def solve_tf(self, costs: tf.Tensor) -> tf.Tensor:
        """Rank the items of every row, on TensorFlow tensors.

        Runs eagerly, in graphs and compiled by XLA. No gradient passes through.

        Parameters
        ----------
        costs : tensor of shape (n, d), float
            Costs, one instance per row. They are not checked: a NaN counts as minus infinity.

        Returns
        -------
        tensor of shape (n, d), dtype of ``costs``
            The ranks 1 to d of every row.
        """
        tf = tensorflow()
        costs = tf.stop_gradient(tf.convert_to_tensor(costs))
        # XLA sorts -0 and 0 as different numbers, and NaN as a number.
        costs = tf.where(costs == 0, tf.zeros_like(costs), costs)
        costs = tf.where(tf.math.is_nan(costs), tf.constant(-np.inf, costs.dtype), costs)
        d = costs.shape[1]
        ranks = _sorted_ranks if d is None or d > _MOST_COUNTED_ITEMS else _counted_ranks
        return tf.cast(ranks(tf, costs), costs.dtype)


def _counted_ranks(tf: Any, costs: tf.Tensor) -> tf.Tensor:
    """Count the items that come before each item, and add 1.

    A loop over blocks does not need memory for all pairs, and keeps XLA from computing the costs
    again in each comparison.
    """
    d = costs.shape[1]
    n_blocks = math.ceil(d / _ITEMS_PER_COUNT)
    padding = [[0, 0], [0, n_blocks * _ITEMS_PER_COUNT - d]]
    # Items of the least cost at the end come before no other item.
    others = tf.pad(costs, padding, constant_values=tf.constant(-np.inf, costs.dtype))
    blocks = tf.transpose(tf.reshape(others, [-1, n_blocks, _ITEMS_PER_COUNT]), [1, 0, 2])
    index = tf.range(d)

    def count(block: Any, ranks: Any) -> tuple[Any, Any]:
        other, item = tf.gather(blocks, block)[:, :, tf.newaxis], costs[:, tf.newaxis, :]
        other_index = block * _ITEMS_PER_COUNT + tf.range(_ITEMS_PER_COUNT)
        earlier = other_index[:, tf.newaxis] < index
        is_before = (other > item) | ((other == item) & earlier)
        return block + 1, ranks + tf.reduce_sum(tf.cast(is_before, tf.int32), axis=1)

    start = (tf.constant(0), tf.ones(tf.shape(costs), tf.int32))
    return tf.while_loop(lambda block, _: block < n_blocks, count, start)[1]


def _sorted_ranks(tf: Any, costs: tf.Tensor) -> tf.Tensor:
    """Invert the order by a scatter, which is faster under XLA than a second sort."""
    n, d = tf.unstack(tf.shape(costs))
    order = tf.argsort(costs, axis=1, direction="DESCENDING", stable=True)
    position = tf.reshape(order + d * tf.range(n)[:, tf.newaxis], [-1, 1])
    ranks = tf.tile(tf.range(1, d + 1), [n])
    return tf.reshape(tf.scatter_nd(position, tf.cast(ranks, costs.dtype), [n * d]), [n, d])
