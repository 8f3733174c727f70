import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import sparse

from skid.gradients import BlackBox, RelaxedTopK
from skid.layers import SolverLayer
from skid.noise import Normal
from skid.solvers import (
    Assignment,
    CallableSolver,
    GridShortestPath,
    IntegerProgram,
    Knapsack,
    ShortestPath,
    TopK,
)

from .models import cheapest


def test_solver_layer_minimises_and_returns_the_negative_gradient(
    batch, gradient_of, projection_product
):
    costs, upstream = batch
    layer = SolverLayer(TopK(2), dtype="float64")
    np.testing.assert_array_equal(layer(costs), TopK(2).solve(costs))
    np.testing.assert_allclose(
        gradient_of(layer, costs, upstream), projection_product(costs, -upstream), atol=1e-12
    )


def test_default_projection_is_the_solvers(gradient_of, projection_product):
    costs = np.array([[1.0, 3.0, 9.0]])
    weights = np.array([[1.0, -2.0, 0.5]])
    host = SolverLayer(cheapest, dtype="float64")
    np.testing.assert_allclose(
        gradient_of(host, costs, weights), projection_product(costs, -weights, "norm")
    )


def test_margin_noise_is_relative_to_the_projected_costs():
    costs = 1e6 * np.random.default_rng(3).normal(size=(200, 9)).astype(np.float32)
    layer = SolverLayer(TopK(3), noise=Normal(), noise_scale=1.0, seed=0)
    np.testing.assert_array_equal(layer(costs), TopK(3).solve(costs))
    changed = (layer(costs, training=True).numpy() != TopK(3).solve(costs)).any(axis=1)
    assert changed.mean() > 0.5


@pytest.mark.parametrize(
    "solver",
    [cheapest, CallableSolver(lambda cost: np.eye(len(cost))[cost.argmin()], batched=False)],
)
def test_host_solver_keeps_shape_and_dtype_and_states_that_it_cannot_be_compiled(solver, batch):
    layer = SolverLayer(solver, dtype="float64")
    assert layer.supports_jit is False
    assert SolverLayer(TopK(1)).supports_jit is True
    costs = batch[0]
    graph = tf.function(layer, input_signature=[tf.TensorSpec([None, 7], tf.float64)])
    np.testing.assert_array_equal(graph(costs), TopK(1).solve(costs))
    assert graph.get_concrete_function().structured_outputs.shape.as_list() == [None, 7]


def test_solver_that_draws_gets_a_seed_while_training_only(batch):
    layer = SolverLayer(TopK(2), gradient=RelaxedTopK(2), dtype="float64", seed=0)
    np.testing.assert_array_equal(layer(batch[0]), TopK(2).solve(batch[0]))
    relaxed = layer(batch[0], training=True).numpy()
    assert ((relaxed > 0) & (relaxed < 1)).any()


def test_black_box_gradient_is_used(batch, gradient_of):
    costs, upstream = batch
    layer = SolverLayer(TopK(2), projection="none", gradient=BlackBox(5.0), dtype="float64")
    expected = (TopK(2).solve(costs + 5 * upstream) - TopK(2).solve(costs)) / 5
    np.testing.assert_allclose(gradient_of(layer, costs, upstream), expected)


def test_solver_of_nonnegative_costs_takes_noisy_ones():
    layer = SolverLayer(GridShortestPath((3, 3)), noise="normal", noise_scale=10.0, seed=0)
    paths = layer(np.ones((4, 3, 3), np.float32), training=True).numpy()
    assert set(paths.ravel()) == {0, 1}


@pytest.mark.parametrize(
    "solver",
    [
        ShortestPath(np.array([[0, 1], [1, 2], [0, 2]]), source=0, target=2),
        Knapsack(np.array([1.0, 2.0, 3.0]), capacity=3.0),
        IntegerProgram([[1.0, 2.0, 3.0]], [3.0], bounds=(np.zeros(3), np.ones(3))),
        IntegerProgram(sparse.csr_array(np.array([[1.0, 2.0, 3.0]])), [3.0]),
    ],
    ids=lambda solver: type(solver).__name__,
)
def test_solvers_that_hold_arrays_are_saved(solver, tmp_path):
    costs = np.array([[-1.0, -3.0, -2.5], [1.0, 1.0, 3.0]])
    costs = np.abs(costs) if isinstance(solver, ShortestPath) else costs
    model = keras.Sequential([keras.Input((3,)), SolverLayer(solver)])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(costs, verbose=0), solver.solve(costs))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(dtype):
    costs = np.zeros((1, 4096), np.float32)
    costs[0, 0], costs[0, 100:105] = 20, -5
    chosen = SolverLayer(TopK(5), dtype=dtype)(costs)
    assert np.flatnonzero(tf.cast(chosen, "float32")[0]).tolist() == [100, 101, 102, 103, 104]
    square = 1 - np.eye(3, dtype=np.float32)[[[1, 2, 0]]]
    assigned = SolverLayer(Assignment(3), dtype=dtype)(square)
    assert assigned.dtype == dtype
    np.testing.assert_array_equal(tf.cast(assigned, "float32"), 1 - square)
