"""Base class of the solvers, and the checks of their costs and solutions."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator

from skid.projections import PROJECTIONS


class Solver(BaseEstimator):
    """A combinatorial problem with linear costs, solved exactly unless stated otherwise.

    A solver maps a batch of costs to the cheapest feasible solutions,
    ``y(w) = argmin_{y in Y} <w, y>``. A subclass stores its constructor parameters unchanged, so
    that scikit-learn can read, copy and tune them (``solver__k`` in a grid), and defines
    ``solve``. It may also define ``solve_tf``, the same function on TensorFlow tensors, for use
    inside a compiled graph.

    Attributes
    ----------
    cost_shape : tuple of (int or None), or None
        Shape of the costs of one instance. None inside the tuple means any length, None instead
        of the tuple any shape.
    projections : tuple of str
        Projections of the costs that leave every solution unchanged.
    default_projection : str
        Projection used for ``projection="auto"``.
    default_noise_scale : float
        Noise scale used for ``noise_scale="auto"``: the standard deviation of the noise on
        projected costs, whose root mean square is 1.
    default_noise_fraction : float
        Fraction of the training after which that noise is switched off.
    nonnegative_costs : bool
        Whether every cost must be at least 0.
    default_cost_sign : {-1, 0, 1}
        Sign of the costs that a network should predict, 0 for any.
    binary : bool
        Whether the solver is exact and every feasible 0/1 array can be a solution.
    context : tuple of str
        Names of further data that may differ between instances, such as the ends of a path.
        ``solve`` takes each as an optional keyword, an array with one entry per instance.
    graph_devices : tuple of {"cpu", "gpu"}
        Devices on which a training should call ``solve_tf`` instead of ``solve``.

    Notes
    -----
    Two solvers with the same class and the same parameters are equal and have the same hash, as
    solvers are part of the cache keys of compiled programs. ``set_params`` therefore changes the
    hash.

    Examples
    --------
    >>> from skid.solvers import TopK
    >>> TopK(2) == TopK(k=2), TopK(2) == TopK(3)
    (True, False)
    >>> TopK(2).get_params()
    {'k': 2}
    """

    cost_shape: tuple[int | None, ...] | None = None
    projections: tuple[str, ...] = PROJECTIONS
    default_projection: str = "norm"
    default_noise_scale: float = 0.1
    default_noise_fraction: float = 1.0
    nonnegative_costs: bool = False
    default_cost_sign: int = 0
    binary: bool = False
    context: tuple[str, ...] = ()
    graph_devices: tuple[str, ...] = ()

    def solve(self, costs: np.ndarray) -> np.ndarray:
        """Solve a batch of instances.

        Parameters
        ----------
        costs : ndarray of shape (n, *cost_shape), float
            One instance per row.

        Returns
        -------
        ndarray of shape (n, *cost_shape), dtype of ``costs``
            The cheapest feasible solution of every instance.

        Raises
        ------
        ValueError
            If the shape is wrong, a cost is not finite or an instance has no solution.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define solve")

    def get_config(self) -> dict[str, Any]:
        """Return the parameters by name, for Keras, which calls this method of saved objects."""
        return self.get_params(deep=False)

    def _comparison_key(self) -> tuple[Any, ...]:
        parameters = sorted(self.get_config().items())
        return (type(self), *((name, _hashable(value)) for name, value in parameters))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Solver):
            return NotImplemented
        return self._comparison_key() == other._comparison_key()

    def __hash__(self) -> int:
        return hash(self._comparison_key())


class CallableSolver(Solver):
    """Use a NumPy function as a solver.

    Parameters
    ----------
    function : callable
        Maps costs to solutions of the same shape: a batch of shape ``(n, *cost_shape)`` if
        ``batched`` is True, otherwise a single instance of shape ``cost_shape``.
    batched : bool, default=True
        Whether ``function`` takes a batch.

    Notes
    -----
    The feasible set is unknown, so the projection defaults to ``norm``, which is valid for every
    linear objective. Choose ``mean`` or ``std`` only if all solutions have the same sum.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.solvers import CallableSolver
    >>> cheapest = CallableSolver(lambda cost: np.eye(len(cost))[cost.argmin()], batched=False)
    >>> cheapest.solve(np.array([[3.0, 1.0, 2.0], [0.0, 1.0, 2.0]]))
    array([[0., 1., 0.],
           [1., 0., 0.]])
    """

    def __init__(self, function: Callable[[np.ndarray], np.ndarray], *, batched: bool = True):
        self.function = function
        self.batched = batched

    def __sklearn_clone__(self) -> CallableSolver:
        # A copy of a callable object would be another object, and its program traced again.
        return type(self)(self.function, batched=self.batched)

    def solve(self, costs: np.ndarray) -> np.ndarray:
        """Solve a batch of instances with the wrapped function; see `Solver.solve`."""
        costs = check_costs(costs, cost_shape=self.cost_shape)
        # The function may overwrite its argument.
        if self.batched:
            solutions: Any = self.function(costs.copy())
        else:
            solutions = [self.function(cost) for cost in costs.copy()] if len(costs) else costs
        return _checked_solutions(solutions, costs, "the solver function")


def solve(solver: Solver, costs: np.ndarray, context: dict[str, Any] | None = None) -> np.ndarray:
    """Call ``solver.solve`` and check the shape of the solutions.

    ``context`` holds keyword arguments of ``solve``, arrays with one entry per instance.
    """
    solutions = solver.solve(costs, **(context or {}))
    return _checked_solutions(solutions, costs, f"{type(solver).__name__}.solve")


def _checked_solutions(solutions: Any, costs: np.ndarray, name: str) -> np.ndarray:
    solutions = np.asarray(solutions)
    if solutions.shape != costs.shape:
        raise ValueError(
            f"{name} must return solutions of the shape of the costs, {costs.shape}, "
            f"got {solutions.shape}"
        )
    return solutions.astype(costs.dtype, copy=False)


def check_costs(
    costs: np.ndarray,
    *,
    cost_shape: tuple[int | None, ...] | None,
    nonnegative: bool = False,
    name: str = "costs",
) -> np.ndarray:
    """Return the costs as a floating-point array, or raise an error that names the instance.

    Parameters
    ----------
    costs : array-like of shape (n, *cost_shape)
        Costs of n instances. Integers become float64, floats keep their dtype.
    cost_shape : tuple of (int or None), or None
        Required shape. None inside the tuple means any length, None instead of the tuple any
        shape.
    nonnegative : bool, default=False
        Whether negative costs raise an error.
    name : str, default="costs"
        Name of the costs in error messages.

    Returns
    -------
    ndarray of shape (n, *cost_shape)
        The checked costs, not copied if they are floats already.

    Raises
    ------
    ValueError
        If the shape is not ``(n, *cost_shape)``, or a cost is NaN, infinite, or negative where
        that is not allowed.

    Examples
    --------
    >>> from skid.solvers import check_costs
    >>> check_costs([[1.0, 2.0], [float("nan"), 0.0]], cost_shape=(None,))
    Traceback (most recent call last):
        ...
    ValueError: costs must be finite, got nan in instance 1
    """
    costs = np.asarray(costs)
    if not np.issubdtype(costs.dtype, np.floating):
        costs = costs.astype(np.float64)
    if cost_shape is None:
        fits = costs.ndim >= 1
    else:
        fits = costs.ndim == 1 + len(cost_shape) and all(
            expected in (None, length)
            for expected, length in zip(cost_shape, costs.shape[1:], strict=True)
        )
    if not fits:
        lengths = ("any" if length is None else str(length) for length in cost_shape or ())
        shape = "..." if cost_shape is None else ", ".join(lengths)
        raise ValueError(f"{name} must have shape (n, {shape}), got {costs.shape}")
    _refuse(~np.isfinite(costs), costs, "finite", name)
    if nonnegative:
        _refuse(costs < 0, costs, "at least 0", name)
    return costs


def _refuse(wrong: np.ndarray, costs: np.ndarray, requirement: str, name: str) -> None:
    """Raise a ValueError that quotes the first wrong cost, if there is one."""
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0])
        raise ValueError(f"{name} must be {requirement}, got {costs[place]} in instance {place[0]}")


def _hashable(value: Any) -> Any:
    if issparse(value):
        coordinates = value.tocoo()
        parts = (coordinates.row, coordinates.col, coordinates.data)
        return (type(value).__name__, value.shape, *map(_hashable, parts))
    if isinstance(value, np.ndarray):
        return ("ndarray", value.shape, value.dtype.str, value.tobytes())
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, *map(_hashable, value))
    if hasattr(value, "__array__") and not isinstance(value, np.generic):
        return (type(value).__name__, _hashable(np.asarray(value)))
    if isinstance(value, dict):
        return ("dict", *sorted((key, _hashable(entry)) for key, entry in value.items()))
    if not isinstance(value, Hashable):
        return (type(value).__name__, id(value))
    return value
