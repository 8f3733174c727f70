import numpy as np
import pytest

from skid import SolverPredictor
from skid.decision import context_array
from skid.solvers import CallableSolver, GridShortestPath, Ranking, ShortestPath, Solver, TopK


def fit(subset_task, *, y=None, solver=None, context=None, **parameters):
    X, _, right = subset_task
    model = SolverPredictor(solver or TopK(2), max_iter=1, **parameters)
    return model.fit(X, right if y is None else y, context=context)


def test_losses_of_costs_need_costs(subset_task):
    with pytest.raises(ValueError, match=r"target must be 'costs' for loss='spo\+'.*got 'sol"):
        fit(subset_task, loss="spo+")


def test_costs_passed_as_decisions(subset_task):
    with pytest.raises(ValueError, match=r"y\[0\] must be a solution of TopK, got entries"):
        fit(subset_task, y=subset_task[1])


def test_infeasible_decision(subset_task):
    y = subset_task[2].copy()
    y[3] = 1
    with pytest.raises(ValueError, match=r"y\[3\] must be a solution of TopK, got an infeasible"):
        fit(subset_task, y=y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(400), r"^y must have shape \(n, any\), got \(400,\)$"),
        (np.full((400, 6), np.nan), "^y must be finite, got nan in instance 0$"),
    ],
)
def test_target_of_the_wrong_kind(y, message, subset_task):
    with pytest.raises(ValueError, match=message):
        fit(subset_task, y=y)


def test_rows_of_another_number(subset_task):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fit(subset_task, y=subset_task[2][:10])


def test_invalid_projection(subset_task):
    class Packing(TopK):
        projections = ("none", "norm")

    with pytest.raises(
        ValueError, match=r"projection must be one of .*'norm'\) for Packing.*got 'std'"
    ):
        fit(subset_task, solver=Packing(2), projection="std")


def test_error_of_a_solver_reaches_the_user_as_it_is(subset_task):
    calls = []

    def moody(costs):
        calls.append(len(costs))
        if len(calls) > 4:
            raise RuntimeError("the solver is out of coffee")
        return TopK(2).solve(costs)

    with pytest.raises(RuntimeError, match=r"^the solver is out of coffee$"):
        fit(subset_task, solver=CallableSolver(moody))


def test_failed_fit_leaves_the_earlier_one(subset_task):
    X, _, right = subset_task
    model = SolverPredictor(TopK(2), max_iter=1, random_state=0).fit(X, right)
    before = model.predict_costs(X)
    with pytest.raises(ValueError, match="must be a solution"):
        model.fit(X, 1 - right)
    np.testing.assert_array_equal(model.predict_costs(X), before)


def test_solver_without_context(subset_task):
    with pytest.raises(ValueError, match=r"context must .* TopK takes, \[\], got 'capacity'"):
        fit(subset_task, context={"capacity": np.ones(400)})


def test_context_of_the_wrong_kind(subset_task):
    with pytest.raises(ValueError, match=r"context must be a dict of arrays.*got ndarray"):
        fit(subset_task, context=np.ones(400))


def test_rows_of_another_shape(subset_task):
    X, _, right = subset_task
    model = SolverPredictor(TopK(2), max_iter=1).fit(np.stack([X, X], axis=2), right)
    with pytest.raises(ValueError, match=r"rows of shape \(4, 2\), as in fit"):
        model.predict(np.stack([X, X, X], axis=2))


def test_fields_of_a_context_have_one_length():
    with pytest.raises(ValueError, match="must have one length"):
        context_array(a=[1, 2], b=[1])


def test_infeasible_decision_of_a_late_row(subset_task):
    y = subset_task[2].copy()
    y[300] = 1
    with pytest.raises(ValueError, match=r"y\[300\] must be a solution of TopK, got an infeasible"):
        fit(subset_task, y=y)


def test_spo_plus_needs_costs_of_any_sign():
    solver = GridShortestPath((2, 3))
    with pytest.raises(ValueError, match="got GridShortestPath, which takes costs of at least 0"):
        SolverPredictor(solver, target="costs", loss="spo+").fit(
            np.ones((4, 2)), np.ones((4, 2, 3))
        )


@pytest.fixture
def paths_with_ends():
    """Paths through a square of edges, from one of two corners to the last one."""
    edges = [(0, 1), (0, 2), (1, 3), (2, 3)]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    ends = {"source": np.arange(60) % 2, "target": np.full(60, 3)}
    solver = ShortestPath(edges, 0, 3)
    return X, solver.solve(rng.uniform(1, 2, (60, 4)), **ends), solver, ends


def test_context_of_the_fit_is_asked_for(paths_with_ends):
    X, y, solver, ends = paths_with_ends
    model = SolverPredictor(solver, max_iter=1).fit(X, y, context=ends)
    for method in (model.predict, lambda X: model.score(X, y)):
        with pytest.raises(ValueError, match=r"fields of fit, \['source', 'target'\], got \[\]"):
            method(X)
    with pytest.raises(ValueError, match=r"'target'\], got \['source'\]"):
        model.predict(X, context={"source": ends["source"]})


def test_faulty_context_is_named_by_its_row(paths_with_ends):
    X, y, solver, ends = paths_with_ends
    ends["source"][50] = 9
    with pytest.raises(ValueError, match=r"source must be a vertex .* got 9 in instance 50"):
        SolverPredictor(solver, max_iter=1).fit(X, y, context=ends)


def test_whole_numbers_among_objects_stay_whole():
    import pandas as pd

    context = pd.DataFrame({"source": [0, 1] * 20, "target": [3, 3] * 20}).astype(object)
    solver = ShortestPath([(0, 1), (1, 2), (0, 2), (2, 3)], 0, 3)
    random = np.random.RandomState(0)
    costs = random.uniform(size=(40, 4))
    paths = solver.solve(costs, source=[0, 1] * 20, target=[3] * 40)
    model = SolverPredictor(solver, max_iter=1).fit(costs, paths, context=context)
    assert model.predict(costs, context=context).shape == (40, 4)


def test_a_solver_that_returns_lists(subset_task):
    X, costs, _ = subset_task

    class Lists(Solver):
        def solve(self, costs):
            return TopK(2).solve(costs).tolist()

    common = {"target": "costs", "projection": "norm", "max_iter": 2, "random_state": 0}
    decisions = [
        SolverPredictor(solver, **common).fit(X, costs).predict(X)
        for solver in (Lists(), TopK(2).solve)
    ]
    np.testing.assert_array_equal(*decisions)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_costs_of_any_size(subset_task, scale):
    X, costs = (values.astype(np.float64) for values in subset_task[:2])
    common = {"target": "costs", "max_iter": 5, "random_state": 0}
    expected = SolverPredictor(TopK(2), **common).fit(X, costs).predict(X)
    model = SolverPredictor(TopK(2), **common).fit(X, scale * costs)
    assert np.mean(model.predict(X) != expected) < 0.05


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_costs_that_the_precision_of_x_cannot_hold(subset_task, scale):
    X, costs, _ = subset_task
    with pytest.raises(ValueError, match="must fit into float32, the precision of X"):
        SolverPredictor(TopK(2), target="costs").fit(
            X.astype(np.float32), scale * costs.astype(np.float64)
        )


def test_ranks_that_are_no_ranking(subset_task):
    X, _, _ = subset_task
    ranks = np.tile([2.0, 1.0, 3.0], (len(X), 1))
    assert SolverPredictor(Ranking(), max_iter=1).fit(X, ranks).predict(X).shape == ranks.shape
    ranks[7, 0] = 1
    with pytest.raises(
        ValueError, match=r"y\[7\] must hold each of the ranks 1 to 3 once, got \[1"
    ):
        SolverPredictor(Ranking(), max_iter=1).fit(X, ranks)
