import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from skid.losses import CrossEntropy, SquaredError, relative_weights, weighted_mean

RANDOM = np.random.RandomState(0)
OUTPUTS = RANDOM.normal(size=(2, 5, 3))
TARGETS = {
    "classes": (CrossEntropy(), RANDOM.randint(3, size=(2, 5))),
    "probabilities": (CrossEntropy(), RANDOM.dirichlet(np.ones(3), size=(2, 5))),
    "numbers": (SquaredError(), RANDOM.normal(size=(2, 5, 3))),
}


def formula(name, outputs):
    targets = TARGETS[name][1]
    if name == "numbers":
        return ((outputs - targets) ** 2).mean(axis=-1)
    shares = np.eye(3)[targets] if name == "classes" else targets
    return -(shares * log_softmax(outputs, axis=-1)).sum(axis=-1)


@pytest.mark.parametrize("name", TARGETS)
def test_value_and_gradient_are_those_of_the_formula(name):
    loss, targets = TARGETS[name]
    outputs = tf.constant(OUTPUTS)
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        losses = loss(outputs, tf.constant(targets))
    np.testing.assert_allclose(losses, formula(name, OUTPUTS))
    gradient = tape.gradient(losses, outputs).numpy()
    for place in np.ndindex(OUTPUTS.shape):
        step = np.zeros_like(OUTPUTS)
        step[place] = 1e-6
        difference = (formula(name, OUTPUTS + step) - formula(name, OUTPUTS - step)).sum() / 2e-6
        assert gradient[place] == pytest.approx(difference, abs=1e-8)


def test_relative_weights_have_mean_one_over_the_rows_that_have_any():
    weights = relative_weights(np.array([0.0, 2.0, 4.0]))
    np.testing.assert_allclose(weights, [0, 2 / 3, 4 / 3])
    np.testing.assert_allclose(weighted_mean(tf.constant([3.0, 3.0, 6.0]), weights), 10 / 3)
