import numpy as np
import pytest
import tensorflow as tf

from skid.gradients import BlackBox
from skid.losses import (
    DECISION_LOSSES,
    DecisionBatch,
    DecisionLoss,
    FenchelYoung,
    Hamming,
    Regret,
    SPOPlus,
    SquaredCosts,
    SquaredDistance,
)
from skid.solvers import TopK

SOLVER = TopK(2)
SCALE = 3.0


@pytest.fixture
def instances():
    random = np.random.RandomState(0)
    predicted, true = random.normal(size=(2, 6, 5))
    return predicted, true, SOLVER.solve(true)


@pytest.fixture
def noise():
    return np.random.RandomState(1).normal(size=(6, 5))


def value_and_gradient(loss, costs, *, right, **fields):
    costs = tf.constant(costs)
    with tf.GradientTape() as tape:
        tape.watch(costs)
        losses = loss(DecisionBatch(costs, right, SOLVER.solve_tf, scale=SCALE, **fields))
    return losses.numpy(), tape.gradient(losses, costs).numpy()


def central_difference(loss, at, step=1e-6):
    slopes = np.empty_like(at)
    for place in np.ndindex(at.shape):
        shift = np.zeros_like(at)
        shift[place] = step
        slopes[place] = (loss(at + shift) - loss(at - shift)) / (2 * step)
    return slopes


@pytest.mark.parametrize("loss", [Hamming(), SquaredDistance()])
def test_identity_turns_the_sign_of_the_difference_to_the_right_decision(loss, instances):
    predicted, _, right = instances
    wrong = SOLVER.solve(predicted) - right
    losses, gradient = value_and_gradient(loss, predicted, right=right)
    np.testing.assert_array_equal(gradient, -wrong)
    np.testing.assert_array_equal(losses, np.abs(wrong).sum(axis=1) / (1 + (loss != Hamming())))


def test_hamming_counts_wrong_entries():
    right = tf.constant([[[0.0, 1.0], [0.0, 1.0]]])
    found = tf.constant([[[1.0, 0.0], [0.0, 1.0]]])
    batch = DecisionBatch(tf.zeros_like(right), right, lambda costs: found)
    np.testing.assert_array_equal(Hamming()(batch), [2.0])
    np.testing.assert_array_equal(SquaredDistance()(batch), [1.0])


def test_decisions_see_the_noise_and_the_rule(instances, noise):
    predicted, _, right = instances
    found = SOLVER.solve(predicted + noise)
    losses, gradient = value_and_gradient(
        Hamming(), predicted, right=right, noise=noise, gradient=BlackBox(0.5)
    )
    np.testing.assert_array_equal(losses, np.abs(found - right).sum(axis=1))
    moved = SOLVER.solve(predicted + noise + 0.5 * np.sign(found - right))
    np.testing.assert_allclose(gradient, (moved - found) / 0.5)
    assert gradient.any()


def test_regret_is_the_excess_cost(instances):
    predicted, true, right = instances
    excess = (true * (SOLVER.solve(predicted) - right)).sum(axis=1)
    losses, gradient = value_and_gradient(Regret(), predicted, right=right, true_costs=true)
    np.testing.assert_allclose(losses, excess / SCALE)
    assert (losses >= 0).all()
    np.testing.assert_allclose(gradient, -true / SCALE)


def test_spo_plus_bounds_the_regret_and_vanishes_at_the_true_costs(instances):
    predicted, true, right = instances
    bound, _ = value_and_gradient(SPOPlus(), predicted, right=right, true_costs=true)
    excess, _ = value_and_gradient(Regret(), predicted, right=right, true_costs=true)
    assert (bound >= excess - 1e-12).all()
    least, _ = value_and_gradient(SPOPlus(), true, right=right, true_costs=true)
    np.testing.assert_allclose(least, 0, atol=1e-12)


def test_spo_plus_has_the_gradient_of_its_formula(instances):
    predicted, true, right = instances

    def formula(costs):
        between = 2 * costs - true
        least = (between * SOLVER.solve(between)).sum(axis=1)
        return (2 * (costs * right).sum(axis=1) - least - (true * right).sum(axis=1)).sum() / SCALE

    losses, gradient = value_and_gradient(SPOPlus(), predicted, right=right, true_costs=true)
    np.testing.assert_allclose(gradient, central_difference(formula, predicted), atol=1e-6)
    assert losses.sum() == pytest.approx(formula(predicted))


def test_fenchel_young_has_the_gradient_of_its_formula(instances, noise):
    predicted, _, right = instances

    def formula(costs):
        perturbed = costs + noise
        least = (perturbed * SOLVER.solve(perturbed)).sum(axis=1)
        return ((costs * right).sum(axis=1) - least).sum()

    losses, gradient = value_and_gradient(FenchelYoung(), predicted, right=right, noise=noise)
    np.testing.assert_allclose(gradient, central_difference(formula, predicted), atol=1e-6)
    assert losses.sum() == pytest.approx(formula(predicted))


def test_squared_costs_have_the_gradient_of_their_formula(instances):
    predicted, true, right = instances

    def formula(costs):
        return (((costs - true) / SCALE) ** 2).mean(axis=1).sum()

    losses, gradient = value_and_gradient(SquaredCosts(), predicted, right=right, true_costs=true)
    np.testing.assert_allclose(gradient, central_difference(formula, predicted), atol=1e-6)
    assert losses.sum() == pytest.approx(formula(predicted))


@pytest.mark.parametrize("loss", [loss() for loss in DECISION_LOSSES.values()])
def test_a_loss_uses_what_it_says_it_needs(loss, instances, noise):
    predicted, true, right = instances
    used = set()

    class Watched(DecisionBatch):
        def __getattribute__(self, name):
            used.add(name)
            return super().__getattribute__(name)

    loss(Watched(tf.constant(predicted), right, SOLVER.solve_tf, true_costs=true, noise=noise))
    assert ("true_costs" in used) == loss.needs_true_costs
    assert ("decide" in used) == loss.through_solver
    assert ("noise" in used) == (loss.through_solver or loss.default_noise_scale is not None)
    assert isinstance(loss, DecisionLoss)
