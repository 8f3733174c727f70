"""Costs, and what the layers should make of a gradient."""

import numpy as np
import pytest
import tensorflow as tf

from skid.projections import project


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.normal(size=(5, 7)), rng.normal(size=(5, 7))


@pytest.fixture
def gradient_of():
    """Gradient of ``sum(upstream * layer(inputs))`` by the inputs."""

    def gradient(layer, inputs, upstream, **kwargs):
        inputs = tf.constant(inputs)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            loss = tf.reduce_sum(layer(inputs, **kwargs) * upstream)
        return tape.gradient(loss, inputs).numpy()

    return gradient


@pytest.fixture
def projection_product():
    """Weights through the transposed derivative of a projection."""

    def product(inputs, weights, projection="std"):
        inputs = tf.constant(inputs)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            projected = project(inputs, projection, xp=tf.experimental.numpy)
            value = tf.reduce_sum(projected * weights)
        return tape.gradient(value, inputs).numpy()

    return product
