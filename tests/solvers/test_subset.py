from itertools import combinations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import clone

from skid.solvers import CallableSolver, Solver, TopK
from skid.solvers.base import solve

compiled_top_k = tf.function(
    lambda costs, k: TopK(0).solve_tf(costs, k), jit_compile=True, reduce_retracing=True
)


def brute_force(costs, k):
    """The cheapest subset; of equally cheap ones the first in the order of indices."""
    best = min(combinations(range(len(costs)), k), key=lambda s: (costs[list(s)].sum(), s))
    return np.isin(np.arange(len(costs)), best).astype(costs.dtype)


def stable_order(costs, k):
    solutions = np.zeros_like(costs)
    np.put_along_axis(solutions, np.argsort(costs, axis=1, kind="stable")[:, :k], 1, axis=1)
    return solutions


# Eighths add up without rounding, so the oracle's ties are exact.
tied_costs = hnp.arrays(np.float64, (2, 6), elements=st.integers(-4, 4).map(lambda v: v / 8))


@given(costs=tied_costs, k=st.integers(0, 6))
@settings(deadline=None)
def test_agrees_with_brute_force(costs, k):
    expected = np.array([brute_force(row, k) for row in costs])
    np.testing.assert_array_equal(TopK(k).solve(costs), expected)
    np.testing.assert_array_equal(compiled_top_k(costs, tf.constant(k)), expected)


@given(
    costs=hnp.arrays(
        np.float32, (3, 9), elements=st.floats(width=32, allow_nan=False, allow_infinity=True)
    ),
    k=st.integers(0, 9),
)
@settings(deadline=None)
def test_any_floats_are_ordered_as_numpy_orders_them(costs, k):
    np.testing.assert_array_equal(compiled_top_k(costs, tf.constant(k)), stable_order(costs, k))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("d", [1, 300])
def test_eager_graph_and_compiled_agree(dtype, d):
    rng = np.random.default_rng(0)
    costs = np.concatenate([rng.normal(size=(3, d)), rng.integers(-2, 3, size=(3, d))])
    costs = costs.astype(dtype)
    for k in {1, d // 2}:
        solver = TopK(k)
        expected = stable_order(costs, k)
        np.testing.assert_array_equal(solver.solve(costs), expected)
        for solve_tf in (
            solver.solve_tf,
            tf.function(solver.solve_tf),
            tf.function(solver.solve_tf, jit_compile=True),
        ):
            solution = solve_tf(tf.constant(costs))
            assert solution.dtype == dtype
            np.testing.assert_array_equal(solution, expected)


def test_one_program_serves_every_k_and_one_k_per_row():
    costs = np.random.default_rng(1).normal(size=(4, 12)).astype(np.float32)
    program = tf.function(lambda costs, k: TopK(0).solve_tf(costs, k), jit_compile=True)
    for k in range(13):
        np.testing.assert_array_equal(program(costs, tf.constant(k)), stable_order(costs, k))
    assert program.experimental_get_tracing_count() == 1
    sizes = np.array([[0], [3], [12], [7]])
    np.testing.assert_array_equal(program(costs, tf.constant(sizes)).numpy().sum(1), sizes[:, 0])


def test_unknown_batch_size_and_no_rows():
    solve = tf.function(TopK(2).solve_tf, input_signature=[tf.TensorSpec([None, 3], tf.float64)])
    np.testing.assert_array_equal(solve([[3.0, 1.0, 2.0]]), [[0, 1, 1]])
    assert solve(np.empty((0, 3))).shape == (0, 3)
    assert TopK(2).solve(np.empty((0, 3))).shape == (0, 3)


def test_nan_is_the_largest_cost_and_never_changes_the_number_of_ones():
    costs = np.array([[np.nan, 1.0, -np.nan, 0.0], [np.nan] * 4], dtype=np.float32)
    np.testing.assert_array_equal(TopK(2).solve_tf(costs), [[0, 1, 0, 1], [1, 1, 0, 0]])
    np.testing.assert_array_equal(TopK(3).solve_tf(costs).numpy().sum(1), [3, 3])


def test_both_zeros_tie():
    costs = np.array([[0.0, -0.0, 0.0]])
    np.testing.assert_array_equal(TopK(1).solve_tf(costs), [[1, 0, 0]])
    np.testing.assert_array_equal(TopK(1).solve(costs), [[1, 0, 0]])


@pytest.mark.parametrize(
    ("k", "costs", "message"),
    [
        (1, [1.0, 2.0], r"shape \(n, any\), got \(2,\)"),
        (1, [[1.0, 2.0], [np.inf, 0.0]], "costs must be finite, got inf in instance 1"),
        (1, [[1.0, 2.0], [0.0, 1.0], [0.0, np.nan]], "costs must be finite, got nan in instance 2"),
        (3, [[1.0, 2.0]], "k must be at most the number of items, 2, got 3"),
        (-1, [[1.0, 2.0]], "k must be an integer of at least 0, got -1"),
        (1.5, [[1.0, 2.0]], "k must be an integer of at least 0, got 1.5"),
    ],
)
def test_faulty_input_is_named(k, costs, message):
    with pytest.raises(ValueError, match=message):
        TopK(k).solve(costs)


def test_dtype_is_kept_and_integers_become_float64():
    assert TopK(1).solve(np.zeros((1, 2), np.float32)).dtype == np.float32
    assert TopK(1).solve([[2, 1]]).dtype == np.float64


def test_parameters_are_readable_tunable_and_decide_equality():
    solver = TopK(k=3)
    assert clone(solver) is not solver
    assert clone(solver) == solver
    assert hash(clone(solver)) == hash(solver)
    assert solver.set_params(k=4) == TopK(4) != TopK(3)
    assert TopK(3) != CallableSolver(np.sign)


def test_unfinished_solver_says_so():
    with pytest.raises(NotImplementedError, match="Solver does not define solve"):
        Solver().solve(np.ones((1, 2)))


def test_callable_solver_checks_what_the_function_returns():
    doubled = CallableSolver(lambda costs: np.concatenate([costs, costs]))
    with pytest.raises(ValueError, match=r"shape of the costs, \(1, 2\), got \(2, 2\)"):
        doubled.solve(np.ones((1, 2)))


@pytest.mark.parametrize("batched", [True, False])
def test_a_function_that_writes_into_its_costs_changes_a_copy(batched):
    def greedy(costs):
        best = costs.argmin(axis=-1)
        costs[...] = 0
        return np.eye(3)[best]

    costs = np.array([[1.0, 0.5, 2.0]])
    assert CallableSolver(greedy, batched=batched).solve(costs).tolist() == [[0, 1, 0]]
    assert costs.tolist() == [[1.0, 0.5, 2.0]]


def test_equality_with_a_function_that_has_no_hash():
    class Unhashable:
        __hash__ = None

        def __call__(self, costs):
            return costs

    solver = CallableSolver(Unhashable())
    assert hash(clone(solver)) == hash(solver)
    assert clone(solver) == solver != CallableSolver(Unhashable())


class Lists(Solver):
    def __init__(self, length):
        self.length = length

    def solve(self, costs):
        return [[1] * self.length for _ in costs]


def test_solutions_of_any_solver_become_arrays():
    costs = np.ones((2, 3), np.float32)
    solutions = solve(Lists(3), costs)
    assert solutions.dtype == np.float32
    assert solutions.tolist() == [[1, 1, 1], [1, 1, 1]]
    message = r"Lists.solve must return .* of the costs, \(2, 3\), got \(2, 4\)"
    with pytest.raises(ValueError, match=message):
        solve(Lists(4), costs)
