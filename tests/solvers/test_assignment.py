import pickle
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment
from sklearn.base import clone

from skid.projections import project
from skid.solvers import Assignment
from skid.solvers.assignment import assigned_columns


def cheapest(costs):
    """The least total cost over all assignments of the smaller side."""
    n, m = costs.shape
    if n > m:
        return cheapest(costs.T)
    rows = np.arange(n)
    return min(costs[rows, columns].sum() for columns in permutations(range(m), n))


def assert_feasible(solutions):
    n, m = solutions.shape[1:]
    assert np.isin(solutions, (0, 1)).all()
    assert (solutions.sum(1) <= 1).all()
    assert (solutions.sum(2) <= 1).all()
    assert (solutions.sum((1, 2)) == min(n, m)).all()


# Eighths add up without rounding, so totals are exact.
@given(
    data=st.data(), n=st.integers(1, 5), m=st.integers(1, 5), dtype=st.sampled_from(["f4", "f8"])
)
@settings(max_examples=150)
def test_agrees_with_brute_force(data, n, m, dtype):
    eighths = st.integers(-8, 8).map(lambda value: value / 8)
    costs = data.draw(hnp.arrays(dtype, (2, n, m), elements=eighths))
    solutions = Assignment(n, m).solve(costs)
    assert_feasible(solutions)
    assert solutions.dtype == dtype
    np.testing.assert_array_equal((solutions * costs).sum((1, 2)), [cheapest(c) for c in costs])


@pytest.mark.parametrize(("n", "m"), [(40, 40), (25, 60), (60, 25)])
@pytest.mark.parametrize("digits", [0, 1, 12])
def test_large_instances_with_and_without_ties(n, m, digits):
    costs = np.random.default_rng(n).normal(size=(6, n, m)).round(digits)
    solutions = Assignment(n, m).solve(costs)
    assert_feasible(solutions)
    expected = [c[linear_sum_assignment(c)].sum() for c in costs]
    np.testing.assert_allclose((solutions * costs).sum((1, 2)), expected, rtol=1e-12)


@pytest.mark.parametrize("projection", Assignment(4).projections)
@pytest.mark.parametrize(("n", "m"), [(4, 4), (2, 5), (5, 2)])
def test_projections_leave_the_solutions_optimal(projection, n, m):
    costs = np.random.default_rng(0).normal(size=(20, n, m)) + 3
    solutions = Assignment(n, m).solve(project(costs, projection))
    np.testing.assert_allclose((solutions * costs).sum((1, 2)), [cheapest(c) for c in costs])


def test_large_batches_equal_single_instances():
    costs = np.random.default_rng(1).integers(0, 4, size=(700, 6, 6)).astype(float)
    solutions = Assignment(6).solve(costs)
    one_by_one = np.concatenate([Assignment(6).solve(c[None]) for c in costs])
    np.testing.assert_array_equal(solutions, one_by_one)
    assert Assignment(6).solve(costs[:0]).shape == (0, 6, 6)
    np.testing.assert_array_equal(Assignment(6).solve(np.asfortranarray(costs)), solutions)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_extreme_costs(scale):
    costs = scale * np.random.default_rng(2).normal(size=(10, 5, 5))
    np.testing.assert_array_equal(
        Assignment(5).solve(costs), Assignment(5).solve(costs / scale).astype(float)
    )


def test_forbidden_pairs():
    costs = np.full((2, 3, 3), np.inf)
    costs[:, [0, 1, 2], [1, 0, 2]] = 5
    costs[:, 0, 0] = 1
    np.testing.assert_array_equal(assigned_columns(costs), [[1, 0, 2]] * 2)
    costs[1, 2] = np.inf
    with pytest.raises(ValueError, match=r"costs must allow an assignment, .* in instance 1"):
        assigned_columns(costs)


@pytest.mark.parametrize(
    ("solver", "costs", "message"),
    [
        (Assignment(2), np.zeros((1, 2, 3)), r"shape \(n, 2, 2\), got \(1, 2, 3\)"),
        (
            Assignment(2),
            [np.eye(2), [[0, 1], [np.inf, 0]]],
            "costs must be finite, got inf in instance 1",
        ),
        (Assignment(0), np.zeros((1, 0, 0)), "n must be an integer of at least 1, got 0"),
        (Assignment(2, 1.5), np.zeros((1, 2, 1)), "m must be .* at least 1, got 1.5"),
    ],
)
def test_faulty_input_is_named(solver, costs, message):
    with pytest.raises(ValueError, match=message):
        solver.solve(costs)


def test_parameters_are_readable_and_decide_equality():
    solver = Assignment(3, 4)
    assert solver.cost_shape == (3, 4)
    assert Assignment(3).cost_shape == (3, 3)
    for copy in (clone(solver), pickle.loads(pickle.dumps(solver))):
        assert copy == solver
        assert hash(copy) == hash(solver)
    assert copy.set_params(m=None) == Assignment(3) != solver
