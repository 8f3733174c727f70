"""Linear and integer programs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csc_array, issparse, vstack

from skid._parameter_checks import check_at_least_zero
from skid.solvers.algorithms.highs import Program, check_time_limit, minimise, warn_of_time_limit
from skid.solvers.algorithms.threads import solve_in_threads
from skid.solvers.base import Solver, check_costs


class LinearProgram(Solver):
    """Minimise ``<w, x>`` under linear constraints.

    ``y(w) = argmin <w, x>`` subject to ``A_ub x <= b_ub``, ``A_eq x = b_eq`` and
    ``lower <= x <= upper``.

    Parameters
    ----------
    A_ub : array or sparse matrix of shape (n_ub, d), default=None
        Left-hand sides of the inequalities.
    b_ub : array of shape (n_ub,), default=None
        Right-hand sides of the inequalities.
    A_eq : array or sparse matrix of shape (n_eq, d), default=None
        Left-hand sides of the equations.
    b_eq : array of shape (n_eq,), default=None
        Right-hand sides of the equations.
    bounds : pair of (float, None or array of shape (d,)), default=(0, 1)
        Lower and upper bounds of the variables; None and infinite values mean no bound.
    time_limit : float, default=None
        Seconds for one instance, above 0; None for no limit.

    Notes
    -----
    Programs are solved by HiGHS, through `scipy.optimize.milp`, which releases the GIL: instances
    are solved in parallel. Costs are scaled first, so that the tolerance of HiGHS, 1e-7 on the
    reduced costs, is relative to a thousand times the largest cost.

    The sum of the entries may differ between solutions, so ``mean`` and ``std`` are not valid
    projections.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.solvers import LinearProgram
    >>> simplex = LinearProgram(A_eq=np.ones((1, 3)), b_eq=[1.5])
    >>> simplex.solve(np.array([[3.0, 1.0, 2.0]]))
    array([[0. , 1. , 0.5]])
    """

    projections = ("none", "norm")
    context = ("b_ub", "b_eq")

    def __init__(
        self,
        A_ub: Any = None,
        b_ub: ArrayLike | None = None,
        A_eq: Any = None,
        b_eq: ArrayLike | None = None,
        bounds: Any = (0, 1),
        *,
        time_limit: float | None = None,
    ):
        self.A_ub = A_ub
        self.b_ub = b_ub
        self.A_eq = A_eq
        self.b_eq = b_eq
        self.bounds = bounds
        self.time_limit = time_limit

    @property
    def cost_shape(self) -> tuple[int | None]:  # type: ignore[override]  # Read-only here.
        """One cost per variable; any number if no parameter defines the number of variables."""
        return (_n_variables(self),)

    def solve(
        self, costs: np.ndarray, *, b_ub: ArrayLike | None = None, b_eq: ArrayLike | None = None
    ) -> np.ndarray:
        """Solve a batch of instances.

        Parameters
        ----------
        costs : array-like of shape (n, d), float
            Costs, one instance per row.
        b_ub : array-like of shape (n, n_ub), default=None
            Right-hand sides of the inequalities of each instance; those of the solver if None.
        b_eq : array-like of shape (n, n_eq), default=None
            Right-hand sides of the equations of each instance; those of the solver if None.

        Returns
        -------
        ndarray of shape (n, d), dtype of ``costs``
            The cheapest feasible points; integer variables are exactly integers.

        Raises
        ------
        ValueError
            If a shape or a parameter is wrong, a number is not finite, or an instance is
            infeasible, unbounded or without any solution at the time limit.

        Warns
        -----
        TimeLimitWarning
            If a search stopped at the time limit with a solution that may not be optimal. The
            message contains the instances and the largest remaining gap.
        """
        costs = check_costs(costs, cost_shape=self.cost_shape)
        check_time_limit(self.time_limit)
        gap = getattr(self, "gap", 0.0)
        check_at_least_zero("gap", gap)
        structure = _structure(self, costs.shape[1])
        lower, upper = _row_bounds(structure, len(costs), b_ub, b_eq)
        solutions = np.empty_like(costs)
        gaps = np.full(len(costs), np.nan)

        def solve_rows(start: int, stop: int) -> None:
            for instance in range(start, stop):
                solutions[instance], gaps[instance] = minimise(
                    costs[instance],
                    replace(
                        structure.program, row_lower=lower[instance], row_upper=upper[instance]
                    ),
                    instance=instance,
                    time_limit=self.time_limit,
                    gap=gap,
                )

        solve_in_threads(solve_rows, len(costs), smallest_chunk=1)
        warn_of_time_limit(gaps, self.time_limit)
        return solutions


class IntegerProgram(LinearProgram):
    """Minimise ``<w, x>`` under linear constraints, with all or some variables integers.

    ``y(w) = argmin <w, x>`` subject to ``A_ub x <= b_ub``, ``A_eq x = b_eq``,
    ``lower <= x <= upper`` and ``x_j`` an integer if ``integrality_j`` is 1. With the default
    bounds these variables are 0 or 1.

    Parameters
    ----------
    A_ub, b_ub, A_eq, b_eq, bounds, time_limit
        As for `LinearProgram`.
    integrality : {0, 1} or array of shape (d,) of these, default=1
        1 for the variables that must be integers.
    gap : float, default=0.0
        Relative gap to the best bound at which the search may stop; 0 for an optimal solution.

    Notes
    -----
    Programs are solved by the branch and cut of HiGHS, through `scipy.optimize.milp`, which
    releases the GIL: instances are solved in parallel. Costs are scaled first, so that the absolute
    tolerance of HiGHS, 1e-6 on the total, is 1e-9 of the largest cost. HiGHS 1.12, in SciPy 1.17,
    may print a line about ``transformNewIntegerFeasibleSolution``, which no option suppresses.

    The sum of the entries may differ between solutions, so ``mean`` and ``std`` are not valid
    projections.

    Examples
    --------
    The most valuable items of at most 6 units of weight (values are negative costs):

    >>> import numpy as np
    >>> from skid.solvers import IntegerProgram
    >>> knapsack = IntegerProgram(A_ub=[[4.0, 3.0, 2.0]], b_ub=[6.0])
    >>> knapsack.solve(-np.array([[5.0, 4.0, 2.0]]))
    array([[1., 0., 1.]])

    Another right-hand side for every instance:

    >>> knapsack.solve(-np.array([[5.0, 4.0, 2.0]] * 2), b_ub=[[5.0], [2.0]])
    array([[0., 1., 1.],
           [0., 0., 1.]])
    """

    def __init__(
        self,
        A_ub: Any = None,
        b_ub: ArrayLike | None = None,
        A_eq: Any = None,
        b_eq: ArrayLike | None = None,
        bounds: Any = (0, 1),
        integrality: ArrayLike = 1,
        *,
        time_limit: float | None = None,
        gap: float = 0.0,
    ):
        super().__init__(A_ub, b_ub, A_eq, b_eq, bounds, time_limit=time_limit)
        self.integrality = integrality
        self.gap = gap

    @property
    def binary(self) -> bool:  # type: ignore[override]  # Read-only here.
        """Whether all variables are 0 or 1 and solutions are proven optimal."""
        lower, upper = _bound_pair(self.bounds)
        return bool(
            np.all(np.asarray(self.integrality) == 1)
            and np.all(np.asarray(lower) == 0)
            and np.all(np.asarray(upper) == 1)
            and self.gap == 0
            and self.time_limit is None
        )


def _n_variables(solver: LinearProgram) -> int | None:
    """Number of variables by the first parameter that defines it."""
    for matrix in (solver.A_ub, solver.A_eq):
        if matrix is not None:
            return _matrix(matrix).shape[-1]
    for vector in (*_bound_pair(solver.bounds), getattr(solver, "integrality", 0)):
        if np.ndim(vector) == 1:
            return np.shape(vector)[0]
    return None


@dataclass(frozen=True)
class _Structure:
    """The program; row bounds are NaN if only the arguments of ``solve`` define them."""

    program: Program
    n_ub: int


@lru_cache(maxsize=32)
def _structure(solver: LinearProgram, d: int) -> _Structure:
    """Check the constraints and convert them for HiGHS, once for equal solvers."""
    matrices, sides = [], []
    for name in ("ub", "eq"):
        matrix, side = getattr(solver, f"A_{name}"), getattr(solver, f"b_{name}")
        if matrix is None and side is not None:
            raise ValueError(f"A_{name} must not be None if b_{name} is not None, got None")
        matrix = csc_array((0, d)) if matrix is None else _checked_matrix(f"A_{name}", matrix, d)
        n_rows = matrix.shape[0]
        matrices.append(matrix)
        if side is None:
            sides.append(np.full(n_rows, np.nan))
        else:
            sides.append(_checked_side(f"b_{name}", side, (n_rows,), finite=name == "eq"))
    lower, upper = _checked_bounds(solver.bounds, d)
    integrality = np.asarray(getattr(solver, "integrality", 0))
    if integrality.shape not in ((), (d,)) or not np.isin(integrality, (0, 1)).all():
        raise ValueError(
            f"integrality must be 0, 1 or an array of these of shape ({d},), "
            f"got {solver.integrality!r}"
        )
    program = Program(
        matrix=csc_array(vstack(matrices, format="csc")),
        row_lower=np.concatenate([np.full(len(sides[0]), -np.inf), sides[1]]),
        row_upper=np.concatenate(sides),
        lower=lower,
        upper=upper,
        integrality=np.broadcast_to(integrality, (d,)).astype(np.uint8),
    )
    return _Structure(program, len(sides[0]))


def _row_bounds(
    structure: _Structure, n: int, b_ub: Any, b_eq: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds of the rows of every instance."""
    n_ub, program = structure.n_ub, structure.program
    lower = np.broadcast_to(program.row_lower, (n, len(program.row_lower)))
    upper = np.broadcast_to(program.row_upper, lower.shape)
    if b_ub is not None:
        upper = upper.copy()
        upper[:, :n_ub] = _checked_side("b_ub", b_ub, (n, n_ub), finite=False)
    if b_eq is not None:
        lower, upper = lower.copy(), upper.copy()
        lower[:, n_ub:] = _checked_side("b_eq", b_eq, (n, lower.shape[1] - n_ub), finite=True)
        upper[:, n_ub:] = lower[:, n_ub:]
    for name, rows in (("ub", slice(n_ub)), ("eq", slice(n_ub, None))):
        if np.isnan(upper[:, rows]).any():
            raise ValueError(
                f"b_{name} must be a parameter or an argument of solve if A_{name} is not None, "
                "got None"
            )
    return lower, upper


def _matrix(matrix: Any) -> Any:
    return matrix if issparse(matrix) else np.asarray(matrix, dtype=np.float64)


def _checked_matrix(name: str, matrix: Any, d: int) -> csc_array:
    matrix = _matrix(matrix)
    if matrix.ndim != 2 or matrix.shape[1] != d:
        raise ValueError(f"{name} must have shape (n, {d}), got {matrix.shape}")
    matrix = csc_array(matrix, dtype=np.float64)
    finite = np.isfinite(matrix.data)
    if not finite.all():
        raise ValueError(f"{name} must be finite, got {matrix.data[~finite][0]}")
    return matrix


def _checked_side(name: str, side: Any, shape: tuple[int, ...], *, finite: bool) -> np.ndarray:
    side = np.asarray(side, dtype=np.float64)
    if side.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {side.shape}")
    wrong = ~np.isfinite(side) if finite else np.isnan(side)
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0].tolist())
        requirement = "be finite" if finite else "not be NaN"
        raise ValueError(f"{name} must {requirement}, got {side[place]} at position {list(place)}")
    return side


def _bound_pair(bounds: Any) -> tuple[Any, Any]:
    if not isinstance(bounds, (tuple, list, np.ndarray)) or len(bounds) != 2:
        raise ValueError(f"bounds must be a pair of lower and upper bounds, got {bounds!r}")
    lower, upper = bounds
    return -np.inf if lower is None else lower, np.inf if upper is None else upper


def _checked_bounds(bounds: Any, d: int) -> tuple[np.ndarray, np.ndarray]:
    pair = [np.asarray(bound, dtype=np.float64) for bound in _bound_pair(bounds)]
    for side, bound in zip(("lower", "upper"), pair, strict=True):
        if bound.shape not in ((), (d,)) or np.isnan(bound).any():
            raise ValueError(
                f"bounds must be numbers or arrays of {d} numbers, got {side} {bound.tolist()}"
            )
    lower, upper = (np.broadcast_to(bound, (d,)) for bound in pair)
    if (lower > upper).any():
        variable = np.argmax(lower > upper)
        raise ValueError(
            f"bounds must be ordered, got a lower bound {lower[variable]:g} above the upper bound "
            f"{upper[variable]:g} of variable {variable}"
        )
    return lower, upper
