"""Losses of predictions: one value for each row."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skid.engine.backend import tensorflow

if TYPE_CHECKING:
    import tensorflow as tf


class RowLoss(ABC):
    """What the outputs of a network for a row cost."""

    @abstractmethod
    def __call__(self, outputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Loss of each row.

        Parameters
        ----------
        outputs : float tensor of shape (..., n_outputs)
        targets : tensor

        Returns
        -------
        float tensor of shape (...)
        """


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
        """Loss of each row.

        Parameters
        ----------
        outputs : float tensor of shape (..., n_classes)
            Logits.
        targets : int tensor of shape (...) or float tensor of shape (..., n_classes)
            Indices of the right classes, or probabilities.

        Returns
        -------
        float tensor of shape (...)
        """
        tf = tensorflow()
        if targets.dtype.is_integer:
            # A one-hot product rather than a gather: the sparse operation has a slow gradient
            # under XLA.
            targets = tf.one_hot(targets, outputs.shape[-1], dtype=outputs.dtype)
        return -tf.reduce_sum(targets * tf.nn.log_softmax(outputs), axis=-1)


ROW_LOSSES = {"cross_entropy": CrossEntropy, "squared": SquaredError}
"""The class of each name of a loss of rows."""


def relative_weights(weights: np.ndarray) -> np.ndarray:
    """Weights in units of their mean over the rows that have any."""
    mean = weights[weights > 0].mean(dtype=np.float64)
    return (weights / mean).astype(weights.dtype)


def weighted_mean(losses: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Mean over the last axis, ``sum(w l) / n``, of relative weights.

    A batch is not divided by its own weights: where heavy rows are rare, the batches without any
    would count as much as the others.
    """
    tf = tensorflow()
    return tf.reduce_sum(losses * weights, axis=-1) / losses.shape[-1]
