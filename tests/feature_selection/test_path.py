from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skid import SubsetSelectorClassifier, SubsetSelectorRegressor
from skid.feature_selection._path import choose_size, sizes_to_try


@given(n_units=st.integers(1, 3000), data=st.data())
def test_sizes_rise_from_what_is_always_there_to_all_units(n_units, data):
    n_always = data.draw(st.integers(0, n_units))
    sizes = sizes_to_try(n_units, n_always)
    assert sizes == sorted(set(sizes))
    assert sizes[0] == max(1, n_always)
    assert sizes[-1] == n_units
    assert len(sizes) <= 8


def losses_of(mean, spread, n_rows=100):
    """Losses with this mean, whose standard error is ``spread / 10``."""
    return mean + spread * np.tile([1.0, -1.0], n_rows // 2)


def choose(table, weights=None, interrupted_at=None):
    weights = np.ones(100) if weights is None else weights

    def fit(size):
        return SimpleNamespace(
            held_out_losses=table[size],
            held_out_weights=weights,
            interrupted=size == interrupted_at,
            size=size,
        )

    return choose_size(fit, list(table))


def test_the_smallest_size_within_one_standard_error_of_the_best_is_chosen():
    table = {
        1: losses_of(2.0, 5.0),  # its own error would allow it, that of the best does not
        2: losses_of(1.09, 1.0),
        4: losses_of(1.0, 1.0),
        8: losses_of(1.05, 0.1),
    }
    size, path, last = choose(table)
    assert size == 2
    assert last.size == 8
    assert [entry["n_features"] for entry in path] == [1, 2, 4, 8]
    np.testing.assert_allclose([entry["loss"] for entry in path], [2.0, 1.09, 1.0, 1.05])
    np.testing.assert_allclose([entry["standard_error"] for entry in path], [0.5, 0.1, 0.1, 0.01])


def test_a_size_just_outside_one_standard_error_is_not_chosen():
    assert choose({2: losses_of(1.11, 1.0), 4: losses_of(1.0, 1.0)})[0] == 4


def test_rows_without_weight_do_not_count():
    weights = np.r_[np.ones(50), np.zeros(50)]
    losses = np.r_[losses_of(1.0, 1.0, 50), np.full(50, 99.0)]
    _, path, _ = choose({1: losses, 2: losses + 1}, weights)
    assert path[0]["loss"] == pytest.approx(1.0)
    assert path[0]["standard_error"] == pytest.approx(1 / np.sqrt(50))


def test_an_interruption_ends_the_path():
    table = {1: losses_of(2.0, 0.1), 2: losses_of(1.0, 0.1), 4: losses_of(0.5, 0.1)}
    _, path, last = choose(table, interrupted_at=2)
    assert len(path) == 2
    assert last.interrupted


def test_auto_finds_how_many_columns_there_are_to_find():
    X = np.random.default_rng(0).normal(size=(600, 12))
    y = X[:, 3] + X[:, 5] ** 2 + X[:, 3] * X[:, 7]
    model = SubsetSelectorRegressor(random_state=0).fit(X, y)
    assert {3, 5, 7} <= set(model.get_support(indices=True))
    assert model.n_features_to_select_ <= 5
    path = model.selection_path_
    assert [entry["n_features"] for entry in path] == sizes_to_try(12, 0)
    best = min(path, key=lambda entry: entry["loss"])
    within = [
        entry["n_features"]
        for entry in path
        if entry["loss"] <= best["loss"] + best["standard_error"]
    ]
    assert model.n_features_to_select_ == min(within) == model.support_.sum()


@pytest.mark.parametrize("scope", ["dataset", "sample"])
def test_auto_works_in_both_scopes(X, labels, short, scope):
    model = SubsetSelectorClassifier(scope=scope, **short).fit(X, labels)
    assert [entry["n_features"] for entry in model.selection_path_] == [1, 2, 3, 4, 6, 8]
    assert (model.explain(X).sum(axis=1) == model.n_features_to_select_).all()


def test_auto_counts_groups_and_what_is_always_included(X, y, short):
    model = SubsetSelectorRegressor(
        groups=[0, 0, 1, 1, 2, 2, 3, 3], always_include=[0, 2], **short
    ).fit(X, y)
    assert [entry["n_features"] for entry in model.selection_path_] == [2, 3, 4]
    assert model.support_[:4].all()


@pytest.mark.parametrize("changed", [{"n_rows": 49}, {"early_stopping": False}], ids=str)
def test_auto_is_half_of_the_columns_where_nothing_is_held_out(X, y, short, changed):
    n_rows = changed.pop("n_rows", 120) if "n_rows" in changed else 120
    model = SubsetSelectorRegressor(**short, **changed).fit(X[:n_rows], y[:n_rows])
    assert model.support_.sum() == 4
    assert not hasattr(model, "selection_path_")
