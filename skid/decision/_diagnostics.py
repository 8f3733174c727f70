"""Watch the costs while a network trains, and warn where they no longer decide anything."""

import warnings

import numpy as np

from skid._target_scale import root_mean_square
from skid.decision._costs import CostNetwork
from skid.exceptions import CostCollapseWarning
from skid.solvers import Solver
from skid.solvers.base import solve

PROBED_ROWS = 32
"""Training rows whose costs and decisions are looked at after each epoch."""
COLLAPSED_NORM = 0.01
"""Costs below this share of their first size have collapsed, where no projection rescales them."""
COLLAPSED_SPREAD = 1e-3
"""Costs of an instance that differ by less than this share of their size decide nothing."""


class CostWatch:
    """Size and effect of the costs of a few training rows, epoch by epoch.

    Parameters
    ----------
    costs : CostNetwork
    constants : dict of str to array
    solver : Solver
    X : array of shape (n, ...)
        Standardised rows.
    context : dict of str to array
    rescaled : bool
        Whether the projection makes all costs the same size.

    Attributes
    ----------
    diagnostics : dict of str to list of float
        For each epoch ``"loss"``, ``"cost_norm"`` (root mean square of the costs),
        ``"cost_spread"`` (mean over the instances of the standard deviation of their costs, over
        that norm) and ``"changed_solutions"`` (share of the decisions that differ from those one
        epoch before).
    """

    def __init__(
        self,
        costs: CostNetwork,
        constants: dict,
        solver: Solver,
        X: np.ndarray,
        context: dict,
        *,
        rescaled: bool,
    ) -> None:
        self.costs = costs
        self.constants = constants
        self.solver = solver
        self.X = X
        self.context = context
        self.rescaled = rescaled
        self.diagnostics: dict[str, list[float]] = {
            name: [] for name in ("loss", "cost_norm", "cost_spread", "changed_solutions")
        }
        self._solutions: np.ndarray | None = None
        self._first_norm: float | None = None

    def start(self, parameters: dict) -> None:
        """Look at the costs before the first step."""
        self._first_norm, _, self._solutions = self._look(parameters)

    def end_epoch(self, parameters: dict, loss: float) -> None:
        """Add an entry for an epoch that ended with these parameters and this mean loss."""
        norm, spread, solutions = self._look(parameters)
        entries = (solutions != self._solutions).reshape(len(solutions), -1)
        self._solutions = solutions
        values = (loss, norm, spread, float(entries.any(axis=1).mean()))
        for name, value in zip(self.diagnostics, values, strict=True):
            self.diagnostics[name].append(value)

    def warn(self) -> None:
        """Warn of costs that no longer matter at the end, and say what to do."""
        if not self.diagnostics["loss"]:
            return
        norm, spread = (self.diagnostics[name][-1] for name in ("cost_norm", "cost_spread"))
        if not self.rescaled and norm < COLLAPSED_NORM * self._first_norm:
            size = f"fell to {norm / self._first_norm:.2g} of their first size"
        elif self._solutions[0].size > 1 and spread < self._least_spread():
            size = f"of an instance differ by no more than {spread:.2g} of their size"
        else:
            return
        warnings.warn(
            f"The predicted costs {size}: the solver decides by rounding errors or noise. "
            "Try projection='norm' (or 'std' where it is valid), noise_scale above 0, or a smaller "
            "learning_rate_init; diagnostics_ shows when it happened.",
            CostCollapseWarning,
            stacklevel=3,
        )

    def _least_spread(self) -> float:
        """Relative spread below which the costs of an instance are as good as equal.

        Around a location that is known no digit is lost but those of the precision.
        """
        location = self.constants["location"]
        return 8 * np.finfo(location.dtype).eps if location.any() else COLLAPSED_SPREAD

    def _look(self, parameters: dict) -> tuple[float, float, np.ndarray]:
        weights = {name: np.asarray(value) for name, value in parameters.items()}
        costs = self.costs.predict(weights, self.X, self.constants)
        if self.solver.nonnegative_costs:
            costs = np.maximum(costs, 0)
        norm = float(root_mean_square(costs.reshape(-1, 1), np.ones(costs.size))[0])
        relative = costs.reshape(len(costs), -1).astype(np.float64) / (norm or 1.0)
        return norm, float(relative.std(axis=1).mean()), solve(self.solver, costs, self.context)
