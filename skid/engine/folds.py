"""Which rows networks learn from, which they are judged by, and how often."""

import math
from dataclasses import dataclass

import numpy as np

HELD_OUT_BYTES = 256 * 2**20
"""Rows are held out up to this size: they are validated at once."""


@dataclass
class Folds:
    """Rows that each network learns from, and those that it is judged by.

    Attributes
    ----------
    training : list of int array
    held_out : list of int array, or None
    """

    training: list
    held_out: list | None = None


@dataclass(frozen=True)
class Validation:
    """When to look at the held-out loss, and when to stop.

    Attributes
    ----------
    steps_between : int
        Steps from one validation to the next.
    patience : int or None
        Validations without an improvement by more than ``tolerance`` before the training stops.
        With None it does not stop, and the best parameters are kept.
    tolerance : float
    """

    steps_between: int
    patience: int | None
    tolerance: float


def check_rows_to_split(n_rows: int) -> None:
    """Raise a ValueError if there are too few rows to learn from some and be judged by others."""
    if n_rows < 2:
        raise ValueError(
            "early_stopping=True needs at least 2 samples of some weight, "
            f"but there is {n_rows} sample"
        )


def split_rows(rows: np.ndarray, share: float, X: np.ndarray, random_state) -> Folds:
    """Rows of X for a network to learn from, and about a ``share`` of them to judge it by.

    Raises
    ------
    ValueError
        If there are fewer than two rows.
    """
    check_rows_to_split(len(rows))
    n_held_out = min(math.ceil(share * len(rows)), max(1, HELD_OUT_BYTES // max(1, X[:1].nbytes)))
    order = random_state.permutation(rows)
    return Folds([np.sort(order[n_held_out:])], [np.sort(order[:n_held_out])])


def folds_of(
    estimator, rows: np.ndarray, X: np.ndarray, epoch: int, random_state, *, one_pass: bool
) -> tuple[Folds, Validation | None]:
    """Rows to learn from and rows to be judged by once an epoch, if ``early_stopping`` is true."""
    wanted = estimator.early_stopping
    if one_pass or isinstance(wanted, str) or not wanted:
        return Folds([rows]), None
    folds = split_rows(rows, estimator.validation_fraction, X, random_state)
    return folds, Validation(epoch, estimator.n_iter_no_change, estimator.tol)
