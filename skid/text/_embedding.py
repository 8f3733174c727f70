"""Initial word vectors: random, or passed by the user."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from skid.text._vocabulary import N_RESERVED, Vocabulary

SPREAD = 0.02
"""Standard deviation of the entries of random vectors."""


def first_vectors(
    embedding: Any, size: int, vocabulary: Vocabulary, random_state: np.random.RandomState, dtype
) -> np.ndarray:
    """Vectors of all words, for the selector and the predictor, shape (n_words, 2 n_components).

    ``size`` is the length of random vectors.
    """
    if embedding is None:
        return random_state.normal(0, SPREAD, (len(vocabulary), 2 * size)).astype(dtype)
    known = _of_mapping if isinstance(embedding, Mapping) else _of_array
    words, vectors = known(embedding, vocabulary)
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        word = vocabulary.names[words[finite.argmin()]]
        raise ValueError(f"embedding must be finite, got NaN or infinity in the vector of {word!r}")
    # Words without a vector start near zero, at the scale of the others.
    start = random_state.normal(0, SPREAD * vectors.std(), (len(vocabulary), vectors.shape[1]))
    start[N_RESERVED + words] = vectors
    return np.concatenate([start, start], axis=1).astype(dtype)


def _of_mapping(embedding: Mapping, vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    known = {index: name for index, name in enumerate(vocabulary.names) if name in embedding}
    if not known:
        raise ValueError("embedding must have vectors of words of the vocabulary, got none")
    vectors = [np.asarray(embedding[name], np.float64).ravel() for name in known.values()]
    lengths = sorted({len(vector) for vector in vectors})
    if len(lengths) > 1:
        raise ValueError(f"embedding must have vectors of one length, got lengths {lengths}")
    return np.array(list(known)), np.stack(vectors)


def _of_array(embedding: Any, vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    table = np.asarray(embedding)
    if table.ndim != 2 or table.dtype.kind not in "fiu":
        raise ValueError(
            "embedding must be a mapping from words to vectors, or a numeric array of shape "
            f"(n_words, n_components), got shape {table.shape} and dtype {table.dtype}"
        )
    if vocabulary.rows is None:
        raise ValueError(
            "embedding must be a mapping from words to vectors unless vocabulary is passed, which "
            "gives the row of each word; got an array"
        )
    if max(vocabulary.rows) >= len(table):
        raise ValueError(
            "embedding must have a row for each number in vocabulary, up to "
            f"{max(vocabulary.rows)}, got {len(table)} rows"
        )
    return np.arange(len(vocabulary.rows)), table[vocabulary.rows].astype(np.float64)
