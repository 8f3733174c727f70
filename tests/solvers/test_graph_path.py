import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given, strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import coo_array, csr_array

from skid.projections import PROJECTIONS
from skid.solvers import ShortestPath

DIAMOND = [(0, 1), (1, 3), (0, 2), (2, 3)]


def right_and_down(n):
    """The edges of an n by n grid that lead right and down."""
    vertex = np.arange(n * n).reshape(n, n)
    right = np.column_stack([vertex[:, :-1].ravel(), vertex[:, 1:].ravel()])
    down = np.column_stack([vertex[:-1].ravel(), vertex[1:].ravel()])
    return np.concatenate([right, down])


def all_paths(edges, directed, source, target, visited=()):
    """The edges of every path that meets no vertex twice."""
    if source == target:
        yield ()
        return
    for edge, (tail, head) in enumerate(edges):
        for start, end in ((tail, head), (head, tail))[: 1 if directed else 2]:
            if start == source and end not in visited and end != source:
                for rest in all_paths(edges, directed, end, target, (*visited, source)):
                    yield (edge, *rest)


def acyclic(edges, order):
    """Loops dropped, every other edge turned to lead forward in a random order of vertices."""
    edges = np.sort(edges[edges[:, 0] != edges[:, 1]], axis=1)
    return order[edges]


graphs = hnp.arrays(np.int64, st.tuples(st.integers(1, 9), st.just(2)), elements=st.integers(0, 4))
vertices = st.integers(0, 4)
# Eighths add up without rounding, and many of them tie or are zero.
eighths = st.integers(-3, 3).map(lambda v: v / 8)


@given(data=st.data(), graph=graphs, directed=st.booleans(), source=vertices, target=vertices)
def test_graphs_with_cycles_agree_with_all_paths(data, graph, directed, source, target):
    paths = set(all_paths(graph.tolist(), directed, source, target))
    assume(paths)
    costs = abs(data.draw(hnp.arrays(np.float64, (2, len(graph)), elements=eighths)))
    solver = ShortestPath(graph, source, target, n_vertices=5, directed=directed)
    for cost, solution in zip(costs, solver.solve(costs), strict=True):
        assert np.isin(solution, (0, 1)).all()
        assert any(set(np.flatnonzero(solution)) == set(path) for path in paths)
        assert solution @ cost == min(sum(cost[list(path)]) for path in paths)


@given(
    data=st.data(),
    graph=graphs,
    order=st.permutations(range(5)),
    ends=hnp.arrays(np.int64, (2, 3), elements=vertices),
)
def test_graphs_without_cycles_agree_with_all_paths(data, graph, order, ends):
    edges = acyclic(graph, np.array(order))
    paths = [set(all_paths(edges.tolist(), True, *pair)) for pair in ends.T]
    assume(all(paths))
    costs = data.draw(hnp.arrays(np.float64, (3, len(edges)), elements=eighths))
    solver = ShortestPath(edges, *ends[:, 0].tolist(), n_vertices=5)
    assert not solver.nonnegative_costs
    assert (solver.projections == PROJECTIONS) == (len(set(map(len, paths[0]))) == 1)
    own = solver.solve(costs)
    np.testing.assert_array_equal(solver.solve_tf(costs), own)
    each = solver.solve(costs, source=ends[0], target=ends[1])
    np.testing.assert_array_equal(solver.solve_tf(costs, source=ends[0], target=ends[1]), each)
    for number, solutions in ((np.zeros(3, int), own), (np.arange(3), each)):
        for own_paths, cost, solution in zip(number, costs, solutions, strict=True):
            assert any(set(np.flatnonzero(solution)) == set(p) for p in paths[own_paths])
            assert solution @ cost == min(sum(cost[list(p)]) for p in paths[own_paths])


@pytest.mark.parametrize("n", [2, 5, 12])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_grids_are_solved_alike_on_every_way(n, dtype):
    rng = np.random.default_rng(0)
    solver = ShortestPath(right_and_down(n), 0, n * n - 1)
    costs = rng.integers(-8, 9, size=(7, *solver.cost_shape)).astype(dtype) / 8
    expected = solver.solve(costs)
    assert (expected.sum(axis=1) == 2 * (n - 1)).all()
    assert solver.projections == PROJECTIONS
    assert solver.graph_devices == ("cpu", "gpu")
    ends = {"source": np.zeros(7, int), "target": np.full(7, n * n - 1)}
    compiled = tf.function(solver.solve_tf, jit_compile=True)
    np.testing.assert_array_equal(solver.solve(costs, **ends), expected)
    np.testing.assert_array_equal(compiled(costs), expected)
    np.testing.assert_array_equal(compiled(costs, **ends), expected)
    np.testing.assert_array_equal(tf.function(solver.solve_tf)(costs), expected)


def test_undirected_grid_has_no_dearer_paths():
    costs = np.random.default_rng(0).random((10, 40))
    directed = ShortestPath(right_and_down(5), 0, 24)
    undirected = directed.__class__(right_and_down(5), 24, 0, directed=False)
    totals = (undirected.solve(costs) * costs).sum(axis=1)
    assert (totals <= (directed.solve(costs) * costs).sum(axis=1) + 1e-12).all()
    assert undirected.projections == ("none", "norm")
    assert undirected.nonnegative_costs
    assert undirected.graph_devices == ()
    assert not hasattr(undirected, "solve_tf")


def test_of_equally_cheap_edges_into_a_vertex_the_first_is_taken():
    solver = ShortestPath([*DIAMOND, (0, 1), (1, 3)], 0, 3)
    for solve in (solver.solve, solver.solve_tf):
        np.testing.assert_array_equal(solve(np.ones((1, 6))), [[1, 1, 0, 0, 0, 0]])


def test_sparse_matrices_list_their_entries_row_by_row():
    matrix = coo_array(([0.0, 7, 7, 7], ([2, 0, 1, 0], [3, 2, 3, 1])), shape=(5, 5))
    costs = np.array([[1.0, 2.0, 5.0, 3.0]])  # Of 0-1, 0-2, 1-3, 2-3.
    for edges in (matrix, matrix.tocsr(), matrix.tocsc()):
        solver = ShortestPath(edges, 0, 3)
        np.testing.assert_array_equal(solver.solve(costs), [[0, 1, 0, 1]])
        with pytest.raises(ValueError, match="target must be reachable from source=0, got 4"):
            solver.set_params(target=4).solve(costs)


def test_no_edge_is_needed_from_a_vertex_to_itself():
    for directed in (True, False):
        solver = ShortestPath(DIAMOND, 1, 1, directed=directed)
        assert not solver.solve(np.ones((2, 4))).any()
        if directed:
            assert not solver.solve_tf(np.ones((2, 4))).numpy().any()
    assert ShortestPath(np.empty((0, 2), int), 0, 0, n_vertices=1).solve(np.ones((2, 0))).size == 0


def test_changed_parameters_leave_nothing_stale():
    edges = np.array(DIAMOND)
    costs = np.array([[1.0, 1.0, 3.0, 0.5]])
    solver = ShortestPath(edges, 0, 3)
    np.testing.assert_array_equal(solver.solve(costs), [[1, 1, 0, 0]])
    edges[1] = (0, 3)  # In place: 0-1 is a dead end now.
    np.testing.assert_array_equal(solver.solve(costs), [[0, 1, 0, 0]])
    np.testing.assert_array_equal(solver.set_params(target=1).solve(costs), [[1, 0, 0, 0]])
    assert solver.set_params(directed=False).nonnegative_costs


def test_a_device_marks_nothing_where_the_target_cannot_be_reached():
    solver = ShortestPath(DIAMOND, 0, 3)
    solution = solver.solve_tf(np.ones((3, 4)), source=[1, 3, -5], target=[2, 0, 9]).numpy()
    np.testing.assert_array_equal(solution, [[0, 0, 0, 0], [0, 0, 0, 0], [1, 1, 0, 0]])


def test_graphs_too_large_to_arrange_are_left_to_the_host():
    star = [(0, middle) for middle in range(1, 200)] + [(middle, 200) for middle in range(1, 200)]
    solver = ShortestPath(star, 0, 200)
    assert solver.graph_devices == ()
    assert not hasattr(solver, "solve_tf")
    costs = np.ones((1, 398))
    costs[0, 150] = 0
    assert np.flatnonzero(solver.solve(costs)).tolist() == [150, 150 + 199]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"edges": [(0, 1, 2)]}, r"edges must have shape \(m, 2\), got \(1, 3\)"),
        ({"edges": [(0.0, 1.0)]}, "edges must be integers, got dtype float64"),
        ({"edges": [*DIAMOND, (-1, 2)]}, r"vertices from 0 to 3, got \(-1, 2\) as edge 4"),
        ({"n_vertices": 3}, r"vertices from 0 to 2, got \(1, 3\) as edge 1"),
        ({"edges": csr_array(np.ones((2, 3)))}, r"square matrix, got shape \(2, 3\)"),
        ({"source": 4}, "source must be a vertex from 0 to 3, got 4"),
        ({"target": -1}, "target must be a vertex from 0 to 3, got -1"),
        ({"source": None}, "source must be an integer, got None"),
        ({"target": [3]}, r"target must be an integer, got \[3\]"),
        ({"source": 3, "target": 0}, "target must be reachable from source=3, got 0"),
        (
            {"n_vertices": 6, "target": 5, "directed": False},
            "target must be reachable from source=0, got 5",
        ),
    ],
)
def test_faulty_parameters_are_named(parameters, message):
    solver = ShortestPath(**{"edges": DIAMOND, "source": 0, "target": 3} | parameters)
    with pytest.raises(ValueError, match=message):
        solver.solve(np.ones((2, 4)))


@pytest.mark.parametrize("edges", [DIAMOND, [(0, 1), (1, 3), (0, 2), (2, 0)]])
@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"source": [0, 4]}, "source must be a vertex from 0 to 3, got 4 in instance 1"),
        ({"target": [0, 1, 2]}, r"target must have shape \(\) or \(2,\), got \(3,\)"),
        ({"target": [1.0, 1.0]}, "target must be an integer, got dtype float64"),
        (
            {"source": [0, 3], "target": 2},
            "target must be reachable from source=3, got 2 in instance 1",
        ),
    ],
)
def test_faulty_context_is_named(edges, context, message):
    with pytest.raises(ValueError, match=message):
        ShortestPath(edges, 0, 3).solve(np.ones((2, 4)), **context)


def test_a_wrong_shape_on_a_device_is_named():
    with pytest.raises(ValueError, match=r"must have shape \(n, 4\), got \(2, 5\)"):
        ShortestPath(DIAMOND, 0, 3).solve_tf(np.ones((2, 5)))


@pytest.mark.parametrize("edges", [[(0, 1), (1, 2)], [(0, 1), (1, 2), (2, 0)]])
def test_lengths_that_overflow_are_not_taken_for_a_missing_way(edges):
    costs = np.ones((2, len(edges)))
    costs[1] = 1e308
    with pytest.raises(ValueError, match=r"costs must be small enough .* in instance 1: rescale"):
        ShortestPath(edges, 0, 2).solve(costs)
