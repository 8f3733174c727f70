"""The loss of matchings as a function of tensors."""

import numpy as np
import pytest
import tensorflow as tf

from skid.gradients import Identity
from skid.losses import Hamming, MatchingBatch, SinkhornCrossEntropy
from skid.matching._data import TrainingData
from skid.matching._geometry import INVARIANCES, Geometry
from skid.matching._graphs import checked_matches, checked_pairs
from skid.matching._model import matching_solver
from skid.matching._network import MatchingNetwork
from skid.matching._objective import CONTEXT, MatchingObjective
from skid.solver_objective import SolverRule

from .conftest import moved_copies

CONTROL = {"noise_scale": tf.constant(0.0, tf.float64), "rate": 1.0, "decay": 0.0}


class Training:
    """An objective and one batch of three pairs, of which nodes may be unmatched."""

    def __init__(self, *, with_edges=True, n_outliers=1, loss=None):
        pairs, partners = moved_copies(3, seed=0, n_points=range(3, 6), n_outliers=n_outliers)
        self.pairs, shape = checked_pairs(pairs, "delaunay")
        self.partners = checked_matches(partners, self.pairs)
        may_be_unmatched = n_outliers > 0
        self.data = TrainingData(
            self.pairs, self.partners, np.ones(3), shape, may_be_unmatched, np.dtype(np.float64)
        )
        network = MatchingNetwork(shape, Geometry(2, INVARIANCES), (8,), with_edges=with_edges)
        self.sizes = self.data.sizes
        self.solver = matching_solver(self.sizes, with_edges, 0.0 if may_be_unmatched else None, 2)
        rule = SolverRule(loss or Hamming(), "none", None, Identity(), 1)
        context = CONTEXT if with_edges else CONTEXT[:1]
        self.objective = MatchingObjective(
            network, self.solver, rule, context, in_graph=False, xla=False
        )
        self.batch = {name: tf.constant(values) for name, values in self.data.arrays.items()}
        self.context = {name: self.data.arrays[name] for name in context}
        self.weights = {
            name: tf.constant(value)
            for name, value in network.initial(np.random.RandomState(1), np.float64).items()
        }
        self.constants = {
            name: tf.constant(value)
            for name, value in (self.data.constants | {"scale": np.array(1.0)}).items()
        }

    def right(self):
        return self.objective.right_decisions(dict(self.batch)).numpy()


@pytest.mark.parametrize("n_outliers", [0, 1])
@pytest.mark.parametrize("with_edges", [True, False])
def test_right_matching_is_the_solution_of_costs_that_ask_for_it(with_edges, n_outliers):
    training = Training(with_edges=with_edges, n_outliers=n_outliers)
    right = training.right()
    found = training.solver.solve(1 - 2 * right, **training.context)
    np.testing.assert_array_equal(found, right)


def test_right_matching_holds_the_partners_and_the_products():
    training = Training()
    right, arrays = training.right(), training.data.arrays
    n_a, n_b = training.sizes.n_nodes
    for row, ((a, b), partners) in enumerate(zip(training.pairs, training.partners, strict=True)):
        matched = right[row, : n_a * n_b].reshape(n_a, n_b)
        assert {*zip(*np.nonzero(matched), strict=True)} == {
            (i, j) for i, j in enumerate(partners) if j >= 0
        }
        products = right[row, n_a * n_b :].reshape(len(arrays["edges_a"][row]), -1)
        directed = {(*edge,) for edge in np.concatenate([b.edges, b.edges[:, ::-1]]).tolist()}
        expected = {
            (i, k, partners[i], partners[k])
            for i, k in a.edges.tolist()
            if (partners[i], partners[k]) in directed
        }
        places = np.argwhere(products)
        assert {
            (*arrays["edges_a"][row, e].tolist(), *arrays["edges_b"][row, f].tolist())
            for e, f in places
        } == expected
        assert len(places) == len(expected) > 0


@pytest.mark.parametrize("with_edges", [True, False])
def test_gradient_of_the_costs_is_that_of_identity(with_edges, monkeypatch):
    training = Training(with_edges=with_edges)
    network, arrays = training.objective.network, training.data.arrays
    costs = network.predict(
        {name: value.numpy() for name, value in training.weights.items()},
        training.objective.inputs(arrays),
        {name: value.numpy() for name, value in training.constants.items()},
    )
    found = training.solver.solve(costs, **training.context)
    assert (found != training.right()).any(axis=1).sum() > 1
    share = np.array([1.0, 2.0, 0.5])
    predicted = tf.constant(costs)
    monkeypatch.setattr(network, "train", lambda *arguments: (predicted, {}))
    batch = {name: values[None] for name, values in training.batch.items()}
    batch["weight"] = tf.constant(share[None])
    with tf.GradientTape() as tape:
        tape.watch(predicted)
        total, weighted, _ = training.objective.loss(
            training.weights, batch, training.constants, CONTROL, tf.constant([0, 0])
        )
    wrong = found - training.right()
    np.testing.assert_allclose(
        tape.gradient(total, predicted), -wrong * share[:, None] / 3, atol=1e-12
    )
    losses = np.abs(wrong).sum(axis=1)
    assert float(total) == pytest.approx(losses.sum())
    assert float(weighted) == pytest.approx((losses * share).sum() / 3)


def test_gradient_reaches_the_weights_of_nodes_and_of_edges():
    training = Training()
    batch = {name: values[None] for name, values in training.batch.items()}
    with tf.GradientTape() as tape:
        tape.watch(list(training.weights.values()))
        total, _, _ = training.objective.loss(
            training.weights, batch, training.constants, CONTROL, tf.constant([0, 0])
        )
    gradients = tape.gradient(total, training.weights)
    for name, gradient in gradients.items():
        assert np.isfinite(gradient).all(), name
        assert np.any(gradient), name


def test_evaluation_counts_wrong_entries():
    training = Training()
    batch = {name: values[None] for name, values in training.batch.items()}
    found = training.objective.evaluate(training.weights, batch, training.constants, CONTROL)
    costs = training.objective.network.apply(
        training.weights, training.objective.inputs(training.batch), training.constants
    )
    solutions = training.solver.solve(costs.numpy(), **training.context)
    wrong = np.abs(solutions - training.right()).sum(axis=1)
    np.testing.assert_array_equal(found[0], wrong)
    assert wrong.any()


@pytest.mark.parametrize("n_outliers", [0, 1])
def test_losses_know_the_nodes_and_whether_they_may_be_alone(n_outliers):
    seen = []

    class Watching(SinkhornCrossEntropy):
        def __call__(self, batch):
            seen.append(batch)
            return super().__call__(batch)

    training = Training(with_edges=False, n_outliers=n_outliers, loss=Watching())
    batch = {name: values[None] for name, values in training.batch.items()}
    training.objective.loss(
        training.weights, batch, training.constants, CONTROL, tf.constant([0, 0])
    )
    (found,) = seen
    assert isinstance(found, MatchingBatch)
    assert found.may_be_unmatched == (n_outliers > 0)
    assert found.size == training.sizes.n_nodes
    assert found.n_nodes.numpy().tolist() == [[a.n_nodes, b.n_nodes] for a, b in training.pairs]
