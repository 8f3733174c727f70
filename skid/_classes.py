"""Checks of the classes of y and of their weights."""

from typing import Any

import numpy as np


def check_several_classes(classes: np.ndarray) -> None:
    """Raise a ValueError unless there are at least two classes."""
    if len(classes) < 2:
        raise ValueError(
            f"y must have at least two classes, got {len(classes)} class, {classes.tolist()[0]!r}"
        )


def check_same_classes(before: np.ndarray, now: np.ndarray) -> None:
    """Raise a ValueError unless the classes are those of the last fit."""
    if not np.array_equal(before, now):
        raise ValueError(
            f"classes must be those of the last fit for warm_start=True, {before}, got {now}"
        )


def check_class_weights(class_weight: Any, weights: np.ndarray) -> None:
    """Raise a ValueError unless no row has a weight below 0 by its class, and one is above 0."""
    if not (weights >= 0).all() or not weights.any():
        raise ValueError(
            f"class_weight must be at least 0, and above 0 for a class of y, got {class_weight}"
        )
