"""Search for the items that are nearest to a query."""

from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from skid.retrieval._approximate import ApproximateIndex

NO_LABEL_TWICE = "y must hold at least one label twice, got unique labels only"


class Gallery:
    """Unit vectors of shape (n_items, n_components), their labels or None, and an index."""

    def __init__(self, vectors: np.ndarray, labels: Any, search: str, seed: int) -> None:
        self.vectors = vectors
        self.labels = labels
        self.search = search
        self.index = ApproximateIndex(vectors, seed) if search == "approximate" else None

    def nearest(
        self, queries: np.ndarray | None, n_neighbors: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Distances and indices of the nearest items, each of shape (n_queries, n_neighbors).

        Without queries, the neighbours of each item among the others.
        """
        n_items = len(self.vectors) - (queries is None)
        if not 1 <= n_neighbors <= n_items:
            raise ValueError(
                f"n_neighbors must be from 1 to the {n_items} items of the gallery, "
                f"got {n_neighbors}"
            )
        if self.index is None:
            return nearest_vectors(self.vectors, queries, n_neighbors)
        if queries is not None:
            return self.index.nearest(queries, n_neighbors)
        return _without_itself(*self.index.nearest(self.vectors, n_neighbors + 1))


def nearest_vectors(
    vectors: np.ndarray, queries: np.ndarray | None, n_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """Exact neighbours of queries, or of each vector among the others, by Euclidean distance."""
    neighbors = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(vectors)
    return neighbors.kneighbors(queries)


def recall_at_one(vectors: np.ndarray, labels: np.ndarray) -> float:
    """Fraction of the rows whose nearest other row has their label.

    Rows with a unique label are not queries, but items.
    """
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    counted = counts[codes] > 1
    if not counted.any():
        raise ValueError(NO_LABEL_TWICE)
    _, indices = nearest_vectors(vectors, None, 1)
    return float(np.mean(codes[indices[counted, 0]] == codes[counted]))


def vote(labels: np.ndarray) -> np.ndarray:
    """Most frequent of the labels (n, n_neighbors) in each row; of ties, the first one.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.retrieval._gallery import vote
    >>> vote(np.array([["a", "b", "b"], ["a", "b", "c"]])).tolist()
    ['b', 'a']
    """
    counts = (labels[:, :, np.newaxis] == labels[:, np.newaxis, :]).sum(axis=2)
    return labels[np.arange(len(labels)), counts.argmax(axis=1)]


def _without_itself(distances: np.ndarray, items: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours of each item without the item itself, or without the last one if it is missing."""
    itself = items == np.arange(len(items))[:, np.newaxis]
    itself[~itself.any(axis=1), -1] = True
    shape = (len(items), items.shape[1] - 1)
    return distances[~itself].reshape(shape), items[~itself].reshape(shape)
