import os

import numpy as np
import pytest

from skid import SubsetSelector, SubsetSelectorClassifier, SubsetSelectorRegressor

SHORT = {"max_iter": 4, "random_state": 0}
ESTIMATORS = (SubsetSelectorRegressor, SubsetSelectorClassifier, SubsetSelector)


@pytest.fixture(scope="session")
def short():
    """Parameters of a fit whose quality does not matter."""
    return SHORT


@pytest.fixture(scope="session")
def X():
    return np.random.default_rng(0).normal(size=(120, 8))


@pytest.fixture(scope="session")
def y(X):
    return X[:, 0] + np.sin(2 * X[:, 1])


@pytest.fixture(scope="session")
def labels(y):
    return np.where(y > 0, "high", "low")


@pytest.fixture(params=ESTIMATORS, ids=lambda estimator: estimator.__name__)
def estimator(request):
    return request.param


@pytest.fixture
def target(estimator, y, labels):
    """What ``fit`` of the estimator takes as y."""
    return {"SubsetSelectorRegressor": y, "SubsetSelectorClassifier": labels}.get(
        estimator.__name__
    )


@pytest.fixture(scope="session")
def answers():
    """All that a fitted estimator says about rows, as one array."""

    def answer(model, X):
        for method in ("predict_proba", "predict", "reconstruct"):
            if hasattr(model, method):
                return getattr(model, method)(X)
        raise AssertionError(model)

    return answer


@pytest.fixture(scope="session")
def fitted(X, y, labels):
    """One fitted estimator of each kind and scope; tests must not change them."""
    targets = dict(zip(ESTIMATORS, (y, labels, None), strict=True))
    models = {}

    def get(estimator, scope="dataset"):
        key = estimator, scope, os.environ.get("SKID_DISABLE_JIT")
        if key not in models:
            models[key] = estimator(3, scope=scope, **SHORT).fit(X, targets[estimator])
        return models[key]

    return get
