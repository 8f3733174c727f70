"""Losses of one's own in the estimators: they learn, and are parameters like any other."""

import pickle
from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skid import QueryRanker, RankingRetriever, SolverPredictor
from skid.decision._defaults import decision_controls
from skid.engine import trace_count
from skid.learning_to_rank._defaults import training_loss
from skid.losses import NDCG, DecisionLoss, EmbeddingLoss, Hamming, RankingLoss
from skid.solver_objective import solver_rule
from skid.solvers import GridShortestPath, TopK


@dataclass(frozen=True)
class Missed(DecisionLoss):
    """Weighted number of right entries that a decision lacks."""

    weight: float = 2.0

    def __call__(self, batch):
        return self.weight * tf.reduce_sum(tf.nn.relu(batch.solutions - batch.decide()), axis=1)


@dataclass(frozen=True)
class AbsoluteCosts(DecisionLoss):
    needs_true_costs: ClassVar[bool] = True
    through_solver: ClassVar[bool] = False
    in_true_units: ClassVar[bool] = True
    needs_any_sign: ClassVar[bool] = True

    def __call__(self, batch):
        errors = (batch.predicted_costs - batch.true_costs) / batch.scale
        return tf.reduce_mean(tf.abs(errors), axis=1)


@dataclass(frozen=True)
class LogarithmOfAbove(RankingLoss):
    unit: float = 1.0

    def value(self, place, above):
        return tf.math.log1p(above / self.unit)

    def slope(self, place, above):
        return 1.0 / (self.unit + above)


@dataclass(frozen=True)
class Contrastive(EmbeddingLoss):
    """Pulls together what belongs together, and pushes the rest below a margin."""

    margin: float = 0.3

    def __call__(self, batch):
        pull = tf.cast(batch.mask & batch.relevant, batch.scores.dtype)
        push = tf.cast(batch.mask & ~batch.relevant, batch.scores.dtype)
        costs = pull * (1 - batch.scores) + push * tf.nn.relu(batch.scores - self.margin)
        return tf.reduce_mean(costs, axis=1)


@dataclass(frozen=True)
class Proxies(EmbeddingLoss):
    """Softmax over the cosines of a row and a trained vector of each class."""

    def initial(self, n_classes, n_components, random_state):
        return {"proxies": random_state.normal(size=(n_classes, n_components))}

    def __call__(self, batch):
        proxies = tf.math.l2_normalize(batch.parameters["proxies"], axis=1)
        logits = 5.0 * tf.matmul(batch.vectors, proxies, transpose_b=True)
        own = tf.one_hot(batch.labels, proxies.shape[0], dtype=logits.dtype)
        return -tf.reduce_mean(tf.reduce_sum(own * tf.nn.log_softmax(logits), axis=1))


def decider(**parameters):
    return SolverPredictor(TopK(2), random_state=0, **({"max_iter": 30} | parameters))


def retriever(**parameters):
    common = {"hidden_layer_sizes": (), "n_components": 4, "max_iter": 12, "random_state": 0}
    return RankingRetriever(**(common | parameters))


@pytest.fixture(scope="module")
def subset_task():
    random = np.random.RandomState(0)
    X = random.normal(size=(400, 4)).astype(np.float32)
    costs = (X @ random.normal(size=(4, 6))).astype(np.float32)
    return X, costs, TopK(2).solve(costs)


@pytest.fixture(scope="module")
def classes():
    """Two columns that tell six classes apart, among six of stronger noise."""
    random = np.random.RandomState(0)
    y = np.arange(240) % 6
    X = 3 * random.normal(size=(240, 8))
    X[:, 0] = np.cos(y) + 0.1 * random.normal(size=240)
    X[:, 1] = np.sin(y) + 0.1 * random.normal(size=240)
    return X.astype(np.float32), y


@pytest.fixture(scope="module")
def documents():
    random = np.random.RandomState(0)
    X = random.normal(size=(600, 5))
    relevance = np.digitize(X[:, 0] - X[:, 1], [0.5, 1.5, 2.5])
    return X, relevance, np.repeat(np.arange(60), 10)


@pytest.mark.parametrize("loss", [Missed(), AbsoluteCosts()])
def test_decisions_are_learnt(loss, subset_task):
    X, costs, _ = subset_task
    model = decider(loss=loss, target="costs").fit(X[:300], costs[:300])
    assert model.score(X[300:], costs[300:]) > 0.9


def test_predicted_costs_have_the_unit_of_the_true_ones_where_the_loss_says_so(subset_task):
    X, costs, _ = subset_task
    model = decider(loss=AbsoluteCosts(), target="costs", max_iter=100)
    model.fit(X, 100 * costs + 500)
    np.testing.assert_allclose(model.predict_costs(X), 100 * costs + 500, atol=20)


def test_rankings_of_neighbours_are_learnt(classes):
    X, y = classes
    before = retriever(learning_rate_init=1e-12, max_iter=1).fit(X, y).score(X, y)
    for loss in (LogarithmOfAbove(2.0), Contrastive(), Proxies()):
        model = retriever(loss=loss, max_iter=100).fit(X, y)
        assert np.mean(model.loss_curve_[-5:]) < np.mean(model.loss_curve_[:5])
        assert model.score(X, y) > before + 0.2


def test_rankings_of_documents_are_learnt(documents):
    X, relevance, query = documents
    loss = LogarithmOfAbove()
    model = QueryRanker(loss, max_iter=20, random_state=0).fit(X, relevance, qid=query)
    assert model.score(X, relevance, qid=query) > 0.95


def test_own_parameters_are_trained_and_left_behind(classes):
    X, y = classes
    model = retriever(loss=Proxies(), warm_start=True).fit(X, y)
    plain = retriever(warm_start=True).fit(X, y)
    trained = model._training_state.parameters
    assert trained["loss_proxies"].shape == (6, 4)
    assert trained["loss_proxies"].dtype == np.float32
    assert model._training_state.moments[0]["loss_proxies"].any()
    assert {*model._model.weights} == {*plain._model.weights}
    assert {*trained} == {*model._model.weights, "loss_proxies"}
    assert "_training_state" not in vars(retriever(loss=Proxies()).fit(X, y))


def test_warm_start_goes_on_with_own_parameters_for_the_same_classes(classes):
    X, y = classes
    model = retriever(loss=Proxies(), warm_start=True).fit(X, y)
    model.set_params(learning_rate_init=1e-12)
    proxies = model._training_state.parameters["loss_proxies"]
    same = model.fit(X[::-1], y[::-1])._training_state.parameters["loss_proxies"]
    np.testing.assert_allclose(same, proxies, atol=1e-6)
    # Other classes, or another number of them, have proxies of their own.
    for others in (y + 1, y % 3):
        now = deepcopy(model).fit(X, others)._training_state.parameters["loss_proxies"]
        assert now.shape == (others.max() - others.min() + 1, 4)
        assert now.shape != proxies.shape or np.abs(now - proxies).max() > 0.01


def test_warm_start_goes_on_with_another_loss(classes):
    X, y = classes
    model = retriever(loss=Proxies(), warm_start=True).fit(X, y)
    for loss in ("recall", Contrastive(), Proxies()):
        score = model.score(X, y)
        assert model.set_params(loss=loss).fit(X, y).score(X, y) > score - 0.1


def test_embeddings_of_a_network_of_ones_own_with_memory(classes):
    def network(input_shape, n_outputs):
        return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(n_outputs)])

    X, y = classes
    for loss in (Contrastive(), Proxies()):
        model = retriever(loss=loss, network=network, memory=2, max_iter=60).fit(X, y)
        assert np.mean(model.loss_curve_[-5:]) < np.mean(model.loss_curve_[:5])


def test_they_compile(classes, by_xla):
    X, y = classes
    for loss in (LogarithmOfAbove(), Proxies()):
        model = retriever(loss=loss).fit(X, y)
        assert np.isfinite(model.loss_curve_).all()


def test_losses_are_parameters_like_any_other(subset_task):
    X, _, right = subset_task
    model = decider(loss=Missed(3.0), max_iter=1)
    assert model.get_params()["loss"] == Missed(3.0)
    assert clone(model).loss == model.loss
    model.fit(X, right)
    traced = trace_count()
    same = clone(model).fit(X, right)
    assert trace_count() == traced
    np.testing.assert_array_equal(same.predict_costs(X), model.predict_costs(X))
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    clone(model).set_params(loss=Missed(4.0)).fit(X, right)
    assert trace_count() > traced


def test_grid_over_losses(subset_task):
    X, _, right = subset_task
    losses = ["hamming", Hamming(), Missed(1.0)]
    search = GridSearchCV(decider(), {"loss": losses}, cv=2).fit(X, right)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == scores[1]
    assert (scores > 0.7).all()
    assert search.cv_results_["params"][2] == {"loss": Missed(1.0)}


def test_noise_of_a_loss_stays_on_and_a_direct_loss_has_none():
    @dataclass(frozen=True)
    class Perturbed(AbsoluteCosts):
        default_noise_scale: ClassVar[float | None] = 2.0

    for gradient in ("identity", "perturbed"):
        model = decider(loss=Perturbed(), gradient=gradient)
        rule, noise_scale = solver_rule(model, TopK(2))
        controls = decision_controls(model, TopK(2), rule, 10, noise_scale, one_pass=False)
        assert (controls[:, 0] == 2.0).all()
        assert rule.noise is not None
    assert solver_rule(decider(loss=Perturbed(), noise_scale=0.5), TopK(2))[1] == 0.5
    direct, _ = solver_rule(decider(loss=AbsoluteCosts(), n_draws=3), TopK(2))
    assert direct.noise is None
    assert (direct.n_draws, direct.projection) == (1, "none")
    through, noise_scale = solver_rule(decider(loss=Missed()), TopK(2))
    assert noise_scale == TopK.default_noise_scale
    assert through.projection == TopK.default_projection


def test_needs_are_checked(subset_task):
    X, _, right = subset_task
    message = r"target must be 'costs' for loss=AbsoluteCosts\(\), .* got 'solutions'"
    with pytest.raises(ValueError, match=message):
        decider(loss=AbsoluteCosts()).fit(X, right)
    message = r"solver must take costs of any sign for loss=AbsoluteCosts\(\), got GridShortestPath"
    with pytest.raises(ValueError, match=message):
        SolverPredictor(GridShortestPath((2, 2)), target="costs", loss=AbsoluteCosts()).fit(
            X, np.ones((len(X), 2, 2))
        )


def test_a_loss_of_the_wrong_shape(subset_task, classes):
    class Total(DecisionLoss):
        def __call__(self, batch):
            return tf.reduce_sum(batch.decide() - batch.solutions)

    class Pairs(EmbeddingLoss):
        def __call__(self, batch):
            return batch.scores

    X, _, right = subset_task
    with pytest.raises(ValueError, match=r"must return one value per row, of shape \(32,\), got"):
        decider(loss=Total(), max_iter=1).fit(X, right)
    with pytest.raises(ValueError, match=r"must return one value per row, of shape .* got"):
        retriever(loss=Pairs(), max_iter=1).fit(*classes)


def test_losses_of_embeddings_rank_no_documents(documents):
    X, relevance, query = documents
    with pytest.raises(ValueError, match="The 'loss' parameter of QueryRanker must be"):
        QueryRanker(Contrastive()).fit(X, relevance, qid=query)


def test_cut_off_of_the_loss_wins():
    assert training_loss(QueryRanker("ndcg", k=5)) == NDCG(15)
    assert training_loss(QueryRanker(NDCG(7), k=5)) == NDCG(7)
    assert training_loss(QueryRanker("map", k=5)).k is None
    assert training_loss(QueryRanker(LogarithmOfAbove(), k=5)) == LogarithmOfAbove()
