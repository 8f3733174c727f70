import keras
import numpy as np
import pytest
import tensorflow as tf

from skid.gradients import BlackBox, Perturbed
from skid.layers import RankingLayer
from skid.noise import Normal
from skid.solvers import Ranking


def test_largest_score_is_first_in_each_list_and_equal_ones_keep_their_order():
    scores = np.random.default_rng(0).integers(0, 4, size=(3, 2, 9)).astype(np.float32)
    ranks = RankingLayer(noise=None)(scores, training=True).numpy()
    order = np.argsort(-scores, axis=-1, kind="stable")
    np.testing.assert_array_equal(np.argsort(ranks, axis=-1), order)
    np.testing.assert_array_equal(
        np.sort(ranks, axis=-1), np.broadcast_to(np.arange(1, 10), ranks.shape)
    )


@pytest.mark.parametrize("projection", ["none", "mean", "norm", "std"])
def test_gradient_is_the_negative_one_through_the_projection(
    projection, batch, gradient_of, projection_product
):
    scores, upstream = batch
    layer = RankingLayer(projection=projection, dtype="float64")
    np.testing.assert_allclose(
        gradient_of(layer, scores, upstream),
        projection_product(scores, -upstream, projection),
        atol=1e-12,
    )


def test_black_box_gradient_by_name_and_by_rule(batch, gradient_of):
    scores, upstream = batch
    ranks = Ranking().solve
    for gradient, step in (("blackbox", 10.0), (BlackBox(3.0), 3.0)):
        layer = RankingLayer(projection="none", gradient=gradient, dtype="float64")
        expected = (ranks(scores + step * upstream) - ranks(scores)) / step
        np.testing.assert_allclose(gradient_of(layer, scores, upstream), expected)


def test_noise_is_relative_to_the_projected_scores_and_only_while_training():
    scores = 1e6 * np.random.default_rng(3).normal(size=(200, 9)).astype(np.float32)
    layer = RankingLayer(seed=0)
    np.testing.assert_array_equal(layer(scores), Ranking().solve(scores))
    noisy = layer(scores, training=True).numpy()
    assert (noisy != Ranking().solve(scores)).any(axis=1).mean() > 0.5
    np.testing.assert_array_equal(np.sort(noisy, axis=1), np.tile(np.arange(1, 10), (200, 1)))
    np.testing.assert_array_equal(RankingLayer(seed=0)(scores, training=True), noisy)
    assert (RankingLayer(seed=1)(scores, training=True).numpy() != noisy).any()
    # The two-point margin is half the deviation of the scores to either side.
    apart = np.array([[0.0, 1.0, 2.0, 3.0]] * 50, dtype=np.float32)
    assert (layer(apart, training=True).numpy() != [4, 3, 2, 1]).any()
    quiet = RankingLayer(noise_scale=0.5, seed=0)
    np.testing.assert_array_equal(quiet(apart, training=True), [[4, 3, 2, 1]] * 50)


def test_rule_that_draws_gets_no_noise_by_name():
    assert RankingLayer(gradient="perturbed").noise is None
    assert RankingLayer(gradient=Perturbed(n_draws=4), noise=Normal()).noise == Normal()


def test_compiled_layer_agrees_with_the_eager_one_and_calls_no_host(batch):
    scores, upstream = (values.astype(np.float32) for values in batch)

    def draw_and_gradient(scores, layer):
        with tf.GradientTape() as tape:
            tape.watch(scores)
            ranks = layer(scores, training=True)
            loss = tf.reduce_sum(ranks * upstream)
        return ranks, tape.gradient(loss, scores)

    results = []
    for options in (None, {}, {"jit_compile": True}):
        layer = RankingLayer(seed=5)
        layer.build(scores.shape)
        function = draw_and_gradient
        if options is not None:
            function = tf.function(draw_and_gradient, autograph=False, **options)
        results.append([values.numpy() for values in function(tf.constant(scores), layer)])
        if options == {}:
            graph = function.get_concrete_function(tf.constant(scores), layer).graph
            kinds = {node.op for node in graph.as_graph_def().node}
            assert not {kind for kind in kinds if "PyFunc" in kind}
    for ranks, gradient in results[1:]:
        np.testing.assert_array_equal(ranks, results[0][0])
        np.testing.assert_allclose(gradient, results[0][1], rtol=1e-5, atol=1e-6)


def test_lists_of_unknown_length():
    layer = RankingLayer()
    ranked = tf.function(layer, input_signature=[tf.TensorSpec([None, None], tf.float32)])
    np.testing.assert_array_equal(ranked(np.float32([[1, 3, 2]])), [[3, 1, 2]])
    np.testing.assert_array_equal(ranked(np.float32([[1, 3], [2, 2]])), [[2, 1], [1, 2]])


@pytest.mark.parametrize("mode", ["eager", "graph", "jit"])
def test_learns_scores_from_ranks_in_model_fit(mode):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(64, 6, 3)).astype(np.float32)
    ranks = Ranking().solve(X @ np.float32([2.0, -1.0, 0.5]))
    items = keras.Input((6, 3))
    scores = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")(items)
    model = keras.Model(items, RankingLayer(noise_scale=0.2, seed=0)(keras.ops.squeeze(scores, 2)))
    model.compile(
        keras.optimizers.Adam(0.05),
        loss="mse",
        run_eagerly=mode == "eager",
        jit_compile=mode == "jit",
    )
    before = np.mean(model(X).numpy() == ranks)
    model.fit(X, ranks, batch_size=32, epochs=25, verbose=0, shuffle=False)
    after = np.mean(model(X).numpy() == ranks)
    assert before < 0.5 < 0.85 < after


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"projection": "sphere"}, "projection must be one of .* Ranking.* got 'sphere'"),
        ({"noise": "sum_of_gamma"}, "noise must be .* got 'sum_of_gamma'"),
        ({"noise_scale": -1.0}, "noise_scale must be .* got -1.0"),
        ({"gradient": "exact"}, "gradient must be .* got 'exact'"),
    ],
)
def test_errors_name_parameter_limit_and_value(parameters, message):
    with pytest.raises(ValueError, match=message):
        RankingLayer(**parameters)
