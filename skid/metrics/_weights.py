"""Weights of what a metric takes a mean over."""

from typing import Any

import numpy as np


def checked_weights(sample_weight: Any, n: int) -> np.ndarray:
    """Weights as given, or ones.

    Raises
    ------
    ValueError
        If there is not one for each of the ``n`` instances, one is negative or not finite, or all
        are zero.
    """
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight must have the shape ({n},), but has {weights.shape}.")
    if not np.isfinite(weights).all() or weights.min() < 0 or weights.sum() == 0:
        raise ValueError(
            "sample_weight must be finite and at least 0, and above 0 for one instance: "
            f"found values from {weights.min()} to {weights.max()}."
        )
    return weights
