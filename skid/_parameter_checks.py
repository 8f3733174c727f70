"""Checks of parameters of solvers, gradient rules and noise, made when the object is made."""

from numbers import Integral, Real
from typing import Any

import numpy as np


def is_number(value: Any) -> bool:
    """Whether the value is a finite real number; true and false are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and bool(np.isfinite(value))


def check_positive(name: str, value: Any) -> None:
    """Raise a ValueError unless the value is a finite number above 0."""
    if not (is_number(value) and value > 0):
        raise ValueError(f"{name} must be a finite number above 0, but is {value!r}.")


def check_at_least_zero(name: str, value: Any) -> None:
    """Raise a ValueError unless the value is a finite number of at least 0."""
    if not (is_number(value) and value >= 0):
        raise ValueError(f"{name} must be a finite number of at least 0, but is {value!r}.")


def check_count(name: str, value: Any, *, least: int = 1, most: int | None = None) -> None:
    """Raise a ValueError unless the value is an integer, and within the limits."""
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_integer or value < least or (most is not None and value > most):
        limit = "" if most is None else f" and at most {most}"
        raise ValueError(f"{name} must be an integer of at least {least}{limit}, but is {value!r}.")
