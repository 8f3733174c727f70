import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from skid import clear_cache
from skid.engine import Plan, cached_program, program as program_module, trace_count
from skid.engine.state import TrainingState

BY_XLA = True


def run(program, regression, start, constants, rows, controls, n_steps, first_step=0, moments=None):
    parameters = {name: tf.constant(value) for name, value in start.items()}
    zeros = {name: tf.zeros_like(value) for name, value in parameters.items()}
    data = {name: tf.constant(value) for name, value in regression.items()}
    constants = {name: tf.constant(value) for name, value in constants.items()}
    return program.run(
        parameters,
        moments or (zeros, zeros),
        data,
        constants,
        rows,
        controls,
        n_steps,
        first_step,
        0,
    )


@pytest.fixture
def rows():
    return np.random.default_rng(1).integers(0, 40, (6, 8)).astype(np.int32)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_steps_agree_with_adam_of_keras(program, regression, start, constants, rows, decay):
    import keras

    rate, n_steps = 0.05, 5
    controls = np.tile([rate, decay, 0.0], (6, 1))
    parameters, moments, losses = run(
        program, regression, start, constants, rows, controls, n_steps
    )

    weight = keras.Variable(start["weight"], dtype="float64")
    adam = keras.optimizers.AdamW(rate, weight_decay=decay, epsilon=1e-7)
    adam.build([weight])
    expected_losses = []
    for batch in rows[:n_steps]:
        X, y = regression["X"][batch], regression["y"][batch]
        residual = X @ weight.numpy() + 1 - y
        expected_losses.append(np.mean(residual**2))
        adam.apply_gradients([(tf.constant(2 * X.T @ residual / len(y)), weight)])
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    np.testing.assert_allclose(parameters["weight"], weight.numpy(), rtol=1e-5)
    assert losses.shape == (n_steps,)
    assert moments[0]["weight"].shape == (3,)


def test_a_parameter_without_gradient_takes_the_value_the_objective_gives(
    program, regression, start, constants, rows
):
    controls = np.tile([0.05, 0.0, 0.0], (6, 1))
    parameters, _, _ = run(program, regression, start, constants, rows, controls, 4)
    assert int(parameters["steps"]) == 4


def test_without_xla_a_program_of_its_own_takes_the_same_steps(
    program, regression, start, constants, rows, monkeypatch
):
    controls = np.tile([0.05, 0.1, 0.0], (6, 1))
    expected, _, losses = run(program, regression, start, constants, rows, controls, 6)
    by_xla = cached_program(program.objective, "shapes", "/CPU:0")
    monkeypatch.setenv("SKID_DISABLE_JIT", "1")
    without = cached_program(program.objective, "shapes", "/CPU:0")
    assert without is not by_xla
    parameters, _, others = run(without, regression, start, constants, rows, controls, 6)
    np.testing.assert_allclose(parameters["weight"], expected["weight"], rtol=1e-12)
    np.testing.assert_allclose(others, losses, rtol=1e-12)


def test_two_calls_are_one_long_call(program, regression, start, constants, rows):
    controls = np.tile([0.05, 0.0, 1.0], (6, 1))
    whole, _, losses = run(program, regression, start, constants, rows, controls, 6)
    half, moments, first = run(program, regression, start, constants, rows, controls, 3)
    rest, _, second = run(
        program, regression, half, constants, np.roll(rows, -3, axis=0), controls, 3, 3, moments
    )
    np.testing.assert_array_equal(rest["weight"], whole["weight"])
    np.testing.assert_array_equal(np.concatenate([first, second]), losses)


def test_evaluate_gives_the_loss_of_each_row(program, regression, start, constants):
    rows = np.array([[0, 3, 3], [7, 1, 0]], np.int32)
    data = {name: tf.constant(value) for name, value in regression.items()}
    losses = program.evaluate(start, data, constants, rows, np.zeros(3))
    np.testing.assert_allclose(losses, (1 - regression["y"][rows]) ** 2)


def test_new_values_of_inputs_trace_nothing(program, regression, start, constants, rows):
    controls = np.tile([0.05, 0.0, 0.0], (6, 1))
    run(program, regression, start, constants, rows, controls, 6)
    before = trace_count()
    for rate, n_steps in ((0.1, 6), (0.2, 2), (0.3, 1)):
        controls = np.tile([rate, 0.0, rate], (6, 1))
        run(program, regression, start, {"offset": np.full((), rate)}, rows, controls, n_steps)
    assert trace_count() == before


class Empty:
    compiled = False

    def __init__(self, key):
        self.key = key


@pytest.fixture
def empty_cache(monkeypatch):
    programs = type(program_module._programs)()
    monkeypatch.setattr(program_module, "_programs", programs)
    return programs


def test_programs_are_shared_by_key_shapes_and_device(empty_cache):
    first = cached_program(Empty("a"), (1,), "/CPU:0")
    assert cached_program(Empty("a"), (1,), "/CPU:0") is first
    assert cached_program(Empty("b"), (1,), "/CPU:0") is not first
    assert cached_program(Empty("a"), (2,), "/CPU:0") is not first
    assert cached_program(Empty("a"), (1,), "/GPU:0") is not first


def test_the_program_that_was_not_used_for_longest_is_forgotten(empty_cache):
    size = program_module._CACHE_SIZE
    programs = [cached_program(Empty(key), (), "/CPU:0") for key in range(size)]
    cached_program(Empty(0), (), "/CPU:0")
    cached_program(Empty(size), (), "/CPU:0")
    assert len(empty_cache) == size
    assert cached_program(Empty(0), (), "/CPU:0") is programs[0]
    assert cached_program(Empty(1), (), "/CPU:0") is not programs[1]


def test_clear_cache_lets_programs_go(empty_cache):
    program = weakref.ref(cached_program(Empty("a"), (), "/CPU:0"))
    clear_cache()
    gc.collect()
    assert program() is None
    assert not empty_cache


class Shapes(Plan):
    """A plan of which only the shapes matter."""

    device = "/CPU:0"
    objective = Empty("a")

    def __init__(self, n_rows=1000, rows_per_step=8, n_ids=4, n_held_out=50, dtype=np.float32):
        self.arrays = {"X": np.zeros((n_rows, 2), dtype)}
        self.batches = SimpleNamespace(rows_per_step=rows_per_step)
        self.constants = {"ids": np.zeros(n_ids)}
        self.n_held_out = n_held_out

    def program(self):
        return self._program(TrainingState({"w": np.zeros(3)}))


def test_plans_share_a_program_if_their_padded_shapes_are_the_same():
    first = Shapes().program()
    assert Shapes(n_rows=1001).program() is first
    for changed in ({"rows_per_step": 9}, {"n_ids": 5}, {"n_held_out": 0}, {"n_rows": 2000}):
        assert Shapes(**changed).program() is not first
    assert Shapes(dtype=np.float64).program() is not first
