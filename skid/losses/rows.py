"""Losses of predictions, one value per row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skid.engine.backend import tensorflow

if TYPE_CHECKING:
    import tensorflow as tf


class RowLoss(ABC):
    """Base class of the losses of rows."""

    @abstractmethod
    def __call__(self, outputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Loss of each row, of shape (...), from outputs of shape (..., n_outputs)."""


@dataclass(frozen=True)
class SquaredError(RowLoss):
    """Mean over the outputs of the squared difference, ``mean_j (o_j - t_j)^2``.

    Examples
    --------
    >>> import tensorflow as tf
    >>> from skid.losses import SquaredError
    >>> SquaredError()(tf.constant([[1.0, 2.0]]), tf.constant([[1.0, 4.0]])).numpy()
    array([2.], dtype=float32)
    """

    def __call__(self, outputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Loss of each row, for targets of the shape of the outputs."""
        tf = tensorflow()
        return tf.reduce_mean(tf.square(outputs - targets), axis=-1)


@dataclass(frozen=True)
class CrossEntropy(RowLoss):
    """Cross-entropy of the softmax, ``-sum_j t_j log softmax(o)_j``, in nats.

    Examples
    --------
    >>> import tensorflow as tf
    >>> from skid.losses import CrossEntropy
    >>> logits = tf.constant([[0.0, 0.0], [0.0, 3.0]])
    >>> CrossEntropy()(logits, tf.constant([0, 1])).numpy().round(3)
    array([0.693, 0.049], dtype=float32)
    """

    def __call__(self, outputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Loss of each row, for logits of shape (..., n_classes).

        ``targets`` are class indices of shape (...), or probabilities of shape (..., n_classes).
        """
        tf = tensorflow()
        if targets.dtype.is_integer:
            # The sparse operation has a slow gradient under XLA.
            targets = tf.one_hot(targets, outputs.shape[-1], dtype=outputs.dtype)
        return -tf.reduce_sum(targets * tf.nn.log_softmax(outputs), axis=-1)


ROW_LOSSES: dict[str, type[CrossEntropy | SquaredError]] = {
    "cross_entropy": CrossEntropy,
    "squared": SquaredError,
}
"""Class of each loss of rows by its name."""


def relative_weights(weights: np.ndarray) -> np.ndarray:
    """Weights divided by the mean of those that are not zero."""
    mean = weights[weights > 0].mean(dtype=np.float64)
    return (weights / mean).astype(weights.dtype)


def weighted_mean(losses: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Mean over the last axis, ``sum(w l) / n``, with relative weights.

    Divided by the sum of its weights, a batch without heavy rows would count as much as others.
    """
    tf = tensorflow()
    return tf.reduce_sum(losses * weights, axis=-1) / losses.shape[-1]
