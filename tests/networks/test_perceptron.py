import numpy as np
import pytest
import tensorflow as tf

from skid.networks import MultilayerPerceptron


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture(params=["relu", "silu"])
def network(request):
    return MultilayerPerceptron((4, 6, 5, 2), activation=request.param)


@pytest.fixture
def weights(network, dtype):
    generator = np.random.RandomState(0)
    weights = network.initial(3, generator, dtype)
    return {name: value + 0.1 * generator.normal(size=value.shape).astype(dtype)
            for name, value in weights.items()}  # fmt: skip


@pytest.fixture
def X(dtype):
    return np.random.default_rng(0).normal(size=(9, 4)).astype(dtype)


def test_initial_weights_have_the_variance_of_he():
    network = MultilayerPerceptron((50, 400, 300))
    weights = network.initial(2, np.random.RandomState(0), np.float64)
    assert weights["kernel_0"].var() == pytest.approx(2 / 50, rel=0.05)
    assert weights["kernel_1"].var() == pytest.approx(1 / 400, rel=0.05)
    assert not weights["bias_0"].any()
    assert not np.array_equal(*weights["kernel_0"])


def test_numpy_tensorflow_and_keras_predict_the_same(network, weights, X, dtype):
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    expected = network.predict(weights, X)
    assert expected.dtype == dtype
    on_tensors = network.apply(weights, tf.constant(np.tile(X, (3, 1, 1))))
    np.testing.assert_allclose(on_tensors.numpy().mean(axis=0), expected, atol=tolerance)
    keras_outputs = network.to_keras(weights)(X).numpy()
    assert keras_outputs.dtype == dtype
    np.testing.assert_allclose(keras_outputs, expected, atol=tolerance)


def test_a_mask_of_columns_acts_on_the_inputs(network, weights, X, dtype):
    masks = np.array([[1, 0, 1, 0], [0, 0, 0, 1], [1, 1, 1, 1]], dtype)
    inputs = np.tile(X, (3, 1, 1))
    np.testing.assert_allclose(
        network.apply(weights, tf.constant(inputs), tf.constant(masks)).numpy(),
        network.apply(weights, tf.constant(inputs * masks[:, None])).numpy(),
        atol=1e-6,
    )


def test_the_prediction_does_not_change_its_input(network, weights, X):
    before = X.copy()
    network.predict(weights, X)
    np.testing.assert_array_equal(X, before)


def test_networks_without_hidden_layers_are_linear():
    network = MultilayerPerceptron((2, 1))
    weights = {"kernel_0": np.array([[[2.0], [3.0]]]), "bias_0": np.array([[[1.0]]])}
    assert network.predict(weights, np.array([[1.0, -1.0]])).tolist() == [[0.0]]
