"""The data of a fit: rows, right decisions, and true costs where they are known."""

import math
import reprlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight, check_consistent_length

from skid.decision._context import checked_context
from skid.inputs import Inputs, checked_rows
from skid.losses import relative_weights
from skid.solvers import Ranking, Solver
from skid.solvers.base import check_costs, solve

ROWS_TO_CHECK = 1000
"""Number of rows of y that are checked for feasibility before the training."""


@dataclass
class TrainingData:
    """What a network learns from; each array has one entry per row.

    Attributes
    ----------
    X : array of shape (n_rows, ...)
        May be a memory-mapped file.
    solutions, true_costs : float array of shape (n_rows, *cost_shape)
        ``true_costs`` is None where only the right decisions are known.
    context : dict of str to array
        Inputs of the solver in addition to the costs.
    weights : float array of shape (n_rows,)
    """

    X: np.ndarray
    solutions: np.ndarray
    true_costs: np.ndarray | None
    context: dict[str, np.ndarray]
    weights: np.ndarray
    inputs: Inputs

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays by the names that the objective uses."""
        arrays = {"X": self.X, "y": self.solutions, "weight": relative_weights(self.weights)}
        arrays |= self.context
        if self.true_costs is not None:
            arrays["true_costs"] = self.true_costs
        return arrays

    @property
    def cost_shape(self) -> tuple[int, ...]:
        """Shape of the costs of one row."""
        return self.solutions.shape[1:]


def training_data(
    estimator: Any, solver: Solver, X: Any, y: Any, sample_weight: Any, context: Any, *, reset: bool
) -> TrainingData:
    """The checked data of a fit, or of a pass that continues one (``reset=False``)."""
    X = checked_rows(estimator, X, reset=reset)
    estimator._require_y(y)
    y = np.asarray(y)
    check_consistent_length(X, y)
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weights.any():
        raise ValueError("sample_weight must be positive for at least one sample, got zeros only")
    inputs = Inputs(estimator.standardize) if reset else estimator._model.inputs.resumed()
    inputs.fit(X, weights)
    fields_of_fit = () if reset else estimator._context_fields
    context = checked_context(context, solver, len(X), fields_of_fit=fields_of_fit)
    solutions, true_costs = right_decisions(solver, y, context, estimator.target, inputs.dtype)
    return TrainingData(X, solutions, true_costs, context, weights.astype(inputs.dtype), inputs)


def right_decisions(
    solver: Solver, y: np.ndarray, context: dict[str, np.ndarray], target: str, dtype: Any
) -> tuple[np.ndarray, np.ndarray | None]:
    """Right decisions and true costs in ``dtype``, from a y that holds one of them."""
    y = check_costs(y, cost_shape=solver.cost_shape, name="y")
    if y.ndim < 2:
        raise ValueError(f"y must have shape (n, *cost_shape), got {y.shape}")
    if target == "costs":
        # In the precision of y: two decisions that differ little must not be confused.
        return solve(solver, y, context).astype(dtype), _in_precision(y, dtype)
    if solver.binary:
        _check_feasible(solver, y, context)
    elif isinstance(solver, Ranking):
        _check_ranks(y)
    elif context:
        # All rows at once: in a batch, the solver would report the number of a row within it.
        solve(solver, np.zeros_like(y), context)
    return y.astype(dtype), None


def _check_ranks(y: np.ndarray) -> None:
    wrong = (np.sort(y, axis=1) != np.arange(1, y.shape[1] + 1)).any(axis=1)
    if wrong.any():
        row = wrong.argmax()
        raise ValueError(
            f"y[{row}] must hold each of the ranks 1 to {y.shape[1]} once, "
            f"got {reprlib.repr(y[row].tolist())}: pass target='costs' if y holds true costs"
        )


def _in_precision(costs: np.ndarray, dtype: Any) -> np.ndarray:
    """The costs in the precision of the training, if they fit into it."""
    with np.errstate(over="ignore", under="ignore"):
        converted = costs.astype(dtype)
    if not np.isfinite(converted).all() or (costs.any() and not converted.any()):
        raise ValueError(
            f"y must fit into {np.dtype(dtype)}, the precision of X, got a largest absolute value "
            f"of {np.abs(costs).max():.3g}: rescale y, or pass X as float64"
        )
    return converted


def _check_feasible(solver: Solver, y: np.ndarray, context: dict[str, np.ndarray]) -> None:
    """Raise a ValueError if y holds infeasible solutions.

    With a context all rows are checked, otherwise `ROWS_TO_CHECK` rows at equal distances.
    """
    rows = np.arange(len(y))
    wrong = ~np.isin(y, (0, 1)).reshape(len(y), -1).all(axis=1)
    fault = "entries other than 0 and 1"
    if not wrong.any():
        if not context:
            rows = rows[:: math.ceil(len(y) / ROWS_TO_CHECK)]
        solutions = y[rows]
        # Where a cost must not be negative, the cheapest solution may use a part of the right one.
        least_cost = 0 if solver.nonnegative_costs else -1
        costs = np.where(solutions == 1, least_cost, 1).astype(np.float64)
        found = solve(solver, costs, context)
        differs = found > solutions if solver.nonnegative_costs else found != solutions
        n_different = differs.reshape(len(solutions), -1).sum(axis=1)
        wrong = n_different > 0
        fault = (
            "an infeasible one: the nearest solution differs in "
            f"{n_different[wrong.argmax()]} or more of its {solutions[0].size} entries"
        )
    if wrong.any():
        raise ValueError(
            f"y[{rows[wrong.argmax()]}] must be a solution of {type(solver).__name__}, "
            f"got {fault}. Pass target='costs' if y holds true costs"
        )
