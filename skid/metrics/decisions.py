"""Metrics of decisions: their true cost, and their agreement with the right decisions."""

from __future__ import annotations

from typing import Any

import numpy as np

from skid.metrics._weights import checked_weights
from skid.solvers import CallableSolver, Solver
from skid.solvers.base import solve

EQUAL = {"rtol": 1e-5, "atol": 1e-7}
"""Tolerances for equal entries, as solutions may be in single precision."""


def regret(
    true_costs: Any,
    decisions: Any,
    *,
    solver: Any = None,
    best: Any = None,
    sample_weight: Any = None,
    context: Any = None,
) -> float:
    """Mean excess cost of decisions over the best decisions.

    ``regret = mean_i (<c_i, y_i> - <c_i, y*_i>)`` with true costs c, decisions y and best
    decisions y*.

    Parameters
    ----------
    true_costs : array-like of shape (n, *cost_shape)
        True costs, one instance per row.
    decisions : array-like of shape (n, *cost_shape)
        Feasible solutions. Infeasible ones may have a negative regret.
    solver : Solver or callable, default=None
        Finds the best decisions for the true costs if ``best`` is None.
    best : array-like of shape (n, *cost_shape), default=None
        Best decisions, if they are known.
    sample_weight : array-like of shape (n,), default=None
        Weights of the instances; equal weights if None.
    context : structured array of shape (n,), or mapping of str to array-like, default=None
        Further data of each instance, by the names in ``solver.context``; passed to
        ``solver.solve``.

    Returns
    -------
    float
        In the unit of the costs; 0 if every decision is a best one.

    Raises
    ------
    ValueError
        If shapes differ, there is no instance, a cost is not finite, ``solver`` and ``best`` are
        both None, or weights are negative or all zero.

    Examples
    --------
    >>> from skid.metrics import regret
    >>> from skid.solvers import TopK
    >>> regret([[1.0, 3.0], [2.0, 5.0]], [[1, 0], [0, 1]], solver=TopK(1))
    1.5
    """
    costs, decisions, best = _flat(true_costs, decisions, solver, best, context)
    excess = _totals(costs, decisions) - _totals(costs, best)
    return float(np.average(excess, weights=checked_weights(sample_weight, len(costs))))


def relative_regret(
    true_costs: Any,
    decisions: Any,
    *,
    solver: Any = None,
    best: Any = None,
    sample_weight: Any = None,
    context: Any = None,
) -> float:
    """Total excess cost of decisions relative to the total cost of the best decisions.

    ``sum_i (<c_i, y_i> - <c_i, y*_i>) / sum_i |<c_i, y*_i>|``, where sums are weighted by
    ``sample_weight``. This is the normalised regret of predict-then-optimise.

    Parameters
    ----------
    true_costs, decisions, solver, best, sample_weight, context
        As for `regret`.

    Returns
    -------
    float
        0 if every decision is a best one. Infinite if the costs of all best decisions are 0 and
        the total cost of the decisions is not.

    Raises
    ------
    ValueError
        As for `regret`.

    References
    ----------
    Elmachtoub, Grigas: *Smart "Predict, then Optimize"*, Management Science 68 (2022), section 6;
    Tang, Khalil: *PyEPO*, Mathematical Programming Computation 16 (2024), section 5.

    Examples
    --------
    >>> from skid.metrics import relative_regret
    >>> relative_regret([[1.0, 3.0], [2.0, 5.0]], [[1, 0], [0, 1]], best=[[1, 0], [1, 0]])
    1.0
    """
    costs, decisions, best = _flat(true_costs, decisions, solver, best, context)
    weights = checked_weights(sample_weight, len(costs))
    best_totals = _totals(costs, best)
    excess = float(weights @ (_totals(costs, decisions) - best_totals))
    scale = float(weights @ np.abs(best_totals))
    if scale == 0:
        return float(np.sign(excess) * np.inf) if excess else 0.0
    return excess / scale


def cost_ratio(
    true_costs: Any,
    decisions: Any,
    *,
    solver: Any = None,
    best: Any = None,
    sample_weight: Any = None,
    context: Any = None,
) -> float:
    """Mean ratio of the cost of a decision to that of the best decision.

    ``mean_i <c_i, y_i> / <c_i, y*_i>``: at least 1, and 1 if every decision is a best one.

    Parameters
    ----------
    true_costs, decisions, solver, best, sample_weight, context
        As for `regret`.

    Returns
    -------
    float
        If the best decision of an instance costs 0, its ratio is 1 if the decision costs 0 as
        well, otherwise infinite, and so is the mean.

    Raises
    ------
    ValueError
        As for `regret`, and if a best decision has a negative cost, as a larger ratio would then
        be better. Use `relative_regret` instead.

    References
    ----------
    Vlastelica, Paulus, Musil, Martius, Rolinek: *Differentiation of Blackbox Combinatorial
    Solvers*, ICLR 2020, section 4; Sahoo et al., ICLR 2023, table 7.

    Examples
    --------
    >>> from skid.metrics import cost_ratio
    >>> cost_ratio([[1.0, 3.0], [2.0, 5.0]], [[1, 0], [0, 1]], best=[[1, 0], [1, 0]])
    1.75
    """
    costs, decisions, best = _flat(true_costs, decisions, solver, best, context)
    totals, best_totals = _totals(costs, decisions), _totals(costs, best)
    if (best_totals < 0).any():
        instance = int(np.argmax(best_totals < 0))
        raise ValueError(
            "true_costs of the best decisions must be at least 0, got "
            f"{best_totals[instance]} in instance {instance}: use relative_regret"
        )
    free = best_totals == 0
    ratios = np.where(totals == 0, 1.0, np.inf)
    np.divide(totals, best_totals, out=ratios, where=~free)
    weights = checked_weights(sample_weight, len(costs))
    counted = weights > 0
    return float(np.average(ratios[counted], weights=weights[counted]))


def optimal_share(
    true_costs: Any,
    decisions: Any,
    *,
    solver: Any = None,
    best: Any = None,
    sample_weight: Any = None,
    context: Any = None,
    rtol: float = 1e-6,
) -> float:
    """Fraction of instances whose decision costs as little as the best decision.

    Unlike in `exact_match`, a decision with the same cost as the best one is right:
    ``<c, y> - <c, y*> <= rtol * sum_j |c_j y*_j|``.

    Parameters
    ----------
    true_costs, decisions, solver, best, sample_weight, context
        As for `regret`.
    rtol : float, default=1e-6
        Relative tolerance of the formula above.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        As for `regret`.

    Examples
    --------
    >>> from skid.metrics import exact_match, optimal_share
    >>> optimal_share([[1.0, 1.0], [2.0, 5.0]], [[0, 1], [0, 1]], best=[[1, 0], [1, 0]])
    0.5
    >>> exact_match([[1, 0], [1, 0]], [[0, 1], [0, 1]])
    0.0
    """
    costs, decisions, best = _flat(true_costs, decisions, solver, best, context)
    excess = _totals(costs, decisions) - _totals(costs, best)
    optimal = excess <= rtol * _totals(np.abs(costs), np.abs(best))
    return float(np.average(optimal, weights=checked_weights(sample_weight, len(costs))))


def exact_match(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Fraction of instances whose decision is right in every entry, up to rounding.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n, *cost_shape)
        Right and predicted solutions, one instance per row.
    sample_weight : array-like of shape (n,), default=None
        Weights of the instances; equal weights if None.

    Returns
    -------
    float
        From 0 to 1.

    Raises
    ------
    ValueError
        If shapes differ, there is no instance, or weights are negative or all zero.

    Examples
    --------
    >>> from skid.metrics import exact_match
    >>> exact_match([[1, 0, 0], [0, 1, 0]], [[1, 0, 0], [0, 0, 1]])
    0.5
    """
    wrong = _wrong(y_true, y_pred)
    return float(np.average(~wrong.any(axis=1), weights=checked_weights(sample_weight, len(wrong))))


def hamming(y_true: Any, y_pred: Any, *, sample_weight: Any = None) -> float:
    """Mean fraction of entries in which decisions differ from the right decisions.

    Parameters
    ----------
    y_true, y_pred, sample_weight
        As for `exact_match`.

    Returns
    -------
    float
        From 0 to 1; 0 if every decision is right.

    Raises
    ------
    ValueError
        As for `exact_match`.

    Examples
    --------
    >>> from skid.metrics import hamming
    >>> hamming([[1, 0, 0, 0], [0, 1, 0, 0]], [[1, 0, 0, 0], [0, 0, 1, 0]])
    0.25
    """
    wrong = _wrong(y_true, y_pred)
    return float(np.average(wrong.mean(axis=1), weights=checked_weights(sample_weight, len(wrong))))


def _flat(
    true_costs: Any, decisions: Any, solver: Any, best: Any, context: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Checked costs, decisions and best decisions, one row of float64 for each instance."""
    costs = _batch(true_costs, "true_costs")
    decisions = _batch(decisions, "decisions")
    _require_same_shape(costs, "true_costs", decisions, "decisions")
    if best is None:
        if solver is None:
            raise ValueError("solver or best must be given, got None for both")
        solver = solver if isinstance(solver, Solver) else CallableSolver(solver)
        best = solve(solver, costs, _context_of(context, solver))
    best = _batch(best, "best")
    _require_same_shape(costs, "true_costs", best, "best")
    costs, decisions, best = (
        array.reshape(len(array), -1).astype(np.float64) for array in (costs, decisions, best)
    )
    return costs, decisions, best


def _wrong(y_true: Any, y_pred: Any) -> np.ndarray:
    y_true, y_pred = _batch(y_true, "y_true"), _batch(y_pred, "y_pred")
    _require_same_shape(y_true, "y_true", y_pred, "y_pred")
    is_right = np.isclose(y_pred, y_true, rtol=EQUAL["rtol"], atol=EQUAL["atol"])
    return ~is_right.reshape(len(y_true), -1)


def _batch(values: Any, name: str) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        values = values.astype(np.float64)
    if values.ndim < 2 or not values.size:
        raise ValueError(
            f"{name} must have shape (n, *cost_shape) with at least one instance, got "
            f"{values.shape}"
        )
    if not np.isfinite(values).all():
        place = tuple(np.argwhere(~np.isfinite(values))[0])
        raise ValueError(f"{name} must be finite, got {values[place]} in instance {place[0]}")
    return values


def _require_same_shape(first: np.ndarray, name: str, second: np.ndarray, other: str) -> None:
    if first.shape != second.shape:
        raise ValueError(
            f"{other} must have the shape of {name}, {first.shape}, got {second.shape}"
        )


def _totals(costs: np.ndarray, decisions: np.ndarray) -> np.ndarray:
    return np.einsum("ni,ni->n", costs, decisions)


def _context_of(context: Any, solver: Any) -> dict[str, Any]:
    """Return the context as keyword arguments of ``solver.solve``."""
    if context is None:
        return {}
    names = list(context.keys()) if hasattr(context, "keys") else np.asarray(context).dtype.names
    if names is None:
        raise ValueError(
            "context must be a structured array or a mapping of names to arrays, got "
            f"{type(context).__name__}"
        )
    unknown = sorted(set(names) - set(solver.context))
    if unknown:
        raise ValueError(
            f"context must have names among {list(solver.context)} for {type(solver).__name__}, "
            f"got {unknown}"
        )
    return {name: np.ascontiguousarray(context[name]) for name in names}
