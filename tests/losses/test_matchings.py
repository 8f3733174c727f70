import itertools

import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import minimize

from skid.losses import DecisionBatch, MatchingBatch, SinkhornCrossEntropy
from skid.matching._model import relaxed_matching

SIZES = [(2, 2), (3, 2), (2, 4), (4, 4)]
PARTNERS = [[1, -1], [0, -1, 1], [3, 0], [2, 0, 1, -1]]
WHOLE = [[1, 0], [0, -1, 1], [3, 0], [2, 0, 1, 3]]


def batch_of(costs, partners, may_be_unmatched):
    """Pairs that are padded to four nodes; costs of edges follow those of nodes."""
    right = np.zeros((len(SIZES), 4, 4))
    for row, match in enumerate(partners):
        for i, j in enumerate(match):
            if j >= 0:
                right[row, i, j] = 1
    right = np.concatenate([right.reshape(len(SIZES), -1), np.ones((len(SIZES), 3))], axis=1)
    return MatchingBatch(
        costs,
        tf.constant(right),
        None,
        n_nodes=tf.constant(SIZES, tf.int32),
        size=(4, 4),
        may_be_unmatched=may_be_unmatched,
    )


@pytest.fixture
def costs():
    return np.random.RandomState(0).normal(size=(len(SIZES), 4 * 4 + 3))


def relaxed_by_brute_force(costs, may_be_unmatched):
    """The relaxed matching with a spare row and column, by a general optimiser of its dual."""
    n_a, n_b = costs.shape
    spare = (n_b, n_a) if may_be_unmatched else (max(n_b - n_a, 0), max(n_a - n_b, 0))
    rows, columns = np.ones(n_a + (spare[0] > 0)), np.ones(n_b + (spare[1] > 0))
    rows[n_a:], columns[n_b:] = spare[0], spare[1]
    scores = np.zeros((len(rows), len(columns)))
    scores[:n_a, :n_b] = -costs

    def dual(potentials):
        u, v = potentials[: len(rows)], potentials[len(rows) :]
        plan = np.exp(scores + u[:, None] + v)
        value = plan.sum() - u @ rows - v @ columns
        return value, np.concatenate([plan.sum(axis=1) - rows, plan.sum(axis=0) - columns])

    found = minimize(dual, np.zeros(len(rows) + len(columns)), jac=True, tol=1e-14)
    u, v = found.x[: len(rows)], found.x[len(rows) :]
    return np.exp(scores + u[:, None] + v), n_a, n_b


def cross_entropy(costs, partners, may_be_unmatched):
    plan, n_a, n_b = relaxed_by_brute_force(costs, may_be_unmatched)
    entries = [plan[i, j if j >= 0 else n_b] for i, j in enumerate(partners)]
    entries += [plan[n_a, j] for j in range(n_b) if j not in partners]
    return -np.log(entries).sum()


@pytest.mark.parametrize(("may_be_unmatched", "partners"), [(True, PARTNERS), (False, WHOLE)])
def test_loss_is_the_cross_entropy_of_the_relaxed_matching(may_be_unmatched, partners, costs):
    losses = SinkhornCrossEntropy(500)(batch_of(tf.constant(costs), partners, may_be_unmatched))
    for row, ((n_a, n_b), match) in enumerate(zip(SIZES, partners, strict=True)):
        of_nodes = costs[row, :16].reshape(4, 4)[:n_a, :n_b]
        expected = cross_entropy(of_nodes, match, may_be_unmatched)
        assert float(losses[row]) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("may_be_unmatched", "partners"), [(True, PARTNERS), (False, WHOLE)])
def test_few_iterations_come_near(may_be_unmatched, partners, costs):
    few, many = (
        SinkhornCrossEntropy(n)(batch_of(tf.constant(costs), partners, may_be_unmatched))
        for n in (20, 500)
    )
    np.testing.assert_allclose(few, many, atol=0.02)


@pytest.mark.parametrize("may_be_unmatched", [True, False])
def test_probabilities_of_the_model_are_those_of_the_loss(may_be_unmatched, costs):
    for row, (n_a, n_b) in enumerate(SIZES):
        of_nodes = costs[row, :16].reshape(4, 4)[:n_a, :n_b]
        plan, _, _ = relaxed_by_brute_force(of_nodes, may_be_unmatched)
        found = relaxed_matching(-of_nodes, may_be_unmatched)
        np.testing.assert_allclose(found, plan[:n_a, :n_b], atol=1e-5)


@pytest.mark.parametrize(("may_be_unmatched", "partners"), [(True, PARTNERS), (False, WHOLE)])
def test_gradient_is_that_of_finite_differences(may_be_unmatched, partners, costs):
    loss = SinkhornCrossEntropy(20)
    at = tf.constant(costs)
    with tf.GradientTape() as tape:
        tape.watch(at)
        total = tf.reduce_sum(loss(batch_of(at, partners, may_be_unmatched)))
    gradient = tape.gradient(total, at).numpy()
    for place in itertools.product(range(len(SIZES)), (0, 1, 4, 5, 15, 17)):
        shift = np.zeros_like(costs)
        shift[place] = 1e-5
        above, below = (
            tf.reduce_sum(loss(batch_of(tf.constant(moved), partners, may_be_unmatched)))
            for moved in (costs + shift, costs - shift)
        )
        assert gradient[place] == pytest.approx(float(above - below) / 2e-5, abs=1e-5)
    # Neither padding nor edges have a gradient.
    assert not gradient[:, 16:].any()
    assert not gradient[0, :16].reshape(4, 4)[2:].any()


def test_certain_right_partners_cost_nothing(costs):
    batch = batch_of(tf.constant(costs), WHOLE, may_be_unmatched=False)
    sure = MatchingBatch(
        tf.constant(10 - 20 * batch.solutions.numpy()),
        batch.solutions,
        None,
        n_nodes=batch.n_nodes,
        size=(4, 4),
    )
    np.testing.assert_allclose(SinkhornCrossEntropy(1000)(sure), 0, atol=5e-3)


def test_loss_of_other_decisions():
    batch = DecisionBatch(tf.zeros((2, 3)), tf.zeros((2, 3)), None)
    with pytest.raises(ValueError, match=r"is a loss of matchings only, see skid\.GraphMatcher"):
        SinkhornCrossEntropy()(batch)


@pytest.mark.parametrize("n_iterations", [0, 2.5])
def test_number_of_iterations(n_iterations):
    with pytest.raises(ValueError, match=f"n_iterations must be .*, got {n_iterations}"):
        SinkhornCrossEntropy(n_iterations)
