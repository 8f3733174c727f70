import pickle
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow
from sklearn.base import clone

from skid.projections import project
from skid.solvers import MinCut

DIAMOND = [(0, 1), (0, 2), (1, 3), (2, 3), (1, 2)]


def sides(n_vertices, source, target):
    """All sets of vertices with the source and without the target, smaller sets first."""
    chosen = np.array(list(product([False, True], repeat=n_vertices)))
    chosen = chosen[chosen[:, source] & ~chosen[:, target]]
    return chosen[np.argsort(chosen.sum(1), kind="stable")]


def crossing(near, edges, *, directed):
    tail, head = near[:, edges[:, 0]], near[:, edges[:, 1]]
    return (tail & ~head) if directed else (tail != head)


def brute_force(costs, edges, source, target, *, directed=True):
    """The cut of the smallest near side among the cheapest ones."""
    near = sides(edges.max() + 1, source, target)
    cuts = crossing(near, edges, directed=directed).astype(float)
    return cuts[np.argmin(cuts @ costs)]


graphs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=10)


@given(data=st.data(), edges=graphs, directed=st.booleans(), dtype=st.sampled_from(["f4", "f8"]))
@settings(max_examples=200)
def test_agrees_with_brute_force(data, edges, directed, dtype):
    edges = np.array([*edges, (0, 4)])
    integers = st.integers(0, 4).map(float)
    costs = data.draw(hnp.arrays(dtype, (2, len(edges)), elements=integers))
    solutions = MinCut(edges, 0, 4, directed=directed).solve(costs)
    assert solutions.dtype == dtype
    expected = [brute_force(c.astype(float), edges, 0, 4, directed=directed) for c in costs]
    np.testing.assert_array_equal(solutions, expected)


def random_graph(rng, n_vertices, n_edges):
    return rng.integers(0, n_vertices, size=(n_edges, 2))


@pytest.mark.parametrize("seed", range(5))
def test_value_is_the_maximum_flow(seed):
    rng = np.random.default_rng(seed)
    edges = np.unique(random_graph(rng, 60, 400), axis=0)
    edges = edges[edges[:, 0] != edges[:, 1]]
    costs = rng.integers(1, 1000, size=len(edges))
    solver = MinCut(edges, 0, 59, n_vertices=60)
    capacities = csr_array((costs.astype(np.int32), edges.T), shape=(60, 60))
    flow = maximum_flow(capacities, 0, 59).flow_value
    (solution,) = solver.solve(costs[None])
    assert solution @ costs == flow
    # Sevenths are rounded at every step of the flow, and cut at the same place.
    np.testing.assert_array_equal(solver.solve(costs[None] / 7), [solution])


@pytest.mark.parametrize("infinite", [1e6, 1e12, 1e18, 1e300])
def test_huge_capacities_do_not_hide_small_ones(infinite):
    # The flow has to be led back over an edge of huge capacity.
    edges = [(0, 1), (0, 2), (1, 2), (1, 3), (2, 4), (3, 5), (4, 5)]
    costs = np.array([[infinite, infinite, infinite, 0.3, 0.2, infinite, infinite]])
    (solution,) = MinCut(edges, 0, 5).solve(costs)
    np.testing.assert_array_equal(solution, [0, 0, 0, 1, 1, 0, 0])


@pytest.mark.parametrize("projection", MinCut.projections)
def test_projections_leave_the_solutions_optimal(projection):
    costs = np.random.default_rng(0).random((30, 5))
    expected = [brute_force(c, np.array(DIAMOND), 0, 3) for c in costs]
    solutions = MinCut(DIAMOND, 0, 3).solve(project(costs, projection))
    np.testing.assert_array_equal(solutions, expected)


def test_ends_of_every_instance():
    rng = np.random.default_rng(1)
    edges = random_graph(rng, 6, 20)
    costs = rng.random((8, 20))
    source, target = np.arange(8) % 6, (np.arange(8) + 2) % 6
    solutions = MinCut(edges, 0, 1, n_vertices=6).solve(costs, source=source, target=target)
    for i in range(8):
        expected = brute_force(costs[i], edges, source[i], target[i])
        np.testing.assert_array_equal(solutions[i], expected)
    solutions = MinCut(edges, 0, 1, n_vertices=6).solve(costs, target=4)
    np.testing.assert_array_equal(solutions, MinCut(edges, 0, 4, n_vertices=6).solve(costs))


def test_large_batches_equal_single_instances():
    costs = np.random.default_rng(2).integers(0, 5, size=(900, 5)).astype(float)
    solver = MinCut(DIAMOND, 0, 3)
    solutions = solver.solve(costs)
    np.testing.assert_array_equal(solutions, np.concatenate([solver.solve(c[None]) for c in costs]))
    assert solver.solve(costs[:0]).shape == (0, 5)


def test_unreachable_target_is_cut_off_by_nothing():
    np.testing.assert_array_equal(MinCut([(0, 1), (2, 1)], 0, 2).solve([[1.0, 1.0]]), [[0, 0]])


@pytest.mark.parametrize(
    ("solver", "costs", "arguments", "message"),
    [
        (MinCut(DIAMOND, 0, 3), np.ones((1, 4)), {}, r"shape \(n, 5\), got \(1, 4\)"),
        (
            MinCut(DIAMOND, 0, 3),
            [[1, 1, 1, np.inf, 1]],
            {},
            "costs must be finite, got .* in instance 0",
        ),
        (
            MinCut(DIAMOND, 0, 3),
            [[1, 1, 1, -2, 1]],
            {},
            "costs must be at least 0, got -2.* in instance 0",
        ),
        (MinCut(DIAMOND, 0, 4), np.ones((1, 5)), {}, "target must be a vertex from 0 to 3, got 4"),
        (
            MinCut(DIAMOND, 2, 2),
            np.ones((1, 5)),
            {},
            "must be different .* got 2 for both in instance 0",
        ),
        (
            MinCut(DIAMOND, 0.5, 2),
            np.ones((1, 5)),
            {},
            "source must be an integer",
        ),
        (
            MinCut(DIAMOND, 0, 3),
            np.ones((2, 5)),
            {"source": [0, -1]},
            "source must be a vertex .* got -1 in instance 1",
        ),
        (
            MinCut(DIAMOND, 0, 3),
            np.ones((2, 5)),
            {"target": [1]},
            r"or \(2,\), got \(1,\)",
        ),
        (
            MinCut(DIAMOND, 0, 3, n_vertices=3),
            np.ones((1, 5)),
            {},
            r"from 0 to 2, got \(1, 3\) as edge 2",
        ),
        (MinCut([(0, -1)], 0, 3), np.ones((1, 1)), {}, r"got \(0, -1\) as edge 0"),
        (MinCut([(0.0, 1.0)], 0, 1), np.ones((1, 1)), {}, "must be integers, .* dtype float64"),
        (MinCut([0, 1], 0, 1), np.ones((1, 2)), {}, r"shape \(m, 2\), got \(2,\)"),
        (MinCut(DIAMOND, 0, 3, n_vertices=1.5), np.ones((1, 5)), {}, "n_vertices .* got 1.5"),
    ],
)
def test_faulty_input_is_named(solver, costs, arguments, message):
    with pytest.raises(ValueError, match=message):
        solver.solve(costs, **arguments)


@pytest.mark.parametrize("edges", [DIAMOND, np.array(DIAMOND)])
def test_parameters_are_readable_and_decide_equality(edges):
    solver = MinCut(edges, 0, 3)
    costs = np.random.default_rng(3).random((3, 5))
    expected = solver.solve(costs)
    for copy in (clone(solver), pickle.loads(pickle.dumps(solver))):
        assert copy == solver
        assert hash(copy) == hash(solver)
        np.testing.assert_array_equal(copy.solve(costs), expected)
    copy.set_params(edges=edges[:2], target=2)
    assert copy.cost_shape == (2,)
    assert copy != solver
    np.testing.assert_array_equal(copy.solve(costs[:, :2]), [[0, 1]] * 3)
    np.testing.assert_array_equal(solver.solve(costs), expected)
