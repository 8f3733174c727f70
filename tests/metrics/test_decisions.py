import copy
import inspect
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skid import metrics
from skid.metrics import (
    DecisionScorer,
    cost_ratio,
    cost_ratio_scorer,
    exact_match,
    exact_match_scorer,
    hamming,
    optimal_share,
    optimal_share_scorer,
    regret,
    relative_regret,
    relative_regret_scorer,
)
from skid.solvers import CallableSolver, Solver, TopK

COST_METRICS = (cost_ratio, optimal_share, regret, relative_regret)
MATCH_METRICS = (exact_match, hamming)
SCORERS = (cost_ratio_scorer, exact_match_scorer, optimal_share_scorer, relative_regret_scorer)

# Best decisions cost 2, 3 and 4; the decisions cost 2, 6 and 5.
COSTS = np.array([[2.0, 9.0, 7.0], [6.0, 3.0, 4.0], [4.0, 5.0, 8.0]])
DECISIONS = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0]])
BEST = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0]])


class Cheapest(Solver):
    """The cheapest item of those that the context allows."""

    cost_shape = (None,)
    context = ("allowed",)

    def solve(self, costs, allowed=None):
        if allowed is not None:
            costs = np.where(allowed, costs, np.inf)
        return np.eye(costs.shape[1])[costs.argmin(axis=1)]


class LinearCosts(RegressorMixin, BaseEstimator):
    """Decide by costs ``scale * X``: right where ``scale`` is positive and X are the costs."""

    def __init__(self, scale=1.0):
        self.scale = scale

    @property
    def solver(self):
        return Cheapest()

    def fit(self, X, y, sample_weight=None):
        self.is_fitted_ = True
        return self

    def predict(self, X, context=None):
        allowed = None if context is None else context["allowed"]
        return self.solver.solve(self.scale * X, allowed=allowed)


@pytest.fixture
def costs():
    return np.random.default_rng(0).uniform(1, 2, size=(40, 5))


@pytest.mark.parametrize("given", [{"solver": TopK(1)}, {"best": BEST}], ids=["solver", "best"])
def test_known_values(given):
    assert regret(COSTS, DECISIONS, **given) == pytest.approx((0 + 3 + 1) / 3)
    assert relative_regret(COSTS, DECISIONS, **given) == pytest.approx(4 / 9)
    assert cost_ratio(COSTS, DECISIONS, **given) == pytest.approx((1 + 2 + 1.25) / 3)
    assert optimal_share(COSTS, DECISIONS, **given) == pytest.approx(1 / 3)
    assert exact_match(BEST, DECISIONS) == pytest.approx(1 / 3)
    assert hamming(BEST, DECISIONS) == pytest.approx((0 + 2 + 2) / 9)


def test_relative_regret_of_values_is_relative_to_their_size():
    # Worth 5 where 8 was there to be had.
    assert relative_regret([[-5.0, -8.0]], [[1, 0]], solver=TopK(1)) == pytest.approx(3 / 8)


@given(
    costs=hnp.arrays(np.float64, (4, 2, 3), elements=st.integers(1, 9).map(float)),
    choice=hnp.arrays(np.int64, 4, elements=st.integers(0, 5)),
)
def test_measures_agree_with_loops_over_instances(costs, choice):
    decisions = np.eye(6)[choice].reshape(4, 2, 3)
    cheapest = CallableSolver(lambda cost: cost == cost.min(), batched=False)
    best = np.eye(6)[costs.reshape(4, 6).argmin(axis=1)].reshape(4, 2, 3)
    paid = [(cost * decision).sum() for cost, decision in zip(costs, decisions, strict=True)]
    least = [cost.min() for cost in costs]
    gaps = [a - b for a, b in zip(paid, least, strict=True)]
    assert regret(costs, decisions, best=best) == pytest.approx(sum(gaps) / 4)
    assert relative_regret(costs, decisions, best=best) == pytest.approx(sum(gaps) / sum(least))
    ratios = [a / b for a, b in zip(paid, least, strict=True)]
    assert cost_ratio(costs, decisions, best=best) == pytest.approx(sum(ratios) / 4)
    assert optimal_share(costs, decisions, best=best) == sum(gap == 0 for gap in gaps) / 4
    assert relative_regret(costs, cheapest.solve(costs), solver=cheapest) == 0


@pytest.mark.parametrize("metric", [*COST_METRICS, *MATCH_METRICS])
def test_weights_are_repetitions(metric):
    counts = np.array([3, 0, 2])
    truth = COSTS if metric in COST_METRICS else BEST
    best = {"best": BEST} if metric in COST_METRICS else {}
    repeated_best = {name: np.repeat(array, counts, axis=0) for name, array in best.items()}
    repeated = metric(
        np.repeat(truth, counts, axis=0), np.repeat(DECISIONS, counts, axis=0), **repeated_best
    )
    weighted = metric(truth, DECISIONS, sample_weight=counts, **best)
    assert weighted == pytest.approx(repeated)
    assert weighted != pytest.approx(metric(truth, DECISIONS, **best))


def test_ties_are_optimal_but_no_exact_match():
    costs = [[1.0, 1.0 + 1e-9, 1.0 + 1e-4]] * 3
    decisions = np.eye(3)
    best = np.eye(3)[[0, 0, 0]]
    assert optimal_share(costs, decisions, best=best) == pytest.approx(2 / 3)
    assert optimal_share(costs, decisions, best=best, rtol=1e-3) == 1
    assert exact_match(best, decisions) == pytest.approx(1 / 3)


def test_best_decisions_that_cost_nothing():
    costs = np.array([[0.0, 1.0], [2.0, 4.0]])
    best = np.array([[1, 0], [1, 0]])
    assert cost_ratio(costs, best, best=best) == 1
    assert cost_ratio(costs, [[0, 1], [1, 0]], best=best) == np.inf
    assert cost_ratio(costs, [[0, 1], [0, 1]], best=best, sample_weight=[0, 1]) == 2
    assert relative_regret(costs[:1], best[:1], best=best[:1]) == 0
    assert relative_regret(costs[:1], [[0, 1]], best=best[:1]) == np.inf
    assert optimal_share(costs, [[0, 1], [1, 0]], best=best) == 0.5


def test_single_precision_sums_are_exact():
    # 2 ** 24 + 1 does not exist in float32.
    costs = np.full((1, 3), 2**24, dtype=np.float32)
    costs[0, 2] = 1
    assert regret(costs, [[1, 0, 1]], best=[[0, 1, 0]]) == 1


@pytest.mark.parametrize("metric", COST_METRICS)
def test_context_reaches_the_solver(metric):
    allowed = np.array([[True, True, True], [True, False, True], [False, True, True]])
    decisions = Cheapest().solve(COSTS, allowed=allowed)
    perfect = 1 if metric in (cost_ratio, optimal_share) else 0
    structured = np.zeros(3, dtype=[("allowed", bool, 3)])
    structured["allowed"] = allowed
    for context in (structured, {"allowed": allowed}):
        assert metric(COSTS, decisions, solver=Cheapest(), context=context) == perfect
    assert metric(COSTS, decisions, solver=Cheapest()) != perfect


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"true_costs": [1.0, 2.0]}, r"true_costs must have shape .*, got \(2,\)"),
        ({"true_costs": np.empty((0, 3))}, r"at least one instance, got \(0, 3\)"),
        ({"true_costs": [[1.0, np.nan]]}, "true_costs must be finite, got nan in instance 0"),
        ({"decisions": BEST[:2]}, r"decisions .* of true_costs, \(3, 3\), got \(2, 3\)"),
        ({"best": BEST[:, :2]}, r"best must have .* of true_costs, \(3, 3\), got \(3, 2\)"),
        ({"best": None}, "solver or best must be given, got None for both"),
        ({"sample_weight": [1.0]}, r"sample_weight must have shape \(3,\), got \(1,\)"),
        ({"sample_weight": [1.0, -1.0, 1.0]}, r"at least 0.* got values from -1.0 to 1.0"),
        ({"sample_weight": np.zeros(3)}, "above 0 for one instance, got values from 0.0 to 0.0"),
        (
            {"context": {"allowed": 1}, "solver": TopK(1), "best": None},
            r"for TopK, got \['allowed'\]",
        ),
        ({"context": [1, 2], "solver": TopK(1), "best": None}, "context must be a structured"),
    ],
)
@pytest.mark.parametrize("metric", COST_METRICS)
def test_faulty_input_is_named(metric, arguments, message):
    arguments = {"true_costs": COSTS, "decisions": DECISIONS, "best": BEST} | arguments
    with pytest.raises(ValueError, match=message):
        metric(**arguments)


@pytest.mark.parametrize("metric", MATCH_METRICS)
def test_solutions_of_another_shape_are_named(metric):
    with pytest.raises(ValueError, match=r"y_pred .* of y_true, \(3, 3\), got \(3, 2\)"):
        metric(BEST, BEST[:, :2])


def test_ratio_of_negative_costs_is_refused():
    with pytest.raises(ValueError, match=r"got -3.0 in instance 1: use relative_regret"):
        cost_ratio([[1.0], [-3.0]], [[1], [1]], best=[[1], [1]])


def test_scorers_are_greater_for_the_better(costs):
    right, wrong = LinearCosts(1.0).fit(costs, costs), LinearCosts(-1.0).fit(costs, costs)
    best = Cheapest().solve(costs)
    for scorer in SCORERS:
        truth = best if scorer is exact_match_scorer else costs
        assert scorer(right, costs, truth) > scorer(wrong, costs, truth)
    assert relative_regret_scorer(right, costs, costs) == 0
    assert cost_ratio_scorer(right, costs, costs) == -1
    assert optimal_share_scorer(right, costs, costs) == 1
    assert exact_match_scorer(right, costs, best) == 1
    expected = -relative_regret(costs, wrong.predict(costs), best=best)
    assert relative_regret_scorer(wrong, costs, costs) == pytest.approx(expected)


@pytest.mark.parametrize("scorer", SCORERS, ids=lambda scorer: scorer.metric.__name__)
def test_grid_search_in_two_processes(scorer, costs):
    truth = Cheapest().solve(costs) if scorer is exact_match_scorer else costs
    grid = {"scale": [-1.0, 1.0]}
    search = GridSearchCV(LinearCosts(), grid, scoring=scorer, cv=2, n_jobs=2).fit(costs, truth)
    assert search.best_params_ == {"scale": 1.0}
    assert search.score(costs, truth) == scorer(LinearCosts().fit(costs, truth), costs, truth)


def test_several_scorers_of_a_pipeline_at_once(costs):
    scoring = {"regret": relative_regret_scorer, "optimal": optimal_share_scorer}
    model = make_pipeline(StandardScaler(with_mean=False, with_std=False), LinearCosts())
    scores = cross_validate(model, costs, costs, scoring=scoring, cv=4)
    assert scores["test_regret"].tolist() == [0] * 4
    assert scores["test_optimal"].tolist() == [1] * 4


def test_weights_of_a_fit_reach_the_scorer_without_routing(costs):
    weights = np.arange(40.0)
    search = GridSearchCV(LinearCosts(), {"scale": [-1.0]}, scoring=relative_regret_scorer, cv=2)
    search.fit(costs, costs, sample_weight=weights)
    expected = [
        relative_regret_scorer(
            LinearCosts(-1.0), costs[part], costs[part], sample_weight=weights[part]
        )
        for part in (slice(20), slice(20, 40))
    ]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], np.mean(expected))


def test_weights_and_context_are_routed(costs):
    context = np.zeros(40, dtype=[("allowed", bool, 5)])
    context["allowed"][:, 1:] = True
    weights = np.arange(40.0)
    with config_context(enable_metadata_routing=True):
        scorer = clone(relative_regret_scorer).set_score_request(sample_weight=True, context=True)
        model = LinearCosts(-1.0).set_fit_request(sample_weight=False)
        routed = cross_validate(
            model,
            costs,
            costs,
            scoring=scorer,
            cv=[(np.arange(40), np.arange(10, 30))],
            params={"sample_weight": weights, "context": context},
        )["test_score"]
    part = slice(10, 30)
    model.fit(costs, costs)
    for received in ({}, {"sample_weight": weights[part]}, {"context": context[part]}):
        partly = relative_regret_scorer(model, costs[part], costs[part], **received)
        assert partly != pytest.approx(routed[0])
    expected = relative_regret_scorer(
        model, costs[part], costs[part], sample_weight=weights[part], context=context[part]
    )
    assert routed[0] == pytest.approx(expected)
    assert "_metadata_request" not in vars(relative_regret_scorer)


@pytest.mark.parametrize("copied", [clone, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_copied_scorers_score_alike(copied, costs):
    model = LinearCosts(-1.0).fit(costs, costs)
    for scorer in (relative_regret_scorer, DecisionScorer(regret, solver=Cheapest())):
        assert copied(scorer)(model, costs, costs) == scorer(model, costs, costs) < 0


def test_solver_of_the_scorer_the_search_and_nobody(costs):
    without_solver = SimpleNamespace(predict=lambda X: Cheapest().solve(-X))
    given = DecisionScorer(relative_regret, solver=Cheapest())
    search = GridSearchCV(LinearCosts(), {"scale": [-1.0]}, scoring=given, cv=2).fit(costs, costs)
    expected = given(without_solver, costs, costs)
    assert relative_regret_scorer(search, costs, costs) == pytest.approx(expected)
    with pytest.raises(ValueError, match="estimator must have a solver, got SimpleNamespace"):
        relative_regret_scorer(without_solver, costs, costs)


def test_unknown_truth_is_named(costs):
    with pytest.raises(ValueError, match="truth must be 'costs' or 'solutions', got 'labels'"):
        DecisionScorer(exact_match, truth="labels")(LinearCosts(), costs, costs)


def test_every_public_name_is_listed():
    public = {name for name in vars(metrics) if not name.startswith("_")}
    modules = {name for name in public if inspect.ismodule(getattr(metrics, name))}
    assert public - modules == set(metrics.__all__)


def test_a_plain_function_finds_the_best_decisions():
    def greedy(costs):
        best = costs.argmin(axis=1)
        costs[:] = 0  # a function may use its argument as a notepad
        return np.eye(costs.shape[1])[best]

    true_costs = np.array([[1.0, 2.0, 3.0]])
    assert regret(true_costs, [[0, 0, 1]], solver=greedy) == 2
    np.testing.assert_array_equal(true_costs, [[1.0, 2.0, 3.0]])


def test_rounding_to_single_precision_is_no_mistake():
    right = np.array([[0.3, 0.7], [0.1, 0.9]])
    assert exact_match(right, right.astype(np.float32)) == 1
    assert exact_match(right, right + 0.001) == 0
