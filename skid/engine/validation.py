"""Validation on held-out rows, and early stopping."""

from collections.abc import Callable

import numpy as np

from skid.engine.feed import Feed, padded_length
from skid.engine.program import Program

MAXIMUM_ROWS = 10_000
"""Largest number of held-out rows of a network that are used in a validation."""


def drawn_rows(
    rows: np.ndarray, at_most: int, random_state, labels: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """All rows, or about ``at_most`` of them, and how many rows each of them stands for.

    With ``labels``, the class of each row of the data, at least about ``at_most / 2`` rows divided
    by the number of classes are drawn of each class: a plain draw would miss a rare class.
    """
    if len(rows) <= at_most:
        return rows, np.ones(len(rows))
    labels = np.zeros(len(rows), int) if labels is None else labels[rows]
    classes, counts = np.unique(labels, return_counts=True)
    least = max(1, at_most // (2 * len(classes)))
    wanted = np.maximum(at_most * counts // len(rows), least)
    parts, multiples = [], []
    for label, count, size in zip(classes, counts, np.minimum(wanted, counts), strict=True):
        parts.append(random_state.choice(rows[labels == label], size, replace=False))
        multiples.append(np.full(size, count / size))
    drawn = np.concatenate(parts)
    order = np.argsort(drawn)
    return drawn[order], np.concatenate(multiples)[order]


class HeldOut:
    """Validation of several networks, each on its own held-out rows.

    Parameters
    ----------
    program : Program
    feed : Feed
        Where the rows come from.
    sets : list of int array
        Held-out rows of each network.
    weights : float array of shape (n_rows,), or None
        Sample weights; None weighs all rows alike.
    control : array of shape (n_controls,)
        Controls under which the loss is taken.
    random_state : numpy.random.RandomState
        Draws the rows in use where there are more than ``MAXIMUM_ROWS``.
    constants : dict of str to array, optional
    labels : int array of shape (n_rows,), optional
        Classes, none of which should be missing among the rows in use.

    Attributes
    ----------
    weights : float array of shape (n_held_out,)
        Sample weights of the rows in use, network after network, times the number of rows that
        each of them stands for.
    """

    def __init__(
        self,
        program: Program,
        feed: Feed,
        sets,
        weights: np.ndarray | None,
        control: np.ndarray,
        random_state,
        constants: dict | None = None,
        labels: np.ndarray | None = None,
    ) -> None:
        drawn = [drawn_rows(rows, MAXIMUM_ROWS, random_state, labels) for rows in sets]
        sets = [rows for rows, _ in drawn]
        length = padded_length(max(map(len, sets)))
        self._used = np.zeros((len(sets), length), bool)
        rows = np.zeros((len(sets), length), np.int64)
        for network, held_out in enumerate(sets):
            rows[network, : len(held_out)] = held_out
            self._used[network, : len(held_out)] = True
        self.weights = np.concatenate([multiples for _, multiples in drawn])
        if weights is not None:
            self.weights = weights[rows[self._used]] * self.weights
        self._data, self._rows = feed.select(rows)
        self._program = program
        self._control = control
        self._constants = constants or {}

    def losses(self, parameters: dict) -> np.ndarray:
        """Loss of each held-out row, shape (n_held_out,)."""
        losses = self._program.evaluate(
            parameters, self._data, self._constants, self._rows, self._control
        )
        return losses[self._used]

    def loss(self, parameters: dict) -> float:
        """Weighted mean of the losses."""
        if not self.weights.any():
            return float(np.mean(self.losses(parameters)))
        return float(np.average(self.losses(parameters), weights=self.weights))


class EarlyStopping:
    """Keeps the parameters with the smallest validation loss, and decides when to stop.

    Parameters
    ----------
    validate : callable
        Validation loss of the given parameters.
    steps_between : int
        Steps from one validation to the next.
    patience : int or None
        Validations without an improvement by more than ``tolerance`` before the training stops.
    tolerance : float

    Attributes
    ----------
    parameters : dict of str to tensor, or None
        The best so far, of ties the later. Improvements within the tolerance are kept as well.
    validations : list of (int, float)
        Number of steps taken and validation loss, for each validation.
    """

    def __init__(
        self,
        validate: Callable[[dict], float],
        steps_between: int,
        *,
        patience: int | None = None,
        tolerance: float = 0.0,
    ) -> None:
        self.validate = validate
        self.steps_between = steps_between
        self.patience = patience
        self.tolerance = tolerance
        self.parameters: dict | None = None
        self.validations: list[tuple[int, float]] = []
        self._best_loss = np.inf
        self._waited = 0

    def look(self, parameters: dict, n_steps: int) -> bool:
        """Validate parameters reached after ``n_steps``; true if the training should stop."""
        loss = self.validate(parameters)
        self.validations.append((n_steps, loss))
        self._waited = 0 if loss < self._best_loss - self.tolerance else self._waited + 1
        # An error rate is often the same twice: the longer training is then the better guess.
        if self.parameters is None or loss <= self._best_loss:
            self.parameters, self._best_loss = parameters, loss
        return self.patience is not None and self._waited >= self.patience
