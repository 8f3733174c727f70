import keras
import numpy as np
import pytest
import tensorflow as tf

from skid.gradients import BlackBox, RelaxedTopK
from skid.layers import IdentitySubsetLayer, SolverLayer
from skid.noise import Gumbel, Normal, SumOfGamma
from skid.projections import project
from skid.solvers import CallableSolver, Solver, TopK


@keras.saving.register_keras_serializable(package="test_layers")
def cheapest(costs):
    return np.eye(costs.shape[1], dtype=costs.dtype)[costs.argmin(axis=1)]


@keras.saving.register_keras_serializable(package="test_layers")
class Cheapest(Solver):
    def __init__(self, n_extra=0):
        self.n_extra = n_extra

    def solve(self, costs):
        return TopK(1 + self.n_extra).solve(costs)


def gradient_of(layer, inputs, upstream, **kwargs):
    inputs = tf.constant(inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = tf.reduce_sum(layer(inputs, **kwargs) * upstream)
    return tape.gradient(loss, inputs).numpy()


def projection_product(inputs, weights, projection="std"):
    inputs = tf.constant(inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        projected = project(inputs, projection, xp=tf.experimental.numpy)
        value = tf.reduce_sum(projected * weights)
    return tape.gradient(value, inputs).numpy()


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    return rng.normal(size=(5, 7)), rng.normal(size=(5, 7))


def subset_model(d=6, k=2, layer=None):
    inputs = keras.Input((d,))
    costs = keras.layers.Dense(d, kernel_initializer="identity")(inputs)
    layer = layer or IdentitySubsetLayer(k, noise_scale=0.1, seed=3)
    chosen = layer(costs)
    outputs = keras.layers.Dense(1, kernel_initializer="ones")(
        keras.layers.Multiply()([chosen, inputs])
    )
    return keras.Model(inputs, [outputs, chosen])


def test_subset_layer_chooses_the_highest_and_exactly_k_with_ties(batch):
    logits, _ = batch
    logits[1] = 2.0
    logits[2] = 0.0
    chosen = IdentitySubsetLayer(3, dtype="float64")(logits).numpy()
    np.testing.assert_array_equal(chosen[[0, 3, 4]], TopK(3).solve(-logits)[[0, 3, 4]])
    np.testing.assert_array_equal(chosen[1:3], [[1, 1, 1, 0, 0, 0, 0]] * 2)


def test_subset_layer_gradient_is_the_upstream_through_the_projection(batch):
    logits, upstream = batch
    actual = gradient_of(IdentitySubsetLayer(3, dtype="float64"), logits, upstream)
    np.testing.assert_allclose(actual, projection_product(logits, upstream), atol=1e-12)


@pytest.mark.parametrize(("radius", "factor"), [(1.0, 1 / 7**0.5), ("solutions", 12**0.5 / 7)])
def test_radius_scales_the_gradient_only(radius, factor, batch):
    logits, upstream = batch
    layer = IdentitySubsetLayer(3, radius=radius, dtype="float64")
    np.testing.assert_array_equal(layer(logits), TopK(3).solve(-logits))
    np.testing.assert_allclose(
        gradient_of(layer, logits, upstream),
        factor * projection_product(logits, upstream),
        atol=1e-12,
    )


@pytest.mark.parametrize("value", [0.0, 0.1, -1e30])
def test_subset_layer_is_finite_for_constant_rows(value, batch):
    logits = np.full((5, 7), value, dtype=np.float32)
    layer = IdentitySubsetLayer(2, noise=None)
    upstream = batch[1].astype(np.float32)
    assert np.isfinite(gradient_of(layer, logits, upstream, training=True)).all()
    np.testing.assert_array_equal(layer(logits).numpy().sum(1), 2)


def test_noise_acts_before_the_projection_and_only_while_training():
    # Noise on the logits is drowned by their size; noise after the projection would not be.
    small = np.tile(np.linspace(0, 0.01, 7, dtype=np.float32), (200, 1))
    large = 1e6 * small
    layer = IdentitySubsetLayer(3, seed=0)
    expected = [[0, 0, 0, 0, 1, 1, 1]] * 200
    np.testing.assert_array_equal(layer(small), expected)
    np.testing.assert_array_equal(layer(small, training=False), expected)
    np.testing.assert_array_equal(layer(large, training=True), expected)
    noisy = layer(small, training=True).numpy()
    assert (noisy != expected).any(axis=1).mean() > 0.5
    np.testing.assert_array_equal(noisy.sum(1), 3)


def test_gumbel_noise_samples_single_items_by_their_softmax():
    probabilities = np.array([0.5, 0.3, 0.2])
    logits = np.tile(np.log(probabilities), (20_000, 1))
    # Gumbel has unit variance; the standard Gumbel is pi / sqrt(6) as wide.
    layer = IdentitySubsetLayer(1, noise="gumbel", noise_scale=np.pi / np.sqrt(6), seed=1)
    shares = layer(logits, training=True).numpy().mean(axis=0)
    np.testing.assert_allclose(shares, probabilities, atol=0.015)


def test_subset_layer_acts_on_the_last_axis():
    logits = np.random.default_rng(2).normal(size=(4, 3, 5)).astype(np.float32)
    chosen = IdentitySubsetLayer(2)(logits)
    expected = TopK(2).solve(-logits.reshape(12, 5)).reshape(4, 3, 5)
    np.testing.assert_array_equal(chosen, expected)


def test_same_seed_same_draws():
    logits = np.zeros((50, 6), dtype=np.float32)
    draws = [IdentitySubsetLayer(2, seed=s)(logits, training=True).numpy() for s in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()
    layer = IdentitySubsetLayer(2, seed=1)
    assert (layer(logits, training=True).numpy() != layer(logits, training=True).numpy()).any()


def test_solver_layer_minimises_and_returns_the_negative_gradient(batch):
    costs, upstream = batch
    layer = SolverLayer(TopK(2), dtype="float64")
    np.testing.assert_array_equal(layer(costs), TopK(2).solve(costs))
    np.testing.assert_allclose(
        gradient_of(layer, costs, upstream), projection_product(costs, -upstream), atol=1e-12
    )


def test_default_projection_is_the_solvers():
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


def test_black_box_gradient_is_used(batch):
    costs, upstream = batch
    layer = SolverLayer(TopK(2), projection="none", gradient=BlackBox(5.0), dtype="float64")
    expected = (TopK(2).solve(costs + 5 * upstream) - TopK(2).solve(costs)) / 5
    np.testing.assert_allclose(gradient_of(layer, costs, upstream), expected)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("subset", mode) for mode in ("eager", "graph", "jit")),
        *(("solver", mode) for mode in ("eager", "graph", "jit")),
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
    with pytest.raises(ValueError, match="'Private', which is no part of skid"):
        SolverLayer.from_config(config)


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_float16"])
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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: IdentitySubsetLayer(2, projection="sphere"), "projection must be one of"),
        (lambda: IdentitySubsetLayer(2, noise="cauchy"), "noise must be .* but is 'cauchy'"),
        (lambda: IdentitySubsetLayer(2, noise_scale=-1.0), "noise_scale must be .* but is -1.0"),
        (lambda: IdentitySubsetLayer(2, radius=0.0), "radius must be .* but is 0.0"),
        (lambda: IdentitySubsetLayer(2, radius="unit"), "radius must be .* but is 'unit'"),
        (lambda: SolverLayer(TopK(2), projection="sphere"), "projection must be one of .* TopK"),
        (lambda: SolverLayer(TopK(2), noise_scale=np.inf), "noise_scale must be"),
        (lambda: IdentitySubsetLayer(9)(np.ones((1, 3))), "k=9 is larger than the 3 items"),
    ],
)
def test_errors_name_parameter_limit_and_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()
