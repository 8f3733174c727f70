import numpy as np
import pytest
import tensorflow as tf

from skid.gradients import Identity
from skid.losses import Recall, rank_loss
from skid.networks import MultilayerPerceptron
from skid.retrieval._objective import RetrievalObjective, RetrievalRule

CONTROL = {name: tf.constant(0.0, tf.float64) for name in ("noise_scale", "rate", "decay")}
SEED = tf.constant([0, 0])


def objective(memory_size=0):
    rule = RetrievalRule(Recall(), "std", None, Identity())
    return RetrievalObjective(MultilayerPerceptron((3, 2)), rule, True, memory_size)


def batch_of(X, labels, rows=None):
    rows = np.arange(len(X)) if rows is None else np.asarray(rows)
    return {
        "X": tf.constant(X),
        "label": tf.constant(labels, tf.int32),
        "row": tf.constant(rows, tf.int32),
    }


@pytest.fixture
def X():
    return np.random.RandomState(0).normal(size=(8, 3))


@pytest.fixture
def weights():
    initial = MultilayerPerceptron((3, 2)).initial(1, np.random.RandomState(0), np.float64)
    return {name: tf.constant(value) for name, value in initial.items()}


def loss_and_gradient(objective, weights, batch):
    with tf.GradientTape() as tape:
        tape.watch(weights["kernel_0"])
        total, reported, updates = objective.loss(weights, batch, {}, CONTROL, SEED)
    return float(reported), tape.gradient(total, weights["kernel_0"]), updates


def test_loss_is_the_mean_over_queries_that_have_something_to_find(X, weights):
    labels = np.array([0, 0, 1, 1, 1, 2, 3, 4])
    vectors = tf.math.l2_normalize(X @ weights["kernel_0"][0], axis=1)
    scores = tf.matmul(vectors, vectors, transpose_b=True)
    relevance = (labels[:, None] == labels).astype(int)
    losses = rank_loss(scores, relevance, ~np.eye(8, dtype=bool))
    reported, gradient, _ = loss_and_gradient(objective(), weights, batch_of(X, labels))
    assert reported == pytest.approx(np.mean(losses[:5]))
    assert np.abs(gradient).max() > 0


@pytest.mark.parametrize("labels", [np.zeros(8), np.arange(8)])
def test_batches_without_contrast_or_without_relevant_rows_teach_nothing(labels, X, weights):
    reported, gradient, _ = loss_and_gradient(objective(), weights, batch_of(X, labels))
    assert reported == 0
    assert not np.any(gradient)


def test_equal_images_give_finite_gradients(weights):
    batch = batch_of(np.ones((8, 3)), np.array([0, 0, 1, 1, 2, 2, 3, 3]))
    reported, gradient, _ = loss_and_gradient(objective(), weights, batch)
    assert reported > 0
    assert np.isfinite(gradient).all()


def test_memory_holds_the_last_embeddings_and_they_are_ranked(X, weights):
    with_memory = objective(memory_size=8)
    empty = {k: tf.constant(v) for k, v in with_memory.empty_memory(2, np.float64).items()}
    labels = np.array([0, 0, 1, 1, 1, 2, 3, 4])
    first = batch_of(X[:4], labels[:4])
    alone, _, updates = loss_and_gradient(with_memory, weights | empty, first)
    assert alone == pytest.approx(loss_and_gradient(objective(), weights, first)[0])
    vectors = tf.math.l2_normalize(X @ weights["kernel_0"][0], axis=1)
    np.testing.assert_allclose(updates["memory_vectors"][:4], vectors[:4])
    assert updates["memory_rows"].numpy().tolist() == [0, 1, 2, 3, -1, -1, -1, -1]

    second = batch_of(X[4:], labels[4:], np.arange(4, 8))
    reported, _, _ = loss_and_gradient(with_memory, weights | updates, second)
    # Only the first row of the second batch has others of its label: two, in the memory.
    order = [4, 5, 6, 7, 0, 1, 2, 3]
    scores = tf.gather(vectors @ tf.transpose(vectors), order, axis=1)[4:5]
    relevance = (labels[order] == 1).astype(int)[None]
    expected = rank_loss(scores, relevance, np.arange(8)[None] > 0)
    assert reported == pytest.approx(float(expected[0]))


def test_a_row_does_not_find_its_own_copy_in_the_memory(X, weights):
    with_memory = objective(memory_size=8)
    empty = {k: tf.constant(v) for k, v in with_memory.empty_memory(2, np.float64).items()}
    batch = batch_of(X, np.arange(8))
    _, _, updates = loss_and_gradient(with_memory, weights | empty, batch)
    assert loss_and_gradient(with_memory, weights | updates, batch)[0] == 0
