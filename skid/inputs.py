"""Standardised rows of any shape: columns of a table, features of items, channels of images."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from skid.engine.feed import in_memory
from skid.standardization import Standardization


class Inputs:
    """Standardise rows of X for a network.

    The last axis of X is that of the columns of a table, the features of an item or the channels
    of an image. Each is standardised over all other axes. Integers, such as the bytes of an
    image, become float32.

    Parameters
    ----------
    mode : {"auto", "columns", "table", "none"}
        See `Standardization`.
    """

    def __init__(self, mode: str) -> None:
        self.standardization = Standardization(mode)

    def fit(self, X: np.ndarray, weights: np.ndarray | None = None) -> Inputs:
        """Estimate location and scale; a second call adds further rows."""
        if not hasattr(self, "dtype"):
            self.row_shape = X.shape[1:]
            self.dtype = X.dtype if np.issubdtype(X.dtype, np.floating) else np.dtype(np.float32)
        self._check_shape(X)
        self.standardization.fit(X, weights, self.dtype)
        return self

    def apply(self, X: np.ndarray) -> np.ndarray:
        """Return X standardised, or raise a ValueError if its rows have another shape."""
        self._check_shape(X)
        return self.standardization.apply(X.astype(self.dtype, copy=False)).astype(
            self.dtype, copy=False
        )

    def to_keras(self, rows: Any) -> Any:
        """Apply to a symbolic tensor of raw rows by Keras layers."""
        return self.standardization.to_keras(rows)

    def resumed(self) -> Inputs:
        """Return a copy for further rows; see `Standardization.resumed`."""
        other = copy(self)
        other.standardization = self.standardization.resumed()
        return other

    def _check_shape(self, X: np.ndarray) -> None:
        if X.shape[1:] != self.row_shape:
            raise ValueError(
                f"X must have rows of shape {self.row_shape}, as in fit, got {X.shape[1:]}"
            )


def checked_rows(estimator: Any, X: Any, *, reset: bool, **checks: Any) -> np.ndarray:
    """Return X as a checked array of shape (n, ...).

    Floats keep their dtype, and so do integers with more than two axes, such as images. ``reset``
    and ``checks`` are arguments of ``sklearn.utils.validation.validate_data``.
    """
    image = getattr(X, "ndim", 2) > 2 and np.issubdtype(X.dtype, np.integer)
    return validate_data(
        estimator,
        X,
        dtype=None if image else (np.float64, np.float32),
        allow_nd=True,
        # The standardisation checks the blocks of a file in a fit.
        ensure_all_finite=in_memory(X) or not reset,
        reset=reset,
        **checks,
    )
