import numpy as np
import pytest
import tensorflow as tf

from skid.losses import (
    hamming,
    perturbed_fenchel_young,
    regret,
    spo_plus,
    squared_distance,
)
from skid.solvers import TopK

SOLVER = TopK(2)


@pytest.fixture
def instances():
    random = np.random.RandomState(0)
    predicted, true = random.normal(size=(2, 6, 5))
    return predicted, true, SOLVER.solve(true)


def gradient_of(loss, at):
    at = tf.constant(at)
    with tf.GradientTape() as tape:
        tape.watch(at)
        total = tf.reduce_sum(loss(at))
    return tape.gradient(total, at).numpy()


def central_difference(loss, at, step=1e-6):
    slopes = np.empty_like(at)
    for place in np.ndindex(at.shape):
        shift = np.zeros_like(at)
        shift[place] = step
        slopes[place] = (loss(at + shift) - loss(at - shift)) / (2 * step)
    return slopes


@pytest.mark.parametrize("loss", [hamming, squared_distance])
def test_distance_to_the_right_decision_has_the_difference_as_gradient(loss, instances):
    predicted, _, right = instances
    solutions = SOLVER.solve(predicted)
    difference = gradient_of(lambda y: loss(y, right), solutions)
    np.testing.assert_array_equal(difference, solutions - right)


def test_hamming_counts_wrong_entries():
    wrong = hamming(
        tf.constant([[[1.0, 0.0], [0.0, 1.0]]]), tf.constant([[[0.0, 1.0], [0.0, 1.0]]])
    )
    np.testing.assert_array_equal(wrong, [2.0])


def test_regret_is_the_excess_cost(instances):
    predicted, true, right = instances
    solutions = SOLVER.solve(predicted)
    excess = (true * solutions).sum(axis=1) - (true * right).sum(axis=1)
    np.testing.assert_allclose(regret(true, solutions, right), excess)
    assert (excess >= 0).all()


def test_spo_plus_bounds_the_regret_and_vanishes_at_the_true_costs(instances):
    predicted, true, right = instances
    bound = spo_plus(predicted, true, right, SOLVER.solve).numpy()
    excess = regret(true, SOLVER.solve(predicted), right).numpy()
    assert (bound >= excess - 1e-12).all()
    np.testing.assert_allclose(spo_plus(true, true, right, SOLVER.solve), 0, atol=1e-12)


def test_spo_plus_has_the_gradient_of_its_formula(instances):
    predicted, true, right = instances

    def formula(costs):
        between = 2 * costs - true
        least = (between * SOLVER.solve(between)).sum(axis=1)
        return (2 * (costs * right).sum(axis=1) - least - (true * right).sum(axis=1)).sum()

    np.testing.assert_allclose(
        gradient_of(lambda costs: spo_plus(costs, true, right, SOLVER.solve_tf), predicted),
        central_difference(formula, predicted),
        atol=1e-6,
    )


def test_fenchel_young_has_the_gradient_of_its_formula(instances):
    predicted, _, right = instances
    noise = np.random.RandomState(1).normal(size=predicted.shape)

    def formula(costs):
        perturbed = costs + noise
        least = (perturbed * SOLVER.solve(perturbed)).sum(axis=1)
        return ((costs * right).sum(axis=1) - least).sum()

    loss = lambda costs: perturbed_fenchel_young(costs, noise, right, SOLVER.solve_tf)  # noqa: E731
    np.testing.assert_allclose(
        gradient_of(loss, predicted), central_difference(formula, predicted), atol=1e-6
    )
    assert loss(tf.constant(predicted)).numpy().sum() == pytest.approx(formula(predicted))
