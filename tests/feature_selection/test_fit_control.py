"""How a fit ends: early, by the user, by a callback, or by an error."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError

from skid import SubsetSelectorClassifier, SubsetSelectorRegressor
from skid.engine import Program

SCOPES = ("dataset", "sample")


def interrupt(monkeypatch, call, error=KeyboardInterrupt):
    """Let a call of the training program raise."""
    run, calls = Program.run, []

    def interrupted(self, *arguments):
        calls.append(1)
        if len(calls) == call:
            raise error
        return run(self, *arguments)

    monkeypatch.setattr(Program, "run", interrupted)


@pytest.mark.filterwarnings("ignore:the training was interrupted")
@pytest.mark.parametrize("scope", SCOPES)
def test_an_interrupted_fit_leaves_a_usable_model(
    estimator, X, target, answers, monkeypatch, scope
):
    interrupt(monkeypatch, 3)
    model = estimator(3, scope=scope, random_state=0).fit(X, target)
    assert (model.explain(X).sum(axis=1) == 3).all()
    assert answers(model, X).shape[0] == 120
    assert 0 <= model.n_iter_ <= 3 * 128 / 2
    if scope == "dataset":
        np.testing.assert_array_equal(model.transform(X), X[:, model.support_])


@pytest.mark.filterwarnings("ignore:the training was interrupted")
def test_an_interruption_after_the_choice_keeps_the_choice(X, monkeypatch):
    """In its first steps a fresh predictor is worse than the networks that made the choice."""
    y = 3 * X[:, 5] + X[:, 2]
    runs = []
    run = Program.run
    monkeypatch.setattr(Program, "run", lambda self, *rest: runs.append(self) or run(self, *rest))
    whole = SubsetSelectorRegressor(2, random_state=0).fit(X, y)
    n_choice = runs.index(next(program for program in runs if program is not runs[0]))
    monkeypatch.setattr(Program, "run", run)
    interrupt(monkeypatch, n_choice + 1)
    model = SubsetSelectorRegressor(2, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.support_, whole.support_)
    assert model.score(X, y) > 0.9


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize("scope", SCOPES)
def test_an_interruption_before_the_first_step_leaves_an_earlier_fit_intact(
    estimator, X, target, answers, monkeypatch, scope, warm_start
):
    model = estimator(3, scope=scope, max_iter=4, random_state=0, warm_start=warm_start)
    before = set(vars(model))
    interrupt(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, target)
    assert set(vars(model)) == before
    monkeypatch.undo()
    expected = answers(model.fit(X, target), X)
    interrupt(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X[:, ::-1] + 5, target)
    np.testing.assert_array_equal(answers(model, X), expected)


@pytest.mark.filterwarnings("ignore:the training was interrupted")
def test_predictors_that_are_interrupted_late_are_kept(X, monkeypatch):
    """With nothing held out as well, where no validation tells how far they came."""
    y = 3 * X[:, 5] + X[:, 2]
    run, programs, taken = Program.run, [], []

    def interrupted(self, *arguments):
        programs.extend([] if self in programs else [self])
        if self is programs[-1] and len(programs) == 2:
            taken.append(arguments[6])
            if sum(taken[:-1]) >= 1000:
                raise KeyboardInterrupt
        return run(self, *arguments)

    monkeypatch.setattr(Program, "run", interrupted)
    model = SubsetSelectorRegressor(2, early_stopping=False, random_state=0).fit(X, y)
    assert len(model._model.weights["kernel_0"]) == 5
    assert model.score(X, y) > 0.99


@pytest.mark.filterwarnings("ignore:the training was interrupted")
@pytest.mark.parametrize("scope", SCOPES)
def test_an_interrupted_path_leaves_a_usable_model(X, y, monkeypatch, scope):
    interrupt(monkeypatch, 6)
    model = SubsetSelectorRegressor(scope=scope, max_iter=40, random_state=0).fit(X, y)
    assert (model.explain(X).sum(axis=1) == model.n_features_to_select_).all()
    assert np.isfinite(model.predict(X)).all()


def state_of(model):
    """Attributes, with copies of what could be changed in place."""
    return {name: np.copy(value) if isinstance(value, np.ndarray) else value
            for name, value in vars(model).items()}  # fmt: skip


@pytest.mark.parametrize("error", [MemoryError, RuntimeError("no device")])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("scope", SCOPES)
def test_a_fit_that_fails_leaves_an_earlier_fit_intact(
    estimator, X, target, answers, monkeypatch, error, method, scope
):
    model = estimator(3, scope=scope, max_iter=4, random_state=0, warm_start=True)
    model.fit(X, target)
    before, expected = state_of(model), answers(model, X)
    interrupt(monkeypatch, 2 if method == "fit" and scope == "dataset" else 1, error)
    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        getattr(model, method)(X[:, ::-1] + 5, target)
    assert vars(model).keys() == before.keys()
    for name, value in before.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(getattr(model, name), value)
        else:
            assert getattr(model, name) is value
    np.testing.assert_array_equal(answers(model, X), expected)


def test_bad_data_leave_an_earlier_fit_intact(estimator, X, target, short, answers):
    model = estimator(3, **short).fit(X, target)
    before, expected = state_of(model), answers(model, X)
    broken = X[:, :5].copy()
    broken[3, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        model.fit(broken, target)
    with pytest.raises(ValueError, match="must be at most the 2 features"):
        model.fit(X[:, :2], target)
    assert vars(model).keys() == before.keys()
    assert model.n_features_in_ == 8
    np.testing.assert_array_equal(answers(model, X), expected)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_first_fit_that_fails_leaves_nothing(estimator, X, target, short, method, monkeypatch):
    model = estimator(3, **short)
    before = set(vars(model))
    interrupt(monkeypatch, 1, RuntimeError)
    with pytest.raises(RuntimeError):
        getattr(model, method)(X, target)
    assert set(vars(model)) == before
    with pytest.raises(NotFittedError):
        model.transform(X)


def test_training_stops_early_where_nothing_is_left_to_learn(X, y):
    common = {"n_features_to_select": 2, "random_state": 0, "n_iter_no_change": 2}
    patient = SubsetSelectorRegressor(**common, tol=0.0, max_iter=400).fit(X, y)
    stopped = SubsetSelectorRegressor(**common, tol=1e3, max_iter=400).fit(X, y)
    assert len(stopped.validation_scores_) < len(patient.validation_scores_)
    assert len(stopped.validation_scores_) <= 3
    assert patient.best_loss_ == -max(patient.validation_scores_)


@pytest.mark.parametrize("early_stopping", [True, False])
def test_early_stopping_is_validation(estimator, X, target, early_stopping):
    model = estimator(2, early_stopping=early_stopping, max_iter=4, random_state=0)
    model.fit(X, target)
    assert hasattr(model, "validation_scores_") is early_stopping
    if not early_stopping:
        assert model.best_loss_ == min(model.loss_curve_)


@pytest.mark.parametrize("copies", [1, 10])
@pytest.mark.parametrize("n_rows", [15, 16])
def test_from_16_different_rows_on_a_part_is_held_out(estimator, X, target, copies, n_rows):
    X = np.repeat(X[:n_rows], copies, axis=0)
    target = None if target is None else np.repeat(target[:n_rows], copies)
    model = estimator(2, max_iter=4, random_state=0).fit(X, target)
    assert hasattr(model, "validation_scores_") is (n_rows == 16)


def test_few_rows_are_not_learnt_by_heart():
    X, y = load_diabetes(return_X_y=True)
    rows = np.random.RandomState(0).permutation(len(X))
    model = SubsetSelectorRegressor(4, random_state=0).fit(X[rows[:30]], y[rows[:30]])
    assert model.score(X[rows[30:]], y[rows[30:]]) > 0.05


def test_without_early_stopping_every_row_is_learnt_from(X):
    y = np.zeros(120)
    y[7] = 100.0
    X = X.copy()
    X[:, 0] = np.arange(120) == 7
    model = SubsetSelectorRegressor(1, early_stopping=False, max_iter=200, random_state=0)
    assert model.fit(X, y).predict(X)[7] > 50


def test_warm_start_goes_on_with_the_same_classes_only(X, y):
    model = SubsetSelectorClassifier(2, warm_start=True, max_iter=2, random_state=0)
    model.fit(X, np.where(y > 0, "cat", "dog")).fit(X, np.where(y > 0, "dog", "cat"))
    with pytest.raises(ValueError, match="classes must be those of the last fit"):
        model.fit(X, np.where(y > 0, "zebra", "ape"))
    assert model.classes_.tolist() == ["cat", "dog"]
