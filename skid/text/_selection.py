"""Exactly k words of each text: how many, and which ones."""

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skid.engine.backend import tensorflow
from skid.gradients import GradientRule, scaled_gradient
from skid.noise import Noise, next_seed
from skid.projections import project
from skid.solvers import TopK

PROHIBITIVE_COST = 1e6
"""Costs of out-of-vocabulary positions, so that they are never selected."""


@dataclass(frozen=True)
class SelectionRule:
    """``TopK(k)(P(scores) + scale * noise)`` for each text, and how it is differentiated."""

    projection: Any
    noise: Noise | None
    gradient: GradientRule | Callable[..., Any]

    def __call__(self, scores, known, sizes, weight, noise_scale, seed) -> Any:
        """Selected words while training, as a float tensor of the shape (n, length) of the scores.

        ``sizes``, of shape (n, 1), is the number of words to select among the ``known`` ones, the
        words of the vocabulary. ``weight``, of shape (n,), is the weight of each text in the loss.
        """
        tf = tensorflow()
        # The rule sees the gradient of the loss of a text, independent of its weight in the batch.
        scores = scaled_gradient(scores, weight[:, tf.newaxis])
        costs = -project(scores, self.projection, mask=known, xp=tf.experimental.numpy)
        if self.noise is not None:
            noise = self.noise.sample_tf(tf.shape(costs), seed=seed, dtype=costs.dtype)
            costs -= noise_scale * noise
        costs = tf.where(known, costs, tf.constant(PROHIBITIVE_COST, costs.dtype))
        n_texts = tf.shape(costs)[0]

        def solve(costs):
            # A rule may pass several draws of each text in one call.
            n_draws = tf.shape(costs)[0] // n_texts
            return TopK(1).solve_tf(costs, tf.tile(sizes, [n_draws, 1]))

        mask = self.gradient(solve, costs, seed=next_seed(seed))
        mask = tf.where(known, mask, tf.zeros_like(mask))
        return scaled_gradient(mask, tf.math.divide_no_nan(1.0, weight)[:, tf.newaxis])


def chosen(
    scores: np.ndarray, known: np.ndarray, sizes: np.ndarray, preference: np.ndarray | float = 0.0
) -> np.ndarray:
    """The ``sizes`` known words with the largest scores, bool of shape (n, length).

    Of equal scores the first is selected. The ``preference``, of shape (n, length), is added to
    the scores once those of a text have zero mean and unit variance.
    """
    scores = project(scores, "std", mask=known) + preference
    order = np.argsort(np.where(known, -scores, np.inf), axis=1, kind="stable")
    mask = np.zeros(scores.shape, bool)
    np.put_along_axis(mask, order, np.arange(scores.shape[1]) < sizes[:, np.newaxis], axis=1)
    return mask


def rationale_sizes(k: int | float, n_known: np.ndarray) -> np.ndarray:
    """Number of words to select of each text: k, or the fraction k of its words, rounded up.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.text._selection import rationale_sizes
    >>> rationale_sizes(10, np.array([3, 200])), rationale_sizes(0.1, np.array([3, 200]))
    (array([ 3, 10]), array([ 1, 20]))
    """
    if isinstance(k, numbers.Integral):
        return np.minimum(int(k), n_known)
    # Without rounding, 0.1 of 30 words could be more than 3.
    return np.array([math.ceil(round(k * count, 9)) for count in n_known.tolist()], np.int64)
