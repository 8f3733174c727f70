"""The knapsack problem: the most valuable items within a capacity."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csc_array

from skid.solvers.algorithms.highs import Program, minimise
from skid.solvers.algorithms.threads import solve_in_blocks
from skid.solvers.base import Solver, check_costs

# Size of the table, items times capacities, above which a search is usually faster.
_LARGEST_TABLE = 10**6
# Cells of tables, and items of a search, that take about 50 microseconds.
_CELLS_PER_CHUNK = 100_000
_SEARCHED_ITEMS_PER_CHUNK = 100
# Nodes, about 20 nanoseconds each, after which HiGHS takes over an instance.
_NODES = 5 * 10**6
_WORD = 64
# Integers up to here are exact in float64.
_LARGEST_INTEGER = 2**53
_ROUNDING = 1e-9


class Knapsack(Solver):
    """Choose items of the largest total value that fit into a knapsack.

    ``y(w) = argmin <w, y>`` over the 0/1 vectors with ``weights @ y <= capacity``: the costs w are
    the negative values of the items. An item whose cost is not negative is never taken.

    Parameters
    ----------
    weights : array-like of shape (d,) or (n_constraints, d), float
        Weight of every item, at least 0; with several constraints one row for each.
    capacity : float or array-like of shape (n_constraints,)
        Largest total weight, at least 0.

    Notes
    -----
    Problems with one constraint and integer weights are solved by dynamic programming over the
    capacities, after division by the greatest common divisor of the weights. Other weights, and
    tables of more than a million entries, are solved by branch and bound with Lagrangian bounds;
    HiGHS takes over instances for which this takes too long. If weights are not integers, their
    total may exceed the capacity by a rounding error, 1e-9 of the capacity.

    Solutions differ in their number of items, so ``mean`` and ``std`` are not valid projections.

    References
    ----------
    Kellerer, Pferschy, Pisinger: *Knapsack Problems*, Springer 2004, sections
    2.3, 2.4 and 9.2.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.solvers import Knapsack
    >>> values = np.array([[5.0, 4.0, 2.0], [5.0, 4.0, 0.5]])
    >>> Knapsack([4, 3, 2], capacity=6).solve(-values)
    array([[1., 0., 1.],
           [1., 0., 1.]])
    >>> Knapsack([4, 3, 2], capacity=6).solve(-values, capacity=[7, 3])
    array([[1., 1., 0.],
           [0., 1., 0.]])
    """

    projections = ("none", "norm")
    default_noise_scale = 0.5
    default_cost_sign = -1
    binary = True
    context = ("weights", "capacity")

    def __init__(self, weights: ArrayLike, capacity: ArrayLike):
        self.weights = weights
        self.capacity = capacity

    @property
    def cost_shape(self) -> tuple[int]:  # type: ignore[override]  # Read-only here.
        """One cost for every item."""
        return (self._weight_matrix().shape[-1],)

    def solve(
        self,
        costs: np.ndarray,
        *,
        weights: ArrayLike | None = None,
        capacity: ArrayLike | None = None,
    ) -> np.ndarray:
        """Fill the knapsack of every instance.

        Parameters
        ----------
        costs : array-like of shape (n, d), float
            Negative values of the items.
        weights : array-like of shape (n, d) or (n, n_constraints, d), float, default=None
            Weights of each instance; those of the solver if None.
        capacity : array-like of shape (n,) or (n, n_constraints), float, default=None
            Capacities of each instance; those of the solver if None.

        Returns
        -------
        ndarray of shape (n, d), dtype of ``costs``
            1 for the items that are taken, 0 otherwise.

        Raises
        ------
        ValueError
            If a shape is wrong, a cost is not finite, or a weight or a capacity is negative or not
            finite.
        """
        weight_matrix = self._weight_matrix()
        n_constraints, d = weight_matrix.shape
        costs = check_costs(costs, cost_shape=(d,))
        n = len(costs)
        if weights is None:
            weights = weight_matrix[np.newaxis]
        else:
            shape: tuple[int, ...] = (n, d) if np.ndim(self.weights) == 1 else (n, n_constraints, d)
            weights = _checked("weights", weights, shape).reshape(n, n_constraints, d)
        single = np.ndim(self.capacity) == 0
        if capacity is None:
            shape = () if single else (n_constraints,)
            capacity = _checked("capacity", self.capacity, shape)
        else:
            shape = (n,) if single else (n, n_constraints)
            capacity = _checked("capacity", capacity, shape)
            capacity = capacity.reshape(n, 1 if single else n_constraints)
        capacities = np.broadcast_to(capacity, (n, n_constraints))
        if not n:
            return np.zeros_like(costs)
        table = _as_integers(weights, capacities)
        if table is None:
            return _search(costs, weights, _limits(weights, capacities))
        return _solve_tables(costs, *table)

    def _weight_matrix(self) -> np.ndarray:
        """The weights of the solver, one row for each constraint."""
        weights = np.asarray(self.weights, dtype=np.float64)
        if weights.ndim not in (1, 2):
            raise ValueError(
                f"weights must have shape (d,) or (n_constraints, d), got {weights.shape}"
            )
        return np.atleast_2d(_checked("weights", weights, weights.shape))


def _checked(name: str, values: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return the values as floats, or raise a ValueError if they are invalid."""
    values = np.asarray(values, dtype=np.float64)
    if values.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {values.shape}")
    valid = np.isfinite(values) & (values >= 0)
    if not valid.all():
        place = tuple(np.argwhere(~valid)[0].tolist())
        position = f" at position {list(place)}" if place else ""
        raise ValueError(f"{name} must be finite and at least 0, got {values[place]}{position}")
    return values


def _as_integers(
    weights: np.ndarray, capacities: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Integer weights and capacities for dynamic programming, or None if it does not apply."""
    if weights.shape[1] != 1:
        return None
    weights = weights[:, 0]
    if weights.max(initial=0) > _LARGEST_INTEGER or (weights != np.floor(weights)).any():
        return None
    integers = weights.astype(np.int64)
    divisor = max(1, int(np.gcd.reduce(integers.ravel())))
    integers //= divisor
    limits = np.minimum(np.floor(capacities[:, 0] / divisor), weights.sum(axis=1) / divisor)
    n_words = math.ceil(integers.shape[1] / _WORD)
    if n_words * _WORD * (limits.max() + 1) > _LARGEST_TABLE:
        return None
    limits = limits.astype(np.int64)
    # Larger weights never fit, and might overflow in a sum.
    return np.minimum(integers, limits.max() + 1), limits


def _solve_tables(costs: np.ndarray, weights: np.ndarray, limits: np.ndarray) -> np.ndarray:
    from skid.solvers.kernels.knapsack import fill_knapsacks

    def solve_block(block: np.ndarray, rows: slice, fillings: np.ndarray) -> None:
        block_weights = weights if len(weights) == 1 else weights[rows]
        fill_knapsacks(block, block_weights, limits[rows], fillings)

    cells = costs.shape[1] * (int(limits.max()) + 1)
    return solve_in_blocks(solve_block, costs, smallest_chunk=1 + _CELLS_PER_CHUNK // (cells + 1))


def _limits(weights: np.ndarray, capacities: np.ndarray) -> np.ndarray:
    """The largest totals that fit, including rounding errors."""
    exact = (weights == np.floor(weights)).all(axis=2)
    return np.where(exact, np.floor(capacities), capacities * (1 + _ROUNDING))


def _search(costs: np.ndarray, weights: np.ndarray, limits: np.ndarray) -> np.ndarray:
    from skid.solvers.kernels.knapsack_search import search_fillings

    def solve_block(block: np.ndarray, rows: slice, fillings: np.ndarray) -> None:
        block_weights = weights if len(weights) == 1 else weights[rows]
        solved = np.zeros(len(block), bool)
        search_fillings(block, block_weights, limits[rows], _NODES, fillings, solved)
        for row in np.flatnonzero(~solved):
            weight = block_weights[row if len(block_weights) > 1 else 0]
            instance = rows.start + row
            fillings[row] = _solve_program(block[row], weight, limits[instance], instance)

    chunk = 1 + _SEARCHED_ITEMS_PER_CHUNK // (costs.shape[1] + 1)
    return solve_in_blocks(solve_block, costs, smallest_chunk=chunk)


def _solve_program(
    cost: np.ndarray, weights: np.ndarray, limits: np.ndarray, instance: int
) -> np.ndarray:
    """Solve one instance as an integer program.

    HiGHS allows constraints to be violated by 1e-6. If it returns items that do not fit together,
    one more constraint excludes them, and the program is solved again.
    """
    solution = np.zeros(len(cost))
    # Rows are scaled, so that the tolerance of HiGHS is relative to the capacity.
    unit = np.where(limits > 0, limits, 1)
    open_items = np.flatnonzero((cost < 0) & (weights <= limits[:, np.newaxis]).all(axis=0))
    rows = weights[:, open_items] / unit[:, np.newaxis]
    upper = limits / unit
    n_items = len(open_items)
    while n_items:
        program = Program(
            csc_array(rows),
            np.full(len(rows), -np.inf),
            upper,
            np.zeros(n_items),
            np.ones(n_items),
            np.ones(n_items, np.uint8),
        )
        chosen = minimise(cost[open_items], program, instance=instance).solution == 1
        solution[open_items] = chosen
        if (weights @ solution <= limits).all():
            break
        rows = np.vstack([rows, chosen])
        upper = np.append(upper, chosen.sum() - 1)
    return solution
