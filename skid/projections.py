"""Projections of the costs, which leave every solution unchanged."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

import numpy as np

from skid.engine.backend import tensorflow

PROJECTIONS = ("none", "mean", "norm", "std")


class Projection(Protocol):
    """A projection written by the user, such as a function.

    It must not change the order in which the costs rank the feasible solutions of an instance: it
    may multiply a row by a positive number, and add what is equal for all solutions. With tensors
    it must consist of operations that TensorFlow can differentiate. `project` restores the dtype
    and sets the entries outside the mask to zero.

    Examples
    --------
    Divide each row by its largest absolute value:

    >>> import numpy as np
    >>> from skid.projections import project
    >>> def unit_maximum(values, *, mask=None, xp=np):
    ...     largest = xp.max(xp.abs(values), axis=-1, keepdims=True)
    ...     return values / xp.where(largest > 0, largest, xp.ones_like(largest))
    >>> project(np.array([[1.0, -4.0], [0.0, 0.0]]), unit_maximum)
    array([[ 0.25, -1.  ],
           [ 0.  ,  0.  ]])
    """

    def __call__(self, values: Any, *, mask: Any = None, xp: Any = np) -> Any:
        """Project each row.

        Parameters
        ----------
        values : array or tensor of shape (n, ...), float32 or float64
            Costs of n instances.
        mask : bool array or tensor of the shape of ``values``, default=None
            Entries that an instance has; None for all. The other values are zero.
        xp : module, default=numpy
            ``numpy`` for arrays, ``tensorflow.experimental.numpy`` for tensors.

        Returns
        -------
        array or tensor of the shape of ``values``
            Projected costs.
        """


def project(
    values: Any, projection: str | Projection = "std", *, mask: Any = None, xp: Any = np
) -> Any:
    """Remove from the costs what cannot change the solution.

    With n entries per instance and the mean taken over them::

        none(w) = w
        mean(w) = w - mean(w)
        norm(w) = sqrt(n) w / ||w||
        std(w)  = norm(mean(w))

    Costs under ``norm`` and ``std`` have unit root mean square. A projection is differentiated as
    the ordinary function it is: this removes from the gradient the part that would only shift or
    scale the costs.

    Parameters
    ----------
    values : array or tensor of shape (n_instances, *cost_shape), float
        Costs, one instance per row.
    projection : {"none", "mean", "norm", "std"} or Projection, default="std"
        ``norm`` is valid for every linear objective; ``mean`` and ``std`` only where all
        solutions have the same sum (subsets of fixed size, rankings, assignments, tours). For a
        custom function, see `Projection`.
    mask : bool array or tensor of the shape of ``values``, default=None
        Entries that an instance has, where instances of several sizes are padded to one shape.
        The mean and the norm are taken over these, and the others become zero.
    xp : module, default=numpy
        ``numpy`` for arrays, ``tensorflow.experimental.numpy`` for tensors.

    Returns
    -------
    array or tensor of the shape and dtype of ``values``
        Projected costs. A row of zeros stays a row of zeros under ``norm``, a constant row
        becomes one under ``std``; the value and the gradient are finite there.

    Raises
    ------
    ValueError
        If ``projection`` is neither one of `PROJECTIONS` nor a callable, or a callable returns
        another shape.

    References
    ----------
    Sahoo, Paulus, Vlastelica, Musil, Kuleshov, Martius: *Backpropagation through Combinatorial
    Algorithms: Identity with Projection Works*, ICLR 2023, section 3.4.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.projections import project
    >>> project(np.array([[1.0, 3.0], [7.0, 7.0]]))
    array([[-1.,  1.],
           [ 0.,  0.]])
    >>> project(np.array([[3.0, 4.0]]), "norm").round(3)
    array([[0.849, 1.131]])
    """
    check_projection(projection)
    if values.dtype in ("float16", "bfloat16"):
        # Sums of many entries overflow in half precision, and TensorFlow has no mean of bfloat16.
        projected = project(_cast(values, "float32", xp), projection, mask=mask, xp=xp)
        return _cast(projected, values.dtype, xp)
    if mask is not None:
        values = xp.where(mask, values, xp.zeros_like(values))
    if callable(projection):
        return _projected_by(projection, values, mask, xp)
    axes = tuple(range(1, len(values.shape)))
    if projection in ("mean", "std"):
        values = _centred(values, axes, mask, xp)
    if projection in ("norm", "std"):
        values = _normalised(values, axes, mask, xp)
    return values


def check_projection(
    projection: Any, names: Collection[str] = PROJECTIONS, *, owner: Any = None
) -> None:
    """Raise a ValueError unless the projection is one of the names or a callable.

    ``owner`` is what the names are valid for, such as a solver; it is quoted in the message.
    """
    if isinstance(projection, str) and projection in names:
        return
    if callable(projection) and not isinstance(projection, type):
        return
    valid_for = "" if owner is None else f" for {owner!r}"
    raise ValueError(
        f"projection must be one of {(*names,)}{valid_for} or a callable, got {projection!r}"
    )


def _projected_by(projection: Projection, values: Any, mask: Any, xp: Any) -> Any:
    projected = _cast(projection(values, mask=mask, xp=xp), values.dtype, xp)
    same = projected.shape == values.shape
    if xp is not np:
        same = projected.shape.is_compatible_with(values.shape)
    if not same:
        raise ValueError(
            f"projection must return values of shape {tuple(values.shape)}, "
            f"got {tuple(projected.shape)}"
        )
    return projected if mask is None else xp.where(mask, projected, xp.zeros_like(projected))


def _cast(values: Any, dtype: Any, xp: Any) -> Any:
    return np.asarray(values, dtype) if xp is np else tensorflow().cast(values, dtype)


def _centred(values: Any, axes: tuple[int, ...], mask: Any, xp: Any) -> Any:
    # Shifting by one of the entries before the mean makes constant rows exactly zero; the mean
    # alone would leave rounding errors there, which the norm then blows up to unit size.
    if mask is None:
        first = values[(slice(None), *(slice(0, 1) for _ in axes))]
        shifted = values - constant(first, xp)
        return shifted - xp.mean(shifted, axis=axes, keepdims=True)
    lowest = xp.min(values, axis=axes, keepdims=True)
    largest = xp.max(xp.where(mask, values, lowest), axis=axes, keepdims=True)
    shifted = xp.where(mask, values - constant(largest, xp), xp.zeros_like(values))
    centred = shifted - _mean(shifted, axes, mask, xp)
    return xp.where(mask, centred, xp.zeros_like(values))


def _normalised(values: Any, axes: tuple[int, ...], mask: Any, xp: Any) -> Any:
    # Dividing by the largest entry first keeps the squares from over- and underflow. The result
    # does not depend on that factor, hence no gradient passes through it.
    largest = constant(xp.max(xp.abs(values), axis=axes, keepdims=True), xp)
    positive = largest > 0
    scaled = values / xp.where(positive, largest, xp.ones_like(largest))
    mean_square = _mean(scaled * scaled, axes, mask, xp)
    return scaled / xp.sqrt(xp.where(positive, mean_square, xp.ones_like(mean_square)))


def _mean(values: Any, axes: tuple[int, ...], mask: Any, xp: Any) -> Any:
    if mask is None:
        return xp.mean(values, axis=axes, keepdims=True)
    counted = xp.where(mask, xp.ones_like(values), xp.zeros_like(values))
    count = xp.sum(counted, axis=axes, keepdims=True)
    return xp.sum(values, axis=axes, keepdims=True) / xp.maximum(count, xp.ones_like(count))


def constant(values: Any, xp: Any) -> Any:
    """Return the values as a constant, through which no gradient passes."""
    return values if xp is np else tensorflow().stop_gradient(values)
