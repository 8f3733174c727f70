"""Losses of each row, on tensors."""

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


def weighted_mean(losses, weights):
    """Mean over the last axis, ``sum(w l) / sum(w)``; zero where all weights are."""
    tf = tensorflow()
    return tf.math.divide_no_nan(
        tf.reduce_sum(losses * weights, axis=-1), tf.reduce_sum(weights, axis=-1)
    )
