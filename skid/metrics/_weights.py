"""Check of sample weights."""

from typing import Any

import numpy as np


def checked_weights(sample_weight: Any, n: int) -> np.ndarray:
    """Return the weights as floats, or ones if None.

    Raises
    ------
    ValueError
        If the shape is not (n,), a weight is negative or not finite, or all are zero.
    """
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight must have shape ({n},), got {weights.shape}")
    if not np.isfinite(weights).all() or weights.min() < 0 or weights.sum() == 0:
        raise ValueError(
            "sample_weight must be finite and at least 0, and above 0 for one instance, "
            f"got values from {weights.min()} to {weights.max()}"
        )
    return weights
