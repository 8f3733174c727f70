"""Diagnostics of the predicted costs during a training, and a warning if they collapse."""

import warnings

import numpy as np

from skid._target_scale import root_mean_square
from skid.decision._costs import CostNetwork
from skid.exceptions import CostCollapseWarning
from skid.solvers import Solver
from skid.solvers.base import solve

PROBED_ROWS = 32
"""Number of training rows that are decided after each epoch."""
COLLAPSED_NORM = 0.01
"""Costs below this fraction of their first norm have collapsed, if no projection rescales them."""
COLLAPSED_SPREAD = 1e-3
"""Costs of an instance with a smaller standard deviation, relative to their norm, are constant."""


class CostWatch:
    """Costs and decisions of a few standardised training rows, after each epoch.

    ``rescaled`` says whether the projection gives all costs the same norm. The results are in
    ``diagnostics``, see :class:`skid.SolverPredictor`.
    """

    _solutions: np.ndarray
    _first_norm: float

    def __init__(
        self,
        network: CostNetwork,
        constants: dict,
        solver: Solver,
        X: np.ndarray,
        context: dict,
        *,
        rescaled: bool,
    ) -> None:
        self.network = network
        self.constants = constants
        self.solver = solver
        self.X = X
        self.context = context
        self.rescaled = rescaled
        self.diagnostics: dict[str, list[float]] = {
            name: [] for name in ("loss", "cost_norm", "cost_spread", "changed_solutions")
        }

    def start(self, parameters: dict) -> None:
        """Remember norm and decisions before the first step."""
        self._first_norm, _, self._solutions = self._summary(parameters)

    def end_epoch(self, parameters: dict, loss: float) -> None:
        """Append the diagnostics of an epoch."""
        norm, spread, solutions = self._summary(parameters)
        entries = (solutions != self._solutions).reshape(len(solutions), -1)
        self._solutions = solutions
        values = (loss, norm, spread, float(entries.any(axis=1).mean()))
        for name, value in zip(self.diagnostics, values, strict=True):
            self.diagnostics[name].append(value)

    def warn(self) -> None:
        """Issue a `CostCollapseWarning` if the last costs have collapsed."""
        if not self.diagnostics["loss"]:
            return
        norm, spread = (self.diagnostics[name][-1] for name in ("cost_norm", "cost_spread"))
        if not self.rescaled and norm < COLLAPSED_NORM * self._first_norm:
            change = f"fell to {norm / self._first_norm:.2g} of their first norm"
        elif self._solutions[0].size > 1 and spread < self._least_spread():
            change = f"of an instance differ by no more than {spread:.2g} of their norm"
        else:
            return
        warnings.warn(
            f"the predicted costs {change}, so that rounding errors or noise decide. "
            "Try projection='norm' (or 'std' where it is valid), noise_scale above 0, or a smaller "
            "learning_rate_init; diagnostics_ shows when it happened",
            CostCollapseWarning,
            stacklevel=3,
        )

    def _least_spread(self) -> float:
        """Relative spread below which the costs of an instance count as constant.

        Costs around a fixed location only have to differ by more than rounding errors.
        """
        location = self.constants["location"]
        return 8 * np.finfo(location.dtype).eps if location.any() else COLLAPSED_SPREAD

    def _summary(self, parameters: dict) -> tuple[float, float, np.ndarray]:
        """Norm and relative spread of the costs, and the solutions."""
        weights = {name: np.asarray(value) for name, value in parameters.items()}
        costs = self.network.predict(weights, self.X, self.constants)
        if self.solver.nonnegative_costs:
            costs = np.maximum(costs, 0)
        norm = float(root_mean_square(costs.reshape(-1, 1), np.ones(costs.size))[0])
        relative = costs.reshape(len(costs), -1).astype(np.float64) / (norm or 1.0)
        return norm, float(relative.std(axis=1).mean()), solve(self.solver, costs, self.context)
