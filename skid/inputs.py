"""Rows of any shape, standardised: tables, items with features of their own, images."""

from copy import copy

import numpy as np
from sklearn.utils.validation import validate_data

from skid.engine.feed import in_memory
from skid.standardization import Standardization


class Inputs:
    """How rows of X enter the network.

    The columns of a table are standardised as `Standardization` says. In an array of more axes the
    last one holds the features of an item or the channels of an image, and each is standardised
    over all other axes. Integers, such as the bytes of an image, become float32.

    Parameters
    ----------
    mode : {"auto", "columns", "table", "none"}
    """

    def __init__(self, mode: str) -> None:
        self.standardization = Standardization(mode)

    def fit(self, X: np.ndarray, weights: np.ndarray) -> "Inputs":
        """Learn the location and scale of each feature; a second call goes on from the first."""
        if not hasattr(self, "dtype"):
            self.row_shape = X.shape[1:]
            self.dtype = X.dtype if np.issubdtype(X.dtype, np.floating) else np.dtype(np.float32)
        self._check_shape(X)
        self.standardization.fit(X, weights, self.dtype)
        return self

    def apply(self, X: np.ndarray) -> np.ndarray:
        """Standardised copy of rows of X.

        Raises
        ------
        ValueError
            If the rows have another shape than those of the fit.
        """
        self._check_shape(X)
        return self.standardization.apply(X.astype(self.dtype, copy=False)).astype(
            self.dtype, copy=False
        )

    def to_keras(self, rows):
        """What ``apply`` does as Keras layers, on a symbolic tensor of raw rows."""
        return self.standardization.to_keras(rows)

    def going_on(self) -> "Inputs":
        """A copy that learns from further rows, see :meth:`Standardization.going_on`."""
        other = copy(self)
        other.standardization = self.standardization.going_on()
        return other

    def _check_shape(self, X: np.ndarray) -> None:
        if X.shape[1:] != self.row_shape:
            raise ValueError(
                f"X must have rows of the shape {self.row_shape}, as in fit, "
                f"but has rows of the shape {X.shape[1:]}"
            )


def checked_rows(estimator, X, *, reset: bool, **checks) -> np.ndarray:
    """X in its own precision; integers of more than two axes, such as images, stay integers.

    Parameters
    ----------
    estimator : estimator
        Takes down, or is compared with, the number and names of the columns.
    X : array-like of shape (n, ...)
    reset : bool
        Whether this is a fit.
    **checks
        Further arguments of scikit-learn's ``validate_data``.
    """
    image = getattr(X, "ndim", 2) > 2 and np.issubdtype(X.dtype, np.integer)
    return validate_data(
        estimator,
        X,
        dtype=None if image else (np.float64, np.float32),
        allow_nd=True,
        # A fit looks at each block of a file when it learns the scale.
        ensure_all_finite=in_memory(X) or not reset,
        reset=reset,
        **checks,
    )
