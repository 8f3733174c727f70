"""Exactly k words of each text: how many, and which ones."""

import math
import numbers
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skid.engine.backend import tensorflow
from skid.gradients import scaled_gradient
from skid.projections import project
from skid.solvers import TopK

PROHIBITIVE_COST = 1e6
"""Of what is no word of the vocabulary, and never selected."""


@dataclass(frozen=True)
class SelectionRule:
    """``TopK(k)(P(scores) + scale * noise)`` for each text, and how it is differentiated.

    Attributes
    ----------
    projection : str
    noise : Noise or None
    gradient : callable
        How the solver is differentiated, see :mod:`skid.gradients`.
    """

    projection: str
    noise: Any
    gradient: Hashable

    def __call__(self, scores, known, sizes, share, noise_scale, seed):
        """Selected words while training.

        Parameters
        ----------
        scores : float tensor of shape (n, length)
        known : bool tensor of shape (n, length)
            Words of the vocabulary. Nothing else is selected.
        sizes : int32 tensor of shape (n, 1)
            Words to select, at most as many as are known.
        share : float tensor of shape (n,)
            Weight of each text in the loss.
        noise_scale : float tensor of shape ()
        seed : int tensor of shape (2,)

        Returns
        -------
        float tensor of shape (n, length)
        """
        tf = tensorflow()
        # The rule sees the gradient of the loss of a text, whatever its weight in the batch is.
        scores = scaled_gradient(scores, share[:, tf.newaxis])
        costs = -project(scores, self.projection, mask=known, xp=tf.experimental.numpy)
        if self.noise is not None:
            noise = self.noise.sample_tf(tf.shape(costs), seed=seed, dtype=costs.dtype)
            costs -= noise_scale * noise
        costs = tf.where(known, costs, tf.constant(PROHIBITIVE_COST, costs.dtype))
        n_texts = tf.shape(costs)[0]

        def solve(costs):
            # A rule may ask for several draws of each text at a time.
            n_draws = tf.shape(costs)[0] // n_texts
            return TopK(1).solve_tf(costs, tf.tile(sizes, [n_draws, 1]))

        mask = self.gradient(solve, costs, seed=tf.stack([seed[0] + 1, seed[1]]))
        mask = tf.where(known, mask, tf.zeros_like(mask))
        return scaled_gradient(mask, tf.math.divide_no_nan(1.0, share)[:, tf.newaxis])


def chosen(
    scores: np.ndarray, known: np.ndarray, sizes: np.ndarray, preference: np.ndarray | float = 0.0
) -> np.ndarray:
    """The words with the largest scores; of equal ones, the first.

    Parameters
    ----------
    scores : float array of shape (n, length)
    known : bool array of shape (n, length)
    sizes : int array of shape (n,)
        At most as many as are known.
    preference : float array of shape (n, length), default=0.0
        Added to the scores, after those of a text were brought to zero mean and unit variance.

    Returns
    -------
    bool array of shape (n, length)
    """
    scores = project(scores, "std", mask=known) + preference
    order = np.argsort(np.where(known, -scores, np.inf), axis=1, kind="stable")
    mask = np.zeros(scores.shape, bool)
    np.put_along_axis(mask, order, np.arange(scores.shape[1]) < sizes[:, np.newaxis], axis=1)
    return mask


def rationale_sizes(k, n_known: np.ndarray) -> np.ndarray:
    """Words to select of each text.

    Parameters
    ----------
    k : int or float
        A number of words, or a share of the words that a text has, rounded up.
    n_known : int array of shape (n,)
        Words of each text that can be selected.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.text._selection import rationale_sizes
    >>> rationale_sizes(10, np.array([3, 200])), rationale_sizes(0.1, np.array([3, 200]))
    (array([ 3, 10]), array([ 1, 20]))
    """
    if isinstance(k, numbers.Integral):
        return np.minimum(k, n_known)
    # Within rounding, 0.1 of 30 words is 3.
    return np.array([math.ceil(round(k * count, 9)) for count in n_known.tolist()], np.int64)
