"""The check of a grid's number of rows and columns."""

from __future__ import annotations

from numbers import Integral
from typing import Any


def checked_sides(sides: Any, name: str) -> tuple[int, int]:
    """Return rows and columns of a grid of at least two cells.

    Parameters
    ----------
    sides : tuple of (int, int)
    name : str
        What to call them in an error.

    Returns
    -------
    tuple of (int, int)

    Raises
    ------
    ValueError
        If they are not two integers of at least 1, or both are 1.

    Examples
    --------
    >>> from skid.datasets.shapes import checked_sides
    >>> checked_sides((1, 1), "grid")
    Traceback (most recent call last):
        ...
    ValueError: grid must be two integers of at least 1, one of them larger, but is (1, 1).
    """
    fits = len(sides) == 2 and all(
        isinstance(side, Integral) and not isinstance(side, bool) and side >= 1 for side in sides
    )
    if not fits or max(sides) < 2:
        raise ValueError(
            f"{name} must be two integers of at least 1, one of them larger, but is {sides}."
        )
    return int(sides[0]), int(sides[1])
