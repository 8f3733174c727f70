"""Programs are compiled once for each architecture, and kept."""

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest

import skid
from skid import SubsetSelectorClassifier, SubsetSelectorRegressor
from skid.engine import trace_count


@pytest.fixture(scope="module", params=["dataset", "sample"])
def compiled(request, X, y):
    """Parameters of a fit whose programs are there."""
    parameters = {"scope": request.param, "max_iter": 2, "random_state": 0}
    SubsetSelectorRegressor(3, **parameters).fit(X, y)
    return parameters


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"n_features_to_select": 5},
        {"n_features_to_select": 8},
        {"learning_rate_init": 0.1},
        {"noise_scale": 0.3},
        {"alpha": 0.2},
        {"max_iter": 5},
        {"random_state": 7},
        {"verbose": 1},
        {"tol": 0.1, "n_iter_no_change": 2},
    ],
    ids=str,
)
def test_a_later_fit_of_the_same_shape_traces_nothing(X, y, compiled, changed):
    before = trace_count()
    SubsetSelectorRegressor(**{"n_features_to_select": 3} | compiled | changed).fit(X + 1, 2 * y)
    assert trace_count() == before


def test_a_few_rows_less_trace_nothing(X, y, compiled):
    before = trace_count()
    SubsetSelectorRegressor(3, **compiled).fit(X[:115], y[:115])
    assert trace_count() == before


def test_another_architecture_is_traced_once(X, y, compiled):
    parameters = compiled | {"hidden_layer_sizes": (5,)}
    before = trace_count()
    SubsetSelectorRegressor(3, **parameters).fit(X, y)
    after = trace_count()
    assert before < after <= before + 3
    SubsetSelectorRegressor(4, **parameters).fit(X, y)
    assert trace_count() == after


def test_a_path_of_sizes_traces_a_bounded_number_of_programs(X, y):
    before = trace_count()
    SubsetSelectorRegressor(max_iter=2, hidden_layer_sizes=(6,), random_state=0).fit(X, y)
    assert trace_count() - before <= 6


@pytest.mark.usefixtures("by_xla")
def test_memory_does_not_grow_with_the_number_of_fits(X, y, compiled):
    process = psutil.Process()

    def fit(count):
        for seed in range(count):
            model = SubsetSelectorRegressor(3, **compiled | {"random_state": seed})
            model.fit(X, y).predict(X)
        gc.collect()
        return process.memory_info().rss / 2**20

    # A leak shows in every round; one round may also meet memory that another thread takes.
    sizes = [fit(10)]
    growth = []
    while len(growth) < 4 and (not growth or min(growth) >= 0.05):
        sizes.append(fit(50))
        growth.append((sizes[-1] - sizes[-2]) / 50)
    assert min(growth) < 0.05


def test_programs_come_back_after_the_cache_was_cleared(X, y, compiled):
    expected = SubsetSelectorRegressor(3, **compiled).fit(X, y)
    skid.clear_cache()
    before = trace_count()
    again = SubsetSelectorRegressor(3, **compiled).fit(X, y)
    assert trace_count() > before
    np.testing.assert_array_equal(again.predict(X), expected.predict(X))


def test_fits_from_several_threads_are_those_of_one(X, y, labels):
    models = [
        estimator(k, scope=scope, max_iter=2, hidden_layer_sizes=(9,), random_state=k)
        for estimator in (SubsetSelectorRegressor, SubsetSelectorClassifier)
        for scope in ("dataset", "sample")
        for k in (2, 5)
    ]

    def fit(model):
        return model.fit(X, labels if hasattr(model, "class_weight") else y).predict(X)

    skid.clear_cache()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(fit, models))
    for model, predictions in zip(models, together, strict=True):
        np.testing.assert_array_equal(fit(model), predictions)
