import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.preprocessing import StandardScaler

from skid import standardization
from skid.inputs import Inputs
from skid.standardization import Standardization


@pytest.fixture
def X():
    return np.random.default_rng(0).normal([0.0, 5.0, -100.0], [1.0, 0.01, 30.0], (57, 3))


def test_columns_have_mean_zero_and_deviation_one(X):
    expected = StandardScaler().fit_transform(X)
    np.testing.assert_allclose(Standardization("columns").fit(X).apply(X), expected, atol=1e-12)


def test_a_table_is_divided_by_the_root_of_the_mean_variance(X):
    fitted = Standardization("table").fit(X)
    np.testing.assert_allclose(fitted.scale, np.sqrt(X.var(axis=0).mean()))
    np.testing.assert_allclose(fitted.apply(X).mean(axis=0), 0, atol=1e-12)


def test_none_leaves_the_table_as_it_is(X):
    np.testing.assert_array_equal(Standardization("none").fit(X).apply(X), X)


def test_auto_is_columns_for_measurements(X):
    expected = Standardization("columns").fit(X).scale
    np.testing.assert_array_equal(Standardization("auto").fit(X).scale, expected)


def test_a_constant_column_becomes_zero():
    X = np.column_stack([np.full(40, 0.1), np.arange(40.0)])
    for mode in ("columns", "table"):
        np.testing.assert_allclose(Standardization(mode).fit(X).apply(X)[:, 0], 0, atol=1e-12)


@given(weights=st.lists(st.integers(0, 3), min_size=6, max_size=6).filter(any))
@settings(deadline=None)
def test_weights_are_repetitions(weights):
    X = np.random.default_rng(1).normal(3.0, 2.0, (6, 2))
    weighted = Standardization("auto").fit(X, np.array(weights, float))
    repeated = Standardization("auto").fit(np.repeat(X, weights, axis=0))
    np.testing.assert_allclose(weighted.location, repeated.location)
    np.testing.assert_allclose(weighted.scale, repeated.scale, rtol=1e-9)


def test_blocks_and_calls_add_up(X, monkeypatch):
    whole = Standardization("columns").fit(X)
    in_calls = Standardization("columns").fit(X[:20]).fit(X[20:])
    monkeypatch.setattr(standardization, "_BLOCK_BYTES", 5 * X[:1].nbytes)
    in_blocks = Standardization("columns").fit(X)
    for other in (in_calls, in_blocks):
        np.testing.assert_allclose(other.location, whole.location)
        np.testing.assert_allclose(other.scale, whole.scale)


def test_moments_of_float32_survive_a_large_mean():
    X = (1e4 + np.random.default_rng(0).normal(size=(5000, 1))).astype(np.float32)
    fitted = Standardization("columns").fit(X)
    assert fitted.scale.dtype == fitted.apply(X).dtype == np.float32
    np.testing.assert_allclose(fitted.scale, X.astype(np.float64).std(), rtol=1e-5)


def test_apply_takes_some_of_the_columns(X):
    fitted = Standardization("columns").fit(X)
    columns = np.array([2, 0])
    np.testing.assert_array_equal(fitted.apply(X[:, columns], columns), fitted.apply(X)[:, columns])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_found_in_a_late_block(X, value, monkeypatch):
    monkeypatch.setattr(standardization, "_BLOCK_BYTES", 5 * X[:1].nbytes)
    X[-1, 0] = value
    with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
        Standardization("columns").fit(X)


def rare(share, values, n=4000):
    """A column that is zero but in a share of its rows."""
    column = np.zeros(n)
    column[: int(share * n)] = np.resize(values, int(share * n))
    return column


def test_auto_leaves_what_is_rare_at_a_fair_size():
    X = np.column_stack([rare(0.1, [1.0]), rare(0.001, [1.0]), rare(0.001, [100.0, 300.0])])
    X = np.column_stack([X, 1 - X[:, 1], np.arange(4000.0)])
    scale = Standardization("auto").fit(X).scale
    expected = [0.3, 0.1, np.sqrt((100**2 + 300**2) / 2) / 10, 0.1, X[:, 4].std()]
    np.testing.assert_allclose(scale, expected)


def test_auto_does_not_hide_a_column_behind_larger_ones():
    zeros_and_ones = np.random.default_rng(0).integers(0, 2, (500, 9))
    incomes = np.random.default_rng(1).lognormal(10, 1, (500, 1))
    deviations = Standardization("auto").fit(X := np.hstack([zeros_and_ones, incomes])).apply(X)
    np.testing.assert_allclose(deviations.std(axis=0), 1, atol=0.01)


def test_bounds_of_blocks_and_calls_add_up(monkeypatch):
    X = np.column_stack([rare(0.002, [1.0, 2.0]), rare(0.003, [-5.0, -1.0]), np.arange(4000.0)])
    X = X[np.random.default_rng(0).permutation(len(X))]
    whole = Standardization("auto").fit(X)
    in_calls = Standardization("auto").fit(X[:7]).fit(X[7:])
    monkeypatch.setattr(standardization, "_BLOCK_BYTES", 5 * X[:1].nbytes)
    for other in (in_calls, Standardization("auto").fit(X)):
        np.testing.assert_allclose(other.scale, whole.scale)


def test_pixels_are_divided_by_one_number():
    pixels = np.random.default_rng(0).integers(0, 17, (500, 6)).astype(float)
    pixels[:, 0] = 0  # a border pixel that is never inked does not count
    pixels[:, 1] *= np.random.default_rng(1).random(500) < 0.02
    pixels[:, 1] /= 4
    assert len({*Standardization("auto").fit(pixels).scale[1:]}) == 1
    for other in (pixels[:, 2] / 20 + 0.1, pixels[:, 2] * 1000):
        mixed = np.column_stack([pixels, other])
        expected = Standardization("columns").fit(mixed).scale
        np.testing.assert_array_equal(Standardization("auto").fit(mixed).scale[2:], expected[2:])


def test_axes_of_images_and_items(X):
    images = np.random.default_rng(0).integers(0, 256, (20, 5, 5, 3), np.uint8)
    images[0] = [[[0], [255], [7], [7], [7]]]
    colours = Inputs("auto").fit(images, np.ones(20)).standardization
    assert colours.scale.dtype == np.float32
    np.testing.assert_allclose(colours.scale, images.std(axis=(0, 1, 2)).mean(), rtol=1e-2)
    assert len({*colours.scale}) == 1
    items = X[:54].reshape(6, 9, 3)
    expected = Standardization("columns").fit(X[:54]).scale
    fitted = Inputs("auto").fit(items, np.ones(6)).standardization
    np.testing.assert_allclose(fitted.scale, expected)


def test_integers_are_standardised_like_floats():
    bits = np.random.default_rng(0).integers(0, 2, (20, 4, 4, 1), np.uint8)
    integers, floats = (Inputs("auto").fit(X, np.ones(20)) for X in (bits, bits.astype(np.float32)))
    np.testing.assert_array_equal(integers.apply(bits), floats.apply(bits.astype(np.float32)))
    np.testing.assert_allclose(integers.apply(bits).std(), 1, rtol=1e-5)


def test_weights_that_are_equal_within_a_call_count_between_calls():
    items = np.repeat([0.0, 1.0], 10)[:, np.newaxis, np.newaxis] * np.ones((1, 2, 1))
    inputs = Inputs("columns").fit(items[:10], np.full(10, 3.0))
    inputs.fit(items[10:], np.ones(10))
    np.testing.assert_allclose(inputs.standardization.location, 0.25)


def test_what_auto_stands_for_stays_once_a_network_is_trained():
    pixels = np.random.default_rng(0).uniform(size=(400, 4))
    pixels[0], pixels[1] = 0.0, 1.0
    measured = Standardization("auto").fit(pixels[2:202])
    as_table = Standardization("auto").fit(pixels)
    assert len({*as_table.scale}) == 1 < len({*measured.scale})
    # By all rows it would now be a table of pixels.
    later = measured.resumed().fit(pixels[:2]).fit(pixels[202:])
    np.testing.assert_allclose(later.location, as_table.location)
    np.testing.assert_allclose(later.scale, Standardization("columns").fit(pixels).scale)
    assert measured.total_weight == 200
