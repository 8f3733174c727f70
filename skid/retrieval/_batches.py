"""Batches with several rows of several classes."""

import math

import numpy as np


class ClassBatches:
    """Endless batches with up to ``n_rows_per_class`` rows of each of ``n_classes`` classes.

    A batch has more classes if some of them are small, and more rows of each class if there are
    too few classes. No batch holds a row twice. With ``shuffle``, classes and the rows of a class
    are in a new order in each pass.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.retrieval._batches import ClassBatches
    >>> labels = np.repeat(np.arange(5), 4)
    >>> batches = ClassBatches(np.arange(20), labels, 2, 3, shuffle=True,
    ...                        random_state=np.random.RandomState(0))
    >>> np.unique(labels[batches.draw(1)[0]], return_counts=True)[1]
    array([3, 3])
    """

    def __init__(
        self,
        rows: np.ndarray,
        labels: np.ndarray,
        n_classes: int,
        n_rows_per_class: int,
        *,
        shuffle: bool,
        random_state: np.random.RandomState,
    ) -> None:
        self.rows = np.asarray(rows, np.int32)
        order = np.argsort(labels, kind="stable")
        starts = np.flatnonzero(np.diff(labels[order], prepend=labels[order[0]] - 1))
        self._members = np.split(self.rows[order], starts[1:])
        self.rows_per_step = min(n_classes * n_rows_per_class, len(self.rows))
        self._rows_of_class = max(
            n_rows_per_class, math.ceil(self.rows_per_step / len(self._members))
        )
        self._shuffle = shuffle
        self._random = random_state
        self._left = [members[:0] for members in self._members]
        self._classes: list[int] = []

    def draw(self, n_steps: int) -> np.ndarray:
        """Rows of the next steps, int32 of shape (n_steps, rows_per_step)."""
        return np.stack([self._batch() for _ in range(n_steps)])

    def _batch(self) -> np.ndarray:
        parts: list[np.ndarray] = []
        skipped: list[int] = []
        used: set[int] = set()
        missing = self.rows_per_step
        while missing and len(used) < len(self._members):
            if not self._classes:
                self._classes = self._in_order(np.arange(len(self._members))).tolist()
            index = self._classes.pop(0)
            if index in used:
                skipped.append(index)
                continue
            used.add(index)
            part = self._take(index, min(missing, self._rows_of_class))
            parts.append(part)
            missing -= len(part)
        self._classes = skipped + self._classes
        batch = np.concatenate(parts)
        if missing:
            others = self._in_order(self.rows[~np.isin(self.rows, batch)])
            batch = np.concatenate([batch, others[:missing]])
        return batch

    def _take(self, index: int, count: int) -> np.ndarray:
        count = min(count, len(self._members[index]))
        if len(self._left[index]) < count:
            self._left[index] = self._in_order(self._members[index])
        taken, self._left[index] = np.split(self._left[index], [count])
        return taken

    def _in_order(self, values: np.ndarray) -> np.ndarray:
        return self._random.permutation(values) if self._shuffle else values
