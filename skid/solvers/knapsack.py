"""The most valuable items that fit into a knapsack."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csc_array

from skid.solvers.algorithms.highs import Program, minimise
from skid.solvers.algorithms.threads import solve_in_threads
from skid.solvers.base import Solver, check_costs

# Items times capacities above which a search is expected to be faster than the table.
_LARGEST_TABLE = 10**6
_CELLS_PER_CHUNK = 100_000
# Nodes, some 20 nanoseconds each, after which the search leaves an instance to HiGHS.
_NODES = 5 * 10**6
_SEARCHED_ITEMS_PER_CHUNK = 100
_WORD = 64
# Integers up to here are exact in float64.
_LARGEST_INTEGER = 2**53
_ROUNDING = 1e-9


class Knapsack(Solver):
    """Choose items of the greatest total value that fit into a knapsack.

    ``y(w) = argmin <w, y>`` over the 0/1 vectors with ``weights @ y <= capacity``: the costs w are
    the values of the items with the sign turned. An item whose cost is not negative is never
    taken.

    Parameters
    ----------
    weights : array-like of shape (d,) or (n_constraints, d), float
        Weight of every item, at least 0; one row for each constraint where there are several.
    capacity : float or array-like of shape (n_constraints,)
        Largest total weight, at least 0.

    Notes
    -----
    Integer weights under one constraint are divided by their greatest common divisor and solved by
    a dynamic programme over the capacities. Other weights, and tables of more than a million
    entries, are solved by branch and bound with Lagrangian bounds; an instance that takes it too
    long is left to HiGHS. A total of weights that are no integers fits if it exceeds the capacity
    by no more than a rounding error, 1e-9 of the capacity.

    Solutions differ in their number of items, so ``mean`` and ``std`` are no valid projections.

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

    def __init__(self, weights: Any, capacity: Any):
        self.weights = weights
        self.capacity = capacity

    @property
    def cost_shape(self) -> tuple[int]:
        """One cost for every item."""
        return (self._own_weights().shape[-1],)

    def solve(self, costs: np.ndarray, *, weights: Any = None, capacity: Any = None) -> np.ndarray:
        """Fill the knapsack of every instance.

        Parameters
        ----------
        costs : array-like of shape (n, d), float
            Values of the items with the sign turned.
        weights : array-like of shape (n, d) or (n, n_constraints, d), float, default=None
            Weights of every instance, if not those of the solver.
        capacity : array-like of shape (n,) or (n, n_constraints), float, default=None
            Capacities of every instance, if not those of the solver.

        Returns
        -------
        ndarray of shape (n, d), dtype of ``costs``
            1 for the items to take, 0 for the others.

        Raises
        ------
        ValueError
            If a shape is wrong, a cost is not finite, or a weight or a capacity is negative or not
            finite.
        """
        own_weights = self._own_weights()
        n_constraints, d = own_weights.shape
        costs = check_costs(costs, cost_shape=(d,))
        n = len(costs)
        if weights is None:
            weights = own_weights[np.newaxis]
        else:
            shape = (n, d) if np.ndim(self.weights) == 1 else (n, n_constraints, d)
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

    def _own_weights(self) -> np.ndarray:
        """The weights of the solver, one row for each constraint."""
        given = np.asarray(self.weights, dtype=np.float64)
        if given.ndim not in (1, 2):
            raise ValueError(
                f"weights must have the shape (d,) or (n_constraints, d), but have {given.shape}."
            )
        return np.atleast_2d(_checked("weights", given, given.shape))


def _checked(name: str, given: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return finite numbers of at least 0 in the shape asked for, or say what is wrong."""
    numbers = np.asarray(given, dtype=np.float64)
    if numbers.shape != shape:
        raise ValueError(f"{name} must have the shape {shape}, but has {numbers.shape}.")
    valid = np.isfinite(numbers) & (numbers >= 0)
    if not valid.all():
        culprit = tuple(np.argwhere(~valid)[0].tolist())
        place = f"[{', '.join(map(str, culprit))}]" if culprit else ""
        raise ValueError(
            f"{name} must be finite and at least 0, but {name}{place} is {numbers[culprit]}."
        )
    return numbers


def _as_integers(
    weights: np.ndarray, capacities: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Integer weights and capacities for the dynamic programme, or None where it does not apply."""
    if weights.shape[1] != 1:
        return None
    weights = weights[:, 0]
    if weights.max(initial=0) > _LARGEST_INTEGER or (weights != np.floor(weights)).any():
        return None
    integers = weights.astype(np.int64)
    divisor = max(1, int(np.gcd.reduce(integers.ravel())))
    integers //= divisor
    limits = np.minimum(np.floor(capacities[:, 0] / divisor), weights.sum(axis=1) / divisor)
    n_words = -(-integers.shape[1] // _WORD)
    if n_words * _WORD * (limits.max() + 1) > _LARGEST_TABLE:
        return None
    limits = limits.astype(np.int64)
    # Larger weights never fit, and might overflow in a sum.
    return np.minimum(integers, limits.max() + 1), limits


def _solve_tables(costs: np.ndarray, weights: np.ndarray, limits: np.ndarray) -> np.ndarray:
    from skid.solvers.kernels.knapsack import fill_knapsacks

    solutions = np.zeros_like(costs)

    def fill(start: int, stop: int) -> None:
        block = np.array(costs[start:stop], np.float64, order="C")
        fillings = np.zeros_like(block)
        own = weights if len(weights) == 1 else weights[start:stop]
        fill_knapsacks(block, own, limits[start:stop], fillings)
        solutions[start:stop] = fillings

    cells = costs.shape[1] * (int(limits.max()) + 1)
    solve_in_threads(fill, len(costs), smallest_chunk=1 + _CELLS_PER_CHUNK // (cells + 1))
    return solutions


def _limits(weights: np.ndarray, capacities: np.ndarray) -> np.ndarray:
    """The largest totals that fit, rounding errors allowed for."""
    exact = (weights == np.floor(weights)).all(axis=2)
    return np.where(exact, np.floor(capacities), capacities * (1 + _ROUNDING))


def _search(costs: np.ndarray, weights: np.ndarray, limits: np.ndarray) -> np.ndarray:
    from skid.solvers.kernels.knapsack_search import search_fillings

    solutions = np.zeros_like(costs)

    def fill(start: int, stop: int) -> None:
        block = np.array(costs[start:stop], np.float64, order="C")
        own = weights if len(weights) == 1 else weights[start:stop]
        fillings = np.zeros_like(block)
        solved = np.zeros(len(block), bool)
        search_fillings(block, own, limits[start:stop], _NODES, fillings, solved)
        for row in np.flatnonzero(~solved):
            weight = own[row if len(own) > 1 else 0]
            fillings[row] = _solve_program(block[row], weight, limits[start + row], start + row)
        solutions[start:stop] = fillings

    chunk = 1 + _SEARCHED_ITEMS_PER_CHUNK // (costs.shape[1] + 1)
    solve_in_threads(fill, len(costs), smallest_chunk=chunk)
    return solutions


def _solve_program(
    cost: np.ndarray, weights: np.ndarray, limits: np.ndarray, instance: int
) -> np.ndarray:
    """Solve one instance as an integer program.

    HiGHS lets constraints be violated by 1e-6. A set of items that it returns though they do not
    fit together is forbidden by one more constraint, until the items do.
    """
    solution = np.zeros(len(cost))
    # Rows of one size, so that the tolerance of HiGHS is relative to the capacity.
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
