"""Features of documents: logarithms of counts and lengths, which are common in text search."""

import math
from typing import Any, Self

import numpy as np
from sklearn.utils import assert_all_finite

from skid.engine.feed import row_blocks
from skid.inputs import Inputs

HEAVY_TAILS = 6.0
"""Kurtosis above which the logarithm of a column is used; that of a normal variable is 3."""
UNIT_QUANTILE = 0.05
ROWS_TO_JUDGE_BY = 100_000


class DocumentInputs(Inputs):
    """`Inputs` in which columns with heavy tails are first ``sign(x) log(1 + |x| / unit)``.

    The unit is a small quantile of the absolute values that are not zero, so that the result does
    not depend on the scale of the column. This applies only to tables, and to the mode ``"auto"``.
    ``tails`` are the columns with heavy tails, ``units`` their units.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.learning_to_rank._features import DocumentInputs
    >>> X = np.random.RandomState(0).normal(size=(1000, 3))
    >>> X[:, 1] = np.exp(2 * X[:, 1])
    >>> DocumentInputs("auto").fit(X).tails.tolist()
    [1]
    """

    def __init__(self, mode: str) -> None:
        super().__init__(mode)
        self.takes_logarithms = mode == "auto"
        self.tails, self.units = np.zeros(0, int), np.zeros(0)

    def fit(self, X: np.ndarray, weights: np.ndarray | None = None) -> Self:
        """Find the heavy tails, then learn location and scale in blocks."""
        if self.takes_logarithms and X.ndim == 2:
            step = math.ceil(len(X) / ROWS_TO_JUDGE_BY)
            self._find_tails(np.asarray(X[::step], np.float64))
        for rows in row_blocks(X):
            block = self._squashed(np.asarray(X[rows]))
            super().fit(block, None if weights is None else weights[rows])
        return self

    def apply(self, X: np.ndarray) -> np.ndarray:
        """Standardised copy of rows of X, see :meth:`Inputs.apply`."""
        return super().apply(self._squashed(X))

    def to_keras(self, rows: Any) -> Any:
        """The same as Keras layers, see :meth:`Inputs.to_keras`."""
        from keras import ops

        if len(self.tails):
            units = np.full(self.row_shape, np.inf, self.dtype)
            units[self.tails] = self.units
            squashed = ops.sign(rows) * ops.log1p(ops.abs(rows) / units)
            rows = ops.where(np.isfinite(units), squashed, rows)
        return super().to_keras(rows)

    def _find_tails(self, X: np.ndarray) -> None:
        assert_all_finite(X, input_name="X")
        largest = np.abs(X).max(axis=0)
        centred = X / np.where(largest > 0, largest, 1.0)
        centred -= centred.mean(axis=0)
        squares = np.mean(centred**2, axis=0)
        # A constant column may have a tiny deviation due to rounding.
        varies = squares > 1e-20
        fourth = np.mean(centred**4, axis=0)
        kurtosis = np.divide(fourth, squares**2, where=varies, out=np.zeros_like(squares))
        self.tails = np.flatnonzero(kurtosis > HEAVY_TAILS)
        self.units = np.array(
            [np.quantile(np.abs(x[x != 0]), UNIT_QUANTILE) for x in X.T[self.tails]]
        )

    def _squashed(self, X: np.ndarray) -> np.ndarray:
        if not len(self.tails):
            return X
        X = np.array(X)
        values = X[:, self.tails].astype(np.float64)
        X[:, self.tails] = np.sign(values) * np.log1p(np.abs(values) / self.units)
        return X
