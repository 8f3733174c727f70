"""Rows for the training program: which ones make a batch, and where they come from."""

import math
from collections.abc import Callable

import numpy as np
from sklearn.utils import gen_batches

from skid.engine.backend import tensorflow
from skid.engine.program import STEPS_PER_CALL
from skid.engine.seeds import draw_seeds

BLOCK_BYTES = 64 * 2**20
"""Tables larger than this many bytes go to the device in blocks of at most this size."""


class ShuffledRows:
    """Endless passes over several sets of rows, one for each network, cut into batches.

    Batches continue across the end of a pass, so that all have the same size and every row is used
    once in each pass. Each set has its own generator, so that batches do not depend on how many
    steps are drawn at a time.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.engine.feed import ShuffledRows
    >>> rows = ShuffledRows([np.arange(4)], 2, shuffle=True,
    ...                     random_state=np.random.RandomState(0)).draw(2)
    >>> rows.shape, sorted(rows.ravel().tolist())
    ((2, 1, 2), [0, 1, 2, 3])
    """

    def __init__(self, sets, batch_size: int, *, shuffle: bool, random_state) -> None:
        self.sets = [np.asarray(rows, np.int32) for rows in sets]
        self.batch_size = batch_size
        self.shuffle = shuffle
        seeds = draw_seeds(random_state, len(self.sets))
        self._generators = [np.random.RandomState(seed) for seed in seeds]
        self._left = [rows[:0] for rows in self.sets]

    @property
    def rows_per_step(self) -> int:
        """Rows of a batch, over all networks."""
        return len(self.sets) * self.batch_size

    def draw(self, n_steps: int) -> np.ndarray:
        """Rows of the next steps, int32 of shape (n_steps, n_sets, batch_size)."""
        batches = [self._take(index, n_steps * self.batch_size) for index in range(len(self.sets))]
        return np.stack([rows.reshape(n_steps, self.batch_size) for rows in batches], axis=1)

    def _take(self, index: int, count: int) -> np.ndarray:
        passes = [self._left[index]]
        available = len(passes[0])
        while available < count:
            rows = self.sets[index]
            passes.append(self._generators[index].permutation(rows) if self.shuffle else rows)
            available += len(rows)
        stream = np.concatenate(passes) if len(passes) > 1 else passes[0]
        self._left[index] = stream[count:]
        return stream[:count]


class Feed:
    """Data and batch rows of each call of a training program.

    Arrays within ``BLOCK_BYTES`` are sent to the device once. If one is larger, such as a
    memory-mapped file, each call gathers just the rows of its batches, so that memory does not
    grow with the data. Both give the same batches.

    Parameters
    ----------
    arrays : dict of str to array of shape (n_rows, ...)
    draw : callable
        Gives the rows of the next ``n_steps`` steps, int32 of shape (n_steps, ...).
    prepare : callable
        Turns some rows of the arrays into those that the program reads.
    """

    def __init__(
        self,
        arrays: dict[str, np.ndarray],
        draw: Callable[[int], np.ndarray],
        prepare: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]],
    ) -> None:
        self.arrays = arrays
        self.draw = draw
        self.prepare = prepare
        self._largest = max(arrays.values(), key=lambda values: values.nbytes)
        self.resident = in_memory(self._largest)
        if self.resident:
            self._tensors = self._send(slice(None), padded_length(len(self._largest)))

    def steps_per_call(self, rows_per_step: int) -> int:
        """Steps of one call: fewer when a block of their rows would be too large."""
        if self.resident:
            return STEPS_PER_CALL
        bytes_per_step = rows_per_step * self._largest[:1].nbytes
        return int(np.clip(BLOCK_BYTES // bytes_per_step, 1, STEPS_PER_CALL))

    def take(self, n_steps: int, steps_per_call: int):
        """Tensors and int32 rows of shape (steps_per_call, ...), the first ``n_steps`` in use."""
        rows = self.draw(n_steps)
        if self.resident:
            tensors = self._tensors
        else:
            shape = rows.shape
            needed, places = np.unique(rows, return_inverse=True)
            rows = places.reshape(shape).astype(np.int32)
            tensors = self._send(needed, steps_per_call * int(np.prod(shape[1:])))
        padding = [(0, steps_per_call - n_steps)] + [(0, 0)] * (rows.ndim - 1)
        return tensors, np.pad(rows, padding)

    def select(self, rows: np.ndarray):
        """Tensors that hold the given rows, and the place of each row in them."""
        if self.resident:
            return self._tensors, rows.astype(np.int32)
        needed, places = np.unique(rows, return_inverse=True)
        return (
            self._send(needed, padded_length(len(needed))),
            places.reshape(rows.shape).astype(np.int32),
        )

    def _send(self, rows, length: int) -> dict:
        tf = tensorflow()
        blocks = {name: np.asarray(values[rows]) for name, values in self.arrays.items()}
        tensors = {}
        for name, block in self.prepare(blocks).items():
            padding = [(0, length - len(block))] + [(0, 0)] * (block.ndim - 1)
            tensors[name] = tf.constant(np.pad(block, padding))
        return tensors


def in_memory(X) -> bool:
    """Whether a table is sent to the device as a whole, and not in blocks."""
    # A data frame may have a column of that name.
    return not isinstance(X, np.ndarray) or X.nbytes <= BLOCK_BYTES


def row_blocks(X, at_most: int | None = None):
    """Slices of consecutive rows of at most ``BLOCK_BYTES``, and of ``at_most`` rows, each."""
    n_rows = max(1, BLOCK_BYTES // max(1, X[:1].nbytes))
    return gen_batches(len(X), min(n_rows, at_most or n_rows))


def padded_length(n_rows: int) -> int:
    """Round a number of rows up, so that tables of nearly the same length share a program.

    Examples
    --------
    >>> from skid.engine.feed import padded_length
    >>> padded_length(353), padded_length(354), padded_length(1000)
    (384, 384, 1024)
    """
    step = max(32, 2 ** (max(n_rows - 1, 1).bit_length() - 3))
    return math.ceil(n_rows / step) * step
