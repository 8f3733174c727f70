"""Centre and scale the columns of a table, in blocks, so that a file can be larger than memory."""

import numpy as np
from sklearn.utils import assert_all_finite, gen_batches

_BLOCK_BYTES = 32 * 2**20


class Standardization:
    """Location and scale of each column.

    Parameters
    ----------
    mode : {"auto", "columns", "table", "none"}
        ``"columns"`` divides each column by its own standard deviation, ``"table"`` all columns
        by the same one, ``"none"`` leaves X as it is. ``"auto"`` is ``"table"`` where at
        least half of the columns that vary have the same smallest and the same largest value, as
        pixels and counts on a scale do: dividing rarely inked pixels by their own small
        deviation would blow them up. Else it is ``"columns"``.

    Attributes
    ----------
    location, scale : float array of shape (n_columns,)

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

    def fit(self, X: np.ndarray, sample_weight: np.ndarray | None = None) -> "Standardization":
        """Weighted moments of X; a second call goes on where the first one ended.

        Raises
        ------
        ValueError
            If X holds NaN or infinity.
        """
        for rows in self._blocks(X):
            block = np.asarray(X[rows])
            assert_all_finite(block, input_name="X")
            weight = np.ones(len(block)) if sample_weight is None else sample_weight[rows]
            self._add(block.astype(np.float64, copy=False), np.asarray(weight, np.float64))
        self._finish(X.dtype)
        return self

    def apply(self, X: np.ndarray, columns=slice(None)) -> np.ndarray:
        """Standardised copy of X, which holds only the given ``columns`` of the fitted table."""
        return (X - self.location[columns]) / self.scale[columns]

    def _blocks(self, X):
        rows = max(1, _BLOCK_BYTES // max(1, X[:1].nbytes))
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
        if self.total_weight == 0:
            self._mean, self._squares = mean, squares
            self._low, self._high = used.min(axis=0), used.max(axis=0)
        else:
            both = self.total_weight + total
            difference = mean - self._mean
            self._squares += squares + difference**2 * self.total_weight * total / both
            self._mean = self._mean + difference * total / both
            self._low = np.minimum(self._low, used.min(axis=0))
            self._high = np.maximum(self._high, used.max(axis=0))
        self.total_weight += total

    def _finish(self, dtype) -> None:
        deviation = np.sqrt(self._squares / self.total_weight)
        # Rounding leaves a constant column with a tiny deviation.
        varies = deviation > 1e-10 * np.maximum(np.abs(self._mean), np.finfo(np.float64).tiny)
        scale = np.where(varies, deviation, 1.0)
        mode = self.mode
        if mode == "auto":
            mode = "table" if self._shares_bounds(varies) else "columns"
        if mode == "table" and varies.any():
            scale = np.full_like(scale, np.sqrt(np.mean(deviation[varies] ** 2)))
        location = self._mean
        if mode == "none":
            location, scale = np.zeros_like(location), np.ones_like(scale)
        self.location, self.scale = location.astype(dtype), scale.astype(dtype)

    def _shares_bounds(self, varies: np.ndarray) -> bool:
        if varies.sum() < 2:
            return False
        return all(
            2 * np.unique(bound[varies], return_counts=True)[1].max() >= varies.sum()
            for bound in (self._low, self._high)
        )
