import numpy as np
import pytest

from skid.layers import IdentitySubsetLayer
from skid.solvers import TopK


def test_subset_layer_chooses_the_highest_and_exactly_k_with_ties(batch):
    logits, _ = batch
    logits[1] = 2.0
    logits[2] = 0.0
    chosen = IdentitySubsetLayer(3, dtype="float64")(logits).numpy()
    np.testing.assert_array_equal(chosen[[0, 3, 4]], TopK(3).solve(-logits)[[0, 3, 4]])
    np.testing.assert_array_equal(chosen[1:3], [[1, 1, 1, 0, 0, 0, 0]] * 2)


def test_subset_layer_gradient_is_the_upstream_through_the_projection(
    batch, gradient_of, projection_product
):
    logits, upstream = batch
    actual = gradient_of(IdentitySubsetLayer(3, dtype="float64"), logits, upstream)
    np.testing.assert_allclose(actual, projection_product(logits, upstream), atol=1e-12)


@pytest.mark.parametrize(("radius", "factor"), [(1.0, 1 / 7**0.5), ("solutions", 12**0.5 / 7)])
def test_radius_scales_the_gradient_only(radius, factor, batch, gradient_of, projection_product):
    logits, upstream = batch
    layer = IdentitySubsetLayer(3, radius=radius, dtype="float64")
    np.testing.assert_array_equal(layer(logits), TopK(3).solve(-logits))
    np.testing.assert_allclose(
        gradient_of(layer, logits, upstream),
        factor * projection_product(logits, upstream),
        atol=1e-12,
    )


@pytest.mark.parametrize("value", [0.0, 0.1, -1e30])
def test_subset_layer_is_finite_for_constant_rows(value, batch, gradient_of):
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


@pytest.mark.parametrize("radius", ["unit_rms", "solutions", 2.0])
def test_one_model_serves_rows_of_any_length(radius):
    import keras

    logits = keras.Input((None,))
    model = keras.Model(logits, IdentitySubsetLayer(2, radius=radius)(logits))
    for d in (6, 4):
        rows = np.random.default_rng(d).normal(size=(8, d)).astype(np.float32)
        np.testing.assert_array_equal(model.predict(rows, verbose=0), TopK(2).solve(-rows))
