"""Items that queries are answered with, and the search for the nearest ones."""

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
            None asks for the neighbours of each item, itself left out.
        n_neighbors : int

        Raises
        ------
        ValueError
            If there are not so many items, or none is asked for.
        """
        if n_neighbors < 1:
            raise ValueError(f"n_neighbors={n_neighbors} must be at least 1")
        n_items = len(self.vectors) - (queries is None)
        if n_neighbors > n_items:
            raise ValueError(
                f"n_neighbors={n_neighbors} is larger than the {n_items} items of the gallery"
            )
        if self.index is None:
            return nearest_vectors(self.vectors, queries, n_neighbors)
        asked = n_neighbors + (queries is None)
        distances, places = self.index.nearest(self.vectors if queries is None else queries, asked)
        if queries is None:
            return _without_itself(distances, places)
        return distances, places


def nearest_vectors(vectors: np.ndarray, queries: np.ndarray | None, n_neighbors: int):
    """Exact neighbours of queries, or of each vector among the others, by Euclidean distance."""
    neighbors = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(vectors)
    return neighbors.kneighbors(queries)


def recall_at_one(vectors: np.ndarray, labels: np.ndarray) -> float:
    """Share of the rows whose nearest other row has their label.

    Rows that are alone with their label do not count, but can be found.

    Raises
    ------
    ValueError
        If all are alone.
    """
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    counted = counts[codes] > 1
    if not counted.any():
        raise ValueError("y has no label twice: there is nothing to find")
    _, places = nearest_vectors(vectors, None, 1)
    return float(np.mean(codes[places[counted, 0]] == codes[counted]))


def vote(labels: np.ndarray) -> np.ndarray:
    """Most frequent of the labels of each row, the nearest one of those that tie.

    Parameters
    ----------
    labels : array of shape (n, n_neighbors)
        The nearest neighbour's first.

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
    """Drop each item from its own neighbours, or the last one where duplicates crowd it out."""
    itself = places == np.arange(len(places))[:, np.newaxis]
    itself[~itself.any(axis=1), -1] = True
    shape = (len(places), places.shape[1] - 1)
    return distances[~itself].reshape(shape), places[~itself].reshape(shape)
