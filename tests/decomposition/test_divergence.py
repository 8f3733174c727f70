from itertools import combinations

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import comb, softmax

from skid.decomposition._divergence import marginal_divergence, subset_divergence

xp = tf.experimental.numpy


def by_enumeration(logits, k):
    subsets = [list(subset) for subset in combinations(range(logits.shape[1]), k)]
    shares = softmax(np.stack([logits[:, s].sum(axis=1) for s in subsets], axis=1), axis=1)
    return np.log(comb(logits.shape[1], k)) + np.sum(shares * np.log(shares), axis=1)


@pytest.mark.parametrize("k", [1, 2, 5, 6])
def test_divergence_of_subsets_is_that_of_the_enumerated_law(k):
    logits = np.random.RandomState(k).normal(scale=2, size=(5, 6))
    np.testing.assert_allclose(subset_divergence(logits, k), by_enumeration(logits, k), atol=1e-12)
    tensors = subset_divergence(tf.constant(logits), k, xp=xp)
    np.testing.assert_allclose(tensors, by_enumeration(logits, k), atol=1e-12)


def test_divergence_of_subsets_has_its_gradient():
    logits = np.random.RandomState(0).normal(size=(1, 6))

    @tf.function(jit_compile=True)
    def gradient(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = subset_divergence(logits, 3, xp=xp)
        return tape.gradient(value, logits)

    step = 1e-6 * np.eye(6)
    differences = (by_enumeration(logits + step, 3) - by_enumeration(logits - step, 3)) / 2e-6
    np.testing.assert_allclose(gradient(tf.constant(logits))[0], differences, atol=1e-7)
    extreme = tf.constant([[300.0, -300.0, 0.0, 0.0, 1e4, 2.0]])
    assert np.isfinite(gradient(extreme)).all()


def test_one_of_each_group_is_a_categorical_law():
    logits = np.random.RandomState(0).normal(size=(4, 7))
    np.testing.assert_allclose(
        marginal_divergence(logits), subset_divergence(logits, 1), atol=1e-12
    )
    np.testing.assert_allclose(
        marginal_divergence(tf.constant(logits), xp=xp), marginal_divergence(logits), atol=1e-12
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bounds_of_the_divergences(dtype):
    uniform, certain = np.zeros((1, 20), dtype), np.repeat([0, 1000], 10).astype(dtype)[None]
    for value in (marginal_divergence(uniform), subset_divergence(uniform, 10)):
        assert value.dtype == dtype
        assert value == pytest.approx(0, abs=1e-5)
    assert marginal_divergence(certain) == pytest.approx(np.log(2), abs=1e-5)
    assert subset_divergence(certain, 10) == pytest.approx(np.log(comb(20, 10)), abs=1e-4)
