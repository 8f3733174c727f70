"""The linear assignment problem: pair rows with different columns."""

from __future__ import annotations

import numpy as np

from skid._parameter_checks import check_count
from skid.solvers.algorithms.threads import solve_in_threads
from skid.solvers.base import Solver, check_costs

# Entries of cost matrices that are solved in about 50 microseconds.
_ENTRIES_PER_CHUNK = 4_000


class Assignment(Solver):
    """Assign each item of the smaller side to one item of the larger at the least total cost.

    ``y(w) = argmin <w, y>`` over the 0/1 matrices of shape (n, m) with at most one 1 in every row
    and column and ``min(n, m)`` ones in total: the permutation matrices where n = m.

    Parameters
    ----------
    n : int
        Number of rows, at least 1.
    m : int, default=None
        Number of columns, at least 1; n if None.

    Notes
    -----
    Rows bid for columns, and shortest augmenting paths complete the assignment: the method of
    Jonker and Volgenant [1]_ without its column reduction, which is not valid for rectangular
    costs. The worst-case time is cubic in the smaller side. The solver releases the GIL; numba
    compiles it at the first call of a process.

    All solutions have the same sum and the same norm, so every projection is valid. Ties between
    assignments of equal cost are broken deterministically.

    References
    ----------
    .. [1] R. Jonker, A. Volgenant: *A shortest augmenting path algorithm for dense and sparse
       linear assignment problems*, Computing 38, 325-340, 1987.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.solvers import Assignment
    >>> Assignment(2, 3).solve(np.array([[[4.0, 1.0, 3.0], [2.0, 0.0, 5.0]]]))
    array([[[0., 1., 0.],
            [1., 0., 0.]]])
    """

    default_projection = "norm"
    binary = True

    def __init__(self, n: int, m: int | None = None):
        self.n = n
        self.m = m

    @property
    def cost_shape(self) -> tuple[int, int]:  # type: ignore[override]  # Read-only here.
        """Rows and columns."""
        return (self.n, self.n if self.m is None else self.m)

    def solve(self, costs: np.ndarray) -> np.ndarray:
        """Solve a batch of instances.

        Parameters
        ----------
        costs : array-like of shape (n_instances, n, m), float
            Cost of every pair, of any sign.

        Returns
        -------
        ndarray of shape (n_instances, n, m), dtype of ``costs``
            1 for assigned pairs, 0 otherwise.

        Raises
        ------
        ValueError
            If the shape is wrong, a cost is not finite, or n or m is not an integer of at least 1.
        """
        for name, size in zip(("n", "m"), self.cost_shape, strict=True):
            check_count(name, size)
        costs = check_costs(costs, cost_shape=self.cost_shape)
        solutions = np.zeros_like(costs, order="C")
        if costs.shape[1] > costs.shape[2]:
            columns = assigned_columns(costs.swapaxes(1, 2))
            np.put_along_axis(solutions.swapaxes(1, 2), columns[:, :, None], 1, axis=2)
        else:
            np.put_along_axis(solutions, assigned_columns(costs)[:, :, None], 1, axis=2)
        return solutions


def assigned_columns(costs: np.ndarray) -> np.ndarray:
    """Return the column of each row in the cheapest assignment, int64 of shape (n, n_rows).

    ``costs`` have shape (n, n_rows, n_columns) with ``n_rows <= n_columns``. An infinite cost
    forbids the pair; an instance without an assignment raises a ValueError.
    """
    from skid.solvers.kernels.assignment import assign_rows

    # A copy can be written to: numba compiles a kernel again for read-only arrays.
    costs = np.array(costs, dtype=np.float64, order="C")
    columns = np.empty(costs.shape[:2], np.int64)

    def solve_rows(start: int, stop: int) -> None:
        failed = assign_rows(costs[start:stop], columns[start:stop])
        if failed >= 0:
            raise ValueError(
                f"costs must allow an assignment, got too many infinite costs in instance "
                f"{start + failed}"
            )

    entries = max(1, costs.shape[1] * costs.shape[2])
    solve_in_threads(solve_rows, len(costs), smallest_chunk=max(1, _ENTRIES_PER_CHUNK // entries))
    return columns
