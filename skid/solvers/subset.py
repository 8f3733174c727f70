"""The k cheapest of d items, for feature selection and k-hot codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skid._parameter_checks import check_count
from skid.engine.backend import tensorflow
from skid.solvers.base import Solver, check_costs

if TYPE_CHECKING:
    import tensorflow as tf


class TopK(Solver):
    """Choose exactly k of d items at the least total cost.

    ``y(w) = argmin <w, y>`` over the 0/1 vectors with exactly k ones. Of equal costs those with
    the lowest indices are chosen, so that there are always exactly k ones.

    Parameters
    ----------
    k : int
        Number of items to choose, ``0 <= k <= d``.

    Notes
    -----
    All solutions have the same sum and the same norm, so every projection is valid.

    ``solve_tf`` finds the threshold by bisection over the ordered bit patterns of the costs, and
    stops as soon as exactly k items are below a threshold. This takes about twenty counting
    passes, which XLA fuses; it does not vectorise a sort. If there are ties, the position of the
    last tied item is found in the same way.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.solvers import TopK
    >>> TopK(2).solve(np.array([[0.3, 0.1, 0.2], [5.0, 5.0, 5.0]]))
    array([[0., 1., 1.],
           [1., 1., 0.]])
    """

    cost_shape = (None,)
    default_projection = "std"
    default_noise_scale = 0.5
    binary = True
    graph_devices = ("cpu", "gpu")

    def __init__(self, k: int):
        self.k = k

    def solve(self, costs: np.ndarray) -> np.ndarray:
        """Choose the k cheapest items of every row.

        Parameters
        ----------
        costs : array-like of shape (n, d), float
            Costs, one instance per row.

        Returns
        -------
        ndarray of shape (n, d), dtype of ``costs``
            Exactly k ones per row.

        Raises
        ------
        ValueError
            If ``costs`` is not two-dimensional, a cost is not finite, or k is not an integer in
            ``[0, d]``.
        """
        costs = check_costs(costs, cost_shape=self.cost_shape)
        k = self._checked_k(costs.shape[1])
        solutions = np.zeros_like(costs)
        if k == 0 or not len(costs):
            return solutions
        threshold = np.partition(costs, k - 1, axis=1)[:, k - 1 : k]
        tied = costs == threshold
        solutions[costs < threshold] = 1
        missing = k - solutions.sum(axis=1, keepdims=True, dtype=np.int64)
        solutions[tied & (np.cumsum(tied, axis=1) <= missing)] = 1
        return solutions

    def solve_tf(self, costs: tf.Tensor, k: Any = None) -> tf.Tensor:
        """Choose the k cheapest items of every row, on TensorFlow tensors.

        Runs eagerly, in graphs and compiled by XLA. No gradient passes through.

        Parameters
        ----------
        costs : tensor of shape (n, d), float16, bfloat16, float32 or float64
            Costs, one instance per row. They are not checked: a NaN counts as the largest cost.
        k : int, or int tensor of shape () or (n, 1), default=None
            Number of items to choose; that of the solver if None. With a tensor, one compiled
            program can be used for every k. Values outside ``[0, d]`` are clipped.

        Returns
        -------
        tensor of shape (n, d), dtype of ``costs``
            Exactly k ones per row.

        Raises
        ------
        ValueError
            If the k of the solver is used and is not an integer in ``[0, d]``.

        Examples
        --------
        >>> import numpy as np
        >>> from skid.solvers import TopK
        >>> TopK(1).solve_tf(np.array([[0.3, 0.1, 0.2]]), k=2).numpy()
        array([[0., 1., 1.]])
        """
        tf = tensorflow()
        costs = tf.stop_gradient(tf.convert_to_tensor(costs))
        if k is None:
            k = self._checked_k(costs.shape[1])
        k = tf.cast(k, tf.int32)
        k = tf.broadcast_to(k, [tf.shape(costs)[0], 1])

        keys = _ordered_keys(tf, costs)
        threshold = _smallest_reaching(
            tf,
            lambda bound: _count(tf, keys <= bound),
            k,
            low=tf.reduce_min(keys, axis=1, keepdims=True),
            high=tf.reduce_max(keys, axis=1, keepdims=True),
        )
        cheaper = keys < threshold
        tied = keys == threshold
        missing = k - _count(tf, cheaper)
        position = tf.range(tf.shape(costs)[1])[tf.newaxis, :]
        last = tf.fill(tf.shape(k), tf.shape(costs)[1] - 1)
        last_chosen = _smallest_reaching(
            tf,
            lambda bound: _count(tf, tied & (position <= bound)),
            missing,
            low=tf.where(missing >= _count(tf, tied), last, -1),
            high=last,
        )
        return tf.cast(cheaper | (tied & (position <= last_chosen)), costs.dtype)

    def _checked_k(self, d: int | None) -> int:
        check_count("k", self.k, least=0)
        if d is not None and self.k > d:
            raise ValueError(f"k must be at most the number of items, {d}, got {self.k}")
        return int(self.k)


def _ordered_keys(tf: Any, costs: tf.Tensor) -> tf.Tensor:
    """Map floats to integers in the same order, both zeros to 0 and NaN to the largest integer."""
    if costs.dtype in (tf.float16, tf.bfloat16):
        costs = tf.cast(costs, tf.float32)
    integer = tf.int64 if costs.dtype == tf.float64 else tf.int32
    bits = tf.bitcast(costs, integer)
    magnitude = tf.bitwise.bitwise_and(bits, integer.max)
    keys = tf.where(bits < 0, -magnitude, magnitude)
    infinity = tf.bitcast(tf.constant(np.inf, costs.dtype), integer)
    return tf.where(magnitude > infinity, integer.max, keys)


def _count(tf: Any, mask: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(mask, tf.int32), axis=1, keepdims=True)


def _smallest_reaching(tf: Any, count: Any, target: Any, *, low: Any, high: Any) -> tf.Tensor:
    """Find an integer in [low, high] that reaches the target count, by bisection.

    It is the smallest one, or any with exactly the target count: all of these select the same
    items, and the search may stop there.
    """

    def halve(low: tf.Tensor, high: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # The mean rounded down, in a form that cannot overflow.
        middle = tf.bitwise.bitwise_and(low, high) + tf.bitwise.right_shift(
            tf.bitwise.bitwise_xor(low, high), tf.ones([], low.dtype)
        )
        reached = count(middle)
        lower = tf.where(reached < target, middle + 1, low)
        return (
            tf.where(reached == target, middle, lower),
            tf.where(reached < target, high, middle),
        )

    return tf.while_loop(lambda low, high: tf.reduce_any(low < high), halve, (low, high))[1]
