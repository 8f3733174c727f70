"""Losses on the rows that a network never learns from."""

import numpy as np

from skid.engine.feed import Feed, padded_length
from skid.engine.program import Program

MAXIMUM_ROWS = 10_000
"""At most so many held-out rows of each network take part in a validation."""


class HeldOut:
    """Validation of several networks, each on its own held-out rows.

    Parameters
    ----------
    program : Program
    feed : Feed
        Where the rows come from.
    sets : list of int array
        Held-out rows of each network.
    weights : float array of shape (n_rows,)
        Sample weights.
    control : array of shape (n_controls,)
        Controls under which the loss is taken.
    random_state : numpy.random.RandomState
        Draws the rows that are looked at where there are more than ``MAXIMUM_ROWS``.
    constants : dict of str to array, optional

    Attributes
    ----------
    weights : float array of shape (n_held_out,)
        Sample weights of the rows that are looked at, network after network.
    """

    def __init__(
        self,
        program: Program,
        feed: Feed,
        sets,
        weights: np.ndarray,
        control: np.ndarray,
        random_state,
        constants: dict | None = None,
    ) -> None:
        if max(map(len, sets)) > MAXIMUM_ROWS:
            sets = [
                np.sort(random_state.choice(rows, min(MAXIMUM_ROWS, len(rows)), replace=False))
                for rows in sets
            ]
        length = padded_length(max(map(len, sets)))
        self._used = np.zeros((len(sets), length), bool)
        rows = np.zeros((len(sets), length), np.int64)
        for network, held_out in enumerate(sets):
            rows[network, : len(held_out)] = held_out
            self._used[network, : len(held_out)] = True
        self.weights = weights[rows[self._used]]
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
