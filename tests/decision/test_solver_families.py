"""Every family of solvers inside the estimator: learn, copy, save, tune."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skid import SolverPredictor
from skid.decision import context_array
from skid.metrics import relative_regret_scorer
from skid.solvers import (
    Assignment,
    GridShortestPath,
    IntegerProgram,
    Knapsack,
    LinearProgram,
    MinCut,
    OneHot,
    PerfectMatching,
    QuadraticAssignment,
    Ranking,
    ShortestPath,
    SpanningTree,
    TopK,
    TravelingSalesman,
)

SQUARE = np.array([[0, 1], [1, 3], [0, 2], [2, 3], [1, 2]])
FAMILIES = [
    (TopK(2), (6,)),
    (OneHot(), (5,)),
    (Ranking(), (5,)),
    (GridShortestPath((3, 4)), (3, 4)),
    (ShortestPath(SQUARE, 0, 3), (5,)),
    (Assignment(3), (3, 3)),
    (PerfectMatching(SQUARE), (5,)),
    (QuadraticAssignment(3, 3, SQUARE[:2] % 3, [(0, 1), (1, 2)]), (13,)),
    (SpanningTree(SQUARE), (5,)),
    (TravelingSalesman(5), (5, 5)),
    (Knapsack([3, 4, 2, 5], 7), (4,)),
    (MinCut(SQUARE, 0, 3), (5,)),
    (IntegerProgram([[3, 4, 2, 5]], [7]), (4,)),
    (LinearProgram([[3, 4, 2, 5]], [7]), (4,)),
]


def name_of(family):
    return type(family[0]).__name__


def task_of(solver, cost_shape, *, n=120):
    """Costs of the right sign that are linear in the features, and bounded away from zero."""
    random = np.random.RandomState(0)
    X = random.uniform(0, 1, size=(n, 3))
    costs = np.tensordot(X, random.uniform(0, 1, size=(3, *cost_shape)), axes=1) + 0.1
    if isinstance(solver, TravelingSalesman):
        costs = costs + costs.transpose(0, 2, 1)
    sign = -1 if isinstance(solver, (Knapsack, IntegerProgram, LinearProgram)) else 1
    return X, sign * costs


@pytest.mark.parametrize("family", FAMILIES, ids=name_of)
def test_learns_and_its_copies_decide_alike(family):
    solver, cost_shape = family
    X, costs = task_of(solver, cost_shape)
    train, test = slice(0, 60), slice(60, None)
    model = SolverPredictor(solver, target="costs", random_state=0, learning_rate_init=0.05)
    untrained = clone(model).set_params(max_iter=1, learning_rate_init=1e-9)
    before = untrained.fit(X[train], costs[train]).score(X[test], costs[test])
    model.set_params(max_iter=8).fit(X[train], costs[train])
    assert model.score(X[test], costs[test]) > max(before, 0.85)
    expected = model.predict(X)
    assert expected.shape == costs.shape
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), expected)
    np.testing.assert_array_equal(clone(model).fit(X[train], costs[train]).predict(X), expected)


@pytest.mark.parametrize(
    ("solver", "cost_shape", "grid"),
    [
        (Knapsack([3, 4, 2, 5], 7), (4,), {"solver__capacity": [5, 7]}),
        (GridShortestPath((3, 4)), (3, 4), {"solver__neighbours": [4, 8]}),
    ],
    ids=["Knapsack", "GridShortestPath"],
)
def test_grid_search_in_a_pipeline(solver, cost_shape, grid):
    X, costs = task_of(solver, cost_shape, n=60)
    model = SolverPredictor(solver, target="costs", random_state=0, max_iter=2)
    grid = {f"solverpredictor__{name}": values for name, values in grid.items()}
    search = GridSearchCV(
        make_pipeline(StandardScaler(), model), grid, cv=2, scoring=relative_regret_scorer
    ).fit(X, costs)
    scores = search.cv_results_["mean_test_score"]
    assert (scores <= 0).all()
    assert scores[0] != scores[1]


def test_ends_of_each_path_are_context():
    random = np.random.RandomState(0)
    X = random.uniform(1, 2, size=(90, 4, 4, 2))
    costs = X @ np.array([1.0, 0.2])
    ends = {"source": random.randint(0, 4, (90, 2)), "target": random.randint(0, 4, (90, 2))}
    solver = GridShortestPath((4, 4))
    paths = solver.solve(costs, **ends)
    train, test = slice(0, 60), slice(60, None)
    part = {name: values[train] for name, values in ends.items()}
    model = SolverPredictor(solver, max_iter=40, random_state=0)
    model.fit(X[train], paths[train], context=part)
    rest = context_array(**{name: values[test] for name, values in ends.items()})
    found = model.predict(X[test], context=rest)
    assert model.score(X[test], paths[test], context=rest) >= 0.8
    for row, path in enumerate(found):
        assert path[tuple(rest["source"][row])] == path[tuple(rest["target"][row])] == 1


def test_capacity_of_each_row_is_context_of_a_cross_validation():
    random = np.random.RandomState(0)
    X, costs = task_of(Knapsack([3, 4, 2, 5], 7), (4,))
    context = context_array(capacity=random.randint(3, 12, size=len(X)))
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        model = SolverPredictor(
            Knapsack([3, 4, 2, 5], 7), target="costs", max_iter=20, random_state=0
        )
        model.set_fit_request(context=True).set_score_request(context=True)
        scores = cross_val_score(model, X, costs, cv=2, params={"context": context})
    assert (scores > 0.9).all()


def test_a_plain_function_is_a_solver():
    X, costs = task_of(TopK(2), (6,))
    right = TopK(2).solve(costs)
    model = SolverPredictor(TopK(2).solve, max_iter=60, random_state=0).fit(X[:80], right[:80])
    assert model.score(X[80:], right[80:]) >= 0.7


def test_graph_solver_is_the_same_as_the_host():
    """The sweep inside the compiled program and the kernel on the host learn alike."""
    X, costs = task_of(ShortestPath(SQUARE, 0, 3), (5,))
    in_graph = ShortestPath(SQUARE, 0, 3)
    paths = in_graph.solve(costs)

    class OnHost(ShortestPath):
        graph_devices = ()

    models = [
        SolverPredictor(solver, max_iter=3, random_state=0).fit(X, paths)
        for solver in (in_graph, OnHost(SQUARE, 0, 3))
    ]
    np.testing.assert_allclose(models[0].predict_costs(X), models[1].predict_costs(X), rtol=1e-6)
