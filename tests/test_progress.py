"""Fits that are watched, in the families that draw batches by rules of their own."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from skid import (
    DiscreteAutoencoder,
    GraphMatcher,
    QueryRanker,
    RankingRetriever,
    RationaleClassifier,
    SolverPredictor,
    SubsetSelectorClassifier,
)
from skid.decision import context_array
from skid.engine import Program
from skid.solvers import Knapsack

RANDOM = np.random.RandomState(0)
ROWS = RANDOM.rand(60, 5).astype(np.float32)
LABELS = np.arange(60) % 3
TEXTS = ["good film", "bad film", "good one", "bad thing"] * 30
GRAPHS, PARTNERS = [(rows, rows[::-1]) for rows in RANDOM.rand(10, 3, 2)], [[2, 1, 0]] * 10


@pytest.mark.parametrize(
    ("estimator", "data", "fit_parameters"),
    [
        (DiscreteAutoencoder(2, group_size=4, k=2), (ROWS,), {}),
        (RankingRetriever(), (ROWS, LABELS), {}),
        (QueryRanker(), (ROWS, LABELS), {"qid": np.arange(60) // 6}),
        (RationaleClassifier(1), (TEXTS, [1, 0] * 60), {}),
        (GraphMatcher("assignment", hidden_layer_sizes=4), (GRAPHS, PARTNERS), {}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_watched_fit_tells_of_every_epoch_and_ends_with_the_same_bits(
    estimator, data, fit_parameters, capsys
):
    estimator.set_params(max_iter=4, random_state=0)
    silent = estimator.fit(*data, **fit_parameters)._model
    curve = estimator.loss_curve_
    assert capsys.readouterr().err == ""
    estimator.set_params(verbose=1).fit(*data, **fit_parameters)
    bar = capsys.readouterr().err
    assert all(f"epoch {epoch}/4" in bar for epoch in (1, 2, 3, 4))
    assert estimator.loss_curve_ == curve
    assert len(curve) == estimator.n_iter_ == 4
    weights = estimator._model.weights
    assert weights.keys() == silent.weights.keys()
    for name, values in weights.items():
        np.testing.assert_array_equal(values, silent.weights[name])


def logged(estimator, score, *data, **metadata):
    """Scores of the fitted model and of each epoch."""
    callback = pytest.importorskip("sklearn.callback")
    monitor = callback.ScoringMonitor(scoring={"score": score})
    estimator.set_params(max_iter=3, random_state=0).set_callbacks(monitor)
    estimator.fit(*data, **metadata)
    return [row["score"] for row in monitor.get_logs().data]


@pytest.mark.parametrize(
    ("estimator", "data"),
    [
        (RankingRetriever(), (ROWS, LABELS)),
        (QueryRanker(hidden_layer_sizes=(4,)), (ROWS, LABELS)),
        (RationaleClassifier(1), (TEXTS, [1, 0] * 60)),
        (GraphMatcher("assignment", hidden_layer_sizes=4), (GRAPHS, PARTNERS)),
        (SubsetSelectorClassifier(2), (ROWS, LABELS)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_callbacks_see_each_epoch_and_the_fitted_model(estimator, data):
    scores = logged(estimator, lambda model, X, y: model.score(X, y), *data)
    assert len(scores) == 4
    assert scores[0] == estimator.score(*data)


def test_callbacks_may_ask_for_neighbours():
    estimator = RankingRetriever()
    scores = logged(estimator, "accuracy", ROWS, LABELS)
    assert scores[0] == np.mean(estimator.predict(ROWS) == LABELS)


@pytest.fixture
def calls(monkeypatch):
    """One entry for every call of a training program."""
    calls, run = [], Program.run

    def counted(*arguments):
        calls.append(arguments)
        return run(*arguments)

    monkeypatch.setattr(Program, "run", counted)
    return calls


def test_a_pipeline_and_a_search_that_nobody_watches_train_in_as_few_calls_as_a_fit(calls):
    selector = SubsetSelectorClassifier(2, max_iter=20, random_state=0)
    selector.fit(ROWS, LABELS)
    n_calls = len(calls)
    Pipeline([("select", selector)]).fit(ROWS, LABELS)
    assert len(calls) == 2 * n_calls
    everything = [(np.arange(60), np.arange(60))]
    GridSearchCV(selector, {"max_iter": [20]}, cv=everything, refit=False).fit(ROWS, LABELS)
    assert len(calls) == 3 * n_calls


class Tasks:
    """Names of the tasks that a callback hears of, those of estimators inside of others as well."""

    max_propagation_depth = None

    def __init__(self):
        self.names = []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.names.append(context.task_name)


def test_who_watches_a_search_sees_the_epochs_of_its_fits():
    pytest.importorskip("sklearn.callback")
    tasks = Tasks()
    selector = SubsetSelectorClassifier(2, max_iter=3, random_state=0)
    search = GridSearchCV(Pipeline([("select", selector)]), {}, cv=2).set_callbacks(tasks)
    search.fit(ROWS, LABELS)
    n_fits = 2 + 1
    assert tasks.names.count("epoch") == n_fits * 3


def test_callbacks_hear_of_sample_weights():
    estimator, weights = SubsetSelectorClassifier(2), np.where(LABELS == 0, 1e6, 1.0)
    with config_context(enable_metadata_routing=True):
        scorer = get_scorer("accuracy").set_score_request(sample_weight=True)
        scores = logged(estimator, scorer, ROWS, LABELS, sample_weight=weights)
    assert scores[0] == pytest.approx(estimator.score(ROWS, LABELS, weights))


def test_callbacks_hear_of_queries_and_contexts():
    qid = np.arange(60) // 6
    ranker = QueryRanker(hidden_layer_sizes=(4,)).set_score_request
    solver = Knapsack(weights=[1.0, 2.0, 3.0], capacity=4.0)
    context = context_array(capacity=np.where(LABELS == 0, 3.0, 5.0))
    packed = solver.solve(-ROWS[:, :3], capacity=context["capacity"])
    with config_context(enable_metadata_routing=True):
        ranker = QueryRanker(hidden_layer_sizes=(4,)).set_score_request(qid=True)
        scores = logged(ranker, None, ROWS, LABELS, qid=qid)
        assert scores[0] == ranker.score(ROWS, LABELS, qid=qid)
        predictor = SolverPredictor(solver).set_score_request(context=True)
        scores = logged(predictor, None, ROWS, packed, context=context)
        assert scores[0] == predictor.score(ROWS, packed, context=context)
