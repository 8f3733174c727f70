"""Which documents belong to a query: from a parameter, or from a column of a data frame."""

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

COLUMN = "qid"


def split_queries(X, qid):
    """Features and queries.

    Parameters
    ----------
    X : array-like or data frame
        A column named ``qid`` holds the queries.
    qid : array-like of shape (n_documents,), or None

    Returns
    -------
    X : array-like or data frame
        Without that column.
    qid : array of shape (n_documents,), or None

    Raises
    ------
    ValueError
        If the queries are given twice, or have another length than X.
    """
    if COLUMN in getattr(X, "columns", ()):
        if qid is not None:
            raise ValueError("the queries are given twice: as qid, and as the column 'qid' of X")
        qid = np.asarray(X[COLUMN])
        # Data frames of other libraries than pandas have no keyword for columns.
        X = X[[name for name in X.columns if name != COLUMN]]
    if qid is not None:
        qid = column_or_1d(qid)
        check_consistent_length(X, qid)
    return X, qid


class QueryBatches:
    """Endless batches of whole lists, packed one after the other with little room left.

    Parameters
    ----------
    queries : int array of shape (n_documents,)
        Query of each document.
    used : bool array of shape (n_documents,)
        Documents to draw.
    batch_size : int
        Documents of a batch. A random part is drawn of a longer list.
    shuffle : bool
        Whether queries come in a new order in each pass.
    random_state : numpy.random.RandomState

    Notes
    -----
    Room at the end of a batch is filled with copies of its last document.

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
    """Number of the next queries among which one is searched that fits."""

    def __init__(
        self,
        queries: np.ndarray,
        used: np.ndarray,
        batch_size: int,
        *,
        shuffle: bool,
        random_state,
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
        parts, room, taken = [], self.rows_per_step, set()
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
        batch = np.concatenate(parts)
        return np.pad(batch, (0, room), mode="edge")

    def _next_that_fits(self, room: int, taken: set) -> int | None:
        """The first of the next queries whose documents fit into the room."""
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
