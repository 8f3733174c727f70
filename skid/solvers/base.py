"""What every solver shares: readable parameters, equality by parameters, checked costs."""

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
    ``y(w) = argmin_{y in Y} <w, y>``. A subclass stores its constructor parameters verbatim, so
    that scikit-learn can read, copy and tune them (``solver__k`` in a grid), and defines
    ``solve``. It may define ``solve_tf`` as well: the same map on TensorFlow tensors, usable
    inside a compiled graph.

    Attributes
    ----------
    cost_shape : tuple of (int or None), or None
        Shape of the costs of one instance; a None inside the tuple stands for any length, None
        alone for any shape.
    projections : tuple of str
        Projections of the costs that leave every solution unchanged.
    default_projection : str
        The projection that ``projection="auto"`` stands for.
    default_noise_scale : float
        What ``noise_scale="auto"`` stands for: the standard deviation of the noise on projected
        costs, whose root mean square is 1.
    default_noise_share : float
        Share of the training after which that noise is off.
    nonnegative_costs : bool
        Whether every cost must be at least zero.
    default_cost_sign : {-1, 0, 1}
        Sign of the costs that a network should predict, 0 for any.
    binary : bool
        Whether the solver is exact and its solutions are exactly the feasible 0/1 arrays.
    context : tuple of str
        Names of what may differ from instance to instance beside the costs, such as the ends of a
        path. ``solve`` takes each as an optional keyword, an array with one entry per instance.
    graph_devices : tuple of {"cpu", "gpu"}
        Devices on which a training should call ``solve_tf`` rather than ``solve``.

    Notes
    -----
    Two solvers are equal, and have one hash, when their class and their parameters agree: a
    compiled program is kept by its solver. Changing a solver with ``set_params`` therefore
    changes its hash.

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
    default_noise_share: float = 1.0
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
        raise NotImplementedError(f"{type(self).__name__} does not define solve.")

    def get_config(self) -> dict[str, Any]:
        """Return the parameters by name: what Keras asks of a class that it registers."""
        return self.get_params(deep=False)

    def _identity(self) -> tuple[Any, ...]:
        parameters = sorted(self.get_config().items())
        return (type(self), *((name, _hashable(value)) for name, value in parameters))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Solver):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())


class CallableSolver(Solver):
    """Serve a plain NumPy function as a solver.

    Parameters
    ----------
    function : callable
        Maps costs to solutions of the same shape: a whole batch ``(n, *cost_shape)`` at a time
        when ``batched``, else a single instance of shape ``cost_shape``.
    batched : bool, default=True
        Whether ``function`` takes the batch at once.

    Notes
    -----
    Nothing is known about the feasible set, so the projection defaults to ``norm``, which is
    valid for every linear objective. ``mean`` and ``std`` are valid only where all solutions
    have the same sum; whoever asks for them vouches for that.

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
        # A copy of a callable object is another object: its training program would be traced anew.
        return type(self)(self.function, batched=self.batched)

    def solve(self, costs: np.ndarray) -> np.ndarray:
        """Solve a batch of instances with the wrapped function.

        Parameters
        ----------
        costs : ndarray of shape (n, ...), float
            One instance per row.

        Returns
        -------
        ndarray of the shape and dtype of ``costs``
            What the function returned.

        Raises
        ------
        ValueError
            If a cost is not finite, or the function returns another shape.
        """
        costs = check_costs(costs, cost_shape=self.cost_shape)
        # A function may use its argument as a notepad.
        if self.batched:
            solutions = self.function(costs.copy())
        else:
            solutions = [self.function(cost) for cost in costs.copy()] if len(costs) else costs
        return _as_solutions(solutions, costs, "The solver function")


def solve(solver: Solver, costs: np.ndarray, context: dict[str, Any] | None = None) -> np.ndarray:
    """Solve with a solver of anyone's making, and see to it that solutions come back.

    Parameters
    ----------
    solver : Solver
    costs : ndarray of shape (n, ...), float
    context : dict of str to array, optional
        What the solver's ``solve`` is told of each instance.

    Returns
    -------
    ndarray of the shape and dtype of ``costs``

    Raises
    ------
    ValueError
        If what the solver returns has another shape.
    """
    return _as_solutions(
        solver.solve(costs, **(context or {})), costs, f"{type(solver).__name__}.solve"
    )


def _as_solutions(solutions: Any, costs: np.ndarray, name: str) -> np.ndarray:
    solutions = np.asarray(solutions)
    if solutions.shape != costs.shape:
        raise ValueError(
            f"{name} must return solutions of the shape of the costs, {costs.shape}, but returned "
            f"{solutions.shape}."
        )
    return solutions.astype(costs.dtype, copy=False)


def check_costs(
    costs: np.ndarray,
    *,
    cost_shape: tuple[int | None, ...] | None,
    nonnegative: bool = False,
    name: str = "costs",
) -> np.ndarray:
    """Return the costs as a floating-point batch, or say which instance is at fault.

    Parameters
    ----------
    costs : array-like of shape (n, *cost_shape)
        Costs of n instances. Integers become float64, floats keep their dtype.
    cost_shape : tuple of (int or None), or None
        The shape to insist on; None inside the tuple stands for any length, None alone for any
        shape.
    nonnegative : bool, default=False
        Whether to refuse negative costs.
    name : str, default="costs"
        Name of the costs in error messages.

    Returns
    -------
    ndarray of shape (n, *cost_shape)
        The checked costs; no copy is made when none is needed.

    Raises
    ------
    ValueError
        If the shape differs from ``(n, *cost_shape)``, a cost is NaN or infinite, or negative
        where that is not allowed.

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
        shape = "..." if cost_shape is None else ", ".join(map(_length_name, cost_shape))
        raise ValueError(f"{name} must have shape (n, {shape}), got {costs.shape}")
    finite = np.isfinite(costs)
    if not finite.all():
        culprit = np.argwhere(~finite)[0]
        raise ValueError(
            f"{name} must be finite, got {costs[tuple(culprit)]} in instance {culprit[0]}"
        )
    if nonnegative and costs.size and costs.min() < 0:
        culprit = np.argwhere(costs < 0)[0]
        raise ValueError(
            f"{name} must be at least 0, got {costs[tuple(culprit)]} in instance {culprit[0]}"
        )
    return costs


def _length_name(length: int | None) -> str:
    return "any" if length is None else str(length)


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
