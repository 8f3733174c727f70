import warnings

import joblib
import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skid import SolverPredictor
from skid.engine import trace_count
from skid.gradients import BlackBox
from skid.metrics import relative_regret
from skid.solvers import Knapsack, TopK

LOSSES_OF_COSTS = ["hamming", "squared", "regret", "spo+", "fenchel_young", "squared_costs"]


def quick(**parameters):
    return SolverPredictor(TopK(2), random_state=0, **({"max_iter": 30} | parameters))


@pytest.mark.parametrize("gradient", ["identity", "blackbox", "imle", "perturbed"])
def test_learns_from_right_decisions(gradient, subset_task):
    X, _, right = subset_task
    model = quick(gradient=gradient, max_iter="auto").fit(X[:300], right[:300])
    assert model.score(X[300:], right[300:]) >= 0.8
    assert set(np.unique(model.predict(X).sum(axis=1))) == {2}


@pytest.mark.parametrize("loss", LOSSES_OF_COSTS)
def test_learns_from_true_costs(loss, subset_task):
    X, costs, _ = subset_task
    model = quick(loss=loss, target="costs").fit(X[:300], costs[:300])
    assert model.score(X[300:], costs[300:]) >= 0.98


def test_score_is_one_minus_the_relative_regret(subset_task):
    X, costs, right = subset_task
    model = quick(target="costs", max_iter=1).fit(X, costs)
    found = model.predict(X)
    assert model.score(X, costs) == pytest.approx(1 - relative_regret(costs, found, best=right))
    assert model.score(X, costs) < 1


def test_two_stage_costs_have_the_unit_of_the_true_ones(subset_task):
    X, costs, _ = subset_task
    model = quick(loss="squared_costs", target="costs", max_iter="auto")
    model.fit(X[:300], 100 * costs[:300] + 5)
    np.testing.assert_allclose(model.predict_costs(X[300:]), 100 * costs[300:] + 5, atol=5)


def test_decisions_follow_from_the_costs(subset_task):
    X, _, right = subset_task
    model = quick().fit(X, right)
    np.testing.assert_array_equal(model.predict(X), TopK(2).solve(model.predict_costs(X)))


def test_items_with_features_share_one_network():
    random = np.random.RandomState(0)
    X = random.normal(size=(300, 9, 3)).astype(np.float32)
    costs = X @ np.array([1.0, -2.0, 0.5], np.float32)
    right = TopK(3).solve(costs)
    model = SolverPredictor(TopK(3), max_iter=20, random_state=0).fit(X[:200], right[:200])
    assert model.score(X[200:], right[200:]) >= 0.9
    order = random.permutation(9)
    np.testing.assert_array_equal(model.predict(X[:, order]), model.predict(X)[:, order])


def test_network_of_ones_own_takes_arrays_of_any_shape():
    random = np.random.RandomState(0)
    images = random.randint(0, 255, size=(200, 6, 6, 1)).astype(np.uint8)
    costs = images.reshape(200, 3, 2, 3, 2).mean(axis=(2, 4)).reshape(200, 9)
    right = TopK(2).solve(costs)

    def build(input_shape, n_outputs):
        return keras.Sequential([keras.Input(input_shape), keras.layers.Conv2D(1, 2, strides=2)])

    model = SolverPredictor(TopK(2), network=build, learning_rate_init=0.01, random_state=0)
    model.fit(images[:150], right[:150])
    assert model.score(images[150:], right[150:]) >= 0.9
    assert model.predict_costs(images).dtype == np.float32


def test_weights_count_rows(subset_task):
    X, _, right = subset_task
    wrong = TopK(2).solve(-right)
    mixed = np.where(np.arange(len(X))[:, None] % 2 == 0, right, wrong)
    weights = (np.arange(len(X)) % 2 == 0).astype(float)
    model = quick(max_iter="auto").fit(X, mixed, sample_weight=weights)
    assert model.score(X, right) >= 0.85
    assert model.score(X, mixed, sample_weight=weights) == model.score(X[::2], right[::2])


def test_early_stopping_keeps_the_best(subset_task):
    X, costs, _ = subset_task
    model = quick(target="costs", early_stopping=True, n_iter_no_change=3, max_iter=100)
    model.fit(X, costs)
    assert len(model.validation_scores_) == model.n_iter_ < 100
    assert model.best_loss_ == -max(model.validation_scores_)


@pytest.mark.usefixtures("by_xla")
def test_same_seed_same_bits_and_nothing_traced_twice(subset_task):
    X, _, right = subset_task
    first = quick().fit(X, right)
    traced = trace_count()
    second = clone(first).fit(X, right)
    assert trace_count() == traced
    np.testing.assert_array_equal(first.predict_costs(X), second.predict_costs(X))
    other = clone(first).set_params(random_state=1).fit(X, right)
    assert (other.predict_costs(X) != first.predict_costs(X)).any()


def test_partial_fit_learns_in_passes(subset_task):
    X, _, right = subset_task
    model = quick()
    for _ in range(60):
        model.partial_fit(X[:300], right[:300])
    assert model.score(X[300:], right[300:]) >= 0.8


def test_warm_start_goes_on(subset_task):
    X, _, right = subset_task
    model = quick(warm_start=True, max_iter=5).fit(X, right)
    before = model.loss_curve_[-1]
    assert np.mean(model.fit(X, right).loss_curve_) < before


def test_saved_model_decides_without_tensorflow(subset_task, fresh_process, tmp_path):
    X, _, right = subset_task
    model = quick(max_iter=2).fit(X, right)
    joblib.dump((model, X, model.predict(X)), tmp_path / "model.joblib")
    code = (
        "import sys, joblib; model, X, expected = joblib.load('model.joblib');"
        "print((model.predict(X) == expected).all(), 'tensorflow' in sys.modules)"
    )
    assert fresh_process(code, directory=tmp_path).stdout == "True False\n"


def test_grid_over_solver_loss_and_gradient(subset_task):
    X, costs, _ = subset_task
    grid = {"solverpredictor__loss": ["hamming", "spo+"], "solverpredictor__solver__k": [1, 2]}
    pipeline = make_pipeline(StandardScaler(), quick(target="costs", max_iter=3))
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X, costs)
    assert len(search.cv_results_["mean_test_score"]) == 4
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.predict(X).shape == costs.shape


def test_diagnostics_have_an_entry_for_each_epoch(subset_task):
    X, _, right = subset_task
    model = quick().fit(X, right)
    assert {name: len(values) for name, values in model.diagnostics_.items()} == dict.fromkeys(
        ["loss", "cost_norm", "cost_spread", "changed_solutions"], 30
    )
    assert model.diagnostics_["changed_solutions"][0] > model.diagnostics_["changed_solutions"][-1]
    assert model.loss_curve_ == model.diagnostics_["loss"]


def test_no_warning_where_costs_decide(subset_task):
    X, _, right = subset_task
    with warnings.catch_warnings(record=True) as caught:
        quick(gradient=BlackBox(5.0)).fit(X, right)
    assert not caught


def test_early_stopping_means_what_it_says(subset_task):
    X, _, right = subset_task
    for wanted in (True, np.True_):
        model = quick(early_stopping=wanted, max_iter=2).fit(X[:40], right[:40])
        assert len(model.validation_scores_) == 2
    with pytest.raises(ValueError, match="early_stopping=True needs at least 2 samples"):
        quick(early_stopping=True).fit(X[:1], right[:1])


class CheapestTwo:
    """A callable object, as a user may pass it."""

    def __call__(self, costs):
        return TopK(2).solve(costs)


def test_a_callable_object_is_traced_once(subset_task):
    X, _, right = subset_task
    model = quick(max_iter=1).set_params(solver=CheapestTwo()).fit(X, right)
    traced = trace_count()
    model.fit(X, right)
    assert trace_count() == traced


def test_rows_without_weight_might_as_well_not_be_there(subset_task):
    X, costs, _ = subset_task
    weights = np.repeat([1.0, 0.0], [len(X), 40])
    for parameters in ({"loss": "squared_costs"}, {"loss": "regret"}):
        model = quick(target="costs", max_iter=3, **parameters)
        expected = clone(model).fit(X, costs).predict_costs(X)
        more = np.concatenate([costs, 1e4 * costs[:40]])
        found = model.fit(np.concatenate([X, X[:40]]), more, sample_weight=weights)
        np.testing.assert_allclose(found.predict_costs(X), expected, rtol=1e-3, atol=1e-4)


def test_passes_go_on_in_the_precision_of_the_first(subset_task):
    X, _, right = subset_task
    model = quick().partial_fit(X.astype(np.float32), right).partial_fit(X, right)
    assert model.predict_costs(X).dtype == np.float32


def test_nullable_targets_and_contexts():
    X = np.random.default_rng(0).normal(size=(60, 3))
    capacity = np.tile([6.0, 8.0, 10.0], 20)
    solver = Knapsack(weights=np.arange(1.0, 5.0), capacity=8.0)
    right = solver.solve(-np.abs(X @ np.ones((3, 4))) - 1, capacity=capacity)
    context = pd.DataFrame({"capacity": capacity}, dtype=object)
    nullable = pd.DataFrame(right).astype("Int64")
    model = quick().set_params(solver=solver).fit(X, nullable, context=context)
    expected = model.score(X, right, context={"capacity": capacity})
    assert model.score(X, nullable, context=context) == expected
    with pytest.raises(ValueError, match=r"context\['capacity'\] must hold numbers"):
        model.predict(X, context={"capacity": capacity.astype(str)})
