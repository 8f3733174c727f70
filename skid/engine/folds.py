"""Which rows networks learn from, and which rows validate them."""

import math
from dataclasses import dataclass

import numpy as np

HELD_OUT_BYTES = 256 * 2**20
"""Largest size of the rows that are held out: they are validated at once."""


@dataclass
class Folds:
    """Rows that each network learns from, and those that validate it.

    Attributes
    ----------
    training : list of int array
    held_out : list of int array, or None
    """

    training: list[np.ndarray]
    held_out: list[np.ndarray] | None = None


def check_rows_to_split(n_rows: int) -> None:
    """Raise a ValueError if there are too few rows to hold one out."""
    if n_rows < 2:
        raise ValueError(
            f"early_stopping=True needs at least 2 samples of positive weight, got {n_rows} sample"
        )


def split_rows(rows: np.ndarray, fraction: float, X: np.ndarray, random_state) -> Folds:
    """Rows of X for a network to learn from, with about a ``fraction`` of them held out.

    Raises
    ------
    ValueError
        If there are fewer than two rows.
    """
    check_rows_to_split(len(rows))
    limit = max(1, HELD_OUT_BYTES // max(1, X[:1].nbytes))
    n_held_out = min(math.ceil(fraction * len(rows)), limit)
    order = random_state.permutation(rows)
    return Folds([np.sort(order[n_held_out:])], [np.sort(order[:n_held_out])])
