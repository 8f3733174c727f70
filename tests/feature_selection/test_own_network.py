"""Networks that a function of the user's builds."""

import copy
import pickle

import numpy as np
import pytest

from skid import SubsetSelectorClassifier, SubsetSelectorRegressor


def build(input_shape, n_outputs):
    import keras

    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(n_outputs),
        ]
    )


PARAMETERS = {"network": build, "n_networks": 2, "max_iter": 4, "random_state": 0}


@pytest.fixture(scope="module", params=["dataset", "sample"])
def fitted_network(request, X, labels):
    return SubsetSelectorClassifier(3, scope=request.param, **PARAMETERS).fit(X, labels)


def test_the_same_seed_gives_the_same_bits(X, labels, fitted_network):
    parameters = fitted_network.get_params()
    again = SubsetSelectorClassifier(**parameters).fit(X, labels)
    np.testing.assert_array_equal(again.predict_proba(X), fitted_network.predict_proba(X))
    other = SubsetSelectorClassifier(**parameters | {"random_state": 1}).fit(X, labels)
    assert not np.array_equal(other.predict_proba(X), fitted_network.predict_proba(X))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_predict_the_same_and_hold_no_keras_model(X, fitted_network, copied):
    expected = fitted_network.predict_proba(X)
    assert b"keras.src" not in pickle.dumps(fitted_network)
    np.testing.assert_array_equal(copied(fitted_network).predict_proba(X), expected)


def test_the_network_reads_nothing_but_the_subset(X, fitted_network):
    if fitted_network.scope == "sample":
        pytest.skip("another value may change the subset of a row")
    other = np.where(fitted_network.support_, X, 1e3)
    np.testing.assert_array_equal(
        fitted_network.predict_proba(other), fitted_network.predict_proba(X)
    )


def test_float32_and_float64_rows_get_the_same_answer(X, labels, fitted_network):
    np.testing.assert_allclose(
        fitted_network.predict_proba(X.astype(np.float32)),
        fitted_network.predict_proba(X),
        atol=1e-4,
    )
    small = SubsetSelectorClassifier(**fitted_network.get_params())
    small.fit(X.astype(np.float32), labels)
    np.testing.assert_allclose(
        small.predict_proba(X.astype(np.float32)), small.predict_proba(X), atol=1e-4
    )


def test_what_is_to_be_found_is_found(X):
    model = SubsetSelectorRegressor(1, **PARAMETERS | {"max_iter": 100})
    model.fit(X, 3 * X[:, 5] ** 2)
    assert model.get_support(indices=True).tolist() == [5]
    assert model.score(X, 3 * X[:, 5] ** 2) > 0.5


def test_keras_agrees(X, fitted_network):
    np.testing.assert_allclose(
        fitted_network.to_keras()(X).numpy(), fitted_network.predict_proba(X), atol=1e-5
    )


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda input_shape, n_outputs: None, "network must return a keras.Model, got NoneType"),
        (
            lambda input_shape, n_outputs: build(input_shape, 3),
            r"network must map \(None, 8\) to \(None, 1\), .* shape \(None, 3\)",
        ),
        (
            lambda input_shape, n_outputs: build((5,), n_outputs),
            r"expected shape=\(None, 5\), found shape=\(None, 8\)",
        ),
    ],
    ids=["no model", "wrong outputs", "wrong inputs"],
)
def test_what_is_no_network_of_the_right_shape_is_refused(X, y, network, message):
    model = SubsetSelectorRegressor(2, **PARAMETERS | {"network": network})
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)


def test_a_network_that_is_no_function_is_refused(X, y):
    with pytest.raises(ValueError, match=r"'network' parameter .* must be a callable or None"):
        SubsetSelectorRegressor(2, network="mlp").fit(X, y)


def test_weight_decay_leaves_biases_and_scales_alone(X, labels):
    def scaled(input_shape, n_outputs):
        import keras

        silent = keras.layers.Dense(n_outputs, kernel_initializer="zeros", trainable=False)
        return keras.Sequential(
            [keras.Input(input_shape), keras.layers.LayerNormalization(), silent]
        )

    model = SubsetSelectorClassifier(
        3, scope="sample", network=scaled, n_networks=1, alpha=5.0, max_iter=20, random_state=0
    ).fit(X, labels)
    scale = next(value for value in model._model.weights.values() if value.shape == (1, 8))
    np.testing.assert_array_equal(scale, 1)
