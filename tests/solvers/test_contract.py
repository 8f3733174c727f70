"""What every solver promises, whatever its problem."""

import pickle
import sys
from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from scipy.sparse import csr_array
from sklearn.base import clone

from skid.projections import PROJECTIONS, project
from skid.solvers import (
    Assignment,
    GridShortestPath,
    IntegerProgram,
    Knapsack,
    LinearProgram,
    MinCut,
    OneHot,
    PerfectMatching,
    QuadraticAssignment,
    Ranking,
    ShortestPath,
    SpanningTree,
    TopK,
    TravelingSalesman,
)
from skid.solvers.algorithms import threads

RING = np.array([(0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (1, 3)])
LAYERS = np.array([(0, 1), (0, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 5), (4, 5)])

# Every solver with the shape of the costs of one instance.
SOLVERS = [
    (TopK(2), (5,)),
    (OneHot(), (5,)),
    (Ranking(), (6,)),
    (Ranking(), (200,)),
    (GridShortestPath((4, 3)), (4, 3)),
    (GridShortestPath((3, 4), neighbours=4, source=(2, 0), target=(0, 1)), (3, 4)),
    (ShortestPath(LAYERS, 0, 5), (8,)),
    (ShortestPath(np.append(LAYERS, [(0, 5)], axis=0), 0, 5), (9,)),
    (ShortestPath(RING, 0, 3, directed=False), (6,)),
    (ShortestPath(csr_array(np.ones((4, 4))), 3, 1), (16,)),
    (SpanningTree(RING), (6,)),
    (SpanningTree(csr_array(np.triu(np.ones((5, 5)), 1))), (10,)),
    (Knapsack([4, 3, 2, 6, 1], 8), (5,)),
    (Knapsack([0.4, 0.3, 0.25, 0.6, 0.1], 0.8), (5,)),
    (Knapsack([[4, 3, 2, 6], [1, 5, 3, 2]], [8, 6]), (4,)),
    (Assignment(4), (4, 4)),
    (Assignment(2, 5), (2, 5)),
    (Assignment(5, 2), (5, 2)),
    (PerfectMatching(RING), (6,)),
    (PerfectMatching(RING[:4]), (4,)),
    (QuadraticAssignment(4, 3, LAYERS[:4, :2] % 4, RING[:3] % 3), (24,)),
    (QuadraticAssignment(4, 4, RING, RING, unmatched_cost=0.1), (52,)),
    (TravelingSalesman(5), (5, 5)),
    (TravelingSalesman(14), (14, 14)),
    (MinCut(LAYERS, 0, 5), (8,)),
    (MinCut(csr_array(np.ones((4, 4))), 3, 1, directed=False), (16,)),
    (IntegerProgram([[4, 3, 2, 6], [1, 5, 3, 2]], [8, 6]), (4,)),
    (LinearProgram([[4, 3, 2, 6]], [8], [[1, 1, 1, 1]], [2]), (4,)),
]

every_solver = pytest.mark.parametrize(
    ("solver", "shape"),
    SOLVERS,
    ids=[f"{type(solver).__name__}-{index}" for index, (solver, _) in enumerate(SOLVERS)],
)
every_graph_solver = pytest.mark.parametrize(
    ("solver", "shape"),
    [(solver, shape) for solver, shape in SOLVERS if hasattr(solver, "solve_tf")],
    ids=lambda value: type(value).__name__ if hasattr(value, "solve") else str(value),
)


def draw_costs(solver, shape, n, *, seed=0):
    """Half of the instances have many ties."""
    rng = np.random.default_rng(seed)
    costs = np.where(
        rng.random((n, *(1 for _ in shape))) < 0.5,
        rng.normal(size=(n, *shape)),
        rng.integers(-2, 3, size=(n, *shape)) / 4,
    )
    return np.abs(costs) if solver.nonnegative_costs else costs


def totals(costs, solutions):
    return (costs * solutions).reshape(len(costs), -1).sum(axis=1)


@every_solver
def test_traits_are_consistent(solver, shape):
    assert len(solver.cost_shape) == len(shape)
    assert all(a in (None, b) for a, b in zip(solver.cost_shape, shape, strict=True))
    assert set(solver.projections) <= set(PROJECTIONS)
    assert solver.default_projection in solver.projections
    assert solver.default_noise_scale >= 0
    assert 0 <= solver.default_noise_fraction <= 1
    assert solver.default_cost_sign in ((1,) if solver.nonnegative_costs else (-1, 0, 1))
    assert hasattr(solver, "solve_tf") or not solver.graph_devices


@every_solver
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_kept_and_costs_are_left_alone(solver, shape, dtype):
    costs = draw_costs(solver, shape, 6).astype(dtype)
    given = costs.copy()
    solutions = solver.solve(given)
    assert solutions.dtype == dtype
    assert solutions.shape == costs.shape
    np.testing.assert_array_equal(given, costs)
    if solver.binary:
        assert np.isin(solutions, (0, 1)).all()


@every_solver
def test_integer_costs_count_as_float64(solver, shape):
    costs = np.round(4 * draw_costs(solver, shape, 4)).astype(np.int64)
    solutions = solver.solve(costs)
    assert solutions.dtype == np.float64
    np.testing.assert_array_equal(solutions, solver.solve(costs.astype(np.float64)))


@every_solver
def test_memory_layout_does_not_matter(solver, shape):
    costs = draw_costs(solver, shape, 4)
    expected = solver.solve(costs)
    read_only = costs.copy()
    read_only.flags.writeable = False
    np.testing.assert_array_equal(solver.solve(read_only), expected)
    np.testing.assert_array_equal(solver.solve(np.asfortranarray(costs)), expected)
    np.testing.assert_array_equal(solver.solve(costs[::-1]), expected[::-1])


@every_solver
def test_no_instances(solver, shape):
    assert solver.solve(np.empty((0, *shape))).shape == (0, *shape)


@every_solver
def test_a_batch_in_threads_is_solved_as_its_instances_alone(solver, shape, monkeypatch):
    monkeypatch.setattr(threads, "n_threads", lambda: 3)
    small_chunks = partial(_solve_in_small_chunks, threads.solve_in_threads)
    for module in (threads, sys.modules[type(solver).__module__]):
        if hasattr(module, "solve_in_threads"):
            monkeypatch.setattr(module, "solve_in_threads", small_chunks)
    costs = draw_costs(solver, shape, 50)
    alone = [solver.solve(cost[np.newaxis])[0] for cost in costs]
    np.testing.assert_array_equal(solver.solve(costs), alone)


def _solve_in_small_chunks(solve_in_threads, solve_rows, n_instances, *, smallest_chunk):
    solve_in_threads(solve_rows, n_instances, smallest_chunk=min(smallest_chunk, 2))


@every_solver
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_costs_that_are_not_finite_are_named(solver, shape, value):
    costs = draw_costs(solver, shape, 3)
    # The last one may be the way of a city to itself.
    costs[1].flat[-2] = value
    if isinstance(solver, QuadraticAssignment) and value == np.inf:
        # Infinite costs forbid a pair.
        assert solver.solve(costs)[1].flat[-2] == 0
        return
    with pytest.raises(ValueError, match=f"costs must be finite.*, got {value} in instance 1"):
        solver.solve(costs)


@every_solver
def test_negative_costs_are_refused_where_they_are_not_allowed(solver, shape):
    costs = np.ones((3, *shape))
    costs[2].flat[0] = -0.5
    if not solver.nonnegative_costs:
        assert solver.solve(costs).shape == costs.shape
        return
    with pytest.raises(ValueError, match=r"costs must be at least 0, got -0\.5 in instance 2"):
        solver.solve(costs)


@every_solver
def test_wrong_shapes_are_named(solver, shape):
    with pytest.raises(ValueError, match=r"must have shape \(n, "):
        solver.solve(np.ones(shape))
    if None not in solver.cost_shape:
        with pytest.raises(ValueError, match=r"must have shape \(n, "):
            solver.solve(np.ones((2, *shape[:-1], shape[-1] + 1)))


@every_solver
def test_projections_leave_the_solution_among_the_cheapest(solver, shape):
    costs = draw_costs(solver, shape, 40)
    cheapest = totals(costs, solver.solve(costs))
    for projection in solver.projections:
        projected = project(costs, projection)
        # The projection may round costs that tie apart, but not by more.
        np.testing.assert_allclose(
            totals(costs, solver.solve(projected)), cheapest, atol=1e-9, err_msg=projection
        )


@every_solver
def test_copies_are_equal_and_independent(solver, shape):
    copies = [
        clone(solver),
        pickle.loads(pickle.dumps(solver)),
        type(solver)(**solver.get_params()),
    ]
    costs = draw_costs(solver, shape, 5)
    solutions = solver.solve(costs)
    for copy in copies:
        assert copy is not solver
        assert copy == solver
        assert hash(copy) == hash(solver)
        np.testing.assert_array_equal(copy.solve(costs), solutions)
    assert pickle.loads(pickle.dumps(solver)) == solver


@every_graph_solver
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_graph_solutions_are_as_cheap(solver, shape, dtype):
    costs = draw_costs(solver, shape, 8, seed=1).astype(dtype)
    expected = solver.solve(costs)
    for solve in (
        solver.solve_tf,
        tf.function(solver.solve_tf),
        tf.function(solver.solve_tf, jit_compile=True),
    ):
        solutions = solve(tf.constant(costs)).numpy()
        assert solutions.dtype == dtype
        assert solutions.shape == costs.shape
        if solver.binary:
            assert np.isin(solutions, (0, 1)).all()
        np.testing.assert_allclose(totals(costs, solutions), totals(costs, expected), rtol=1e-5)


@every_graph_solver
def test_graph_solves_any_number_of_instances(solver, shape):
    signature = [tf.TensorSpec([None, *shape], tf.float64)]
    solve = tf.function(solver.solve_tf, input_signature=signature)
    costs = draw_costs(solver, shape, 3)
    np.testing.assert_array_equal(solve(costs), solver.solve_tf(costs))
    assert solve(costs[:0]).shape == (0, *shape)


@every_graph_solver
def test_no_gradient_passes_through_a_graph_solution(solver, shape):
    costs = tf.constant(draw_costs(solver, shape, 2))
    with tf.GradientTape() as tape:
        tape.watch(costs)
        solutions = solver.solve_tf(costs)
    assert tape.gradient(solutions, costs) is None
