from itertools import permutations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from skid.solvers import Ranking

compiled = tf.function(Ranking().solve_tf, jit_compile=True)
tied_costs = hnp.arrays(np.float64, (2, 5), elements=st.integers(-2, 2).map(lambda v: v / 8))


def counted_ranks(cost):
    """One more than the number of items that are larger, or as large and earlier."""
    return [
        1 + sum(other > own or (other == own and j < i) for j, other in enumerate(cost))
        for i, own in enumerate(cost)
    ]


@given(costs=tied_costs)
def test_agrees_with_brute_force_and_breaks_ties_by_index(costs):
    solutions = Ranking().solve(costs)
    for cost, solution in zip(costs, solutions, strict=True):
        cheapest = min(np.dot(cost, ranks) for ranks in permutations(range(1, 6)))
        assert np.dot(cost, solution) == cheapest
        assert solution.tolist() == counted_ranks(cost)
    np.testing.assert_array_equal(compiled(costs), solutions)


@pytest.mark.parametrize("d", [1, 128, 129, 400])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_counting_and_sorting_agree_with_numpy(d, dtype):
    rng = np.random.default_rng(0)
    costs = np.concatenate([rng.normal(size=(3, d)), rng.integers(-2, 3, size=(3, d))])
    costs = costs.astype(dtype)
    costs[4:] *= -1  # Zeros of both signs.
    expected = Ranking().solve(costs)
    assert expected[0].tolist() == counted_ranks(costs[0])
    for solve in (Ranking().solve_tf, tf.function(Ranking().solve_tf), compiled):
        solution = solve(tf.constant(costs))
        assert solution.dtype == dtype
        np.testing.assert_array_equal(solution, expected)


def test_unknown_number_of_items():
    signature = [tf.TensorSpec([None, None], tf.float64)]
    solve = tf.function(Ranking().solve_tf, input_signature=signature)
    np.testing.assert_array_equal(solve([[0.3, 0.1, 0.2]]), [[1, 3, 2]])
    assert solve(np.empty((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("d", [4, 200])
def test_a_nan_on_a_device_counts_as_minus_infinity(d):
    costs = np.linspace(1, 2, d)[np.newaxis].astype(np.float32)
    costs[0, :2] = np.nan, -np.inf
    for solve in (Ranking().solve_tf, compiled):
        np.testing.assert_array_equal(solve(tf.constant(costs))[0, :2], [d - 1, d])


def test_no_items():
    assert Ranking().solve(np.empty((2, 0))).shape == (2, 0)
