import numpy as np
import pytest
from sklearn.base import clone

from skid import SubsetSelectorRegressor

callback = pytest.importorskip("sklearn.callback")
SCOPES = ("dataset", "sample")


class Recorder:
    """Keeps what it is told; stops the fit after an epoch."""

    def __init__(self, last=None):
        self.last = last
        self.scores = []
        self.events = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        pass

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        if context.task_name != "epoch":
            return False
        self.scores.append(fitted_estimator.score(X, y))
        return len(self.scores) == self.last


@pytest.mark.parametrize("scope", SCOPES)
def test_callbacks_see_every_epoch_and_change_nothing(X, y, fitted, scope):
    recorder = Recorder()
    expected = fitted(SubsetSelectorRegressor, scope)
    model = clone(expected).set_callbacks(recorder).fit(X, y)
    assert len(recorder.scores) == model.n_iter_ == 4
    assert recorder.events == ["setup", "teardown"]
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    assert model.loss_curve_ == expected.loss_curve_


@pytest.mark.parametrize("scope", SCOPES)
def test_a_callback_stops_the_fit(X, y, scope):
    model = SubsetSelectorRegressor(3, scope=scope, max_iter=20, random_state=0)
    model.set_callbacks(Recorder(last=5)).fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == 5
    assert np.isfinite(model.predict(X)).all()


def test_the_estimator_that_callbacks_see_learns(X):
    recorder = Recorder()
    model = SubsetSelectorRegressor(1, max_iter=30, learning_rate_init=0.02, random_state=0)
    model.set_callbacks(recorder).fit(X, 3 * X[:, 5])
    assert recorder.scores[-1] > 0.9 > recorder.scores[0]


def test_a_scoring_monitor_gives_a_row_for_each_epoch_and_one_for_the_fitted_model(X, y):
    monitor = callback.ScoringMonitor(scoring="r2")
    model = SubsetSelectorRegressor(3, max_iter=6, random_state=0)
    model.set_callbacks(monitor).fit(X, y)
    rows = monitor.get_logs().data
    assert [row["task_name"] for row in rows] == ["fit"] + ["epoch"] * 6
    assert all(np.isfinite(row["r2"]) for row in rows)
    assert rows[0]["r2"] == model.score(X, y)


def test_callbacks_are_torn_down_after_a_failure(X, y):
    recorder = Recorder()
    model = SubsetSelectorRegressor(99).set_callbacks(recorder)
    with pytest.raises(ValueError, match="must be at most"):
        model.fit(X, y)
    assert recorder.events in ([], ["setup", "teardown"])
    assert set(vars(model)) == set(vars(SubsetSelectorRegressor().set_callbacks(recorder)))
