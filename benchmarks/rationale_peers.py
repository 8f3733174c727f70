"""Rival ways through the choice of k words, as gradient rules for `rationales.py`.

Each is written from the formulas of its paper, and trained in the same networks as ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import tensorflow as tf

from skid.gradients import GradientRule
from skid.noise import uniform_tf

IMPOSSIBLE = -1e6


@dataclass(frozen=True)
class SoftSubset(GradientRule):
    """Gumbel keys r, and k softmaxes one after the other: ``r += log(1 - a)``, ``y = sum of a``.

    Xie and Ermon, *Reparameterizable Subset Sampling via Continuous Relaxations*, IJCAI 2019.
    """

    adds_noise: ClassVar[bool] = True

    k: int
    temperature: float = 0.5

    def __call__(self, solve, costs, *, seed=None):
        """Relaxed draw when there is a seed, else ``solve(costs)``."""
        if seed is None:
            return tf.stop_gradient(solve(costs))
        uniform = uniform_tf(tf.shape(costs), seed=seed, dtype=costs.dtype)
        keys = -costs - tf.math.log(-tf.math.log(uniform))
        share, total = tf.zeros_like(costs), tf.zeros_like(costs)
        for _ in range(self.k):
            keys += tf.math.log(tf.maximum(1 - share, 1e-20))
            share = tf.nn.softmax(keys / self.temperature)
            total += share
        return total


@dataclass(frozen=True)
class ExactMarginals(GradientRule):
    """An exact sample forward; backward the Jacobian of the exact marginals of the k-subset law.

    The law is ``p(y) proportional to exp(<-costs, y>)`` over vectors of k ones. With Z the sum
    over them, the marginals are the gradient of log Z and their Jacobian its Hessian, which is
    symmetric: the backward pass is the gradient of ``<marginals, upstream>``. Sums over subsets of
    each size are kept for the nodes of a binary tree over the words, and a sample is drawn from
    the root down.

    Ahmed, Zeng, Niepert, Van den Broeck: *SIMPLE: A Gradient Estimator for k-Subset Sampling*,
    ICLR 2023.
    """

    adds_noise: ClassVar[bool] = True

    k: int

    def __call__(self, solve, costs, *, seed=None):
        """Sample when there is a seed, else ``solve(costs)``."""
        if seed is None:
            return tf.stop_gradient(solve(costs))

        @tf.custom_gradient
        def sampled(costs):
            sample = self._sample(_tree(-costs, self.k), tf.shape(costs)[1], seed)

            def backward(upstream):
                with tf.GradientTape() as outer:
                    outer.watch(costs)
                    with tf.GradientTape() as inner:
                        inner.watch(costs)
                        root = _tree(-costs, self.k)[-1]
                        log_sum = tf.reduce_sum(_of_size(root, self._sizes(root))[:, 0])
                    marginals = -inner.gradient(log_sum, costs)
                    product = tf.reduce_sum(marginals * tf.stop_gradient(upstream))
                return outer.gradient(product, costs)

            return sample, backward

        return sampled(costs)

    def _sizes(self, root):
        """Words to select: k, or the number of words of a text."""
        possible = tf.reduce_sum(tf.cast(root[:, 0] > IMPOSSIBLE / 2, tf.int32), axis=1) - 1
        return tf.minimum(self.k, possible)[:, tf.newaxis]

    def _sample(self, levels, length, seed):
        counts = self._sizes(levels[-1])
        for number, children in enumerate(reversed(levels[:-1])):
            left, right = children[:, 0::2], children[:, 1::2]
            sizes = tf.range(tf.shape(left)[2])
            rest = counts[:, :, tf.newaxis] - sizes
            inside = (rest >= 0) & (rest < tf.shape(right)[2])
            others = tf.gather(right, tf.where(inside, rest, 0), axis=2, batch_dims=2)
            logits = left + tf.where(inside, others, 2 * IMPOSSIBLE)
            level_seed = tf.stack([seed[0] + 7919 * (number + 1), seed[1]])
            uniform = uniform_tf(tf.shape(logits), seed=level_seed, dtype=logits.dtype)
            gumbel = -tf.math.log(-tf.math.log(uniform))
            first = tf.argmax(logits + gumbel, axis=2, output_type=tf.int32)
            pairs = tf.stack([first, counts - first], axis=2)
            counts = tf.reshape(pairs, [tf.shape(pairs)[0], 2 * tf.shape(pairs)[1]])
        return tf.cast(counts[:, :length], levels[0].dtype)


def _tree(scores, k: int) -> list:
    """Log of the sums over subsets of size 0 to k of the words below each node, leaves first.

    The graph has levels for 512 words, whatever the length of a batch: a node without words has
    one subset, the empty one.
    """
    # What is no word of the vocabulary comes at a prohibitive cost.
    scores = tf.where(scores < IMPOSSIBLE / 2, tf.constant(IMPOSSIBLE, scores.dtype), scores)
    missing = 512 - tf.shape(scores)[1]
    scores = tf.pad(scores, [[0, 0], [0, missing]], constant_values=IMPOSSIBLE)
    scores = tf.reshape(scores, [-1, 512])
    levels = [tf.stack([tf.zeros_like(scores), scores], axis=2)]
    while levels[-1].shape[1] > 1:
        left, right = levels[-1][:, 0::2], levels[-1][:, 1::2]
        n_sizes = left.shape[2]
        wanted = min(2 * n_sizes - 1, k + 1)
        sums = []
        for size in range(wanted):
            low, high = max(0, size - n_sizes + 1), min(size, n_sizes - 1)
            terms = (
                left[:, :, low : high + 1] + right[:, :, size - high : size - low + 1][..., ::-1]
            )
            sums.append(tf.reduce_logsumexp(terms, axis=2))
        levels.append(tf.maximum(tf.stack(sums, axis=2), tf.constant(IMPOSSIBLE, scores.dtype)))
    return levels


def _of_size(node, sizes):
    return tf.gather(node[:, 0], sizes, axis=1, batch_dims=1)


def leave_one_out(model, texts: list, k: int) -> list:
    """Rationales of k words: those without which the class of a whole text is least probable.

    Parameters
    ----------
    model : classifier
        Of lists of words or numbers of words.
    texts : list of array
    k : int
    """
    best = model.predict_proba(texts).argmax(axis=1)
    shorter = [np.delete(text, place) for text in texts for place in range(len(text))]
    probabilities = model.predict_proba(shorter)
    rationales, start = [], 0
    for text, label in zip(texts, best, strict=True):
        without = probabilities[start : start + len(text), label]
        start += len(text)
        places = np.sort(np.argsort(without, kind="stable")[:k])
        rationales.append([(text[place], int(place)) for place in places])
    return rationales
