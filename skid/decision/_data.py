"""The data of a fit: rows, right decisions, and true costs where they are known."""

import math
from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import _check_sample_weight, check_consistent_length

from skid.decision._context import checked_context
from skid.inputs import Inputs, checked_rows
from skid.losses import relative_weights
from skid.solvers import Ranking, Solver
from skid.solvers.base import check_costs, solve

TRIED_ROWS = 1000
"""Rows of y that are tried on the solver before the training."""


@dataclass
class TrainingData:
    """What a network learns from.

    Attributes
    ----------
    X : array of shape (n_rows, ...)
        May be a memory-mapped file.
    solutions : float array of shape (n_rows, *cost_shape)
        The right decisions.
    costs : float array of shape (n_rows, *cost_shape), or None
        The true costs.
    context : dict of str to array
        What the solver takes in addition to the costs, with one entry for each row.
    weights : float array of shape (n_rows,)
    inputs : Inputs
    """

    X: np.ndarray
    solutions: np.ndarray
    costs: np.ndarray | None
    context: dict[str, np.ndarray]
    weights: np.ndarray
    inputs: Inputs

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays with one entry for each row."""
        arrays = {"X": self.X, "y": self.solutions, "weight": relative_weights(self.weights)}
        arrays |= self.context
        if self.costs is not None:
            arrays["costs"] = self.costs
        return arrays

    @property
    def cost_shape(self) -> tuple[int, ...]:
        """Shape of the costs of one row."""
        return self.solutions.shape[1:]


def training_data(
    estimator, solver: Solver, X, y, sample_weight, context, *, reset: bool
) -> TrainingData:
    """The checked data of a fit, or of a pass that continues one.

    Parameters
    ----------
    estimator : SolverPredictor
    solver : Solver
    X, y, sample_weight, context : array-like
        As the user gave them.
    reset : bool
        Whether the fit begins from fresh networks; else X and the context must have the form of
        those before.

    Raises
    ------
    ValueError
        If they do not fit together, the estimator, or the solver.
    """
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
    solutions, costs = right_decisions(solver, y, context, estimator.target, inputs.dtype)
    return TrainingData(X, solutions, costs, context, weights.astype(inputs.dtype), inputs)


def right_decisions(
    solver: Solver, y: np.ndarray, context: dict[str, np.ndarray], target: str, dtype
) -> tuple[np.ndarray, np.ndarray | None]:
    """Right decisions and true costs from a target.

    Parameters
    ----------
    solver : Solver
    y : array of shape (n, *cost_shape)
        Solutions, or costs.
    context : dict of str to array
    target : {"solutions", "costs"}
    dtype : dtype
        Of both results.

    Raises
    ------
    ValueError
        If y does not have the shape of the solver, is not finite, or holds infeasible solutions or
        costs that the solver refuses.
    """
    try:
        y = check_costs(y, cost_shape=solver.cost_shape)
    except ValueError as error:
        message = str(error).replace("The costs", "y").replace("costs", target)
        raise ValueError(f"y must hold {target} of {solver!r}: {message}") from None
    if y.ndim < 2:
        raise ValueError(
            f"y must hold the {target} of each row and have shape (n, *cost_shape), got {y.shape}"
        )
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
        raise ValueError(
            f"y[{wrong.argmax()}] is not a solution of Ranking: it must hold each of the ranks "
            f"1 to {y.shape[1]} once. Pass target='costs' if y holds true costs"
        )


def _in_precision(costs: np.ndarray, dtype) -> np.ndarray:
    """The costs in the precision of the training, if they fit into it."""
    with np.errstate(over="ignore", under="ignore"):
        converted = costs.astype(dtype)
    if not np.isfinite(converted).all() or (costs.any() and not converted.any()):
        raise ValueError(
            f"the costs in y must fit into {np.dtype(dtype)}, the precision of X, got a largest "
            f"absolute value of {np.abs(costs).max():.3g}: rescale y, or pass X as float64"
        )
    return converted


def _check_feasible(solver: Solver, y: np.ndarray, context: dict) -> None:
    """Raise a ValueError if the solver does not return solutions that are made the cheapest.

    All rows are checked where there is a context, else some that lie evenly in y.
    """
    rows = np.arange(len(y))
    wrong = ~np.isin(y, (0, 1)).reshape(len(y), -1).all(axis=1)
    reason = "its entries are not all 0 or 1"
    if not wrong.any():
        if not context:
            rows = rows[:: math.ceil(len(y) / TRIED_ROWS)]
        solutions = y[rows]
        # Where a cost must not be negative, the cheapest solution may use a part of the right one.
        floor = 0 if solver.nonnegative_costs else -1
        costs = np.where(solutions == 1, floor, 1).astype(np.float64)
        found = solve(solver, costs, context)
        outside = found > solutions if solver.nonnegative_costs else found != solutions
        n_outside = outside.reshape(len(solutions), -1).sum(axis=1)
        wrong = n_outside > 0
        reason = (
            "it is not feasible, and the solution nearest to it differs in "
            f"{n_outside[wrong.argmax()]} or more of its {solutions[0].size} entries"
        )
    if wrong.any():
        raise ValueError(
            f"y[{rows[wrong.argmax()]}] is not a solution of {type(solver).__name__}: {reason}. "
            "Pass target='costs' if y holds true costs"
        )
