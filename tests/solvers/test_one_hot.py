import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from skid.solvers import OneHot, TopK

compiled = tf.function(OneHot().solve_tf, jit_compile=True)
tied_costs = hnp.arrays(np.float64, (3, 5), elements=st.integers(-2, 2).map(lambda v: v / 8))


@given(costs=tied_costs)
def test_the_first_of_the_cheapest_is_chosen(costs):
    expected = np.zeros_like(costs)
    for row, cost in zip(expected, costs, strict=True):
        row[cost.tolist().index(min(cost))] = 1
    np.testing.assert_array_equal(OneHot().solve(costs), expected)
    np.testing.assert_array_equal(compiled(costs), expected)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_agrees_with_the_one_cheapest_of_top_k(dtype):
    costs = np.random.default_rng(0).normal(size=(20, 33)).astype(dtype)
    expected = TopK(1).solve(costs)
    np.testing.assert_array_equal(OneHot().solve(costs), expected)
    np.testing.assert_array_equal(OneHot().solve_tf(costs), expected)
    assert OneHot().solve_tf(costs).dtype == dtype


def test_a_nan_on_a_device_counts_as_infinite():
    costs = np.array([[np.nan, 1.0, 0.5], [np.nan, np.nan, np.nan], [np.inf, np.nan, np.inf]])
    expected = [[0, 0, 1], [1, 0, 0], [1, 0, 0]]
    for solve in (OneHot().solve_tf, compiled):
        np.testing.assert_array_equal(solve(tf.constant(costs)), expected)


def test_an_instance_without_items_is_refused():
    for solve in (OneHot().solve, OneHot().solve_tf):
        with pytest.raises(ValueError, match="at least 1 item per instance, got 0"):
            solve(np.empty((2, 0)))
