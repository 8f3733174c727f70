from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from skid import SubsetSelectorClassifier, SubsetSelectorRegressor
from skid.engine import Program
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

    path = []
    candidate, complete = choose_size(fit, list(table), path)
    return path, candidate, complete


def test_the_smallest_size_within_one_standard_error_of_the_best_is_chosen():
    table = {
        1: losses_of(2.0, 5.0),  # its own error would allow it, that of the best does not
        2: losses_of(1.09, 1.0),
        4: losses_of(1.0, 1.0),
        8: losses_of(1.05, 0.1),
    }
    path, candidate, complete = choose(table)
    assert candidate.size == 2
    assert complete
    assert [entry["n_features"] for entry in path] == [1, 2, 4, 8]
    np.testing.assert_allclose([entry["loss"] for entry in path], [2.0, 1.09, 1.0, 1.05])
    np.testing.assert_allclose([entry["standard_error"] for entry in path], [0.5, 0.1, 0.1, 0.01])


def test_a_size_just_outside_one_standard_error_is_not_chosen():
    assert choose({2: losses_of(1.11, 1.0), 4: losses_of(1.0, 1.0)})[1].size == 4


def test_rows_without_weight_do_not_count():
    weights = np.r_[np.ones(50), np.zeros(50)]
    losses = np.r_[losses_of(1.0, 1.0, 50), np.full(50, 99.0)]
    path = choose({1: losses, 2: losses + 1}, weights)[0]
    assert path[0]["loss"] == pytest.approx(1.0)
    assert path[0]["standard_error"] == pytest.approx(1 / np.sqrt(50))


def test_an_interruption_leaves_the_choice_to_the_finished_sizes():
    table = {
        1: losses_of(2.0, 0.1),
        2: losses_of(1.005, 0.1),
        3: losses_of(1.0, 0.1),
        4: losses_of(0.5, 0.1),
        8: losses_of(0.1, 0.1),
    }
    path, candidate, complete = choose(table, interrupted_at=4)
    assert [entry["n_features"] for entry in path] == [1, 2, 3]
    assert candidate.size == 2
    assert not complete


def test_an_interruption_in_the_first_size_leaves_the_interrupted_candidate():
    path, candidate, complete = choose({1: None, 2: losses_of(1.0, 0.1)}, interrupted_at=1)
    assert path == []
    assert candidate.interrupted
    assert not complete


@pytest.mark.usefixtures("by_xla")
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


def test_auto_is_half_of_the_columns_of_few_rows(X, y, short):
    model = SubsetSelectorRegressor(**short).fit(X[:15], y[:15])
    assert model.support_.sum() == 4
    assert not hasattr(model, "selection_path_")


def test_the_path_holds_rows_out_where_the_fit_holds_out_none(X, y, short):
    model = SubsetSelectorRegressor(early_stopping=False, **short).fit(X, y)
    assert len(model.selection_path_) > 2
    assert model.n_features_to_select_ == model.support_.sum()
    assert not hasattr(model, "validation_scores_")


def interrupt_in_choice(monkeypatch, number, after=0):
    """Interrupt the training that chooses the subset of the given candidate, counted from 0.

    It has made ``after`` calls of the program by then.
    """
    run, chosen_by, seen = Program.run, [], []

    def interrupted(self, *arguments):
        chosen_by.extend([self] if not chosen_by else [])
        starts = self is chosen_by[0] and arguments[7] == 0
        seen.extend([0] if starts else [])
        if self is chosen_by[0] and len(seen) == number + 1:
            if seen[-1] == after:
                raise KeyboardInterrupt
            seen[-1] += 1
        return run(self, *arguments)

    monkeypatch.setattr(Program, "run", interrupted)


@pytest.mark.usefixtures("by_xla")
@pytest.mark.filterwarnings("ignore:the training was interrupted")
@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("n_finished", [3, 6])
def test_an_interrupted_fit_keeps_the_best_finished_size(monkeypatch, warm_start, n_finished):
    """Six sizes have a candidate; the seventh training is that on all rows."""
    X = np.random.default_rng(0).normal(size=(300, 8))
    y = X[:, 3] + 2 * X[:, 5]
    common = {"max_iter": 40, "random_state": 0, "warm_start": warm_start}
    whole = SubsetSelectorRegressor(**common).fit(X, y)
    interrupt_in_choice(monkeypatch, n_finished)
    model = SubsetSelectorRegressor(**common).fit(X, y)
    assert model.selection_path_ == whole.selection_path_[:n_finished]
    assert model.n_features_to_select_ == 2
    assert model.get_support(indices=True).tolist() == [3, 5]
    assert model.score(X, y) > 0.9
    assert model.n_iter_ == whole.n_iter_ == len(model.loss_curve_)
    monkeypatch.undo()
    assert model.fit(X, y).score(X, y) > 0.9


@pytest.mark.filterwarnings("ignore:the training was interrupted")
def test_a_fit_interrupted_in_its_first_size_is_usable(X, y, monkeypatch):
    interrupt_in_choice(monkeypatch, 0, after=1)
    model = SubsetSelectorRegressor(random_state=0).fit(X, y)
    assert model.selection_path_ == []
    assert model.n_features_to_select_ == model.support_.sum() == 1
    assert np.isfinite(model.predict(X)).all()


def test_a_fit_interrupted_before_its_first_step_leaves_nothing(X, y, monkeypatch):
    model = SubsetSelectorRegressor(random_state=0)
    before = set(vars(model))
    interrupt_in_choice(monkeypatch, 0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert set(vars(model)) == before
