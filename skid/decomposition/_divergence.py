"""How far the law of a code is from the uniform one, in nats."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaln

from skid.projections import constant

_NEVER = -1e30
"""Logarithm of no weight: finite, so that no product with zero is NaN."""


def marginal_divergence(logits: Any, *, xp: Any = np) -> Any:
    """Divergence of a softmax from the uniform law on its entries, the paper's term.

    ``sum_j q_j log(d q_j)`` with ``q = softmax(logits)``. It takes each group for one categorical
    variable, whatever k is, and does not see the noise: smaller noise makes it no larger. For
    k = 1 and Gumbel noise of scale 1 it is the true divergence of the code from the prior.

    Parameters
    ----------
    logits : float array or tensor of shape (n, d)
    xp : module, default=numpy
        ``numpy`` for arrays, ``tensorflow.experimental.numpy`` for tensors.

    Returns
    -------
    float array or tensor of shape (n,)
        From 0 to ``log d``.
    """
    d = logits.shape[-1]
    logits = logits - constant(xp.max(logits, axis=-1, keepdims=True), xp)
    weights = xp.exp(logits)
    total = xp.sum(weights, axis=-1, keepdims=True)
    log_shares = logits - xp.log(total)
    return xp.sum(weights / total * log_shares, axis=-1) + float(np.log(d))


def subset_divergence(logits: Any, k: int, *, xp: Any = np) -> Any:
    """Divergence of ``p(y) ~ exp <logits, y>`` on the k-subsets from the uniform law on these.

    ``log C(d, k)`` minus the entropy of p. A dynamic program adds one item at a time and carries,
    for each number of chosen items so far, the logarithm of the total weight and the entropy of
    what was chosen: O(d k) steps, exact, and differentiated as the ordinary function it is.

    Parameters
    ----------
    logits : float array or tensor of shape (n, d)
    k : int
        Between 1 and d.
    xp : module, default=numpy
        ``numpy`` for arrays, ``tensorflow.experimental.numpy`` for tensors.

    Returns
    -------
    float array or tensor of shape (n,)
        From 0 to ``log C(d, k)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.decomposition._divergence import subset_divergence
    >>> subset_divergence(np.array([[0.0, 0.0, 0.0, 0.0], [0.0, 50.0, 50.0, 0.0]]), 2).round(3)
    array([0.   , 1.792])
    """
    d = logits.shape[-1]
    # All subsets have as many items: a shift of the logits changes nothing.
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
    """Log-weights and entropies by number of chosen items, once one more item was met.

    With p the share of the item among all choices of that number, the entropy is that of p and
    the mean of what is left to know in both cases.
    """
    first = weights[:, :1]
    taken = xp.concatenate([xp.zeros_like(first) + _NEVER, weights[:, :-1] + logit], 1)
    total = xp.logaddexp(weights, taken)
    log_taken, log_left = taken - total, weights - total
    before = xp.concatenate([xp.zeros_like(first), entropies[:, :-1]], 1)
    share, rest = xp.exp(log_taken), xp.exp(log_left)
    return total, share * (before - log_taken) + rest * (entropies - log_left)


def _by_loop(logits: Any, weights: Any) -> Any:
    """The dynamic program as a loop of TensorFlow: the graph does not grow with the items."""
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
