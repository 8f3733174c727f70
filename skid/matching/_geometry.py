"""Attributes of points and of pairs of points that do not change when a graph is moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

INVARIANCES = ("rotation", "translation", "scale")
_RINGS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
_WIDTH = 0.35
_SMALL = 1e-6


@dataclass(frozen=True)
class Geometry:
    """Attributes of the points of a graph, for networks.

    Lengths are relative to the root mean square distance of the points from their centre, or to
    that of all training graphs without ``"scale"``. Directions are relative to the one from the
    point to the centre, or to the axes without ``"rotation"``.

    Parameters
    ----------
    n_dimensions : {0, 2, 3}
        0 for graphs without points, which have no attributes.
    invariances : tuple of str
        Of "rotation", "translation" and "scale".
    """

    n_dimensions: int
    invariances: tuple[str, ...]

    @property
    def n_node_attributes(self) -> int:
        """Number of attributes of a point."""
        if not self.n_dimensions:
            return 0
        n_axes = ("rotation" not in self.invariances) + ("translation" not in self.invariances)
        return 1 + n_axes * self.n_dimensions

    @property
    def n_pair_attributes(self) -> int:
        """Number of attributes of a pair of points."""
        if not self.n_dimensions:
            return 0
        return 2 * (2 if "rotation" in self.invariances else self.n_dimensions) + len(_RINGS)

    def attributes(self, points: Any, present: Any, length: Any, xp: Any) -> tuple[Any, Any]:
        """Attributes (n, n_points, ...) of points and (n, n_points, n_points, ...) of pairs.

        Parameters
        ----------
        points : array or tensor of shape (n, n_points, n_dimensions)
        present : array or tensor of shape (n, n_points)
            1 for points and 0 for padding.
        length : float
            Unit of length without the invariance ``"scale"``.
        xp : module
            ``numpy``, or ``tensorflow.experimental.numpy``.
        """
        if not self.n_dimensions:
            pairs = points[:, :, None, :] * points[:, None, :, :]
            return points, pairs
        mask = present[:, :, None]
        count = xp.sum(mask, axis=1)[:, None]
        centre = xp.sum(points * mask, axis=1)[:, None] / count
        centred = (points - centre) * mask
        size = length * xp.ones_like(count)
        if "scale" in self.invariances:
            squares = xp.sum(xp.sum(centred * centred, axis=2), axis=1)[:, None, None]
            size = xp.sqrt(squares / count)
            size = xp.where(size > 0, size, xp.ones_like(size))
        centred = centred / size
        from_centre = _norm(centred, xp)
        steps = centred[:, None] - centred[:, :, None]
        distances = _norm(steps, xp)
        of_points = [from_centre]
        if "rotation" in self.invariances:
            forward = (-centred / (from_centre + _SMALL))[:, :, None]
            along = xp.sum(steps * forward, axis=3)[..., None]
            if self.n_dimensions == 2:
                across = steps[..., 1:] * forward[..., :1] - steps[..., :1] * forward[..., 1:]
            else:
                squares = distances * distances - along * along
                across = xp.sqrt(xp.maximum(squares, xp.zeros_like(squares)))
            directions = xp.concatenate([along, across], axis=3)
        else:
            directions = steps
            of_points.append(centred)
        if "translation" not in self.invariances:
            of_points.append(points / size)
        centres = np.log(np.array(_RINGS, dtype=dtype_of(points)))
        logarithms = xp.log(distances + 1e-3) - centres
        rings = xp.exp(logarithms * logarithms * (-0.5 / _WIDTH**2))
        of_pairs = [directions, directions / (distances + _SMALL), rings]
        return xp.concatenate(of_points, axis=2), xp.concatenate(of_pairs, axis=3)


def _norm(vectors: Any, xp: Any) -> Any:
    """Length of the vectors of the last axis, which stays."""
    return xp.sqrt(xp.sum(vectors * vectors, axis=-1))[..., None]


def dtype_of(values: Any) -> np.dtype:
    """NumPy's dtype of an array or tensor."""
    return np.dtype(getattr(values.dtype, "as_numpy_dtype", values.dtype))
