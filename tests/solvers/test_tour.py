import pickle
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse.csgraph import connected_components
from sklearn.base import clone

import skid.solvers.algorithms.tour_search
from skid.exceptions import TimeLimitWarning
from skid.projections import project
from skid.solvers import TravelingSalesman
from skid.solvers.algorithms.tour_program import solve_tour_program
from skid.solvers.algorithms.tour_search import find_shortest_tour, tour_length

# Degrees and minutes of TSPLIB's burma14 and ulysses16; G. Reinelt, ORSA Journal on Computing 3,
# 376-384, 1991, gives the lengths of the shortest tours.
BURMA = [
    (16.47, 96.10), (16.47, 94.44), (20.09, 92.54), (22.39, 93.37), (25.23, 97.24), (22.00, 96.05),
    (20.47, 97.02), (17.20, 96.29), (16.30, 97.38), (14.05, 98.12), (16.53, 97.38), (21.52, 95.59),
    (19.41, 97.13), (20.09, 94.55),
]  # fmt: skip
ULYSSES = [
    (38.24, 20.42), (39.57, 26.15), (40.56, 25.32), (36.26, 23.12), (33.48, 10.54), (37.56, 12.19),
    (38.42, 13.11), (37.52, 20.44), (41.23, 9.10), (41.17, 13.05), (36.08, -5.21), (38.47, 15.13),
    (38.15, 15.35), (37.51, 15.17), (35.49, 14.32), (39.36, 19.56),
]  # fmt: skip


def geographical(coordinates):
    """Distances as TSPLIB defines them for coordinates in degrees and minutes."""
    coordinates = np.array(coordinates)
    degrees = np.trunc(coordinates)
    radians = 3.141592 * (degrees + 5 * (coordinates - degrees) / 3) / 180
    latitude, longitude = radians.T
    q1 = np.cos(longitude[:, None] - longitude)
    q2 = np.cos(latitude[:, None] - latitude)
    q3 = np.cos(latitude[:, None] + latitude)
    angle = np.arccos(np.clip(((1 + q1) * q2 - (1 - q1) * q3) / 2, -1, 1))
    return np.trunc(6378.388 * angle + 1)


def euclidean(rng, n_instances, n):
    points = rng.random((n_instances, n, 2))
    return np.linalg.norm(points[:, :, None] - points[:, None], axis=-1)


def arbitrary(rng, n_instances, n):
    return rng.normal(size=(n_instances, n, n))


def cheapest(costs):
    """The least total cost over all round trips."""
    n = len(costs)
    both = costs + costs.T
    others = np.array(list(permutations(range(1, n))))
    tours = np.insert(others, 0, 0, axis=1)
    return both[tours, np.roll(tours, 1, axis=1)].sum(axis=1).min()


def totals(solutions, costs):
    return (solutions * costs).sum(axis=(1, 2))


def assert_tours(solutions):
    n = solutions.shape[1]
    assert np.isin(solutions, (0, 1)).all()
    np.testing.assert_array_equal(solutions, solutions.swapaxes(1, 2))
    np.testing.assert_array_equal(solutions.sum(axis=1), np.full(solutions.shape[:2], 2))
    assert not solutions[:, range(n), range(n)].any()
    assert all(connected_components(solution)[0] == 1 for solution in solutions)


# Eighths add up without rounding, so totals are exact.
@given(data=st.data(), n=st.integers(3, 6), dtype=st.sampled_from(["f4", "f8"]))
@settings(max_examples=100)
def test_agrees_with_brute_force(data, n, dtype):
    eighths = st.integers(-8, 8).map(lambda value: value / 8)
    costs = data.draw(hnp.arrays(dtype, (2, n, n), elements=eighths))
    expected = [cheapest(c - np.diag(np.diag(c))) for c in costs]
    for heuristic in (False, True):
        solutions = TravelingSalesman(n, heuristic=heuristic).solve(costs)
        assert solutions.dtype == dtype
        assert_tours(solutions)
        if not heuristic:
            np.testing.assert_array_equal(totals(solutions, costs), expected)


@pytest.mark.parametrize("make", [euclidean, arbitrary])
@pytest.mark.parametrize("decimals", [0, 1, 15])
def test_branch_and_bound_agrees_with_dynamic_programming(make, decimals):
    for n in (5, 8, 12):
        costs = (3 * make(np.random.default_rng(n), 20, n)).round(decimals)
        solutions = TravelingSalesman(n).solve(costs)
        symmetric = (costs + costs.swapaxes(1, 2)) / 2
        symmetric[:, range(n), range(n)] = 0
        for cost, solution in zip(symmetric, solutions, strict=True):
            # From a bad tour, so that there is something to search.
            found = find_shortest_tour(cost, np.arange(n), instance=0, time_limit=None)
            np.testing.assert_array_equal(np.sort(found.cities), np.arange(n))
            assert np.isnan(found.gap)
            np.testing.assert_allclose(2 * tour_length(cost, found.cities), (solution * cost).sum())


@pytest.mark.parametrize("make", [euclidean, arbitrary])
def test_integer_program_agrees_with_branch_and_bound(make):
    n = 24
    costs = make(np.random.default_rng(0), 4, n)
    costs = costs + costs.swapaxes(1, 2)
    expected = totals(TravelingSalesman(n).solve(costs), costs)
    edges = np.stack(np.triu_indices(n, 1), axis=1)
    for cost, total in zip(costs, expected, strict=True):
        answer = solve_tour_program(
            cost[edges[:, 0], edges[:, 1]],
            edges,
            np.zeros(len(edges), bool),
            n,
            instance=0,
            time_limit=None,
        )
        np.testing.assert_allclose(2 * answer.solution @ cost[edges[:, 0], edges[:, 1]], total)


def test_integer_program_takes_over_from_a_search_that_grows_too_large(monkeypatch):
    costs = euclidean(np.random.default_rng(1), 6, 40)
    expected = TravelingSalesman(40).solve(costs)
    monkeypatch.setattr(skid.solvers.algorithms.tour_search, "_MOST_CITY_NODES", 0)
    solutions = TravelingSalesman(40).solve(costs)
    assert_tours(solutions)
    np.testing.assert_allclose(totals(solutions, costs), totals(expected, costs))


@pytest.mark.parametrize(("coordinates", "length"), [(BURMA, 3323), (ULYSSES, 6859)])
def test_known_shortest_tours(coordinates, length):
    distances = geographical(coordinates)
    for scale in (1.0, 1 / 7):
        (solution,) = TravelingSalesman(len(distances)).solve(scale * distances[None])
        assert_tours(solution[None])
        assert (solution * distances).sum() == 2 * length


def test_points_on_a_circle_are_visited_in_their_order():
    rng = np.random.default_rng(2)
    angles = np.sort(rng.uniform(0, 2 * np.pi, size=(5, 60)), axis=1)
    shuffled = rng.permutation(60)
    points = np.exp(1j * angles)[:, shuffled]
    costs = abs(points[:, :, None] - points[:, None])
    place = np.argsort(shuffled)
    expected = np.zeros((60, 60))
    expected[place, np.roll(place, 1)] = 1
    expected += expected.T
    for order in "CF":
        solutions = TravelingSalesman(60).solve(np.array(costs, order=order))
        np.testing.assert_array_equal(solutions, [expected] * 5)


@pytest.mark.parametrize("n", [6, 20])
@pytest.mark.parametrize("projection", TravelingSalesman.projections)
def test_projections_leave_the_solutions_optimal(n, projection):
    costs = euclidean(np.random.default_rng(3), 10, n)
    solver = TravelingSalesman(n)
    expected = totals(solver.solve(costs), costs)
    solutions = solver.solve(project(costs, projection))
    np.testing.assert_allclose(totals(solutions, costs), expected, rtol=1e-9)


def test_costs_are_used_symmetrically_and_without_the_diagonal():
    rng = np.random.default_rng(4)
    costs = euclidean(rng, 5, 15)
    skew = rng.normal(size=costs.shape)
    skew -= skew.swapaxes(1, 2)
    diagonal = np.eye(15) * rng.normal(size=(5, 15, 1))
    solver = TravelingSalesman(15)
    np.testing.assert_array_equal(solver.solve(costs + skew + diagonal), solver.solve(costs))


@pytest.mark.parametrize("value", [0.0, 0.7, -1.3])
def test_equal_costs(value):
    assert_tours(TravelingSalesman(30).solve(np.full((2, 30, 30), value)))


@pytest.mark.parametrize("make", [euclidean, arbitrary])
def test_heuristic_is_never_better_than_exact_and_no_worse_with_more_kicks(make):
    costs = make(np.random.default_rng(5), 8, 50)
    exact = totals(TravelingSalesman(50).solve(costs), costs)
    slack = 1e-9 * abs(exact)
    previous = np.full(8, np.inf)
    for n_kicks in (0, 20, 500):
        solver = TravelingSalesman(50, heuristic=True, n_kicks=n_kicks)
        solutions = solver.solve(costs)
        assert_tours(solutions)
        assert (totals(solutions, costs) >= exact - slack).all()
        assert (totals(solutions, costs) <= previous + slack).all()
        previous = totals(solutions, costs)
    assert (previous <= exact + 0.05 * abs(exact)).all()


def test_random_state_decides_the_heuristic_whatever_the_batch():
    costs = euclidean(np.random.default_rng(6), 20, 80)
    solver = TravelingSalesman(80, heuristic=True, n_kicks=5, random_state=3)
    solutions = solver.solve(costs)
    one_by_one = np.concatenate([solver.solve(c[None]) for c in costs])
    np.testing.assert_array_equal(solutions, one_by_one)
    assert (solutions != clone(solver).set_params(random_state=4).solve(costs)).any()


@pytest.mark.parametrize("n", [5, 16])
def test_large_batches_equal_single_instances(n):
    costs = euclidean(np.random.default_rng(7), 60, n)
    solver = TravelingSalesman(n)
    solutions = solver.solve(costs)
    np.testing.assert_array_equal(solutions, np.concatenate([solver.solve(c[None]) for c in costs]))
    assert solver.solve(costs[:0]).shape == (0, n, n)


def hard_instance():
    """Three clusters of tied distances, which no bound at the root can tell apart."""
    rng = np.random.default_rng(8)
    points = np.concatenate([rng.integers(0, 6, size=(20, 2)) + 40 * k for k in range(3)])
    return abs(points[:, None] - points).sum(-1) / 7


def test_time_limit_is_reported_with_instance_and_gap():
    costs = np.stack([np.zeros((60, 60)), hard_instance()])
    solver = TravelingSalesman(60, time_limit=1e-6)
    assert not solver.binary
    with pytest.warns(TimeLimitWarning, match=r"in 1 of 2 instances \(1\).* gap is .*instance 1"):
        solutions = solver.solve(costs)
    assert_tours(solutions)


def test_time_limit_of_the_integer_program(monkeypatch):
    monkeypatch.setattr(skid.solvers.algorithms.tour_search, "_MOST_CITY_NODES", 0)
    with pytest.warns(TimeLimitWarning, match=r"in 1 of 1 instances \(0\)"):
        solutions = TravelingSalesman(60, time_limit=0.05).solve(hard_instance()[None])
    assert_tours(solutions)


@pytest.mark.parametrize(
    ("solver", "costs", "message"),
    [
        (TravelingSalesman(4), np.zeros((1, 4, 3)), r"shape \(n, 4, 4\), got \(1, 4, 3\)"),
        (
            TravelingSalesman(3),
            np.full((1, 3, 3), np.nan),
            "costs must be finite, got .* in instance 0",
        ),
        (TravelingSalesman(2), np.zeros((1, 2, 2)), "n must be an integer of at least 3, got 2"),
        (TravelingSalesman(4.0), np.zeros((1, 4, 4)), "n must be an integer .* got 4.0"),
        (TravelingSalesman(4, n_kicks=-1), np.zeros((1, 4, 4)), "n_kicks must be .* got -1"),
        (
            TravelingSalesman(4, random_state=-1),
            np.zeros((1, 4, 4)),
            "random_state must be .* got -1",
        ),
        (TravelingSalesman(4, time_limit=0), np.zeros((1, 4, 4)), "time_limit must be .* got 0"),
    ],
)
def test_faulty_input_is_named(solver, costs, message):
    with pytest.raises(ValueError, match=message):
        solver.solve(costs)


@pytest.mark.parametrize("n", [5, 20])
@pytest.mark.parametrize("value", [np.inf, np.nan, -7.0])
def test_the_diagonal_counts_for_nothing(n, value):
    costs = np.random.default_rng(0).random((4, n, n))
    expected = TravelingSalesman(n).solve(costs)
    costs[:, np.arange(n), np.arange(n)] = value
    before = costs.copy()
    np.testing.assert_array_equal(TravelingSalesman(n).solve(costs), expected)
    np.testing.assert_array_equal(costs, before)


def test_parameters_are_readable_and_decide_equality():
    solver = TravelingSalesman(5, heuristic=True, random_state=1)
    assert solver.cost_shape == (5, 5)
    assert not solver.binary
    assert TravelingSalesman(5).binary
    for copy in (clone(solver), pickle.loads(pickle.dumps(solver))):
        assert copy == solver
        assert hash(copy) == hash(solver)
    assert copy.set_params(heuristic=False) != solver


@pytest.mark.parametrize("n", [5, 16])
@pytest.mark.parametrize("scale", [2.0**-1000, 2.0**1020])
def test_extreme_costs(n, scale):
    costs = euclidean(np.random.default_rng(9), 5, n)
    for heuristic in (False, True):
        solver = TravelingSalesman(n, heuristic=heuristic)
        np.testing.assert_array_equal(solver.solve(scale * costs), solver.solve(costs))


def test_tours_of_few_cities_are_proven_in_spite_of_a_time_limit():
    assert TravelingSalesman(12, time_limit=1e-9).binary
    assert not TravelingSalesman(13, time_limit=1e-9).binary
    assert not TravelingSalesman(12, heuristic=True).binary
