"""Divergence of the distribution of a code from the uniform one, in nats."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaln

from skid.projections import constant

_NEVER = -1e30
"""Logarithm of weight zero: finite, so that its product with zero is not NaN."""


def marginal_divergence(logits: Any, *, xp: Any = np) -> Any:
    """Divergence of a softmax from the uniform distribution on its entries, the paper's term.

    ``sum_j q_j log(d q_j)``, from 0 to ``log d``, with ``q = softmax(logits)`` and logits of shape
    (n, d). It treats each group as one categorical variable for every k, and does not depend on
    the noise. For k = 1 and Gumbel noise of scale 1 it is the exact divergence of the code from
    the prior.
    """
    d = logits.shape[-1]
    logits = logits - constant(xp.max(logits, axis=-1, keepdims=True), xp)
    weights = xp.exp(logits)
    total = xp.sum(weights, axis=-1, keepdims=True)
    log_q = logits - xp.log(total)
    return xp.sum(weights / total * log_q, axis=-1) + float(np.log(d))


def subset_divergence(logits: Any, k: int, *, xp: Any = np) -> Any:
    """Divergence of ``p(y) ~ exp <logits, y>`` on the k-subsets from the uniform distribution.

    ``log C(d, k)`` minus the entropy of p, for logits of shape (n, d). A dynamic program adds one
    item at a time. For each number of chosen items it keeps the logarithm of the total weight and
    the entropy of the choice: O(d k) steps, exact and differentiable.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.decomposition._divergence import subset_divergence
    >>> subset_divergence(np.array([[0.0, 0.0, 0.0, 0.0], [0.0, 50.0, 50.0, 0.0]]), 2).round(3)
    array([0.   , 1.792])
    """
    d = logits.shape[-1]
    # All subsets have k items: a constant added to the logits changes nothing.
    logits = logits - constant(xp.mean(logits, axis=-1, keepdims=True), xp)
    start = xp.zeros_like(logits[:, :1])
    weights = xp.concatenate([start, xp.broadcast_to(start + _NEVER, (*start.shape[:1], k))], 1)
    if xp is np:
        entropies = np.zeros_like(weights)
        for item in range(d):
            weights, entropies = _with_item(weights, entropies, logits[:, item : item + 1], np)
    else:
        entropies = _by_loop(logits, weights)
    largest = float(gammaln(d + 1) - gammaln(k + 1) - gammaln(d - k + 1))
    return largest - entropies[:, -1]


def _with_item(weights: Any, entropies: Any, logit: Any, xp: Any) -> tuple[Any, Any]:
    """Log-weights and entropies for each number of chosen items, after one more item.

    With p the probability that the item is chosen, the entropy is the entropy of p plus the mean
    of the entropies in both cases.
    """
    first = weights[:, :1]
    taken = xp.concatenate([xp.zeros_like(first) + _NEVER, weights[:, :-1] + logit], 1)
    total = xp.logaddexp(weights, taken)
    log_taken, log_left = taken - total, weights - total
    before = xp.concatenate([xp.zeros_like(first), entropies[:, :-1]], 1)
    p, rest = xp.exp(log_taken), xp.exp(log_left)
    return total, p * (before - log_taken) + rest * (entropies - log_left)


def _by_loop(logits: Any, weights: Any) -> Any:
    """The dynamic program as a TensorFlow loop: the graph does not grow with the items."""
    from skid.engine.backend import tensorflow

    tf = tensorflow()
    d = logits.shape[-1]
    columns = tf.transpose(logits)

    def step(item, weights, entropies):
        logit = columns[item][:, tf.newaxis]
        return item + 1, *_with_item(weights, entropies, logit, tf.experimental.numpy)

    start = (tf.constant(0), weights, tf.zeros_like(weights))
    loop = tf.while_loop(lambda item, *_: item < d, step, start, maximum_iterations=d)
    return loop[2]
