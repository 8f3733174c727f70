import pickle

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment
from sklearn.base import clone

from skid.projections import project
from skid.solvers import IntegerProgram, PerfectMatching

SQUARE = [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)]


def cheapest(costs, edges, n_vertices):
    """The least total cost over all perfect matchings, infinite where there is none."""

    def complete(single):
        if not single:
            return 0.0
        vertex = min(single)
        return min(
            (
                cost + complete(single - set(ends))
                for cost, ends in zip(costs, edges, strict=True)
                if vertex in ends and ends[0] != ends[1] and single >= set(ends)
            ),
            default=np.inf,
        )

    return complete(frozenset(range(n_vertices)))


def complete_graph(n_vertices):
    return np.stack(np.triu_indices(n_vertices, 1), axis=1)


def grid(height, width):
    vertices = np.arange(height * width).reshape(height, width)
    across = np.stack([vertices[:, :-1].ravel(), vertices[:, 1:].ravel()], axis=1)
    down = np.stack([vertices[:-1].ravel(), vertices[1:].ravel()], axis=1)
    return np.concatenate([across, down])


def assert_feasible(solutions, edges, n_vertices):
    assert np.isin(solutions, (0, 1)).all()
    for solution in solutions:
        ends = np.asarray(edges)[solution == 1]
        np.testing.assert_array_equal(np.sort(ends.ravel()), np.arange(n_vertices))


graphs = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=4, max_size=20)


# Eighths add up without rounding, so totals are exact.
@given(data=st.data(), edges=graphs, dtype=st.sampled_from(["f4", "f8"]))
@settings(max_examples=300)
def test_agrees_with_brute_force(data, edges, dtype):
    eighths = st.integers(-8, 8).map(lambda value: value / 8)
    costs = data.draw(hnp.arrays(dtype, (2, len(edges)), elements=eighths))
    solver = PerfectMatching(edges, n_vertices=8)
    expected = [cheapest(c, edges, 8) for c in costs.tolist()]
    if np.isinf(expected[0]):
        with pytest.raises(ValueError, match="edges must allow a perfect matching"):
            solver.solve(costs)
        return
    solutions = solver.solve(costs)
    assert solutions.dtype == dtype
    assert_feasible(solutions, edges, 8)
    np.testing.assert_array_equal((solutions * costs).sum(1), expected)


def odd_clusters(rng, n_clusters, size):
    """Clusters of an odd number of points, far from each other: every one needs a blossom."""
    centres = 20 * rng.normal(size=(n_clusters, 2))
    return np.repeat(centres, size, axis=0) + rng.normal(size=(n_clusters * size, 2))


def cheapest_by_integers(costs, edges):
    """The least total cost, by an integer program of one equation for every vertex."""
    degrees = np.array([(edges == vertex).any(axis=1) for vertex in range(edges.max() + 1)])
    solver = IntegerProgram(A_eq=degrees.astype(float), b_eq=np.ones(len(degrees)))
    return costs @ solver.solve(costs[None])[0]


@pytest.mark.parametrize(("n_clusters", "size"), [(4, 3), (4, 7), (6, 5), (2, 15)])
def test_odd_clusters(n_clusters, size):
    for seed in range(3):
        points = odd_clusters(np.random.default_rng(seed), n_clusters, size)
        edges = complete_graph(len(points))
        costs = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
        solutions = PerfectMatching(edges).solve(costs[None])
        assert_feasible(solutions, edges, len(points))
        np.testing.assert_allclose(solutions[0] @ costs, cheapest_by_integers(costs, edges))


@pytest.mark.parametrize(("height", "width"), [(4, 4), (6, 6), (5, 8)])
def test_grids_agree_with_the_assignment_of_their_two_colours(height, width):
    edges = grid(height, width)
    costs = np.random.default_rng(0).normal(size=(10, len(edges)))
    solutions = PerfectMatching(edges).solve(costs)
    n_vertices = height * width
    assert_feasible(solutions, edges, n_vertices)
    dark = np.add.outer(np.arange(height), np.arange(width)).ravel() % 2 == 1
    light_end = np.where(dark[edges[:, 0]], edges[:, 1], edges[:, 0])
    dark_end = edges.sum(axis=1) - light_end
    for solution, cost in zip(solutions, costs, strict=True):
        matrix = np.full((n_vertices, n_vertices), np.inf)
        matrix[light_end, dark_end] = cost
        matrix = matrix[~dark][:, dark]
        expected = matrix[linear_sum_assignment(matrix)].sum()
        np.testing.assert_allclose(solution @ cost, expected)


def test_domino_tiling_of_ties():
    solutions = PerfectMatching(grid(8, 8)).solve(np.ones((3, 112)))
    assert_feasible(solutions, grid(8, 8), 64)


@pytest.mark.parametrize("projection", PerfectMatching.projections)
def test_projections_leave_the_solutions_optimal(projection):
    edges = complete_graph(6)
    costs = np.random.default_rng(1).normal(size=(30, len(edges))) + 2
    solutions = PerfectMatching(edges).solve(project(costs, projection))
    expected = [cheapest(c, edges, 6) for c in costs]
    np.testing.assert_allclose((solutions * costs).sum(1), expected)


@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1e300])
def test_the_scale_of_the_costs_does_not_matter(scale):
    edges = complete_graph(10)
    costs = np.random.default_rng(2).normal(size=(10, len(edges)))
    solver = PerfectMatching(edges)
    np.testing.assert_array_equal(solver.solve(scale * costs), solver.solve(costs))


def test_first_of_the_cheapest_parallel_edges_is_taken():
    edges = [(0, 1), (1, 1), (1, 0), (0, 1), (2, 3)]
    costs = [[3.0, -9.0, 2.0, 2.0, 1.0], [1.0, -9.0, 2.0, 1.0, 1.0]]
    expected = [[0, 0, 1, 0, 1], [1, 0, 0, 0, 1]]
    np.testing.assert_array_equal(PerfectMatching(edges).solve(costs), expected)


def test_large_batches_equal_single_instances():
    edges = complete_graph(8)
    costs = np.random.default_rng(3).integers(0, 5, size=(400, len(edges))).astype(float)
    solver = PerfectMatching(edges)
    solutions = solver.solve(costs)
    one_by_one = np.concatenate([solver.solve(c[None]) for c in costs])
    np.testing.assert_array_equal(solutions, one_by_one)
    assert solver.solve(costs[:0]).shape == (0, len(edges))


@pytest.mark.parametrize(
    ("solver", "costs", "message"),
    [
        (PerfectMatching(SQUARE), np.zeros((1, 4)), r"shape \(n, 5\), got \(1, 4\)"),
        (
            PerfectMatching(SQUARE),
            [[0, 0, 0, 0, np.nan]],
            "costs must be finite, got .* in instance 0",
        ),
        (PerfectMatching(SQUARE[:2]), np.zeros((1, 2)), "got an odd number of vertices: 3"),
        (
            PerfectMatching([(0, 1), (0, 2), (0, 3)]),
            np.zeros((1, 3)),
            "edges must allow a perfect matching",
        ),
        (
            PerfectMatching([(0, 0), (1, 1)]),
            np.zeros((1, 2)),
            "edges must allow a perfect matching",
        ),
        (
            PerfectMatching(SQUARE, n_vertices=6),
            np.zeros((1, 5)),
            "edges must allow a perfect matching",
        ),
        (
            PerfectMatching(SQUARE, n_vertices=3),
            np.zeros((1, 5)),
            r"from 0 to 2, got \(2, 3\) as edge 2",
        ),
        (PerfectMatching([0, 1]), np.zeros((1, 2)), r"shape \(m, 2\), got \(2,\)"),
    ],
)
def test_faulty_input_is_named(solver, costs, message):
    with pytest.raises(ValueError, match=message):
        solver.solve(costs)


def test_parameters_are_readable_and_decide_equality():
    solver = PerfectMatching(np.array(SQUARE))
    costs = np.random.default_rng(4).normal(size=(3, 5))
    expected = solver.solve(costs)
    for copy in (clone(solver), pickle.loads(pickle.dumps(solver))):
        assert copy == solver
        assert hash(copy) == hash(solver)
        np.testing.assert_array_equal(copy.solve(costs), expected)
    copy.set_params(edges=[(0, 1), (2, 3)])
    assert copy.cost_shape == (2,)
    assert copy != solver
    np.testing.assert_array_equal(copy.solve(costs[:, :2]), np.ones((3, 2)))
    np.testing.assert_array_equal(solver.solve(costs), expected)
