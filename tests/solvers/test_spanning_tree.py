from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from skid.solvers import SpanningTree


def is_spanning_tree(edges, chosen, n_vertices):
    """Whether the chosen edges join all vertices, without one too many."""
    component = np.arange(n_vertices)
    for tail, head in edges[list(chosen)]:
        component[component == component[tail]] = component[head]
    return len(chosen) == n_vertices - 1 and len(set(component)) == 1


graphs = hnp.arrays(np.int64, st.tuples(st.integers(1, 8), st.just(2)), elements=st.integers(0, 4))
# Eighths add up without rounding, and many of them tie.
eighths = st.integers(-2, 2).map(lambda v: v / 8)


@given(data=st.data(), edges=graphs)
def test_agrees_with_brute_force_and_breaks_ties_by_index(data, edges):
    n_vertices = int(edges.max()) + 1
    trees = [
        chosen
        for chosen in combinations(range(len(edges)), n_vertices - 1)
        if is_spanning_tree(edges, chosen, n_vertices)
    ]
    assume(trees)
    costs = data.draw(hnp.arrays(np.float64, (2, len(edges)), elements=eighths))
    for cost, solution in zip(costs, SpanningTree(edges).solve(costs), strict=True):
        # Of the cheapest trees the one whose edges come first when all are sorted.
        rank = np.argsort(np.argsort(cost, kind="stable"))
        best = min(trees, key=lambda tree: (cost[list(tree)].sum(), sorted(rank[list(tree)])))
        assert np.flatnonzero(solution).tolist() == list(best)


@pytest.mark.parametrize(("n_vertices", "density"), [(2, 1.0), (30, 1.0), (60, 0.2), (40, 0.1)])
def test_larger_graphs_agree_with_scipy(n_vertices, density):
    rng = np.random.default_rng(0)
    edges = np.array(list(combinations(range(n_vertices), 2)))
    edges = edges[(rng.random(len(edges)) < density) | (edges[:, 1] == edges[:, 0] + 1)]
    edges = rng.permuted(edges, axis=1)
    costs = rng.normal(size=(5, len(edges)))
    solutions = SpanningTree(edges).solve(costs)
    for cost, solution in zip(costs, solutions, strict=True):
        # Shifted, because scipy takes a weight of zero for no edge.
        graph = coo_array((cost + 10, edges.T), shape=(n_vertices, n_vertices))
        expected = minimum_spanning_tree(graph).sum() - 10 * (n_vertices - 1)
        assert is_spanning_tree(edges, np.flatnonzero(solution), n_vertices)
        assert solution @ cost == pytest.approx(expected)


def test_parallel_edges_and_loops():
    solver = SpanningTree([(0, 0), (0, 1), (1, 0), (1, 2), (2, 2)])
    costs = np.array([[-9.0, 2.0, 1.0, 3.0, -9.0], [-9.0, 1.0, 1.0, 3.0, -9.0]])
    np.testing.assert_array_equal(solver.solve(costs), [[0, 0, 1, 1, 0], [0, 1, 0, 1, 0]])


def test_a_single_vertex_needs_no_edge():
    assert SpanningTree(np.empty((0, 2), int), n_vertices=1).solve(np.ones((2, 0))).shape == (2, 0)
    np.testing.assert_array_equal(SpanningTree([(0, 0)]).solve([[-1.0]]), [[0]])


def test_sparse_matrices_list_their_entries_row_by_row():
    matrix = coo_array(([7.0, 7, 7], ([1, 0, 0], [2, 2, 1])), shape=(3, 3))
    costs = np.array([[1.0, 5.0, 2.0]])  # Of 0-1, 0-2, 1-2.
    np.testing.assert_array_equal(SpanningTree(matrix).solve(costs), [[1, 0, 1]])
    np.testing.assert_array_equal(SpanningTree(matrix.tocsr()).solve(costs), [[1, 0, 1]])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"edges": [(0, 1), (2, 3)]}, r"got 2 components: vertex 2 is not connected"),
        (
            {"edges": [(0, 1), (1, 2)], "n_vertices": 5},
            r"got 3 components: vertex 3 is not connected",
        ),
        ({"edges": [(0, 1), (1, 2)], "n_vertices": 2}, r"got \(1, 2\) as edge 1"),
        (
            {"edges": [(0, 1), (1, 2)], "n_vertices": 2.5},
            "n_vertices must be an integer of at least 0, got 2.5",
        ),
        ({"edges": [[0, 1, 2]]}, r"edges must have shape \(m, 2\), got \(1, 3\)"),
    ],
)
def test_faulty_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        SpanningTree(**parameters).solve(np.ones((1, 2)))
