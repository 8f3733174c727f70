"""Centre and scale columns, in blocks, so that a file can be larger than memory."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from sklearn.utils import assert_all_finite, gen_batches

_BLOCK_BYTES = 32 * 2**20
_LARGEST_RARE = 10.0
"""Size of what is rare, in units of the scale."""


class Standardization:
    """Location and scale of each column.

    Parameters
    ----------
    mode : {"auto", "columns", "table", "none"}
        ``"columns"`` divides each column by its own standard deviation, ``"table"`` all columns
        by the same one, ``"none"`` leaves X as it is. ``"auto"`` is ``"table"`` for a table of
        pixels or colours: at least half of the columns that vary share the same smallest and the
        same largest value, and each of the others reaches one of the two and exceeds neither.
        Otherwise it is ``"columns"``, with a floor for columns that have their smallest (or
        largest) value in more than half of the rows, such as a rare category, whose own tiny
        deviation would blow up what is rare. They are divided by at least a tenth of the root
        mean square difference from that value in the other rows, so that a one among zeros is at
        most 10.

    Attributes
    ----------
    location, scale : float array of shape (n_columns,)
    variance : float array of shape (n_columns,)
        In the units of X, in double precision.

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
        self._settled = False

    def fit(
        self, X: np.ndarray, sample_weight: np.ndarray | None = None, dtype=None
    ) -> "Standardization":
        """Weighted moments of X; a second call goes on where the first one ended.

        Parameters
        ----------
        X : array of shape (n, ..., n_columns)
            Axes in between count as further rows.
        sample_weight : array of shape (n,), optional
        dtype : dtype, optional
            Of location and scale; that of X by default, which must be floating then.

        Raises
        ------
        ValueError
            If X holds NaN or infinity.
        """
        for rows in self._blocks(X):
            block = np.asarray(X[rows])
            assert_all_finite(block, input_name="X")
            weight = np.ones(len(block)) if sample_weight is None else sample_weight[rows]
            block = block.reshape(-1, X.shape[-1])
            weight = np.repeat(weight, len(block) // len(weight))
            # What overflows is refused at the end.
            with np.errstate(over="ignore", invalid="ignore"):
                self._add(
                    block.astype(np.float64, copy=False), weight.astype(np.float64, copy=False)
                )
        self._finish(dtype or X.dtype)
        return self

    def apply(self, X: np.ndarray, columns=slice(None)) -> np.ndarray:
        """Standardised copy of X, which holds only the given ``columns`` of the fitted ones."""
        return (X - self.location[columns]) / self.scale[columns]

    def to_keras(self, rows, columns=None):
        """What ``apply`` does as Keras layers, on a symbolic tensor of shape (n, ..., n_columns).

        Columns outside the bool mask ``columns`` become zero.
        """
        import keras

        scale = 1.0 / self.scale if columns is None else columns / self.scale
        # Large locations go first: in single precision, products of them would not cancel.
        # Of lists, Keras would keep no more than single precision.
        shift = keras.layers.Rescaling(np.ones_like(scale), -self.location, dtype=rows.dtype)
        return keras.layers.Rescaling(scale, dtype=rows.dtype)(shift(rows))

    def going_on(self) -> "Standardization":
        """A copy that learns from further rows, and no longer changes what ``"auto"`` stands for.

        A network that is trained by now would see all its inputs jump.
        """
        copy = deepcopy(self)
        copy._settled = True
        return copy

    def _blocks(self, X):
        # In double precision, whatever the bytes of X are.
        rows = max(1, _BLOCK_BYTES // max(1, 8 * X[:1].size))
        return gen_batches(len(X), rows)

    def _add(self, block: np.ndarray, weight: np.ndarray) -> None:
        """Chan, Golub and LeVeque's update of a mean and a sum of squares by a block."""
        # Rows without weight are left out, so that they do not even change the rounding.
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
            both = self.total_weight + total
            difference = mean - self._mean
            self._squares += squares + difference**2 * self.total_weight * total / both
            self._mean = self._mean + difference * total / both
            self._bounds = [
                one.joined(other) for one, other in zip(self._bounds, bounds, strict=True)
            ]
        self.total_weight += total

    def _finish(self, dtype) -> None:
        self.variance = self._squares / self.total_weight
        if not np.isfinite(self.variance).all():
            culprit = int(np.flatnonzero(~np.isfinite(self.variance))[0])
            raise ValueError(
                f"the values of column {culprit} of X are too large to be squared, or not finite"
            )
        deviation = np.sqrt(self.variance)
        # Rounding leaves a constant column with a tiny deviation.
        varies = deviation > 1e-10 * np.maximum(np.abs(self._mean), np.finfo(np.float64).tiny)
        scale = np.where(varies, deviation, 1.0)
        mode = self.mode
        if mode == "auto" and not self._settled:
            self._as_pixels = self._are_pixels(varies)
        if mode == "auto" and self._as_pixels:
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

    def _are_pixels(self, varies: np.ndarray) -> bool:
        """Whether the columns that vary have their bounds in common."""
        if varies.sum() < 2:
            return False
        low, high = (bound.value[varies] for bound in self._bounds)
        reach_low, reach_high = low == low.min(), high == high.max()
        return (reach_low | reach_high).all() and 2 * (reach_low & reach_high).sum() >= varies.sum()

    def _rare_difference(self, bound: "_Bound") -> np.ndarray:
        """Root mean square difference from a bound where it is rare to differ, else 0."""
        others = self.total_weight - bound.weight
        squares = self._squares + self.total_weight * (self._mean - bound.value) ** 2
        rare = (others > 0) & (others < self.total_weight / 2)
        return np.sqrt(np.where(rare, squares / np.where(rare, others, 1.0), 0.0))


@dataclass
class _Bound:
    """The smallest or the largest value of each column, and the weight of the rows that have it."""

    value: np.ndarray
    weight: np.ndarray
    extreme: Callable

    @classmethod
    def of(cls, block: np.ndarray, weight: np.ndarray, extreme: Callable) -> "_Bound":
        value = extreme(block, axis=0)
        return cls(value, weight @ (block == value), extreme)

    def joined(self, other: "_Bound") -> "_Bound":
        """Bound of the rows of both."""
        value = self.extreme([self.value, other.value], axis=0)
        weight = sum(one.weight * (one.value == value) for one in (self, other))
        return _Bound(value, weight, self.extreme)
