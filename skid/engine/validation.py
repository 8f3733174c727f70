"""Losses on the rows that a network never learns from, and what follows from them."""

from collections.abc import Callable

import numpy as np

from skid.engine.feed import Feed, padded_length
from skid.engine.program import Program

MAXIMUM_ROWS = 10_000
"""At most so many held-out rows of each network take part in a validation."""


def drawn_rows(
    rows: np.ndarray, at_most: int, random_state, labels: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """All of some rows, or about ``at_most`` of them, drawn at random.

    Of each class about ``at_most / 2`` rows over the number of classes are drawn at least, where
    there are so many, and one in any case: of a rare class a plain draw would hold next to none.

    Parameters
    ----------
    rows : int array
    at_most : int
    random_state : numpy.random.RandomState
    labels : int array of shape (n_rows,), optional
        Class of each row of the data.

    Returns
    -------
    rows : int array
        In rising order if they were drawn.
    shares : float array
        How many of ``rows`` each one that was drawn stands for.
    """
    if len(rows) <= at_most:
        return rows, np.ones(len(rows))
    own = np.zeros(len(rows), int) if labels is None else labels[rows]
    classes, counts = np.unique(own, return_counts=True)
    least = max(1, at_most // (2 * len(classes)))
    wanted = np.maximum(at_most * counts // len(rows), least)
    parts, shares = [], []
    for label, count, size in zip(classes, counts, np.minimum(wanted, counts), strict=True):
        parts.append(random_state.choice(rows[own == label], size, replace=False))
        shares.append(np.full(size, count / size))
    drawn = np.concatenate(parts)
    order = np.argsort(drawn)
    return drawn[order], np.concatenate(shares)[order]


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
        Draws the rows that are looked at where there are more than ``MAXIMUM_ROWS``.
    constants : dict of str to array, optional
    labels : int array of shape (n_rows,), optional
        Classes, of which none should be missing among the rows that are looked at.

    Attributes
    ----------
    weights : float array of shape (n_held_out,)
        Of the rows that are looked at, network after network: their sample weights, times the
        number of rows that each stands for.
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
        self.weights = np.concatenate([shares for _, shares in drawn])
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
    """Keeps the parameters with the least validation loss, and says when to stop.

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
        The best so far, the later one of equals. Every improvement is kept, be it within the
        tolerance.
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
        # A share of wrong answers is often the same twice; more training is then the better guess.
        if self.parameters is None or loss <= self._best_loss:
            self.parameters, self._best_loss = parameters, loss
        return self.patience is not None and self._waited >= self.patience
