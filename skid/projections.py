"""Projections of the cost that leave every solution unchanged."""

from __future__ import annotations

from typing import Any

import numpy as np

PROJECTIONS = ("none", "mean", "norm", "std")


def project(costs: Any, projection: str = "std", *, mask: Any = None, xp: Any = np) -> Any:
    """Remove from the costs what cannot change the solution.

    With n entries per instance and the mean taken over them::

        none(w) = w
        mean(w) = w - mean(w)
        norm(w) = sqrt(n) w / ||w||
        std(w)  = norm(mean(w))

    so that projected costs have unit root mean square. Differentiated as the ordinary function it
    is, a projection takes out of the gradient the part that would only shift or scale the costs.

    Parameters
    ----------
    costs : array or tensor of shape (n_instances, *cost_shape), float
        Costs; everything but the first axis is one instance.
    projection : {"none", "mean", "norm", "std"}, default="std"
        ``norm`` is valid for every linear objective; ``mean`` and ``std`` only where all
        solutions have the same sum (subsets of fixed size, rankings, assignments, tours).
    mask : bool array or tensor of the shape of ``costs``, default=None
        Entries that an instance has, where instances of several sizes share an array. The mean
        and the norm are taken over these, and the others become zero.
    xp : module, default=numpy
        ``numpy`` for arrays, ``tensorflow.experimental.numpy`` for tensors: one formula for both.

    Returns
    -------
    array or tensor of the shape and dtype of ``costs``
        Projected costs. A row of zeros stays a row of zeros under ``norm``, a constant row
        becomes one under ``std``; the value and the gradient are finite there.

    Raises
    ------
    ValueError
        If ``projection`` is not one of `PROJECTIONS`.

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
    if projection not in PROJECTIONS:
        raise ValueError(f"projection must be one of {PROJECTIONS}, but is {projection!r}.")
    if costs.dtype in ("float16", "bfloat16"):
        return _in_single_precision(costs, projection, mask, xp)
    if mask is not None:
        costs = xp.where(mask, costs, xp.zeros_like(costs))
    if projection == "none":
        return costs
    axes = tuple(range(1, len(costs.shape)))
    if projection in ("mean", "std"):
        costs = _centred(costs, axes, mask, xp)
    if projection in ("norm", "std"):
        costs = _normalised(costs, axes, mask, xp)
    return costs


def _in_single_precision(costs: Any, projection: str, mask: Any, xp: Any) -> Any:
    """Sums of many entries overflow in half precision, and TensorFlow's means know no bfloat16."""
    if xp is np:
        projected = project(costs.astype(np.float32), projection, mask=mask)
        return projected.astype(costs.dtype)
    from skid.engine.backend import tensorflow

    tf = tensorflow()
    projected = project(tf.cast(costs, tf.float32), projection, mask=mask, xp=xp)
    return tf.cast(projected, costs.dtype)


def _centred(costs: Any, axes: tuple[int, ...], mask: Any, xp: Any) -> Any:
    # Shifting by one of the entries before the mean makes constant rows exactly zero; the mean
    # alone would leave rounding errors there, which the norm then blows up to unit size.
    if mask is None:
        first = costs[(slice(None), *(slice(0, 1) for _ in axes))]
        shifted = costs - constant(first, xp)
        return shifted - xp.mean(shifted, axis=axes, keepdims=True)
    lowest = xp.min(costs, axis=axes, keepdims=True)
    largest = xp.max(xp.where(mask, costs, lowest), axis=axes, keepdims=True)
    shifted = xp.where(mask, costs - constant(largest, xp), xp.zeros_like(costs))
    centred = shifted - _mean(shifted, axes, mask, xp)
    return xp.where(mask, centred, xp.zeros_like(costs))


def _normalised(costs: Any, axes: tuple[int, ...], mask: Any, xp: Any) -> Any:
    # The largest entry is divided out first so that no square over- or underflows. The result
    # does not depend on that factor, hence no gradient passes through it.
    largest = constant(xp.max(xp.abs(costs), axis=axes, keepdims=True), xp)
    positive = largest > 0
    scaled = costs / xp.where(positive, largest, xp.ones_like(largest))
    mean_square = _mean(scaled * scaled, axes, mask, xp)
    return scaled / xp.sqrt(xp.where(positive, mean_square, xp.ones_like(mean_square)))


def _mean(values: Any, axes: tuple[int, ...], mask: Any, xp: Any) -> Any:
    if mask is None:
        return xp.mean(values, axis=axes, keepdims=True)
    counted = xp.where(mask, xp.ones_like(values), xp.zeros_like(values))
    count = xp.sum(counted, axis=axes, keepdims=True)
    return xp.sum(values, axis=axes, keepdims=True) / xp.maximum(count, xp.ones_like(count))


def constant(values: Any, xp: Any) -> Any:
    """The values, through which no gradient passes."""
    if xp is np:
        return values
    from skid.engine.backend import tensorflow

    return tensorflow().stop_gradient(values)
