import numpy as np
import pytest
import tensorflow as tf

from skid.gradients import Identity
from skid.inputs import Inputs
from skid.learning_to_rank._averages import SCALE
from skid.learning_to_rank._data import TrainingData
from skid.learning_to_rank._objective import KERNEL_DECAY, RankingObjective, RankingRule
from skid.learning_to_rank._relevance import MAXIMUM_LEVELS, Levels
from skid.losses import NDCG, AveragePrecision
from skid.metrics import mean_average_precision, mean_ndcg
from skid.networks import MultilayerPerceptron

CONTROL = {name: tf.constant(0.0, tf.float64) for name in RankingObjective.controls}


def reported_loss(X, relevance, query, order, *, loss, gain="exponential"):
    """Loss of one batch, and the scores of the network."""
    network = MultilayerPerceptron((X.shape[1], 1))
    weights = network.initial(1, np.random.RandomState(0), np.float64)
    levels = Levels.of(relevance, loss, gain)
    best = levels.best(relevance, query, loss)
    inputs = Inputs("none").fit(X, np.ones(len(X)))
    data = TrainingData(X, relevance, query.astype(np.int32), levels, best, inputs)
    batch = {name: tf.constant(values[order]) for name, values in data.arrays.items()}
    constants = {"grades": tf.constant(levels.grades), "gains": tf.constant(levels.gains)}
    rule = RankingRule(loss, len(levels.grades), "none", None, Identity())
    tensors = {name: tf.constant(value) for name, value in weights.items()}
    objective = RankingObjective(network, rule, 1, True)
    _, reported, _ = objective.loss(tensors, batch, constants, CONTROL, tf.constant([0, 0]))
    return float(reported), network.predict(weights, X)[:, 0]


@pytest.fixture
def lists():
    random = np.random.RandomState(1)
    query = np.repeat(np.arange(4), [5, 2, 9, 3])
    relevance = random.randint(0, 4, size=len(query)).astype(float)
    return random.normal(size=(len(query), 3)), relevance, query


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize("gain", ["exponential", "linear"])
@pytest.mark.parametrize("k", [None, 1, 3])
def test_loss_is_what_the_mean_gain_lacks(lists, gain, k, padding):
    X, relevance, query = lists
    order = np.pad(np.arange(len(query)), (0, padding), mode="edge")
    reported, scores = reported_loss(X, relevance, query, order, loss=NDCG(k), gain=gain)
    assert reported == pytest.approx(1 - mean_ndcg(relevance, scores, qid=query, k=k, gain=gain))


def test_loss_is_what_the_mean_average_precision_lacks(lists):
    X, relevance, query = lists
    reported, scores = reported_loss(
        X, relevance, query, np.arange(len(query)), loss=AveragePrecision()
    )
    assert reported == pytest.approx(1 - mean_average_precision(relevance, scores, qid=query))


def test_many_grades_are_rounded_down_to_a_few():
    relevance = np.linspace(0, 10, 101)
    levels = Levels.of(relevance, NDCG(), "linear")
    assert len(levels.grades) == MAXIMUM_LEVELS
    reached = (relevance[:, None] >= levels.grades) @ levels.gains
    assert (reached <= relevance + 1e-9).all()
    assert np.abs(reached - relevance).max() < 0.8
    assert reached[-1] == pytest.approx(10)


def test_each_network_decays_at_its_own_rate():
    network = MultilayerPerceptron((3, 1))
    rule = RankingRule(NDCG(), 1, "none", None, Identity())
    objective = RankingObjective(network, rule, 2, True)
    constants = {"decays": tf.constant([1.0, 3.0])}
    kernel, scale = tf.ones((2, 3, 1)), tf.ones((2, 3))
    of_kernel = objective.decay("kernel_0", kernel, constants, {}).numpy()
    np.testing.assert_allclose(of_kernel[:, 0, 0], [KERNEL_DECAY, 3 * KERNEL_DECAY], rtol=1e-6)
    of_scale = objective.decay(SCALE, scale, constants, {}).numpy()
    np.testing.assert_allclose(of_scale[:, 0], [1, 3])
    assert objective.decay("bias_0", scale, constants, {}) is None
