"""Queries of documents: from a parameter or a column of a data frame, and batches of them."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

COLUMN = "qid"


def split_queries(X: Any, qid: Any) -> tuple[Any, np.ndarray | None]:
    """Features and queries, which are ``qid`` or the column ``qid`` of a data frame X.

    Raises
    ------
    ValueError
        If there are both, or if their length differs from that of X.
    """
    if COLUMN in getattr(X, "columns", ()):
        if qid is not None:
            raise ValueError("qid must be passed once, got it as a parameter and as a column of X")
        qid = np.asarray(X[COLUMN])
        # Not all data frames have the keyword `columns` of pandas.
        X = X[[name for name in X.columns if name != COLUMN]]
    if qid is not None:
        qid = column_or_1d(qid)
        check_consistent_length(X, qid)
    return X, qid


class QueryBatches:
    """Endless batches of whole lists, concatenated with little padding.

    ``queries`` is the query of each document, ``used`` a mask of the documents to draw. A list
    longer than a batch is sampled. A batch is padded with copies of its last document.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.learning_to_rank._queries import QueryBatches
    >>> batches = QueryBatches(np.array([0, 1, 0, 2, 2]), np.ones(5, bool), 4, shuffle=False,
    ...                        random_state=np.random.RandomState(0))
    >>> batches.draw(2).tolist()
    [[0, 2, 1, 1], [3, 4, 0, 2]]
    """

    LOOK_AHEAD = 64
    """Number of the next queries among which one that fits is searched."""

    def __init__(
        self,
        queries: np.ndarray,
        used: np.ndarray,
        batch_size: int,
        *,
        shuffle: bool,
        random_state: np.random.RandomState,
    ) -> None:
        rows = np.flatnonzero(used).astype(np.int32)
        rows = rows[np.argsort(queries[rows], kind="stable")]
        starts = np.flatnonzero(np.diff(queries[rows], prepend=-1))
        self._lists = np.split(rows, starts[1:])
        self._sizes = np.minimum(np.diff(starts, append=len(rows)), batch_size).tolist()
        self.rows_per_step = batch_size
        self._shuffle = shuffle
        self._random = random_state
        self._order = np.zeros(0, int)
        self._next: list[int] = []

    def draw(self, n_steps: int) -> np.ndarray:
        """Documents of the next steps, int32 of shape (n_steps, batch_size)."""
        return np.stack([self._batch() for _ in range(n_steps)])

    def _batch(self) -> np.ndarray:
        parts: list[np.ndarray] = []
        taken: set[int] = set()
        room = self.rows_per_step
        while room:
            index = self._next_that_fits(room, taken)
            if index is None:
                break
            taken.add(index)
            rows = self._lists[index]
            if len(rows) > self.rows_per_step:
                rows = np.sort(self._random.choice(rows, self.rows_per_step, replace=False))
            parts.append(rows)
            room -= len(rows)
        return np.pad(np.concatenate(parts), (0, room), mode="edge")

    def _next_that_fits(self, room: int, taken: set[int]) -> int | None:
        """The first of the next queries with at most ``room`` documents that is not taken."""
        if len(self._next) + len(self._order) < self.LOOK_AHEAD:
            order = np.arange(len(self._lists))
            order = self._random.permutation(order) if self._shuffle else order
            self._order = np.concatenate([self._order, order])
        missing = self.LOOK_AHEAD - len(self._next)
        self._next += self._order[:missing].tolist()
        self._order = self._order[missing:]
        for place, index in enumerate(self._next):
            if self._sizes[index] <= room and index not in taken:
                return self._next.pop(place)
        return None
