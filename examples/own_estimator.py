"""An estimator with a solver of your own: the band of a spectrum that predicts a concentration."""

from dataclasses import dataclass, field
from math import ceil

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from skid.base import BaseSolverEstimator, FitCall
from skid.engine import RowsPlan, rows_to_learn_from, tensorflow
from skid.networks import DecayOfKernels, network_of
from skid.projections import project
from skid.solvers import Solver


class Window(Solver):
    """The cheapest window of ``width`` neighbouring columns, as zeros and ones."""

    def __init__(self, width):
        self.width = width

    def solve(self, costs, xp=np):
        """Solutions of costs of shape (n, n_columns)."""
        sums = xp.cumsum(xp.concatenate([0 * costs[:, :1], costs], axis=1), axis=1)
        first = xp.argmin(sums[:, self.width :] - sums[:, : -self.width], axis=1)[:, None]
        place = xp.arange(costs.shape[1]) - first
        return xp.where((place >= 0) & (place < self.width), 0 * costs + 1, 0 * costs)

    def solve_tf(self, costs):
        """The same inside of the training program."""
        return self.solve(costs, xp=tensorflow().experimental.numpy)


class BandObjective(DecayOfKernels):
    """Squared error of a network that sees the columns of the window only."""

    controls = ("rate", "decay")

    def __init__(self, network, solver, estimator):
        self.network, self.solver = network, solver
        (self.projection,) = estimator._resolved(projection="std")
        self.noise, self.rule = estimator._noise_law("normal"), estimator._gradient_rule()
        self.key = ("band", network.key, solver, self.projection, self.noise, self.rule)

    def loss(self, parameters, batch, constants, control, seed):
        """Loss of a batch, to differentiate and to report, and what changes without gradient."""
        tf = tensorflow()
        costs = -project(parameters["logits"], self.projection, xp=tf.experimental.numpy)
        costs += self.noise.sample_tf(costs.shape, seed=seed, dtype=costs.dtype)
        mask = self.rule(self.solver.solve_tf, costs, seed=seed)
        loss = tf.reduce_mean(self.evaluate(parameters, batch, constants, control, mask))
        return loss, loss, {}

    def evaluate(self, parameters, batch, constants, control, mask=None):
        """Loss of each row, under the window without noise unless a mask is passed."""
        mask = self.solver.solve_tf(-parameters["logits"]) if mask is None else mask
        return (self.network.apply(parameters, batch["X"], mask)[..., 0] - batch["y"]) ** 2


class BandPlan(RowsPlan):
    """What is trained; early stopping, warm start, progress and callbacks come with the bases."""

    objective: BandObjective

    def __init__(self, estimator, X, y, random_state):
        super().__init__(estimator)
        self.arrays = {"X": X, "y": y}
        network = network_of(
            estimator.network, X.shape[1:], estimator._hidden_layer_sizes((32,)), 1
        )
        solver = Window(min(estimator.width, X.shape[1]))
        self.objective = BandObjective(network, solver, estimator)
        self.start = network.initial(1, random_state, float) | {"logits": np.zeros((1, len(X.T)))}
        self.steps_per_epoch = ceil(len(X) / 32)
        rate, decay = estimator._resolved(learning_rate_init=0.01, alpha=0.1)
        self.controls = np.tile([rate, decay], (estimator._n_steps(self.steps_per_epoch, 3000), 1))
        folds = rows_to_learn_from(estimator, np.arange(len(X)), X, random_state)
        self.learn_from(folds, 32, shuffle=estimator.shuffle, random_state=random_state)

    def fitted(self, parameters):
        """The window, and what predicts."""
        weights = {name: np.asarray(value) for name, value in parameters.items()}
        band = self.objective.solver.solve(-weights["logits"])[0] > 0
        return {"band_": band, "_network": self.objective.network, "_weights": weights}


@dataclass(eq=False, repr=False, kw_only=True)
class BandRegressor(RegressorMixin, BaseSolverEstimator):
    """Predict a number from the best window of ``width`` neighbouring columns."""

    width: int = field(default=8, kw_only=False)

    def fit(self, X, y):
        """Find the window, and train a network on it."""
        with self._fitting() as (state, random_state):
            rows, target = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
            self._scaler = StandardScaler().fit(rows)
            self._mean, self._deviation = target.mean(), target.std() or 1.0
            target = (target - self._mean) / self._deviation
            plan = BandPlan(self, self._scaler.transform(rows), target, random_state)
            self._carry_out(plan, state, FitCall(X, y))
        return self

    def predict(self, X):
        """Predicted numbers, in NumPy."""
        check_is_fitted(self)
        rows = self._scaler.transform(validate_data(self, X, dtype=np.float64, reset=False))
        outputs = self._network.predict(self._weights, rows * self.band_)
        return outputs[:, 0] * self._deviation + self._mean


if __name__ == "__main__":
    X = np.random.RandomState(0).normal(size=(600, 100))
    y = np.abs(X[:, 70:78].mean(axis=1)) + 0.1 * X[:, 0]
    for model in (BandRegressor(8, random_state=0), RidgeCV()):
        print(f"R2 {model.fit(X[:400], y[:400]).score(X[400:], y[400:]):.2f} by {model}")
        print("columns", np.flatnonzero(getattr(model, "band_", [])).tolist() or "all")
