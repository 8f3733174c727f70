"""How good decisions are: their cost under the true costs, and whether they are the right ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from skid.metrics._weights import checked_weights
from skid.solvers import CallableSolver, Solver
from skid.solvers.base import solve

EQUAL = {"rtol": 1e-5, "atol": 1e-7}
"""Entries that differ by no more are the same: solutions come in single precision, too."""


def regret(
    true_costs: Any,
    decisions: Any,
    *,
    solver: Any = None,
    best: Any = None,
    sample_weight: Any = None,
    context: Any = None,
) -> float:
    """Mean excess cost of decisions over the best ones.

    ``regret = mean_i (<c_i, y_i> - <c_i, y*_i>)`` with true costs c, decisions y and best
    decisions y*.

    Parameters
    ----------
    true_costs : array-like of shape (n, *cost_shape)
        Costs by which the decisions are judged, one instance per row.
    decisions : array-like of shape (n, *cost_shape)
        Feasible solutions. Infeasible ones may have a negative regret.
    solver : Solver or callable, default=None
        Finds the best decisions where ``best`` is not given: ``best = solver.solve(true_costs)``.
    best : array-like of shape (n, *cost_shape), default=None
        Best solutions, if they are known.
    sample_weight : array-like of shape (n,), default=None
        Weights of the instances; equal ones if None.
    context : structured array of shape (n,), or mapping of str to array-like, default=None
        What differs from instance to instance beside the costs, by the names in
        ``solver.context``; handed to ``solver.solve``.

    Returns
    -------
    float
        In the unit of the costs; 0 where every decision is a best one.

    Raises
    ------
    ValueError
        If shapes differ, there is no instance, a cost is not finite, neither ``solver`` nor
        ``best`` is given, or weights are negative or all zero.

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
    """Total excess cost of decisions relative to the total cost of the best ones.

    ``sum_i (<c_i, y_i> - <c_i, y*_i>) / sum_i |<c_i, y*_i>|``, with every instance counted by its
    weight: the normalised regret of predict-then-optimise.

    Parameters
    ----------
    true_costs, decisions, solver, best, sample_weight, context
        As for `regret`.

    Returns
    -------
    float
        0 where every decision is a best one. Infinite where all best decisions cost nothing, but
        the decisions do not.

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
    """Mean ratio of the cost of a decision to that of the best one.

    ``mean_i <c_i, y_i> / <c_i, y*_i>``: at least 1, and 1 where every decision is a best one.

    Parameters
    ----------
    true_costs, decisions, solver, best, sample_weight, context
        As for `regret`.

    Returns
    -------
    float
        An instance whose best decision costs nothing counts 1 if its decision costs nothing
        either; else the ratio, and with it the mean, is infinite.

    Raises
    ------
    ValueError
        As for `regret`, and if a best decision has a negative cost: there a larger ratio would be
        the better one. `relative_regret` serves such problems.

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
        culprit = int(np.argmax(best_totals < 0))
        raise ValueError(
            f"A ratio needs best costs of at least 0, but that of instance {culprit} is "
            f"{best_totals[culprit]}; use relative_regret."
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
    """Share of instances whose decision costs as little as the best one.

    Other than in `exact_match`, a decision that ties with the best one is right:
    ``<c, y> - <c, y*> <= rtol * sum_j |c_j y*_j|``.

    Parameters
    ----------
    true_costs, decisions, solver, best, sample_weight, context
        As for `regret`.
    rtol : float, default=1e-6
        What counts as equal, relative to the cost of the best decision with every cost taken as
        positive.

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
    """Share of instances whose decision is the right one in every entry, up to rounding.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n, *cost_shape)
        Right and predicted solutions, one instance per row.
    sample_weight : array-like of shape (n,), default=None
        Weights of the instances; equal ones if None.

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
    """Mean share of entries in which decisions differ from the right ones.

    Parameters
    ----------
    y_true, y_pred, sample_weight
        As for `exact_match`.

    Returns
    -------
    float
        From 0 to 1; 0 where every decision is right.

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
            raise ValueError("solver and best are both None: give one of them.")
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
            f"{name} must have the shape (n, *cost_shape) with at least one instance, but has "
            f"{values.shape}."
        )
    if not np.isfinite(values).all():
        culprit = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(
            f"{name} of instance {culprit[0]} is not finite: found {values[tuple(culprit)]}."
        )
    return values


def _require_same_shape(first: np.ndarray, name: str, second: np.ndarray, other: str) -> None:
    if first.shape != second.shape:
        raise ValueError(
            f"{other} must have the shape of {name}, {first.shape}, but has {second.shape}."
        )


def _totals(costs: np.ndarray, decisions: np.ndarray) -> np.ndarray:
    return np.einsum("ni,ni->n", costs, decisions)


def _context_of(context: Any, solver: Any) -> dict[str, Any]:
    """Context by name, as the keywords of ``solver.solve``."""
    if context is None:
        return {}
    names = list(context.keys()) if hasattr(context, "keys") else np.asarray(context).dtype.names
    if names is None:
        raise ValueError("context must be a structured array or a mapping of names to arrays.")
    unknown = sorted(set(names) - set(solver.context))
    if unknown:
        raise ValueError(
            f"context names {unknown}, but the solver {type(solver).__name__} takes "
            f"{list(solver.context)}."
        )
    return {name: np.ascontiguousarray(context[name]) for name in names}
