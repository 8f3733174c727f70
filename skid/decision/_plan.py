"""The training of a `SolverPredictor`: network, scale of the costs, fitted attributes."""

import math
from typing import Any

import numpy as np

from skid._target_scale import root_mean_square
from skid.decision import _defaults as defaults
from skid.decision._costs import CostNetwork, cost_network
from skid.decision._data import TrainingData
from skid.decision._diagnostics import PROBED_ROWS, CostWatch
from skid.decision._model import DecisionModel
from skid.engine.folds import Folds
from skid.engine.plan import RowsPlan, rows_to_learn_from
from skid.engine.seeds import draw_seeds
from skid.engine.training import Training
from skid.networks import gains_by_xla
from skid.solver_objective import SolverObjective, SolverRule, solver_rule
from skid.solvers import Solver


class DecisionPlan(RowsPlan):
    """The training of the network of a `SolverPredictor`.

    ``one_pass`` plans one pass over the data, with noise and learning rate as at the start, and
    ``scale`` holds location and scale of the costs in earlier passes.
    """

    objective: SolverObjective

    def __init__(
        self,
        estimator: Any,
        data: TrainingData,
        solver: Solver,
        random_state: np.random.RandomState,
        *,
        one_pass: bool,
        scale: dict | None = None,
    ) -> None:
        super().__init__(estimator)
        self.data, self.arrays, self.weights = data, data.arrays, data.weights
        self.solver = solver
        self.rule, noise_scale = solver_rule(estimator, solver)
        self.network = _network(estimator, data, solver, self.rule)
        self.constants = scale or _scale_of_costs(data, self.network, self.rule)
        dtype = data.inputs.dtype
        starting = np.random.RandomState(draw_seeds(random_state))
        self.start = self.network.initial(starting, dtype)
        rows = np.flatnonzero(data.weights)
        batch_size = defaults.batch_size(estimator, len(rows))
        self.steps_per_epoch = math.ceil(len(rows) / batch_size)
        controls = defaults.decision_controls(
            estimator, solver, self.rule, self.steps_per_epoch, noise_scale, one_pass=one_pass
        )
        self.controls = controls.astype(dtype)
        self.objective = SolverObjective(
            self.network,
            solver,
            self.rule,
            tuple(data.context),
            in_graph=self._runs_in_graph(),
            xla=gains_by_xla(self.device, self.network.network),
        )
        folds = Folds([rows])
        if not one_pass:
            folds = rows_to_learn_from(estimator, rows, data.X, random_state)
        self.learn_from(folds, batch_size, shuffle=estimator.shuffle, random_state=random_state)

    def prepare(self, rows: dict) -> dict:
        """Standardise X, see :class:`Plan`."""
        return rows | {"X": self.data.inputs.apply(rows["X"])}

    def begin(self, parameters: dict) -> None:
        """Start the diagnostics, see :class:`Plan`."""
        probe = slice(0, PROBED_ROWS)
        self.watch = CostWatch(
            self.network,
            self.constants,
            self.solver,
            self.data.inputs.apply(np.asarray(self.data.X[probe])),
            {name: values[probe] for name, values in self.data.context.items()},
            rescaled=self.rule.projection in ("norm", "std"),
        )
        self.watch.start(parameters)

    def end_epoch(self, training: Training) -> None:
        """Append to the diagnostics, see :class:`Plan`."""
        n_before = (len(training.losses) - 1) // self.steps_per_epoch * self.steps_per_epoch
        self.watch.end_epoch(training.parameters, float(np.mean(training.losses[n_before:])))

    def finish(self, training: Training) -> Training:
        """Warn if the costs have collapsed, see :class:`Plan`."""
        if not training.interrupted:
            self.watch.warn()
        return training

    def fitted(self, parameters: dict) -> dict:
        """Model and diagnostics, see :class:`Plan`."""
        weights = {name: np.asarray(value) for name, value in parameters.items()}
        model = DecisionModel(self.data.inputs, self.network, weights, self.constants, self.solver)
        return {
            "_model": model,
            "_context_fields": tuple(self.data.context),
            "diagnostics_": {name: list(values) for name, values in self.watch.diagnostics.items()},
        }

    def _runs_in_graph(self) -> bool:
        """Whether the solver runs on the device, inside the program."""
        kind = "gpu" if "GPU" in self.device else "cpu"
        return hasattr(self.solver, "solve_tf") and kind in self.solver.graph_devices


def _network(estimator: Any, data: TrainingData, solver: Solver, rule: SolverRule) -> CostNetwork:
    sign = estimator.cost_sign
    if isinstance(sign, str):
        sign = 0 if rule.loss.in_true_units else solver.default_cost_sign
    return cost_network(
        estimator.network,
        estimator._hidden_layer_sizes(defaults.HIDDEN_LAYER_SIZES),
        data.inputs.row_shape,
        data.cost_shape,
        sign,
    )


def _scale_of_costs(
    data: TrainingData, network: CostNetwork, rule: SolverRule
) -> dict[str, np.ndarray]:
    """Location and scale of the network's costs, from the true costs where they are known."""
    dtype = data.inputs.dtype
    location = np.zeros(data.cost_shape, dtype)
    scale = np.ones((), dtype)
    true_costs = data.true_costs
    if true_costs is not None:
        scale = _positive_size(true_costs, data.weights, dtype)
        if rule.loss.in_true_units and network.sign == 0:
            location = np.average(true_costs, axis=0, weights=data.weights).astype(dtype)
            scale = _positive_size(true_costs - location, data.weights, dtype)
    return {"location": location, "scale": scale}


def _positive_size(costs: np.ndarray, weights: np.ndarray, dtype: Any) -> np.ndarray:
    """Root mean square of all entries, or 1 if it is zero."""
    entries = root_mean_square(costs.reshape(len(costs), -1), weights)
    size = root_mean_square(entries[:, np.newaxis], np.ones(len(entries)))[0]
    return np.asarray(size if size > 0 else 1.0, dtype)
