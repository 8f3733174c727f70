from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from skid.solvers import Knapsack, knapsack


def brute_force(cost, weights, capacity):
    """The least total over all sets of items that fit."""
    sets = np.array(list(product((0, 1), repeat=len(cost))))
    fits = (sets @ np.atleast_2d(weights).T <= capacity).all(axis=1)
    return (sets[fits] @ cost).min()


# Eighths add up without rounding, and many of them tie.
costs_of_six = hnp.arrays(np.float64, (2, 6), elements=st.integers(-6, 2).map(lambda v: v / 8))


@given(
    costs=costs_of_six,
    weights=hnp.arrays(np.int64, (2, 6), elements=st.integers(0, 6)),
    capacity=hnp.arrays(np.float64, 2, elements=st.integers(0, 24).map(lambda v: v / 2)),
    divisor=st.sampled_from([1, 3]),
)
def test_integer_weights_agree_with_brute_force(costs, weights, capacity, divisor):
    weights, capacity = divisor * weights, divisor * capacity
    shared = Knapsack(weights[0], capacity[0])
    each = shared.solve(costs, weights=weights, capacity=capacity)
    rows = [0, 0, 0, 1]
    solutions = np.concatenate([shared.solve(costs), each])
    for instance, solution in enumerate(solutions):
        row = rows[instance]
        cost = costs[instance % 2]
        assert np.isin(solution, (0, 1)).all()
        assert not solution[cost >= 0].any()
        assert solution @ weights[row] <= capacity[row]
        assert solution @ cost == brute_force(cost, weights[row], capacity[row])


@given(
    costs=costs_of_six,
    weights=hnp.arrays(
        np.float64, (2, 2, 6), elements=st.integers(0, 40).map(lambda v: v / 16 + 1 / 32)
    ),
    capacity=hnp.arrays(np.float64, (2, 2), elements=st.integers(0, 60).map(lambda v: v / 8)),
)
@settings(max_examples=25)
def test_other_weights_agree_with_brute_force(costs, weights, capacity):
    one = Knapsack(weights[0, 0], capacity[0, 0])
    two = Knapsack(weights[0], capacity[0])
    cases = [
        (one.solve(costs), weights[[0, 0], :1], capacity[[0, 0], :1]),
        (
            one.solve(costs, weights=weights[:, 0], capacity=capacity[:, 0]),
            weights[:, :1],
            capacity[:, :1],
        ),
        (two.solve(costs), weights[[0, 0]], capacity[[0, 0]]),
        (two.solve(costs, weights=weights, capacity=capacity), weights, capacity),
    ]
    for solutions, own_weights, own_capacity in cases:
        for instance, solution in enumerate(solutions):
            cost = costs[instance]
            assert np.isin(solution, (0, 1)).all()
            assert not solution[cost >= 0].any()
            assert (own_weights[instance] @ solution <= own_capacity[instance]).all()
            expected = brute_force(cost, own_weights[instance], own_capacity[instance])
            assert solution @ cost == expected


@pytest.fixture(params=["table", "search", "program"])
def method(request, monkeypatch):
    """Solve by one of the three methods, whatever the instance."""
    if request.param != "table":
        monkeypatch.setattr(knapsack, "_LARGEST_TABLE", 0)
    if request.param == "program":
        monkeypatch.setattr(knapsack, "_NODES", 0)
    return request.param


def best_total(costs, weights, capacity):
    """The least total of every instance, by recursion over the items."""
    best = np.zeros((len(costs), capacity + 1))
    for item, weight in enumerate(weights):
        taken = best[:, : capacity + 1 - weight] + costs[:, [item]]
        best[:, weight:] = np.minimum(best[:, weight:], taken)
    return best[:, -1]


def test_more_items_than_a_word_has_bits(method):
    rng = np.random.default_rng(0)
    weights = rng.integers(1, 30, size=150)
    costs = -rng.uniform(1, 10, size=(4, 150))
    solutions = Knapsack(weights, 400).solve(costs)
    assert (solutions @ weights <= 400).all()
    np.testing.assert_allclose((solutions * costs).sum(axis=1), best_total(costs, weights, 400))


def test_values_that_follow_the_weights(method):
    rng = np.random.default_rng(1)
    weights = rng.integers(10, 30, size=20)
    costs = -(weights + rng.integers(0, 4, size=(4, 20)))
    solutions = Knapsack(weights, 201).solve(costs)
    assert (solutions @ weights <= 201).all()
    np.testing.assert_array_equal((solutions * costs).sum(axis=1), best_total(costs, weights, 201))


def test_several_constraints_agree_with_the_integer_program(monkeypatch):
    rng = np.random.default_rng(2)
    weights = rng.uniform(1, 9, size=(3, 25))
    costs = -rng.uniform(1, 10, size=(5, 25))
    solver = Knapsack(weights, [50.0, 60.0, 45.0])
    searched = solver.solve(costs)
    monkeypatch.setattr(knapsack, "_NODES", 0)
    programmed = solver.solve(costs)
    for solutions in (searched, programmed):
        assert (solutions @ weights.T <= solver.capacity).all()
    np.testing.assert_allclose((searched * costs).sum(1), (programmed * costs).sum(1), rtol=1e-9)


def test_one_capacity_for_each_constraint_or_for_all():
    costs = -np.ones((1, 3))
    weights = [[1, 2, 3], [3, 2, 1]]
    np.testing.assert_array_equal(Knapsack(weights, 3).solve(costs).sum(), 1)
    np.testing.assert_array_equal(Knapsack(weights, [6, 3]).solve(costs), [[0, 1, 1]])
    np.testing.assert_array_equal(Knapsack(weights, 3).solve(costs, capacity=[6]).sum(), 3)


def test_weights_that_reach_the_capacity_up_to_rounding_fit(method):
    assert 0.1 + 0.2 + 0.3 > 0.6
    np.testing.assert_array_equal(Knapsack([0.1, 0.2, 0.3], 0.6).solve([[-1.0] * 3]), [[1, 1, 1]])


def test_items_that_exceed_the_capacity_by_less_than_the_tolerance_of_highs_do_not_fit(method):
    weights = np.array([0.5, 0.5000002, 0.3])
    costs = np.array([[-2.0, -2.0, -1.0]])
    solution = Knapsack(weights, 1.0).solve(costs)[0]
    assert solution @ weights <= 1
    assert solution @ costs[0] == -3


def test_huge_integers_are_exact(method):
    weights = np.array([10**12 + 1, 10**12 + 3, 5 * 10**11])
    np.testing.assert_array_equal(
        Knapsack(weights, 2 * 10**12).solve([[-1.0, -2.0, -0.5]]), [[0, 1, 1]]
    )
    # One divisor makes them small again.
    np.testing.assert_array_equal(
        Knapsack([10**12, 10**12, 2 * 10**12], 3e12).solve([[-1.0, -2.0, -2.5]]), [[0, 1, 1]]
    )


def test_what_weighs_nothing_or_too_much():
    costs = np.array([[-1.0, -9.0, -1e-9, 1.0]])
    np.testing.assert_array_equal(Knapsack([0, 5, 0, 0], 4).solve(costs), [[1, 0, 1, 0]])
    np.testing.assert_array_equal(Knapsack([0, 0.5, 0, 0], 0).solve(costs), [[1, 0, 1, 0]])
    np.testing.assert_array_equal(Knapsack([1, 5, 1, 1], 10**15).solve(costs), [[1, 1, 1, 0]])
    assert Knapsack([], 3).solve(np.ones((2, 0))).shape == (2, 0)


@pytest.mark.parametrize(
    ("weights", "capacity", "message"),
    [
        ([1, -2], 3, r"weights must be finite and at least 0, got -2\.0 at position \[1\]"),
        ([1, np.inf], 3, r"weights must be finite and at least 0, got inf at position \[1\]"),
        ([[1, 2], [3, np.nan]], [3, 3], r"weights must be .* got nan at position \[1, 1\]"),
        ([[[1, 2]]], 3, r"shape \(d,\) or \(n_constraints, d\), got \(1, 1, 2\)"),
        ([1, 2], -1, r"capacity must be finite and at least 0, got -1\.0"),
        ([1, 2], np.inf, "capacity must be finite and at least 0, got inf"),
        ([[1, 2], [3, 1]], [3, 3, 3], r"capacity must have shape \(2,\), got \(3,\)"),
    ],
)
def test_faulty_parameters_are_named(weights, capacity, message):
    with pytest.raises(ValueError, match=message):
        Knapsack(weights, capacity).solve(np.ones((2, 2)))


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"weights": [1, 2]}, r"weights must have shape \(2, 2\), got \(2,\)"),
        ({"weights": [[1, 2], [1, -2]]}, r"weights must be .* got -2\.0 at position \[1, 1\]"),
        ({"capacity": 3}, r"capacity must have shape \(2,\), got \(\)"),
        ({"capacity": [3, -1]}, r"capacity must be .* got -1\.0 at position \[1\]"),
    ],
)
def test_faulty_context_is_named(context, message):
    with pytest.raises(ValueError, match=message):
        Knapsack([1, 2], 3).solve(np.ones((2, 2)), **context)


@pytest.mark.parametrize("weights", [[1, 2, 3], [[1, 2, 3], [3, 2, 1]]])
def test_an_empty_batch_with_capacities(weights):
    n_constraints = np.shape(weights)[:-1]
    solver = Knapsack(weights, np.full(n_constraints, 4.0))
    empty = solver.solve(np.zeros((0, 3)), capacity=np.zeros((0, *n_constraints)))
    assert empty.shape == (0, 3)
