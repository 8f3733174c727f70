import numpy as np
import pytest
import tensorflow as tf

from skid.decision._costs import cost_network
from skid.gradients import BlackBox, Identity
from skid.losses import DECISION_LOSSES, Hamming
from skid.noise import TwoPoint
from skid.solver_objective import SolverObjective, SolverRule
from skid.solvers import CallableSolver, TopK

CONTROL = {"noise_scale": tf.constant(0.0), "rate": tf.constant(1.0), "decay": tf.constant(0.0)}
UNSCALED = {"location": tf.zeros(6), "scale": tf.constant(1.0)}


def objective(solver=None, *, loss="hamming", gradient=None, projection="none", in_graph=True):
    rule = SolverRule(DECISION_LOSSES[loss](), projection, None, gradient or Identity(), 1)
    network = cost_network(None, (), (4,), (6,), 0)
    return SolverObjective(network, solver or TopK(2), rule, (), in_graph=in_graph, xla=True)


def batch_of(task, rows, weights):
    X, costs, right = task
    batch = {"X": X[rows], "y": right[rows], "true_costs": costs[rows], "weight": weights}
    return {name: tf.constant(values[None], tf.float32) for name, values in batch.items()}


def weights_of(random_state):
    initial = cost_network(None, (), (4,), (6,), 0).initial(random_state, np.float32)
    return {name: tf.constant(value) for name, value in initial.items()}


def kernel_gradient(objective, weights, batch):
    with tf.GradientTape() as tape:
        tape.watch(list(weights.values()))
        total, _, _ = objective.loss(weights, batch, UNSCALED, CONTROL, tf.constant([0, 0]))
    return tape.gradient(total, weights)["kernel_0"].numpy()[0]


def test_gradient_is_that_of_the_identity_paper(subset_task):
    X, _, right = subset_task
    weights = weights_of(np.random.RandomState(1))
    rows = np.arange(20)
    share = np.linspace(1, 2, 20).astype(np.float32)
    found = TopK(2).solve(X[rows] @ weights["kernel_0"].numpy()[0])
    expected = X[rows].T @ (-(found - right[rows]) * (share / 20)[:, None])
    actual = kernel_gradient(objective(), weights, batch_of(subset_task, rows, share))
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_step_of_black_box_does_not_depend_on_the_size_of_the_batch(subset_task):
    X, _, right = subset_task
    weights = weights_of(np.random.RandomState(1))
    rows = np.arange(50)
    costs = X[rows] @ weights["kernel_0"].numpy()[0]
    found = TopK(2).solve(costs)
    moved = TopK(2).solve(costs + 0.5 * np.sign(found - right[rows]))
    expected = X[rows].T @ ((moved - found) / 0.5) / len(rows)
    actual = kernel_gradient(
        objective(gradient=BlackBox(0.5)), weights, batch_of(subset_task, rows, np.ones(50))
    )
    np.testing.assert_allclose(actual, expected, atol=1e-6)
    assert np.abs(expected).max() > 0


@pytest.mark.parametrize("loss", ["hamming", "squared", "regret", "spo+"])
def test_host_and_graph_give_the_same_gradient(loss, subset_task):
    weights = weights_of(np.random.RandomState(1))
    batch = batch_of(subset_task, np.arange(30), np.ones(30))
    in_graph = kernel_gradient(objective(loss=loss, projection="norm"), weights, batch)
    host = CallableSolver(TopK(2).solve)
    on_host = kernel_gradient(
        objective(host, loss=loss, projection="norm", in_graph=False), weights, batch
    )
    np.testing.assert_allclose(on_host, in_graph, atol=1e-6)


def test_evaluation_is_the_regret_where_costs_are_known(subset_task):
    X, costs, right = subset_task
    weights = weights_of(np.random.RandomState(1))
    batch = batch_of(subset_task, np.arange(30), np.ones(30))
    found = TopK(2).solve(X[:30] @ weights["kernel_0"].numpy()[0])
    excess = (costs[:30] * (found - right[:30])).sum(axis=1)
    losses = objective().evaluate(weights, batch, UNSCALED, CONTROL)
    np.testing.assert_allclose(losses[0], excess, atol=1e-5)
    del batch["true_costs"]
    losses = objective().evaluate(weights, batch, UNSCALED, CONTROL)
    np.testing.assert_array_equal(losses[0], np.abs(found - right[:30]).sum(axis=1))


def test_draws_of_a_row_see_noise_of_their_own(subset_task):
    rule = SolverRule(Hamming(), "norm", TwoPoint(), Identity(), 8)
    network = cost_network(None, (), (4,), (6,), 0)
    drawn = SolverObjective(network, TopK(2), rule, (), in_graph=True, xla=True)
    weights = weights_of(np.random.RandomState(1))
    batch = batch_of(subset_task, np.arange(5), np.ones(5))
    control = CONTROL | {"noise_scale": tf.constant(3.0)}
    _, loss, _ = drawn.loss(weights, batch, UNSCALED, control, tf.constant([0, 0]))
    # The mean of a single draw for each of five rows is a multiple of 1 / 5.
    assert abs(float(loss) * 5 - round(float(loss) * 5)) > 1e-3
