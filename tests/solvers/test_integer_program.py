import pickle
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import coo_array, csr_array
from sklearn.base import clone

from skid.exceptions import TimeLimitWarning
from skid.projections import project
from skid.solvers import IntegerProgram, LinearProgram

small_integers = st.integers(-4, 4).map(float)
A_UB = np.array([[2.0, 1.0, 3.0, 1.0], [-1.0, 1.0, 0.0, 2.0]])
A_EQ = np.array([[1.0, 1.0, 1.0, 1.0]])


def points(bounds, d=4):
    lower, upper = bounds
    return np.array(list(product(range(lower, upper + 1), repeat=d)), dtype=float)


def cheapest(costs, A_ub, b_ub, A_eq, b_eq, *, bounds=(0, 1)):
    """The least total cost over all integer points, or None where there is none."""
    candidates = points(bounds)
    feasible = np.all(candidates @ A_ub.T <= b_ub, axis=1)
    feasible &= np.all(candidates @ A_eq.T == b_eq, axis=1)
    return (candidates[feasible] @ costs).min() if feasible.any() else None


@given(
    costs=hnp.arrays(np.float64, (4,), elements=small_integers),
    A_ub=hnp.arrays(np.float64, (2, 4), elements=small_integers),
    b_ub=hnp.arrays(np.float64, (2,), elements=small_integers),
    b_eq=st.integers(0, 4).map(float),
    bounds=st.sampled_from([(0, 1), (-1, 2)]),
)
@settings(max_examples=60)
def test_agrees_with_brute_force(costs, A_ub, b_ub, b_eq, bounds):
    solver = IntegerProgram(A_ub, b_ub, A_EQ, [b_eq], bounds)
    best = cheapest(costs, A_ub, b_ub, A_EQ, [b_eq], bounds=bounds)
    if best is None:
        with pytest.raises(ValueError, match="Instance 0 is infeasible"):
            solver.solve(costs[None])
        return
    (solution,) = solver.solve(costs[None])
    assert solution @ costs == best
    assert np.isin(solution, range(bounds[0], bounds[1] + 1)).all()
    assert (A_ub @ solution <= b_ub).all()
    assert solution.sum() == b_eq


def test_optimal_to_the_last_digit_whatever_the_scale_of_the_costs():
    rng = np.random.default_rng(0)
    weights = rng.integers(1, 9, size=(1, 12)).astype(float)
    costs = -1 - 1e-7 * rng.random((4, 12))
    candidates = points((0, 1), d=12)
    candidates = candidates[candidates @ weights[0] <= 20]
    solver = IntegerProgram(weights, [20])
    for scale in (1e-12, 1.0, 1e12):
        totals = np.einsum("ij,ij->i", scale * costs, solver.solve(scale * costs))
        np.testing.assert_allclose(totals, (candidates @ (scale * costs).T).min(0), rtol=1e-10)


@pytest.mark.parametrize("projection", IntegerProgram.projections)
def test_projections_leave_the_solutions_optimal(projection):
    costs = np.random.default_rng(1).normal(size=(20, 4))
    solver = IntegerProgram(A_UB, [4, 1])
    solutions = solver.solve(project(costs, projection))
    expected = [cheapest(c, A_UB, [4, 1], A_EQ[:0], []) for c in costs]
    np.testing.assert_allclose((solutions * costs).sum(1), expected)


def test_linear_program_finds_a_vertex():
    # A square cut by x + y <= 1.5: the vertices are known.
    costs = np.array([[-2.0, -1.0], [-1.0, -2.0], [1.0, 1.0], [-1.0, 1.0]])
    expected = [[1, 0.5], [0.5, 1], [0, 0], [1, 0]]
    np.testing.assert_allclose(LinearProgram([[1, 1]], [1.5]).solve(costs), expected, atol=1e-12)
    # The integers inside it.
    solutions = IntegerProgram([[1, 1]], [1.5]).solve(costs)
    np.testing.assert_array_equal(solutions, [[1, 0], [0, 1], [0, 0], [1, 0]])


def test_only_the_integer_variables_are_rounded():
    solver = IntegerProgram([[2.0, 2.0]], [2.5], integrality=[1, 0])
    np.testing.assert_allclose(solver.solve([[-2.0, -1.0]]), [[1, 0.25]])
    np.testing.assert_allclose(solver.solve([[-1.0, -2.0]]), [[0, 1]])


def test_bounds_of_every_variable_and_none():
    solver = LinearProgram([[-1.0, 1.0]], [3.0], bounds=([0.5, -np.inf], None))
    np.testing.assert_allclose(solver.solve([[1.0, -0.5]]), [[0.5, 3.5]])


@pytest.mark.parametrize("solver_class", [IntegerProgram, LinearProgram])
def test_right_hand_sides_of_every_instance(solver_class):
    costs = np.random.default_rng(2).normal(size=(6, 4))
    b_ub = np.arange(6.0)[:, None] + [1, 0]
    b_eq = np.arange(6.0)[:, None] % 3
    expected = [
        solver_class(A_UB, b_ub[i], A_EQ, b_eq[i]).solve(costs[i : i + 1])[0] for i in range(6)
    ]
    solver = solver_class(A_UB, A_eq=A_EQ)
    np.testing.assert_array_equal(solver.solve(costs, b_ub=b_ub, b_eq=b_eq), expected)
    solver = solver_class(A_UB, b_ub[0], A_EQ, b_eq[0])
    np.testing.assert_array_equal(solver.solve(costs, b_ub=b_ub, b_eq=b_eq), expected)


def test_sparse_constraints_and_batches_equal_dense_ones_and_single_instances():
    costs = np.random.default_rng(3).normal(size=(30, 4)).astype(np.float32)
    solver = IntegerProgram(A_UB, [4, 1])
    solutions = solver.solve(costs)
    assert solutions.dtype == np.float32
    for sparse in (csr_array(A_UB), coo_array(A_UB)):
        other = IntegerProgram(sparse, [4, 1])
        assert other.cost_shape == (4,)
        np.testing.assert_array_equal(other.solve(costs), solutions)
    one_by_one = np.concatenate([solver.solve(costs[i : i + 1]) for i in range(30)])
    np.testing.assert_array_equal(solutions, one_by_one)
    assert solver.solve(costs[:0]).shape == (0, 4)


@pytest.mark.parametrize(
    ("solver", "costs", "message"),
    [
        (IntegerProgram(A_UB, [4, 1]), np.zeros((1, 3)), r"shape \(n, 4\), got \(1, 3\)"),
        (
            IntegerProgram(A_UB, [4, 1]),
            [[0, np.nan, 0, 0]],
            "costs must be finite, got .* in instance 0",
        ),
        (IntegerProgram(A_UB, [4]), np.zeros((1, 4)), r"b_ub must have shape \(2,\)"),
        (IntegerProgram(A_UB), np.zeros((1, 4)), "b_ub must be a parameter or an argument"),
        (IntegerProgram(b_eq=[1]), np.zeros((1, 4)), "A_eq must not be None"),
        (IntegerProgram(A_UB, [4, 1], A_EQ[:, :2], [1]), np.zeros((1, 4)), r"A_eq must have .*4"),
        (IntegerProgram([[np.inf]], [1]), np.zeros((1, 1)), "A_ub must be finite"),
        (
            IntegerProgram(A_UB, [4, np.nan]),
            np.zeros((1, 4)),
            r"b_ub must not be NaN, got nan at position \[1\]",
        ),
        (IntegerProgram(bounds=3), np.zeros((1, 4)), "bounds must be a pair"),
        (IntegerProgram(bounds=(0, [1, 2])), np.zeros((1, 4)), r"shape \(n, 2\)"),
        (
            IntegerProgram(A_UB, [4, 1], bounds=(0, [1])),
            np.zeros((1, 4)),
            "bounds must be .* got upper",
        ),
        (
            IntegerProgram(bounds=([2, 0], 1)),
            np.zeros((1, 2)),
            "bound 2 above the upper bound 1 of variable 0",
        ),
        (IntegerProgram(integrality=[1, 2]), np.zeros((1, 2)), "integrality must be 0, 1 or"),
        (IntegerProgram(time_limit=0), np.zeros((1, 2)), "time_limit must be None or .* got 0"),
        (IntegerProgram(gap=-1), np.zeros((1, 2)), "gap must be .* got -1"),
        (IntegerProgram(bounds=(0, None)), [[1, 1], [1, -1]], "Instance 1 is unbounded"),
        (LinearProgram(bounds=(None, 0)), [[-1, -1], [1, -1]], "Instance 1 is unbounded"),
        (LinearProgram([[1, 1]], [-1]), [[1, 1]], "Instance 0 is infeasible"),
        (LinearProgram([[1, 1]], [-1], bounds=(0, None)), [[-1, -1]], "Instance 0 is infeasible"),
    ],
)
def test_faulty_input_is_named(solver, costs, message):
    with pytest.raises(ValueError, match=message):
        solver.solve(costs)


def test_infeasible_instance_is_named():
    solver = IntegerProgram(A_eq=[[2.0, 2.0]])
    with pytest.raises(ValueError, match="Instance 3 is infeasible"):
        solver.solve(np.zeros((5, 2)), b_eq=[[2], [0], [4], [1], [2]])
    with pytest.raises(ValueError, match=r"b_eq must have shape \(5, 1\), got \(5,\)"):
        solver.solve(np.zeros((5, 2)), b_eq=[2, 0, 4, 0, 2])


def hard_program():
    """A market split problem, far too hard for a second: 4 equations over 60 variables."""
    rng = np.random.default_rng(0)
    A_eq = rng.integers(0, 100, size=(4, 60)).astype(float)
    return np.hstack([A_eq, np.eye(4), -np.eye(4)]), A_eq.sum(1) // 2


def test_time_limit_is_reported_with_instance_and_gap():
    A_eq, b_eq = hard_program()
    costs = np.concatenate([np.zeros(60), np.ones(8)])
    integrality = np.concatenate([np.ones(60), np.zeros(8)])
    solver = IntegerProgram(
        A_eq=A_eq,
        b_eq=b_eq,
        bounds=(0, np.where(integrality, 1, np.inf)),
        integrality=integrality,
        time_limit=0.5,
    )
    with pytest.warns(TimeLimitWarning, match=r"0.5 s in 1 of 2 instances \(1\).* gap is 100"):
        solutions = solver.solve(np.stack([0 * costs, costs]))
    np.testing.assert_allclose(solutions @ A_eq.T, [b_eq] * 2)


def test_no_solution_within_the_time_limit():
    A_eq, b_eq = hard_program()
    solver = IntegerProgram(A_eq=A_eq[:, :60], b_eq=b_eq, time_limit=0.2)
    with pytest.raises(ValueError, match=r"Instance 0 has no solution at .* 0\.2 s"):
        solver.solve(np.zeros((1, 60)))


def test_parameters_are_readable_and_decide_equality():
    solver = IntegerProgram(A_UB, [4, 1], bounds=(0, [1, 1, 2, 2]))
    costs = np.random.default_rng(4).normal(size=(3, 4))
    expected = solver.solve(costs)
    for copy in (clone(solver), pickle.loads(pickle.dumps(solver))):
        assert copy == solver
        assert hash(copy) == hash(solver)
        np.testing.assert_array_equal(copy.solve(costs), expected)
    assert solver != LinearProgram(A_UB, [4, 1], bounds=(0, [1, 1, 2, 2]))
    copy.set_params(b_ub=[0, 0], bounds=(0, 0))
    assert copy != solver
    np.testing.assert_array_equal(copy.solve(costs), np.zeros((3, 4)))
    np.testing.assert_array_equal(solver.solve(costs), expected)


def test_cost_shape_and_binary():
    assert IntegerProgram().cost_shape == (None,)
    assert IntegerProgram(bounds=(0, [1, 2])).cost_shape == (2,)
    assert IntegerProgram(integrality=[1, 0, 1]).cost_shape == (3,)
    assert IntegerProgram().binary
    assert not IntegerProgram(bounds=(0, 2)).binary
    assert not IntegerProgram(gap=0.1).binary
    assert not LinearProgram().binary
