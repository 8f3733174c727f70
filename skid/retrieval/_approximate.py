"""Approximate nearest neighbours among millions of items, by the package faiss."""

from typing import Any

import numpy as np

RECALL = 0.97
"""Fraction of the true neighbours that a search should find."""
PROBED_ITEMS = 256
PROBED_NEIGHBORS = 10
TRAINING_ITEMS_PER_CELL = 64
ITERATIONS = 10


class ApproximateIndex:
    """Items in cells around centres, of which a query searches the nearest ones only.

    Their number is the smallest power of 2 that finds a fraction of `RECALL` of the ten nearest
    neighbours of some of the items.
    """

    def __init__(self, vectors: np.ndarray, seed: int) -> None:
        package = faiss()
        vectors = np.ascontiguousarray(vectors, np.float32)
        n_items, n_components = vectors.shape
        random = np.random.RandomState(seed)
        n_cells = max(1, int(np.sqrt(n_items)))
        index = package.IndexIVFFlat(package.IndexFlatL2(n_components), n_components, n_cells)
        index.cp.seed = seed
        index.cp.niter = ITERATIONS
        index.cp.min_points_per_centroid = 1
        n_training = min(n_items, TRAINING_ITEMS_PER_CELL * n_cells)
        index.train(vectors[random.choice(n_items, n_training, replace=False)])
        index.add(vectors)
        probes = random.choice(n_items, min(PROBED_ITEMS, n_items), replace=False)
        n_neighbors = min(PROBED_NEIGHBORS, n_items)
        index.nprobe = n_cells
        # Distances, as copies of an item are as good as the item.
        furthest = index.search(vectors[probes], n_neighbors)[0][:, -1:]
        index.nprobe = 1
        while index.nprobe < n_cells:
            found = index.search(vectors[probes], n_neighbors)[0]
            if np.mean(found <= furthest) >= RECALL:
                break
            index.nprobe = min(2 * index.nprobe, n_cells)
        self._index = index

    def __getstate__(self) -> dict:
        """The index as bytes, which can be pickled."""
        return {"bytes": faiss().serialize_index(self._index)}

    def __setstate__(self, state: dict) -> None:
        self._index = faiss().deserialize_index(state["bytes"])

    def nearest(self, queries: np.ndarray, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
        """Euclidean distances and items, each of shape (n_queries, n_neighbors)."""
        queries = np.ascontiguousarray(queries, np.float32)
        squares, items = self._index.search(queries, n_neighbors)
        # The nearest cells may hold fewer than n_neighbors items.
        short = np.flatnonzero((items < 0).any(axis=1))
        if len(short):
            parameters = faiss().SearchParametersIVF(nprobe=self._index.nlist)
            squares[short], items[short] = self._index.search(
                queries[short], n_neighbors, params=parameters
            )
        return np.sqrt(np.maximum(squares, 0)), items


def faiss() -> Any:
    """The package faiss; an ImportError that says how to install it."""
    try:
        import faiss
    except ImportError as error:
        raise ImportError(
            "search='approximate' needs the package faiss: pip install faiss-cpu"
        ) from error
    return faiss
