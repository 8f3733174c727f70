"""Losses of each row, on tensors."""

import numpy as np

from skid.engine.backend import tensorflow


def squared_error(outputs, targets):
    """Mean over the outputs of the squared difference, ``mean_j (o_j - t_j)^2``.

    Parameters
    ----------
    outputs, targets : float tensor of shape (..., n_outputs)

    Returns
    -------
    float tensor of shape (...)
    """
    tf = tensorflow()
    return tf.reduce_mean(tf.square(outputs - targets), axis=-1)


def softmax_cross_entropy(outputs, targets):
    """Minus the log-probability of the right class, ``log sum_j exp(o_j) - o_t``, in nats.

    Parameters
    ----------
    outputs : float tensor of shape (..., n_classes)
        Logits.
    targets : int tensor of shape (...)

    Returns
    -------
    float tensor of shape (...)
    """
    tf = tensorflow()
    # A one-hot product rather than a gather: the sparse operation has a slow gradient under XLA.
    one_hot = tf.one_hot(targets, outputs.shape[-1], dtype=outputs.dtype)
    return -tf.reduce_sum(one_hot * tf.nn.log_softmax(outputs), axis=-1)


def relative_weights(weights: np.ndarray) -> np.ndarray:
    """Weights in units of their mean over the rows that have any."""
    mean = weights[weights > 0].mean(dtype=np.float64)
    return (weights / mean).astype(weights.dtype)


def weighted_mean(losses, weights):
    """Mean over the last axis, ``sum(w l) / n``, of relative weights.

    A batch is not divided by its own weights: where heavy rows are rare, the batches without any
    would count as much as the others.
    """
    tf = tensorflow()
    return tf.reduce_sum(losses * weights, axis=-1) / losses.shape[-1]


def hamming(solutions, right):
    """Number of wrong entries, ``sum_j |y_j - y*_j|``.

    Its gradient ``sign(y - y*)`` is zero where an entry is right. The linear form ``1 - 2 y*``,
    equal in value on 0/1 solutions, would keep pushing there and diverge.

    Parameters
    ----------
    solutions, right : float tensor of shape (n, *cost_shape)

    Returns
    -------
    float tensor of shape (n,)
    """
    return _total(tensorflow().abs(solutions - right))


def squared_distance(solutions, right):
    """Half the squared distance, ``||y - y*||^2 / 2``, whose gradient is ``y - y*``.

    Parameters
    ----------
    solutions, right : float tensor of shape (n, *cost_shape)

    Returns
    -------
    float tensor of shape (n,)
    """
    return 0.5 * _total(tensorflow().square(solutions - right))


def regret(true_costs, solutions, right):
    """What a decision costs more than the best one, ``<c, y> - <c, y*>``.

    The loss is linear in the solution: through `Identity` its gradient is ``-c`` whatever the
    solver says.

    Parameters
    ----------
    true_costs, solutions, right : float tensor of shape (n, *cost_shape)

    Returns
    -------
    float tensor of shape (n,)
    """
    return _total(true_costs * (solutions - right))


def spo_plus(costs, true_costs, right, solve):
    """The convex upper bound SPO+ of the regret, ``2 <w, y*> - min_y <2 w - c, y> - <c, y*>``.

    Elmachtoub and Grigas, *Smart "Predict, then Optimize"*, Management Science 2022, section 4.
    Its subgradient is ``2 (y* - y(2 w - c))``.

    Parameters
    ----------
    costs, true_costs, right : float tensor of shape (n, *cost_shape)
        Predicted costs w, true costs c and the best solutions y* for them.
    solve : callable
        Maps costs to solutions.

    Returns
    -------
    float tensor of shape (n,)
    """
    between = 2.0 * costs - true_costs
    solutions = tensorflow().stop_gradient(solve(between))
    return 2.0 * _total(costs * right) - _total(between * solutions) - _total(true_costs * right)


def perturbed_fenchel_young(costs, noise, right, solve):
    """Fenchel-Young loss of the perturbed solver, ``<w, y*> - min_y <w + noise, y>``.

    Berthet et al., *Learning with Differentiable Perturbed Optimizers*, NeurIPS 2020, section 4.
    It equals their loss up to a constant, and its gradient is ``y* - y(w + noise)``.

    Parameters
    ----------
    costs, noise, right : float tensor of shape (n, *cost_shape)
    solve : callable
        Maps costs to solutions.

    Returns
    -------
    float tensor of shape (n,)
    """
    perturbed = costs + noise
    solutions = tensorflow().stop_gradient(solve(perturbed))
    return _total(costs * right) - _total(perturbed * solutions)


def _total(entries):
    """Sum over everything but the first axis."""
    tf = tensorflow()
    return tf.reduce_sum(entries, axis=list(range(1, len(entries.shape))))
