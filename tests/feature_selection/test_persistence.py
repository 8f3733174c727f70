import copy
import io
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from skid import SubsetSelectorClassifier, SubsetSelectorRegressor

SCOPES = ("dataset", "sample")


def through_joblib(model):
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(
    "copied",
    [lambda model: pickle.loads(pickle.dumps(model)), copy.deepcopy, through_joblib],
    ids=["pickle", "deepcopy", "joblib"],
)
def test_a_copy_predicts_the_same(estimator, X, fitted, answers, scope, copied):
    model = fitted(estimator, scope)
    again = copied(model)
    np.testing.assert_array_equal(answers(again, X), answers(model, X))
    np.testing.assert_array_equal(again.explain(X), model.explain(X))
    assert again.get_params() == model.get_params()


def test_a_clone_keeps_every_parameter_and_fits_the_same(estimator, X, target, answers):
    parameters = {
        "n_features_to_select": 2, "scope": "dataset", "groups": [0, 0, 1, 1, 2, 2, 3, 3],
        "always_include": [0], "hidden_layer_sizes": (5,), "n_networks": 2, "projection": "norm",
        "noise": "normal", "noise_scale": 0.5, "standardize": "table", "alpha": 0.1,
        "batch_size": 50, "learning_rate_init": 0.01, "max_iter": 3, "shuffle": False,
        "early_stopping": True, "validation_fraction": 0.3, "n_iter_no_change": 3, "tol": 0.01,
        "warm_start": False, "device": "cpu", "random_state": 3,
    }  # fmt: skip
    model = estimator(**parameters).fit(X, target)
    again = clone(model)
    assert not hasattr(again, "support_")
    assert {name: again.get_params()[name] for name in parameters} == parameters
    assert set(model.get_params()) - set(parameters) <= {
        "network", "gradient", "verbose", "class_weight",
    }  # fmt: skip
    np.testing.assert_array_equal(answers(again.fit(X, target), X), answers(model, X))


class Modules(pickle.Pickler):
    """Notes the modules of all objects on the way."""

    def __init__(self):
        super().__init__(io.BytesIO())
        self.found = set()

    def persistent_id(self, value):
        self.found.add((getattr(value, "__module__", None) or type(value).__module__).split(".")[0])


@pytest.mark.parametrize("scope", SCOPES)
def test_a_fitted_model_holds_arrays_and_plain_objects_only(estimator, fitted, scope):
    pickler = Modules()
    pickler.dump(vars(fitted(estimator, scope)))
    assert pickler.found <= {"builtins", "numpy", "skid"}


LOAD = """
import sys
import joblib, numpy as np
model, X, expected, masks = joblib.load(sys.argv[1])
method = next(m for m in ("predict_proba", "predict", "reconstruct") if hasattr(model, m))
np.testing.assert_array_equal(getattr(model, method)(X), expected)
np.testing.assert_array_equal(model.explain(X), masks)
model.score(X, X[:, 0] > 0)
assert not {"tensorflow", "keras", "numba", "matplotlib"} & set(sys.modules)
"""


@pytest.mark.parametrize("scope", SCOPES)
def test_a_fresh_process_predicts_without_tensorflow(X, fitted, answers, tmp_path, scope):
    model = fitted(SubsetSelectorRegressor, scope)
    path = tmp_path / "model.joblib"
    joblib.dump((model, X, answers(model, X), model.explain(X)), path)
    process = subprocess.run([sys.executable, "-c", LOAD, path], capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (0, "")


@pytest.mark.parametrize("scope", SCOPES)
def test_keras_agrees_with_the_prediction(estimator, X, fitted, answers, scope):
    model = fitted(estimator, scope)
    expected = answers(model, X).reshape(120, -1)
    outputs = model.to_keras()(X).numpy()
    assert outputs.shape == expected.shape
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


@pytest.mark.parametrize("scope", SCOPES)
def test_an_exported_model_survives_a_file(estimator, X, fitted, scope, tmp_path):
    import keras

    exported = fitted(estimator, scope).to_keras()
    exported.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(X), exported(X), atol=1e-6)


def test_keras_agrees_where_features_lie_far_from_zero(X):
    rows = (X + 1e5).astype(np.float32)
    labels = X[:, 0] > 0
    model = SubsetSelectorClassifier(2, max_iter=20, random_state=0).fit(rows, labels)
    np.testing.assert_allclose(model.to_keras()(rows), model.predict_proba(rows), atol=1e-3)


def test_keras_keeps_double_precision(X, tmp_path):
    import keras

    rows = X.astype(np.float64) + 1.7e9
    y = rows[:, 0] + 123456789.0
    model = SubsetSelectorRegressor(2, max_iter=5, random_state=0).fit(rows, y)
    model.to_keras().save(tmp_path / "model.keras")
    outputs = keras.saving.load_model(tmp_path / "model.keras")(rows).numpy()[:, 0]
    np.testing.assert_allclose(outputs, model.predict(rows), rtol=0, atol=1e-4)


def test_keras_where_every_column_is_always_in(X):
    model = SubsetSelectorRegressor(
        X.shape[1], scope="sample", always_include=range(X.shape[1]), max_iter=2, random_state=0
    ).fit(X, X[:, 0])
    np.testing.assert_allclose(model.to_keras()(X)[:, 0], model.predict(X), atol=1e-5)
