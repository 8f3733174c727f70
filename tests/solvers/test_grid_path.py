import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from skid.solvers import GridShortestPath

NEIGHBOURS = {
    4: [(-1, 0), (1, 0), (0, -1), (0, 1)],
    8: [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)],
}
compiled = {
    neighbours: tf.function(
        GridShortestPath((3, 3), neighbours=neighbours).solve_tf, jit_compile=True
    )
    for neighbours in (4, 8)
}
# Eighths add up without rounding, and many of them tie or are zero.
tied_costs = st.integers(0, 4).map(lambda v: v / 8)


def all_paths(shape, neighbours, path, target):
    """Every path without repetition, by depth-first search."""
    if path[-1] == target:
        yield path
        return
    for step in NEIGHBOURS[neighbours]:
        vertex = (path[-1][0] + step[0], path[-1][1] + step[1])
        inside = 0 <= vertex[0] < shape[0] and 0 <= vertex[1] < shape[1]
        if inside and vertex not in path:
            yield from all_paths(shape, neighbours, [*path, vertex], target)


def is_path(solution, neighbours, source, target):
    """Whether source and target are joined within the marked vertices."""
    marked = {tuple(vertex) for vertex in np.argwhere(solution == 1)}
    met, frontier = {source}, [source]
    while frontier:
        row, column = frontier.pop()
        near = {(row + a, column + b) for a, b in NEIGHBOURS[neighbours]} & marked - met
        met |= near
        frontier += near
    return source in marked and target in met


def cheapest_total(cost, neighbours, source, target):
    """The least total by scipy, on the graph of the grid."""
    shape = np.array(cost.shape)
    vertices = np.argwhere(np.ones(cost.shape))
    tails, heads = [], []
    for step in NEIGHBOURS[neighbours]:
        inside = ((vertices + step >= 0) & (vertices + step < shape)).all(axis=1)
        tails.append(np.ravel_multi_index(vertices[inside].T, cost.shape))
        heads.append(np.ravel_multi_index((vertices[inside] + step).T, cost.shape))
    tails, heads = np.concatenate(tails), np.concatenate(heads)
    graph = coo_array((cost.ravel()[heads], (tails, heads)), shape=(cost.size, cost.size))
    start, end = (np.ravel_multi_index(vertex, cost.shape) for vertex in (source, target))
    return cost[source] + dijkstra(graph.tocsr(), indices=start)[end]


@given(
    costs=hnp.arrays(np.float64, (2, 3, 3), elements=tied_costs),
    neighbours=st.sampled_from([4, 8]),
    ends=hnp.arrays(np.int64, (2, 2, 2), elements=st.integers(0, 2)),
)
def test_agrees_with_all_paths(costs, neighbours, ends):
    source, target = ends
    solver = GridShortestPath((3, 3), neighbours=neighbours)
    solutions = solver.solve(costs, source=source, target=target)
    graph_solutions = compiled[neighbours](costs, source=source, target=target).numpy()
    for instance, cost in enumerate(costs):
        start, end = tuple(source[instance]), tuple(target[instance])
        paths = all_paths((3, 3), neighbours, [start], end)
        cheapest = min(sum(cost[vertex] for vertex in path) for path in paths)
        for solution in (solutions[instance], graph_solutions[instance]):
            assert np.isin(solution, (0, 1)).all()
            assert is_path(solution, neighbours, start, end)
            assert (solution * cost).sum() == cheapest


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (5, 1), (9, 13)])
@pytest.mark.parametrize("neighbours", [4, 8])
def test_larger_grids_agree_with_scipy(shape, neighbours):
    rng = np.random.default_rng(0)
    costs = np.concatenate(
        [
            rng.random((6, *shape)),
            (rng.random((6, *shape)) < 0.3) / 8,
            np.zeros((3, *shape)),
            np.ones((3, *shape)),
        ]
    )
    solver = GridShortestPath(shape, neighbours=neighbours)
    source, target = rng.integers(0, shape, size=(2, len(costs), 2))
    solutions = solver.solve(costs, source=source, target=target)
    in_graph = tf.function(solver.solve_tf, jit_compile=True)
    graph_solutions = in_graph(costs, source=source, target=target).numpy()
    for instance, cost in enumerate(costs):
        start, end = tuple(source[instance]), tuple(target[instance])
        # scipy takes a weight of zero for no edge.
        cheapest = cheapest_total(cost + 1e-12, neighbours, start, end)
        for solution in (solutions[instance], graph_solutions[instance]):
            assert is_path(solution, neighbours, start, end)
            assert (solution * cost).sum() == pytest.approx(cheapest, abs=1e-9)


def test_a_cost_that_vanishes_in_rounding_makes_no_cycle():
    costs = np.full((1, 5, 5), 1e-30, np.float32)
    costs[0, 0, 0] = 1
    for solver in (GridShortestPath((5, 5)), GridShortestPath((5, 5), neighbours=4)):
        for solve in (solver.solve, tf.function(solver.solve_tf, jit_compile=True)):
            assert is_path(np.asarray(solve(costs))[0], solver.neighbours, (0, 0), (4, 4))


def test_ends_of_the_solver_and_ends_for_all_instances():
    costs = np.ones((3, 4, 5))
    own = GridShortestPath((4, 5), source=(3, 1), target=(0, 1))
    expected = np.zeros((4, 5))
    expected[:, 1] = 1
    np.testing.assert_array_equal(own.solve(costs).sum(axis=(1, 2)), [4, 4, 4])
    np.testing.assert_array_equal(
        GridShortestPath((4, 5)).solve(costs, source=(3, 1), target=[0, 1]), own.solve(costs)
    )
    straight = GridShortestPath((4, 5), neighbours=4, source=(3, 1), target=(0, 1))
    for solution in (straight.solve(costs)[1], straight.solve_tf(costs)[1]):
        np.testing.assert_array_equal(solution, expected)


def test_a_single_end_is_marked():
    solution = GridShortestPath((2, 2), target=(0, 0)).solve(np.ones((1, 2, 2)))
    np.testing.assert_array_equal(solution, [[[1, 0], [0, 0]]])


def test_a_device_takes_negative_costs_for_zero_and_ends_outside_for_the_nearest():
    solver = GridShortestPath((3, 3))
    costs = np.array([[[1.0, 5.0, 5.0], [5.0, -9.0, 5.0], [5.0, 5.0, np.nan]]])
    expected = np.eye(3)[np.newaxis]
    for solve in (solver.solve_tf, tf.function(solver.solve_tf, jit_compile=True)):
        np.testing.assert_array_equal(solve(costs, source=[-4, 0], target=[[7, 3]]), expected)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"shape": (3, 0)}, r"shape must be two integers of at least 1, got \(3, 0\)"),
        ({"shape": 3}, "shape must be two integers of at least 1, got 3"),
        ({"shape": (3, 2.5)}, r"shape must be two integers .* got \(3, 2.5\)"),
        ({"neighbours": 6}, "neighbours must be 4 or 8, got 6"),
        ({"neighbours": "8"}, "neighbours must be 4 or 8, got '8'"),
        ({"source": (0, 3)}, r"source must be inside the grid of shape \(3, 3\), got \(0, 3\)"),
        ({"target": (-1, 0)}, r"target must be inside the grid of shape \(3, 3\), got \(-1, 0\)"),
        ({"target": (0.5, 0)}, "target must be integers, got dtype float64"),
        ({"target": 2}, r"target must have shape \(2,\) or \(2, 2\), got \(\)"),
    ],
)
def test_faulty_parameters_are_named(parameters, message):
    solver = GridShortestPath(**{"shape": (3, 3)} | parameters)
    with pytest.raises(ValueError, match=message):
        solver.solve(np.ones((2, 3, 3)))


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (
            {"source": [[0, 0], [0, 3]]},
            r"source must be inside the grid .* got \(0, 3\) in instance 1",
        ),
        (
            {"target": [[0, -1], [0, 3]]},
            r"target must be inside the grid .* got \(0, -1\) in instance 0",
        ),
        ({"target": np.zeros((3, 2), int)}, r"target must have .* \(2, 2\), got \(3, 2\)"),
        ({"source": [[0.0, 0.0]] * 2}, "source must be integers, got dtype float64"),
    ],
)
def test_faulty_context_is_named(context, message):
    with pytest.raises(ValueError, match=message):
        GridShortestPath((3, 3)).solve(np.ones((2, 3, 3)), **context)


def test_a_wrong_shape_on_a_device_is_named():
    with pytest.raises(ValueError, match=r"must have shape \(n, 3, 3\), got \(2, 3, 4\)"):
        GridShortestPath((3, 3)).solve_tf(np.ones((2, 3, 4)))
