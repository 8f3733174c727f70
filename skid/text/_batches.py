"""Batches of texts of nearly the same length."""

import math
from collections.abc import Iterator

import numpy as np

BATCHES_SORTED_TOGETHER = 24
"""A larger number means less padding, but less random batches."""
TOKENS_OF_BATCH = 2**18
"""A batch with more tokens is split, so that one very long text does not fill the memory."""


class LengthBatches:
    """Endless shuffled passes over texts, cut into batches of nearly the same length.

    The texts of several batches are drawn together, sorted by length, cut, and the batches are
    shuffled. Batches continue across the end of a pass, so that every text is used once in each
    pass. ``lengths`` is the number of tokens of every text, not only of those in ``rows``.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.text._batches import LengthBatches
    >>> lengths = np.array([9, 1, 8, 2])
    >>> batches = LengthBatches(np.arange(4), lengths, 2, shuffle=True,
    ...                         random_state=np.random.RandomState(0))
    >>> sorted(np.sort(lengths[batches.draw(2)]).tolist())
    [[1, 2], [8, 9]]
    """

    def __init__(
        self,
        rows: np.ndarray,
        lengths: np.ndarray,
        batch_size: int,
        *,
        shuffle: bool,
        random_state: np.random.RandomState,
    ) -> None:
        self.rows = np.asarray(rows, np.int32)
        self.lengths = lengths
        self.rows_per_step = min(batch_size, len(self.rows))
        self._shuffle = shuffle
        self._random = random_state
        self._stream = self.rows[:0]
        self._batches: list[np.ndarray] = []

    def draw(self, n_steps: int) -> np.ndarray:
        """Rows of the next steps, int32 of shape (n_steps, rows_per_step).

        Batches of very long texts are filled with the index ``len(lengths)``: the data have one
        additional row, of weight zero.
        """
        while len(self._batches) < n_steps:
            self._batches += self._next_batches()
        drawn, self._batches = self._batches[:n_steps], self._batches[n_steps:]
        return np.stack(drawn)

    def _next_batches(self) -> list[np.ndarray]:
        n_batches = min(BATCHES_SORTED_TOGETHER, math.ceil(len(self.rows) / self.rows_per_step))
        count = n_batches * self.rows_per_step
        while len(self._stream) < count:
            rows = self._random.permutation(self.rows) if self._shuffle else self.rows
            self._stream = np.concatenate([self._stream, rows])
        rows, self._stream = self._stream[:count], self._stream[count:]
        rows = rows[np.argsort(self.lengths[rows], kind="stable")]
        batches = []
        for batch in rows.reshape(n_batches, self.rows_per_step):
            for part in blocks_of_rows(batch, self.lengths, TOKENS_OF_BATCH):
                filler = np.full(len(batch) - len(part), len(self.lengths), np.int32)
                batches.append(np.concatenate([part, filler]))
        if self._shuffle:
            batches = [batches[index] for index in self._random.permutation(len(batches))]
        return batches


def blocks_of_rows(rows: np.ndarray, lengths: np.ndarray, n_tokens: int) -> Iterator[np.ndarray]:
    """Parts of rows sorted by length, which are padded to at most ``n_tokens`` tokens each."""
    start = 0
    while start < len(rows):
        # All rows of a part are padded to the length of its last one.
        padded = np.maximum(lengths[rows[start:]], 1) * np.arange(1, len(rows) - start + 1)
        stop = start + max(1, int(np.searchsorted(padded, n_tokens, "right")))
        yield rows[start:stop]
        start = stop
