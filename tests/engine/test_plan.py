"""A plan is carried out in the same way whatever its family is."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from skid.base import BaseSolverEstimator, FitCall
from skid.engine import Folds, Program, RowsPlan, rows_to_learn_from, tensorflow
from skid.networks import DecayOfKernels


class LinearObjective(DecayOfKernels):
    """Least squares, and a counter of steps that a warm start restarts."""

    controls = ("rate", "decay")
    key = "least squares with a memory"

    def loss(self, parameters, batch, constants, control, seed):
        tf = tensorflow()
        loss = tf.reduce_mean(self.evaluate(parameters, batch, constants, control))
        # The bias of the memory has a gradient, and so it has moments.
        return (
            loss + parameters["memory_bias"],
            loss,
            {"memory_steps": parameters["memory_steps"] + 1},
        )

    def evaluate(self, parameters, batch, constants, control):
        tf = tensorflow()
        outputs = tf.reduce_sum(batch["X"] * parameters["kernel"], axis=-1)
        return tf.square(outputs - batch["y"])


class LinearPlan(RowsPlan):
    """Five epochs of four steps."""

    transient = ("memory",)
    best_score = 1.0
    objective = LinearObjective()

    def __init__(self, estimator, X, y, random_state):
        super().__init__(estimator)
        self.arrays = {"X": X, "y": y}
        self.start = {
            "kernel": np.zeros(X.shape[1]),
            "memory_steps": np.zeros((), np.int32),
            "memory_bias": np.ones(()),
        }
        self.steps_per_epoch = 4
        self.controls = np.tile([0.1, 0.0], (estimator._n_steps(4, automatic=20), 1))
        self.epochs = []
        folds = rows_to_learn_from(estimator, np.arange(len(X)), X, random_state)
        self.learn_from(folds, 10, shuffle=estimator.shuffle, random_state=random_state)

    def begin(self, parameters):
        self.epochs.append(0)

    def end_epoch(self, training):
        self.epochs.append(len(training.losses))

    def finish(self, training):
        self.epochs.append("finished")
        training.parameters["memory_bias"] = np.full((), 7.0)
        return training

    def fitted(self, parameters):
        bias = float(parameters["memory_bias"])
        return {"coef_": np.asarray(parameters["kernel"]), "bias_": bias, "plan_": self}


@dataclass(eq=False, repr=False, kw_only=True)
class LinearRegressor(RegressorMixin, BaseSolverEstimator):
    degree: int = 1

    _parameter_constraints: ClassVar = {"degree": [int]}

    def fit(self, X, y):
        return self._fit(X, y, one_pass=False)

    def partial_fit(self, X, y):
        return self._fit(X, y, one_pass=True)

    def _fit(self, X, y, *, one_pass):
        with self._fitting(one_pass=one_pass) as (state, random_state):
            rows, target = validate_data(self, X, y, dtype=np.float64)
            self.draw_ = random_state.randint(1000)
            self._carry_out(LinearPlan(self, rows, target, random_state), state, FitCall(X, y))
        return self


@pytest.fixture
def data():
    X = np.random.RandomState(0).normal(size=(40, 3))
    return X, X @ [1.0, -2.0, 0.5]


@pytest.fixture
def states(monkeypatch):
    """Parameters and moments that each training begins with."""
    run, seen = Program.run, []

    def recorded(self, parameters, moments, *rest):
        seen.append(({n: v.numpy() for n, v in parameters.items()}, moments, rest[-2]))
        return run(self, parameters, moments, *rest)

    monkeypatch.setattr(Program, "run", recorded)
    return seen


@pytest.mark.parametrize("verbose", [0, 1])
def test_a_plan_sees_its_start_and_every_epoch_whoever_watches(data, verbose):
    model = LinearRegressor(verbose=verbose, random_state=0).fit(*data)
    assert model.plan_.epochs == [0, 4, 8, 12, 16, 20, "finished"]
    assert model.bias_ == 7
    assert model.n_iter_ == len(model.loss_curve_) == 5
    assert model.best_loss_ == min(model.loss_curve_)
    assert not hasattr(model, "validation_scores_")


def test_scores_are_counted_down_from_the_best_one(data):
    model = LinearRegressor(early_stopping=True, max_iter=30, random_state=0).fit(*data)
    assert max(model.validation_scores_) == pytest.approx(1.0 - model.best_loss_)


def test_the_memory_of_a_warm_start_is_a_fresh_one(data, states):
    model = LinearRegressor(warm_start=True, random_state=0).fit(*data)
    before = model._training_state
    del states[:]
    model.fit(*data)
    parameters, (first, second), n_steps = states[0]
    assert n_steps == 20
    np.testing.assert_array_equal(parameters["kernel"], before.parameters["kernel"])
    np.testing.assert_array_equal(first["kernel"], before.moments[0]["kernel"])
    assert before.moments[0]["memory_bias"] > 0
    assert parameters["memory_steps"] == 0
    assert before.parameters["memory_steps"] == 20
    assert parameters["memory_bias"] == 1
    assert not np.asarray(first["memory_bias"])
    assert not np.asarray(second["memory_bias"])


def test_a_pass_leaves_no_scores_of_an_earlier_fit(data):
    model = LinearRegressor(warm_start=True, early_stopping=True, random_state=0).fit(*data)
    assert len(model.validation_scores_) == 5
    model.set_params(early_stopping=False).partial_fit(*data)
    assert not hasattr(model, "validation_scores_")


def test_passes_continue_the_randomness_and_fits_begin_it_again(data):
    model = LinearRegressor(random_state=0, warm_start=True)
    first = model.fit(*data).draw_
    assert model.fit(*data).draw_ == first
    passes = LinearRegressor(random_state=0)
    assert passes.partial_fit(*data).draw_ == first
    assert passes.partial_fit(*data).draw_ != first


@pytest.mark.parametrize(
    ("parameters", "name"), [({"degree": 1.5}, "degree"), ({"max_iter": 0}, "max_iter")]
)
def test_own_and_inherited_parameters_are_checked(data, parameters, name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter of LinearRegressor"):
        LinearRegressor(**parameters).fit(*data)


def test_what_cannot_be_resumed_names_what_has_changed(data):
    X, y = data
    model = LinearRegressor(warm_start=True, random_state=0).fit(X, y)
    coef = model.coef_
    with pytest.raises(ValueError, match=r"X or y has changed: .*kernel were float64 \(3,\)"):
        model.fit(X[:, :2], y)
    model.set_params(degree=2)
    with pytest.raises(ValueError, match="but degree was 1 and is 2"):
        model.fit(X[:, :2], y)
    assert model.coef_ is coef
    assert model.n_features_in_ == 3


def test_an_estimator_that_failed_first_is_not_fitted(data):
    model = LinearRegressor(device="tpu")
    with pytest.raises(ValueError, match="device must be"):
        model.fit(*data)
    assert vars(model).keys() == vars(LinearRegressor()).keys()


def test_batches_are_no_longer_than_the_fold_and_hold_no_row_twice(data):
    plan = LinearRegressor(random_state=0).fit(*data).plan_
    plan.learn_from(Folds([np.arange(7)]), 100, shuffle=True, random_state=np.random.RandomState(0))
    assert sorted(plan.batches.draw(1).ravel().tolist()) == [*range(7)]


def test_a_validation_weighs_the_held_out_rows(data):
    X, y = data
    weights = np.arange(40.0)
    plan = LinearPlan(LinearRegressor(early_stopping=True), X, y, np.random.RandomState(0))
    plan.weights = weights
    training = plan.train()
    losses, rows = plan.held_out.losses(training.parameters), plan.folds.held_out[0]
    expected = (X[rows] @ training.parameters["kernel"] - y[rows]) ** 2
    np.testing.assert_allclose(losses, expected)
    assert training.validations[-1][1] == pytest.approx(np.average(expected, weights=weights[rows]))


class Recorder:
    """Keeps the events of a fit."""

    def __init__(self):
        self.events = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.events.append((context.task_name, fitted_estimator.n_iter_))


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_callbacks_are_told_of_every_way_to_fit(data, method):
    pytest.importorskip("sklearn.callback")
    recorder = Recorder()
    getattr(LinearRegressor(max_iter=2).set_callbacks(recorder), method)(*data)
    assert recorder.events == ["setup", ("epoch", 1), ("epoch", 2), ("fit", 2), "teardown"]
