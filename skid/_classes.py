"""What classifiers of all kinds ask of the classes of y and of their weights."""

import numpy as np


def check_several_classes(classes: np.ndarray) -> None:
    """Raise a ValueError unless there are at least two classes."""
    if len(classes) < 2:
        raise ValueError(
            f"y holds only one class, {classes.tolist()[0]!r}: a classifier needs at least two"
        )


def check_same_classes(before: np.ndarray, now: np.ndarray) -> None:
    """Raise a ValueError unless a warm start goes on with the classes of the last fit."""
    if not np.array_equal(before, now):
        raise ValueError(f"warm_start goes on with the classes {before}, but these are now {now}")


def check_class_weights(class_weight, weights: np.ndarray) -> None:
    """Raise a ValueError unless the weights that rows get by their class mean something."""
    if not (weights >= 0).all() or not weights.any():
        raise ValueError(
            f"class_weight={class_weight} must be at least 0, and above 0 for a class of y"
        )
