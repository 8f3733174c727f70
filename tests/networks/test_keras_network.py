import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from sklearn.model_selection import GridSearchCV

from skid import SolverPredictor, SubsetSelectorRegressor
from skid.engine import Program, clear_cache, trace_count
from skid.networks import KerasNetwork, MultilayerPerceptron, gains_by_xla
from skid.solvers import TopK


def build(input_shape, n_outputs):
    import keras

    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Dense(7, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(n_outputs),
        ]
    )


def build_one_layer(input_shape, n_outputs, units):
    import keras

    layers = [keras.layers.Dense(units, activation="relu"), keras.layers.Dense(n_outputs)]
    return keras.Sequential([keras.Input(input_shape), *layers])


@pytest.fixture
def network():
    return KerasNetwork(build, (4,), 2)


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(9, 4))


def initial(network, seed=0, dtype="float64"):
    return network.initial(2, np.random.RandomState(seed), dtype)


def test_initial_weights_follow_from_the_seed(network):
    first, same, other = initial(network), initial(network), initial(network, seed=1)
    for name, value in first.items():
        np.testing.assert_array_equal(value, same[name])
    assert not np.array_equal(first["weight_000"], other["weight_000"])
    assert not np.array_equal(*first["weight_000"])


def test_building_leaves_global_state_alone(network):
    import keras

    random.seed(5)
    expected = random.random()
    random.seed(5)
    policy = keras.config.dtype_policy()
    initial(network)
    assert random.random() == expected
    assert keras.config.dtype_policy() is policy


def test_weights_from_several_threads_are_those_of_one(network):
    expected = [initial(KerasNetwork(build, (4,), 2), seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        actual = list(pool.map(lambda seed: initial(KerasNetwork(build, (4,), 2), seed), range(4)))
    for left, right in zip(expected, actual, strict=True):
        for name in left:
            np.testing.assert_array_equal(left[name], right[name])


def late(input_shape, n_outputs):
    """A model that makes its layers only when it is built."""
    import keras

    class Late(keras.Model):
        def build(self, input_shape):
            self.dense = keras.layers.Dense(n_outputs)
            self.dense.build(input_shape)
            self.built = True

        def call(self, inputs):
            return self.dense(inputs)

    return Late()


def test_models_that_are_built_late_follow_from_the_seed_too():
    random.seed(0)
    first = initial(KerasNetwork(late, (4,), 2))
    random.seed(1)
    expected = random.getstate()
    second = initial(KerasNetwork(late, (4,), 2))
    assert first["weight_000"].dtype == np.float64
    np.testing.assert_array_equal(first["weight_000"], second["weight_000"])
    assert random.getstate() == expected


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_model_has_the_dtype_of_the_data(network, X, dtype):
    weights = initial(network, dtype=dtype)
    assert weights["weight_000"].dtype == dtype
    assert network.predict(weights, X.astype(dtype)).dtype == dtype


def test_the_prediction_is_the_mean_of_models_that_hold_the_weights(network, X):
    weights = initial(network)
    outputs = []
    for index in range(2):
        model = build((4,), 2)
        variables = [*model.trainable_variables, *model.non_trainable_variables]
        for variable, value in zip(variables, weights.values(), strict=True):
            variable.assign(value[index])
        outputs.append(model(X.astype(np.float32)).numpy())
    expected = np.mean(outputs, axis=0)
    np.testing.assert_allclose(network.predict(weights, X), expected, atol=1e-5)
    np.testing.assert_allclose(network.to_keras(weights)(X), expected, atol=1e-5)


def test_training_moves_the_running_means_and_the_seed_of_the_dropout(network, X):
    weights = initial(network)
    inputs = tf.constant(np.tile(X, (2, 1, 1)))
    outputs, state = network.train(weights, inputs)
    assert outputs.shape == (2, 9, 2)
    assert set(state) == {name for name in weights if name.startswith("state")}
    assert all(not np.array_equal(state[name], weights[name]) for name in state)


def test_a_mask_of_columns_acts_on_the_inputs(network, X):
    weights = initial(network)
    masks = np.array([[1.0, 0, 1, 0], [0, 0, 1, 1]])
    inputs = np.tile(X, (2, 1, 1))
    np.testing.assert_allclose(
        network.apply(weights, tf.constant(inputs), tf.constant(masks)),
        network.apply(weights, tf.constant(inputs * masks[:, None])),
    )


def test_a_network_that_has_predicted_holds_no_keras_model_when_pickled(network, X):
    weights = initial(network)
    expected = network.predict(weights, X)
    stored = pickle.dumps(network)
    assert b"keras.src" not in stored
    np.testing.assert_array_equal(pickle.loads(stored).predict(weights, X), expected)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda input_shape, n_outputs: "a network", "must return a keras.Model, got str"),
        (
            lambda input_shape, n_outputs: build(input_shape, 5),
            r"must map \(None, 4\) to \(None, 2\), got an output of shape \(None, 5\)",
        ),
    ],
)
def test_what_is_no_network_of_the_right_shape_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        initial(KerasNetwork(wrong, (4,), 2))


@dataclass
class Unhashable:
    units: int = 3

    def __call__(self, input_shape, n_outputs):
        return build(input_shape, n_outputs)


def test_functions_that_build_the_same_share_a_program():
    def closure(units):
        return lambda input_shape, n_outputs: build_one_layer(input_shape, n_outputs, units)

    def key(function):
        return KerasNetwork(function, (4,), 2).key

    for make in (Unhashable, closure, lambda units: partial(build_one_layer, units=units)):
        assert key(make(3)) == key(make(3)) == key(deepcopy(make(3))) != key(make(4))
    assert key(build) == ("keras", build, (4,), 2)


def test_a_search_over_a_partial_function_traces_it_once():
    X = np.random.default_rng(0).normal(size=(60, 4))
    model = SubsetSelectorRegressor(
        2, network=partial(build_one_layer, units=5), max_iter=1, random_state=0
    ).fit(X, X[:, 0])
    traced = trace_count()
    split = (np.arange(60), np.arange(60))
    GridSearchCV(model, {"alpha": [0.1, 0.2]}, cv=[split]).fit(X, X[:, 0])
    assert trace_count() == traced


def test_models_of_one_name_make_one_model(X):
    def named(input_shape, n_outputs):
        import keras

        layers = [keras.Input(input_shape), keras.layers.Dense(n_outputs)]
        return keras.Sequential(layers, name="mine")

    network = KerasNetwork(named, (4,), 2)
    weights = initial(network)
    np.testing.assert_allclose(network.to_keras(weights)(X), network.predict(weights, X))


def test_losses_of_a_layer_are_refused():
    def regularized(input_shape, n_outputs):
        import keras

        dense = keras.layers.Dense(n_outputs, kernel_regularizer="l2")
        return keras.Sequential([keras.Input(input_shape), dense])

    with pytest.raises(ValueError, match="without losses, got 1: use alpha"):
        initial(KerasNetwork(regularized, (4,), 2))


def test_layers_that_hold_tensors_are_built_outside_of_a_graph(X):
    def normalized(input_shape, n_outputs):
        import keras

        layers = [keras.Input(input_shape), keras.layers.Normalization(mean=0.5, variance=4.0)]
        return keras.Sequential([*layers, keras.layers.Dense(n_outputs)])

    network = KerasNetwork(normalized, (4,), 2)
    weights = initial(network)
    inputs = np.stack([X, X])
    traced = tf.function(lambda: network.apply(weights, inputs))()
    np.testing.assert_allclose(network.apply(weights, inputs), traced)


def test_a_model_need_not_know_of_training(X):
    def own(input_shape, n_outputs):
        import keras

        class Plain(keras.Model):
            def __init__(self):
                super().__init__()
                self.dropout = keras.layers.Dropout(0.5)
                self.dense = keras.layers.Dense(n_outputs)

            def call(self, rows):
                return self.dense(self.dropout(rows))

        return Plain()

    network = KerasNetwork(own, (4,), 2)
    weights = initial(network)
    inputs = np.stack([X, X])
    expected = X @ weights["weight_000"][0] + weights["offset_001"][0]
    np.testing.assert_allclose(network.apply(weights, inputs)[0], expected, atol=1e-6)
    # The layers inside know of it all the same.
    assert np.abs(network.train(weights, inputs)[0][0] - expected).max() > 0.1


def test_convolutions_are_found_wherever_they_are():
    import keras

    layers = keras.layers

    def network(*inner):
        def build(input_shape, n_outputs):
            rest = [layers.Flatten(), layers.Dense(n_outputs)]
            return keras.Sequential([keras.Input(input_shape), *inner, *rest])

        return KerasNetwork(build, (2, 8, 8, 1), 2)

    def convolution():
        return layers.TimeDistributed(layers.SeparableConv2D(2, 3))

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = keras.Sequential([convolution()])

        def call(self, X):
            return self.inner(X)

    assert network(convolution()).convolves
    assert network(Own()).convolves
    assert not network(layers.Dense(3)).convolves
    for device, gains in (("/CPU:0", False), ("/GPU:0", True)):
        assert gains_by_xla(device, network(convolution())) is gains
    assert gains_by_xla("/CPU:0", network(layers.Dense(3)), MultilayerPerceptron((2, 1)))


def build_convolution(input_shape, n_outputs):
    import keras

    layers = keras.layers
    inner = [layers.Reshape((2, 2, 1)), layers.Conv2D(2, 2), layers.Flatten()]
    return keras.Sequential([keras.Input(input_shape), *inner, layers.Dense(n_outputs)])


@pytest.mark.parametrize("network", [build_one_layer, build_convolution])
@pytest.mark.parametrize(
    "model",
    [
        SubsetSelectorRegressor(2),
        SubsetSelectorRegressor(2, scope="sample"),
        SolverPredictor(TopK(2)),
    ],
    ids=["one subset", "a subset per row", "decisions"],
)
def test_programs_with_convolutions_are_not_compiled_for_the_processor(model, network, monkeypatch):
    compiled = []
    start = Program.__init__

    def noting(self, objective):
        compiled.append(objective.compiled)
        start(self, objective)

    monkeypatch.setattr(Program, "__init__", noting)
    clear_cache()
    X = np.random.default_rng(0).normal(size=(40, 4))
    y = TopK(2).solve(X) if isinstance(model, SolverPredictor) else X[:, 0]
    build = partial(network, units=3) if network is build_one_layer else network
    model.set_params(network=build, max_iter=1, random_state=0, device="cpu").fit(X, y)
    assert compiled
    assert all(value is (network is build_one_layer) for value in compiled)
