"""The cheapest of d items, for categorical choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skid.engine.backend import tensorflow
from skid.solvers.base import Solver, check_costs

if TYPE_CHECKING:
    import tensorflow as tf


class OneHot(Solver):
    """Choose the cheapest of d items.

    ``y(w) = argmin <w, y>`` over the vectors with one entry 1 and all others 0. Of equal costs the
    one with the lowest index is chosen.

    Notes
    -----
    This is ``TopK(1)`` without the search for a threshold. All solutions have the same sum and the
    same norm, so every projection is valid.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.solvers import OneHot
    >>> OneHot().solve(np.array([[0.3, 0.1, 0.2], [5.0, 5.0, 5.0]]))
    array([[0., 1., 0.],
           [1., 0., 0.]])
    """

    cost_shape = (None,)
    default_projection = "std"
    default_noise_scale = 0.5
    binary = True
    graph_devices = ("cpu", "gpu")

    def solve(self, costs: np.ndarray) -> np.ndarray:
        """Choose the cheapest item of every row.

        Parameters
        ----------
        costs : array-like of shape (n, d), float
            Costs, one instance per row, ``d >= 1``.

        Returns
        -------
        ndarray of shape (n, d), dtype of ``costs``
            Exactly one 1 per row.

        Raises
        ------
        ValueError
            If ``costs`` is not two-dimensional or has no columns, or a cost is not finite.
        """
        costs = check_costs(costs, cost_shape=self.cost_shape)
        _check_items(costs.shape[1])
        solutions = np.zeros_like(costs)
        np.put_along_axis(solutions, costs.argmin(axis=1)[:, np.newaxis], 1, axis=1)
        return solutions

    def solve_tf(self, costs: tf.Tensor) -> tf.Tensor:
        """Choose the cheapest item of every row, on TensorFlow tensors.

        Runs eagerly, in graphs and compiled by XLA. No gradient passes through.

        Parameters
        ----------
        costs : tensor of shape (n, d), float
            Costs, one instance per row. They are not checked: a NaN counts as infinite.

        Returns
        -------
        tensor of shape (n, d), dtype of ``costs``
            Exactly one 1 per row.

        Raises
        ------
        ValueError
            If ``costs`` has no columns.
        """
        tf = tensorflow()
        costs = tf.stop_gradient(tf.convert_to_tensor(costs))
        _check_items(costs.shape[1])
        infinity = tf.constant(np.inf, costs.dtype)
        costs = tf.where(tf.math.is_nan(costs), infinity, costs)
        # Two minima are faster than an argmin, which XLA does not vectorise.
        n_items = tf.shape(costs)[1]
        position = tf.range(n_items)[tf.newaxis, :]
        cheapest = costs == tf.reduce_min(costs, axis=1, keepdims=True)
        first = tf.reduce_min(tf.where(cheapest, position, n_items), axis=1, keepdims=True)
        return tf.cast(position == first, costs.dtype)


def _check_items(d: int | None) -> None:
    if d == 0:
        raise ValueError("costs must have at least 1 item per instance, got 0")
