"""Tables larger than a bound are read in blocks."""

import numpy as np
import pytest

from skid import SubsetSelectorRegressor
from skid.engine import feed


@pytest.fixture
def small_blocks(X, monkeypatch):
    monkeypatch.setattr(feed, "BLOCK_BYTES", 50 * X[:1].nbytes)


@pytest.fixture
def on_disk(X, tmp_path):
    np.save(tmp_path / "table.npy", X)
    return np.load(tmp_path / "table.npy", mmap_mode="r")


@pytest.mark.parametrize("scope", ["dataset", "sample"])
def test_a_file_gives_the_bits_of_the_table_in_memory(
    estimator, X, target, answers, fitted, scope, on_disk, small_blocks
):
    in_memory = fitted(estimator, scope)
    model = type(in_memory)(**in_memory.get_params()).fit(on_disk, target)
    assert model.loss_curve_ == in_memory.loss_curve_
    np.testing.assert_array_equal(model.explain(on_disk), in_memory.explain(X))
    np.testing.assert_allclose(answers(model, on_disk), answers(in_memory, X), rtol=1e-12)
    np.testing.assert_array_equal(answers(model, X), answers(in_memory, X))


@pytest.fixture
def fitted(X, y, labels, estimator, target):
    """Fitted before the blocks become small."""
    models = {
        scope: estimator(3, scope=scope, max_iter=4, random_state=0).fit(X, target)
        for scope in ("dataset", "sample")
    }
    return lambda estimator, scope: models[scope]


@pytest.mark.parametrize(("value", "message"), [(np.nan, "NaN"), (-np.inf, "infinity")])
def test_a_value_that_is_not_finite_is_found_in_a_late_block(
    X, y, tmp_path, small_blocks, value, message
):
    table = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", shape=X.shape, dtype=float)
    table[:] = X
    table[-1, -1] = value
    model = SubsetSelectorRegressor(2, max_iter=1)
    with pytest.raises(ValueError, match=f"Input X contains {message}"):
        model.fit(table, y)
    assert not hasattr(model, "n_features_in_")


def test_a_nan_in_the_target_of_a_large_table_is_found(on_disk, y, small_blocks):
    y = y.copy()
    y[-1] = np.nan
    with pytest.raises(ValueError, match="Input y contains NaN"):
        SubsetSelectorRegressor(2, max_iter=1).fit(on_disk, y)


def test_the_table_is_not_written_to(X, y, short):
    X = X.copy()
    X.flags.writeable = False
    before = X.copy()
    SubsetSelectorRegressor(2, **short).fit(X, y).predict(X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("scope", ["dataset", "sample"])
def test_predictions_take_a_few_rows_at_a_time(scope, monkeypatch):
    X = np.random.default_rng(0).normal(size=(5000, 4))
    model = SubsetSelectorRegressor(2, scope=scope, max_iter=1, random_state=0).fit(X, X[:, 0])
    outputs, sizes = model._model.outputs, []

    def spy(rows):
        sizes.append(len(rows))
        return outputs(rows)

    monkeypatch.setattr(model._model, "outputs", spy)
    assert len(model.predict(X)) == 5000
    assert max(sizes) == 2048
