import warnings

import numpy as np
import pytest

from skid import SolverPredictor
from skid.decision._costs import cost_network
from skid.decision._diagnostics import CostWatch
from skid.exceptions import CostCollapseWarning
from skid.solvers import TopK

NETWORK = cost_network(None, (), (4,), (6,), 0)
UNSCALED = {"location": np.zeros(6, np.float32), "scale": np.ones((), np.float32)}


@pytest.fixture
def weights():
    return NETWORK.initial(np.random.RandomState(0), np.float32)


def watch(weights, X, *, rescaled=False):
    watched = CostWatch(NETWORK, UNSCALED, TopK(2), X[:32], {}, rescaled=rescaled)
    watched.start(weights)
    return watched


def test_entries_describe_the_costs(weights, subset_task):
    X = subset_task[0]
    watched = watch(weights, X)
    other = {name: -2 * value for name, value in weights.items()}
    watched.end_epoch(other, loss=0.25)
    costs = -2 * X[:32] @ weights["kernel_0"][0]
    norm = np.sqrt(np.mean(np.square(costs)))
    changed = (TopK(2).solve(costs) != TopK(2).solve(-costs)).any(axis=1).mean()
    expected = {
        "loss": 0.25,
        "cost_norm": norm,
        "cost_spread": costs.std(axis=1).mean() / norm,
        "changed_solutions": changed,
    }
    assert {name: values[0] for name, values in watched.diagnostics.items()} == pytest.approx(
        expected, rel=1e-5
    )


def test_vanished_costs_are_reported(weights, subset_task):
    watched = watch(weights, subset_task[0])
    watched.end_epoch({name: 1e-4 * value for name, value in weights.items()}, loss=1.0)
    with pytest.warns(CostCollapseWarning, match=r"fell to 0.0001 .*Try projection='norm'"):
        watched.warn()


def test_vanished_costs_do_not_matter_where_they_are_rescaled(weights, subset_task):
    watched = watch(weights, subset_task[0], rescaled=True)
    watched.end_epoch({name: 1e-4 * value for name, value in weights.items()}, loss=1.0)
    with warnings.catch_warnings(record=True) as caught:
        watched.warn()
    assert not caught


def test_constant_costs_are_reported(weights, subset_task):
    watched = watch(weights, subset_task[0], rescaled=True)
    constant = {"kernel_0": 1e-6 * weights["kernel_0"], "bias_0": weights["bias_0"] + 1}
    watched.end_epoch(constant, loss=1.0)
    with pytest.warns(CostCollapseWarning, match="differ by no more than"):
        watched.warn()


def test_costs_around_a_large_location_are_not_constant():
    random = np.random.RandomState(0)
    X = random.normal(size=(200, 5))
    costs = 10_000 + X @ random.normal(size=(5, 8))
    model = SolverPredictor(TopK(3), target="costs", loss="squared_costs", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CostCollapseWarning)
        model.fit(X, costs)
    assert model.diagnostics_["cost_spread"][-1] < 1e-3
