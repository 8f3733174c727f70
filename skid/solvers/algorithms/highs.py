"""Linear and integer programs, solved by HiGHS through SciPy."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from numbers import Real
from typing import NamedTuple

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp
from scipy.sparse import csc_array

from skid.exceptions import TimeLimitWarning

# Costs are scaled to this size, as HiGHS has absolute tolerances, 1e-6 on the objective.
_LARGEST_COST = 2.0**10
_TOLERANCE = 1e-6
_TIME_LIMIT, _INFEASIBLE, _UNBOUNDED, _UNCLEAR = 1, 2, 3, 4


@dataclass(frozen=True)
class Program:
    """The constraints of ``min <w, x>``; infinite bounds mean no bound.

    ``row_lower`` and ``row_upper`` are bounds of ``matrix @ x``, ``lower`` and ``upper`` of x.
    ``integrality`` is 1 for the entries of x that must be integers, else 0.
    """

    matrix: csc_array
    row_lower: np.ndarray
    row_upper: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    integrality: np.ndarray


class NoSolutionInTimeError(ValueError):
    """The time limit was reached before a solution was found."""


class Answer(NamedTuple):
    """A feasible point and its relative gap, NaN if it is proven to be optimal."""

    solution: np.ndarray
    gap: float


def minimise(
    cost: np.ndarray,
    program: Program,
    *,
    instance: int,
    time_limit: float | None = None,
    gap: float = 0.0,
) -> Answer:
    """Solve one instance, with exact integers; HiGHS releases the GIL.

    ``time_limit`` is in seconds, and ``gap`` the relative gap at which HiGHS may stop. An instance
    that is infeasible or unbounded raises a ValueError, and one without a solution at the time
    limit a NoSolutionInTimeError.
    """
    largest = np.abs(cost, dtype=np.float64).max(initial=0.0)
    exponent = np.floor(np.log2(_LARGEST_COST) - np.log2(largest)) if largest else 0.0
    scale = 2.0 ** min(exponent, 1000.0)
    options = {"mip_rel_gap": gap} | ({} if time_limit is None else {"time_limit": time_limit})
    for presolve in (True, False):
        result = _run(cost * scale, program, options | {"presolve": presolve})
        if result.x is None:
            raise _error(result, program, instance, time_limit)
        solution = np.where(program.integrality, np.round(result.x), result.x) + 0.0
        if _is_feasible(solution, program):
            return Answer(solution, result.mip_gap if result.status == _TIME_LIMIT else np.nan)
    raise ValueError(
        f"Instance {instance} was not solved: HiGHS returned a point that violates the constraints"
    )


def check_time_limit(time_limit: float | None) -> None:
    """Raise a ValueError unless the limit is None or a number of seconds above 0."""
    number = isinstance(time_limit, Real) and not isinstance(time_limit, bool)
    if time_limit is not None and not (number and time_limit > 0):
        raise ValueError(f"time_limit must be None or a number above 0, got {time_limit!r}")


def warn_of_time_limit(gaps: np.ndarray, time_limit: float | None) -> None:
    """Warn of instances with a gap, which is NaN for proven solutions."""
    hit = np.flatnonzero(~np.isnan(gaps))
    if not len(hit):
        return
    worst = hit[np.argmax(gaps[hit])]
    names = ", ".join(map(str, hit[:10])) + (", ..." if len(hit) > 10 else "")
    warnings.warn(
        f"The search stopped at the time limit of {time_limit:g} s in {len(hit)} of {len(gaps)} "
        f"instances ({names}); their solutions may not be optimal: the largest remaining gap is "
        f"{gaps[worst]:.2%}, in instance {worst}. Increase time_limit",
        TimeLimitWarning,
        stacklevel=3,
    )


def _run(cost: np.ndarray, program: Program, options: dict) -> OptimizeResult:
    constraints = LinearConstraint(program.matrix, program.row_lower, program.row_upper)
    return milp(
        cost,
        integrality=program.integrality,
        bounds=Bounds(program.lower, program.upper),
        constraints=constraints if program.matrix.shape[0] else None,
        options=options,
    )


def _error(
    result: OptimizeResult, program: Program, instance: int, time_limit: float | None
) -> ValueError:
    """Return the error that explains why there is no solution."""
    status = result.status
    if status == _UNCLEAR and "unbounded or infeasible" in result.message.lower():
        # Without costs the program cannot be unbounded.
        feasible = _run(np.zeros(len(program.lower)), program, {}).x is not None
        status = _UNBOUNDED if feasible else _INFEASIBLE
    if status == _INFEASIBLE:
        return ValueError(f"Instance {instance} is infeasible")
    if status == _UNBOUNDED:
        return ValueError(f"Instance {instance} is unbounded: its total cost has no minimum")
    if status == _TIME_LIMIT and time_limit is not None:
        return NoSolutionInTimeError(
            f"Instance {instance} has no solution at the time limit of {time_limit:g} s: "
            "increase time_limit"
        )
    return ValueError(f"Instance {instance} has no solution: {result.message}")


def _is_feasible(solution: np.ndarray, program: Program) -> bool:
    magnitude = np.abs(solution)
    slack = _TOLERANCE * (1 + magnitude)
    rows = program.matrix @ solution
    row_slack = _TOLERANCE * (1 + abs(program.matrix) @ magnitude)
    return bool(
        np.all(solution >= program.lower - slack)
        and np.all(solution <= program.upper + slack)
        and np.all(rows >= program.row_lower - row_slack)
        and np.all(rows <= program.row_upper + row_slack)
    )
