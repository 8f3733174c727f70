"""The layers in Keras models: training, saving, dtypes and what they refuse."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from skid.gradients import BlackBox
from skid.layers import IdentitySubsetLayer, RankingLayer, SolverLayer
from skid.noise import Gumbel, Normal, SumOfGamma
from skid.solvers import TopK

from .models import Cheapest, centred, cheapest, subset_model


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("subset", mode) for mode in ("eager", "graph", "jit")),
        *(("solver", mode) for mode in ("graph", "jit")),
        ("host", "graph"),
    ],
)
def test_learns_which_feature_matters_in_model_fit(kind, mode):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(128, 6)).astype(np.float32)
    y = X[:, [4]]
    if kind == "subset":
        layer = IdentitySubsetLayer(1, noise="normal", noise_scale=0.5, seed=1)
    else:
        solver = TopK(1) if kind == "solver" else cheapest
        layer = SolverLayer(solver, projection="norm", noise=Normal(), noise_scale=0.5, seed=1)
    inputs = keras.Input((6,))
    # The same costs for every sample: only the bias of a zero layer is trained.
    costs = keras.layers.Dense(6, kernel_initializer="zeros")(keras.ops.zeros_like(inputs))
    chosen = layer(costs)
    outputs = keras.ops.sum(chosen * inputs, axis=1, keepdims=True)
    model = keras.Model(inputs, [outputs, chosen])
    model.compile(
        keras.optimizers.Adam(0.1),
        loss=["mse", None],
        run_eagerly=mode == "eager",
        jit_compile=mode == "jit",
    )
    epochs = 12 if mode == "eager" else 30
    model.fit(X, y, batch_size=32, epochs=epochs, verbose=0, shuffle=False)
    np.testing.assert_array_equal(model.predict(X[:2], verbose=0)[1], [[0, 0, 0, 0, 1, 0]] * 2)


def test_automatic_compilation_leaves_host_solvers_out():
    model = subset_model(layer=SolverLayer(cheapest))
    model.compile("sgd", loss=["mse", None], jit_compile="auto")
    assert model.jit_compile is False


@pytest.mark.parametrize(
    "layer",
    [
        IdentitySubsetLayer(2, radius="solutions", noise_scale=0.1, seed=3),
        IdentitySubsetLayer(2, noise=SumOfGamma(2, tau=3.0), projection="mean"),
        IdentitySubsetLayer(2, noise=None),
        SolverLayer(TopK(2), noise=Gumbel(), gradient=BlackBox(3.0), seed=4),
        SolverLayer(cheapest),
        SolverLayer(Cheapest(n_extra=1), projection="norm"),
        SolverLayer(TopK(2), projection=centred),
        IdentitySubsetLayer(2, projection=centred, noise_scale=0.1, seed=3),
        RankingLayer(noise="normal", noise_scale=0.5, gradient=BlackBox(3.0), seed=4),
    ],
    ids=lambda layer: layer.name,
)
def test_saved_model_gives_identical_output(layer, tmp_path):
    model = subset_model(layer=layer)
    path = tmp_path / "model.keras"
    model.save(path)
    restored = keras.saving.load_model(path)
    X = np.random.default_rng(5).normal(size=(9, 6)).astype(np.float32)
    for actual, expected in zip(restored(X), model(X), strict=True):
        np.testing.assert_array_equal(actual, expected)
    (copy,) = (part for part in restored.layers if isinstance(part, type(layer)))
    assert copy.get_config() == layer.get_config()
    if isinstance(layer, SolverLayer):
        assert (copy.solver, copy.noise, copy.gradient) == (
            layer.solver,
            layer.noise,
            layer.gradient,
        )
    if layer.seed is None:
        return
    for actual, expected in zip(restored(X, training=True), model(X, training=True), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_unregistered_solver_class_is_named_on_loading():
    class Private(Cheapest):
        pass

    config = SolverLayer(Private()).get_config()
    with pytest.raises(ValueError, match="got 'Private': register the class"):
        SolverLayer.from_config(config)


@pytest.mark.parametrize(
    "make",
    [lambda p: SolverLayer(TopK(2), projection=p), lambda p: RankingLayer(projection=p)],
    ids=["solver", "ranking"],
)
def test_a_function_projects_as_the_name_of_the_same_formula(make, batch, gradient_of):
    costs, upstream = batch
    np.testing.assert_array_equal(make(centred)(costs), make("mean")(costs))
    gradients = [gradient_of(make(p), costs, upstream) for p in (centred, "mean")]
    np.testing.assert_allclose(*gradients, atol=1e-12)


def test_projection_that_keras_cannot_save_is_refused(tmp_path):
    model = subset_model(layer=SolverLayer(TopK(2), projection=partial(centred)))
    with pytest.raises(TypeError, match="Cannot serialize"):
        model.save(tmp_path / "model.keras")


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("make", [IdentitySubsetLayer, lambda k, **kw: SolverLayer(TopK(k), **kw)])
def test_output_follows_the_dtype_of_the_layer(make, dtype, batch):
    layer = make(2, dtype=dtype)
    chosen = layer(batch[0], training=True)
    assert chosen.dtype == layer.compute_dtype
    np.testing.assert_array_equal(chosen.numpy().sum(1), 2)


def test_symbolic_shape_and_dtype():
    spec = keras.KerasTensor((None, 3, 5))
    chosen = IdentitySubsetLayer(2)(spec)
    assert (chosen.shape, chosen.dtype) == ((None, 3, 5), "float32")
    assert SolverLayer(cheapest).compute_output_shape((None, 4)) == (None, 4)
    assert RankingLayer()(spec).shape == (None, 3, 5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: IdentitySubsetLayer(2, projection="sphere"), "projection must be one of"),
        (lambda: IdentitySubsetLayer(2, noise="cauchy"), "noise must be .* got 'cauchy'"),
        (lambda: IdentitySubsetLayer(2, noise_scale=-1.0), "noise_scale must be .* got -1.0"),
        (lambda: IdentitySubsetLayer(2, radius=0.0), "radius must be .* got 0.0"),
        (lambda: IdentitySubsetLayer(2, radius="unit"), "radius must be .* got 'unit'"),
        (lambda: SolverLayer(TopK(2), projection="sphere"), "projection must be one of .* TopK"),
        (lambda: SolverLayer(TopK(2), noise_scale=np.inf), "noise_scale must be"),
        (lambda: SolverLayer(TopK(2), noise="cauchy"), "noise must be .* got 'cauchy'"),
        (lambda: SolverLayer(TopK(2), gradient="adjoint"), "gradient must be .* got 'adjoint'"),
        (
            lambda: IdentitySubsetLayer(9)(np.ones((1, 3))),
            "k must be at most the number of items, 3, got 9",
        ),
    ],
)
def test_errors_name_parameter_limit_and_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "make", [partial(IdentitySubsetLayer, 2), partial(SolverLayer, TopK(2)), RankingLayer]
)
def test_whole_numbers_become_those_of_the_layer(make):
    rows = np.array([[3, 1, 2], [4, 5, 6]])
    layer = make(dtype="float64")
    solutions = layer(tf.constant(rows))
    assert solutions.dtype == "float64"
    np.testing.assert_array_equal(solutions, layer(tf.constant(rows, tf.float64)))


@pytest.mark.parametrize("make", [partial(SolverLayer, TopK(2)), RankingLayer])
def test_a_function_is_no_rule_that_could_be_saved(make):
    with pytest.raises(ValueError, match="gradient must be a GradientRule or one of"):
        make(gradient=lambda solve, costs, seed=None: solve(costs))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"noise_scale": "a"}, "noise_scale must be a finite number of at least 0, got 'a'"),
        ({"radius": None}, "radius must be .* got None"),
        ({"radius": True}, "radius must be .* got True"),
    ],
)
def test_what_is_no_number_is_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        IdentitySubsetLayer(2, **parameters)
