"""Checks of single parameters, made by the objects that take them."""

import math
from numbers import Integral, Real
from typing import Any, TypeGuard

import numpy as np


def is_integer(value: Any) -> TypeGuard[int]:
    """Whether the value is an integer; True and False do not count."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: Any) -> TypeGuard[float]:
    """Whether the value is a finite real number; True and False do not count."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def check_positive(name: str, value: Any) -> None:
    """Raise a ValueError unless the value is a finite number above 0."""
    if not (is_number(value) and value > 0):
        raise ValueError(f"{name} must be a finite number above 0, got {value!r}")


def check_at_least_zero(name: str, value: Any) -> None:
    """Raise a ValueError unless the value is a finite number of at least 0."""
    if not (is_number(value) and value >= 0):
        raise ValueError(f"{name} must be a finite number of at least 0, got {value!r}")


def check_count(name: str, value: Any, *, least: int = 1, most: int | None = None) -> None:
    """Raise a ValueError unless the value is an integer within the limits."""
    if not is_integer(value) or value < least or (most is not None and value > most):
        limit = "" if most is None else f" and at most {most}"
        raise ValueError(f"{name} must be an integer of at least {least}{limit}, got {value!r}")


def checked_grid_shape(name: str, shape: Any) -> tuple[int, int]:
    """Return the numbers of rows and columns, or raise a ValueError."""
    lengths = tuple(shape) if np.ndim(shape) == 1 else ()
    if len(lengths) != 2 or not all(is_integer(length) and length >= 1 for length in lengths):
        raise ValueError(f"{name} must be two integers of at least 1, got {shape!r}")
    return int(lengths[0]), int(lengths[1])
