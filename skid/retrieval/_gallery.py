"""The items that are searched, and the search for the nearest ones."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from skid.retrieval._approximate import ApproximateIndex


class Gallery:
    """Unit vectors, their labels, and an index of them.

    Parameters
    ----------
    vectors : float array of shape (n_items, n_components)
    labels : array of shape (n_items,), or None
    search : {"exact", "approximate"}
    seed : int
        Of the approximate index.

    Raises
    ------
    ImportError
        If the approximate index needs a package that is not installed.
    """

    def __init__(self, vectors: np.ndarray, labels, search: str, seed: int) -> None:
        self.vectors = vectors
        self.labels = labels
        self.search = search
        self.index = ApproximateIndex(vectors, seed) if search == "approximate" else None

    def nearest(self, queries: np.ndarray | None, n_neighbors: int):
        """Distances and places of the nearest items, each of shape (n_queries, n_neighbors).

        Parameters
        ----------
        queries : float array of shape (n_queries, n_components), or None
            None finds the neighbours of each item among the others.
        n_neighbors : int

        Raises
        ------
        ValueError
            If ``n_neighbors`` is less than 1 or larger than the number of items.
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


def nearest_vectors(vectors: np.ndarray, queries: np.ndarray | None, n_neighbors: int):
    """Exact neighbours of queries, or of each vector among the others, by Euclidean distance."""
    neighbors = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(vectors)
    return neighbors.kneighbors(queries)


def recall_at_one(vectors: np.ndarray, labels: np.ndarray) -> float:
    """Fraction of the rows whose nearest other row has their label.

    Rows whose label is unique do not count as queries, but can be found.

    Raises
    ------
    ValueError
        If every label is unique.
    """
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    counted = counts[codes] > 1
    if not counted.any():
        raise ValueError("every label in y is unique; at least one must occur twice")
    _, places = nearest_vectors(vectors, None, 1)
    return float(np.mean(codes[places[counted, 0]] == codes[counted]))


def vote(labels: np.ndarray) -> np.ndarray:
    """Most frequent label of each row; of ties, the label of the nearest item.

    Parameters
    ----------
    labels : array of shape (n, n_neighbors)
        Sorted by distance, the nearest item first.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.retrieval._gallery import vote
    >>> vote(np.array([["a", "b", "b"], ["a", "b", "c"]])).tolist()
    ['b', 'a']
    """
    counts = (labels[:, :, np.newaxis] == labels[:, np.newaxis, :]).sum(axis=2)
    return labels[np.arange(len(labels)), counts.argmax(axis=1)]


def _without_itself(distances: np.ndarray, places: np.ndarray):
    """Drop each item from its own neighbours, or the last neighbour if it is not among them."""
    itself = places == np.arange(len(places))[:, np.newaxis]
    itself[~itself.any(axis=1), -1] = True
    shape = (len(places), places.shape[1] - 1)
    return distances[~itself].reshape(shape), places[~itself].reshape(shape)
