"""Standardise columns in blocks of rows, so that a file may be larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import assert_all_finite, gen_batches

_BLOCK_BYTES = 32 * 2**20
_LARGEST_RARE = 10.0
"""Largest root mean square of the rare values of a column after standardisation."""


class Standardization:
    """Location and scale of each column.

    Parameters
    ----------
    mode : {"auto", "columns", "table", "none"}
        ``"columns"`` divides each column by its standard deviation, ``"table"`` all columns by
        the root mean square of the standard deviations; both subtract the mean of each column.
        ``"none"`` leaves X unchanged.

        ``"auto"`` is ``"table"`` if X looks like pixels or colours: at least half of the columns
        that are not constant have the same smallest and the same largest value, and each of the
        others has one of the two and stays between them. Otherwise it is ``"columns"`` with a
        lower bound of the scale for columns that have their smallest (or largest) value in more
        than half of the rows, such as a rare category: a tenth of the root mean square difference
        from that value in the other rows. A one among zeros is then at most 10.

    Attributes
    ----------
    location, scale : float array of shape (n_columns,)
    variance : float64 array of shape (n_columns,)
        Variance of each column of X.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.standardization import Standardization
    >>> X = np.array([[0.0, 10.0], [2.0, 30.0]])
    >>> Standardization("columns").fit(X).apply(X).tolist()
    [[-1.0, -1.0], [1.0, 1.0]]
    """

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.total_weight = 0.0
        self._is_resumed = False

    def fit(
        self, X: np.ndarray, sample_weight: np.ndarray | None = None, dtype: Any = None
    ) -> Standardization:
        """Estimate location and scale; a second call adds further rows.

        X has shape (n, ..., n_columns): axes between the first and the last count as further rows.
        ``sample_weight`` has shape (n,). Location and scale have the ``dtype``, that of X if None.
        NaN, infinity and values too large to be squared raise a ValueError.
        """
        for rows in self._blocks(X):
            block = np.asarray(X[rows])
            assert_all_finite(block, input_name="X")
            weight = np.ones(len(block)) if sample_weight is None else sample_weight[rows]
            block = block.reshape(-1, X.shape[-1])
            weight = np.repeat(weight, len(block) // len(weight))
            # `_finish` raises an error after an overflow.
            with np.errstate(over="ignore", invalid="ignore"):
                self._add(
                    block.astype(np.float64, copy=False), weight.astype(np.float64, copy=False)
                )
        self._finish(dtype or X.dtype)
        return self

    def apply(self, X: np.ndarray, columns: Any = slice(None)) -> np.ndarray:
        """Return X standardised; ``columns`` selects those of the fitted columns that X has."""
        return (X - self.location[columns]) / self.scale[columns]

    def to_keras(self, rows: Any, columns: np.ndarray | None = None) -> Any:
        """Apply to a symbolic tensor of shape (n, ..., n_columns) by Keras layers.

        Columns outside the bool mask ``columns`` become zero.
        """
        import keras

        scale = 1.0 / self.scale if columns is None else columns / self.scale
        # The location is subtracted first: in single precision, the products of large locations
        # would not cancel. Arrays keep double precision, which Keras would lose with lists.
        shift = keras.layers.Rescaling(np.ones_like(scale), -self.location, dtype=rows.dtype)
        return keras.layers.Rescaling(scale, dtype=rows.dtype)(shift(rows))

    def resumed(self) -> Standardization:
        """Return a copy for further rows, in which the choice of ``"auto"`` no longer changes.

        A changed choice would rescale all inputs of a network that is trained already.
        """
        copy = deepcopy(self)
        copy._is_resumed = True
        return copy

    def _blocks(self, X: np.ndarray) -> Iterator[slice]:
        # Blocks are converted to double precision.
        rows = max(1, _BLOCK_BYTES // max(1, 8 * X[:1].size))
        return gen_batches(len(X), rows)

    def _add(self, block: np.ndarray, weight: np.ndarray) -> None:
        """Update the mean and the sum of squares by a block (Chan, Golub and LeVeque, 1983)."""
        # Rows of zero weight are left out, so that they do not change the rounding.
        used, weight = block[weight > 0], weight[weight > 0]
        if not len(used):
            return
        total = weight.sum()
        mean = weight @ used / total
        squares = weight @ np.square(used - mean)
        extremes = (np.min, np.max) if self.mode == "auto" else ()
        bounds = [_Bound.of(used, weight, extreme) for extreme in extremes]
        if self.total_weight == 0:
            self._mean, self._squares, self._bounds = mean, squares, bounds
        else:
            new_total = self.total_weight + total
            difference = mean - self._mean
            self._squares += squares + difference**2 * self.total_weight * total / new_total
            self._mean = self._mean + difference * total / new_total
            pairs = zip(self._bounds, bounds, strict=True)
            self._bounds = [bound.merged(other) for bound, other in pairs]
        self.total_weight += total

    def _finish(self, dtype: Any) -> None:
        self.variance = self._squares / self.total_weight
        if not np.isfinite(self.variance).all():
            culprit = int(np.flatnonzero(~np.isfinite(self.variance))[0])
            raise ValueError(
                f"X must be finite and small enough to be squared, got too large values in column "
                f"{culprit}"
            )
        deviation = np.sqrt(self.variance)
        # A constant column has a tiny standard deviation because of rounding.
        varies = deviation > 1e-10 * np.maximum(np.abs(self._mean), np.finfo(np.float64).tiny)
        scale = np.where(varies, deviation, 1.0)
        mode = self.mode
        if mode == "auto" and not self._is_resumed:
            self._is_image = self._has_common_bounds(varies)
        if mode == "auto" and self._is_image:
            mode = "table"
        elif mode == "auto":
            for bound in self._bounds:
                least = self._rare_difference(bound) / _LARGEST_RARE
                scale = np.maximum(scale, np.where(varies, least, 0.0))
        if mode == "table" and varies.any():
            scale = np.full_like(scale, np.sqrt(np.mean(deviation[varies] ** 2)))
        location = self._mean
        if mode == "none":
            location, scale = np.zeros_like(location), np.ones_like(scale)
        self.location, self.scale = location.astype(dtype), scale.astype(dtype)

    def _has_common_bounds(self, varies: np.ndarray) -> bool:
        """Whether the columns that vary have the same bounds, like the pixels of images."""
        if varies.sum() < 2:
            return False
        low, high = (bound.value[varies] for bound in self._bounds)
        at_low, at_high = low == low.min(), high == high.max()
        return (at_low | at_high).all() and 2 * (at_low & at_high).sum() >= varies.sum()

    def _rare_difference(self, bound: _Bound) -> np.ndarray:
        """Root mean square difference from a bound that most rows have; 0 if most do not."""
        others = self.total_weight - bound.weight
        squares = self._squares + self.total_weight * (self._mean - bound.value) ** 2
        rare = (others > 0) & (others < self.total_weight / 2)
        return np.sqrt(np.where(rare, squares / np.where(rare, others, 1.0), 0.0))


@dataclass
class _Bound:
    """Smallest or largest value of each column, and the total weight of the rows with it."""

    value: np.ndarray
    weight: np.ndarray
    extreme: Callable

    @classmethod
    def of(cls, block: np.ndarray, weight: np.ndarray, extreme: Callable) -> _Bound:
        value = extreme(block, axis=0)
        return cls(value, weight @ (block == value), extreme)

    def merged(self, other: _Bound) -> _Bound:
        """Bound of the rows of both."""
        value = self.extreme([self.value, other.value], axis=0)
        weight = sum(one.weight * (one.value == value) for one in (self, other))
        return _Bound(value, weight, self.extreme)
