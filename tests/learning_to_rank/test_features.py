import numpy as np
import pytest

from skid.engine import feed
from skid.inputs import Inputs
from skid.learning_to_rank._features import DocumentInputs


@pytest.fixture
def X():
    """Normal, lognormal, uniform, a constant, mostly zero counts, and both signs with tails."""
    random = np.random.RandomState(0)
    normal = random.normal(size=(2000, 6))
    columns = [normal[:, 0], np.exp(2 * normal[:, 1]), random.uniform(size=2000)]
    columns += [np.full(2000, 0.1), random.poisson(0.1, 2000), np.sinh(3 * normal[:, 5])]
    return np.stack(columns, axis=1)


def fitted(X, mode="auto"):
    return DocumentInputs(mode).fit(X, np.ones(len(X)))


def test_only_heavy_tails_enter_by_their_logarithm(X):
    inputs = fitted(X)
    assert inputs.tails.tolist() == [1, 4, 5]
    plain = Inputs("columns").fit(X, np.ones(len(X))).apply(X)
    np.testing.assert_allclose(inputs.apply(X)[:, [0, 2, 3]], plain[:, [0, 2, 3]], atol=1e-12)


def test_logarithm_keeps_order_sign_and_zero_and_tames_the_tail(X):
    values = fitted(X).apply(X)
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-9)
    for column in (1, 4, 5):
        order = np.argsort(X[:, column], kind="stable")
        assert (np.diff(values[order, column]) >= 0).all()
    assert np.abs(values[:, [1, 5]]).max() < 5 < np.abs(X[:, [1, 5]] / X[:, [1, 5]].std(0)).max()


def test_units_of_the_columns_do_not_matter(X):
    scaled = X * np.array([1e-6, 1e6, 10.0, 1.0, 1e-3, 1e9])
    np.testing.assert_allclose(fitted(scaled).apply(scaled), fitted(X).apply(X), atol=1e-6)


def test_other_modes_and_items_with_features_have_none(X):
    for mode in ("columns", "table", "none"):
        expected = Inputs(mode).fit(X, np.ones(len(X))).apply(X)
        np.testing.assert_allclose(fitted(X, mode).apply(X), expected, atol=1e-12)
    items = X.reshape(500, 4, 6)
    np.testing.assert_array_equal(
        fitted(items).apply(items), Inputs("auto").fit(items, np.ones(500)).apply(items)
    )


def test_blocks_give_what_the_whole_gives(X, monkeypatch):
    whole = fitted(X)
    monkeypatch.setattr(feed, "BLOCK_BYTES", 300 * X[0].nbytes)
    np.testing.assert_allclose(fitted(X).apply(X), whole.apply(X), atol=1e-10)


def test_dtype_stays_and_the_input_is_not_changed(X):
    single = X.astype(np.float32)
    before = single.copy()
    assert fitted(single).apply(single).dtype == np.float32
    np.testing.assert_array_equal(single, before)
