"""Word vectors to start from: drawn, or given by the user."""

from collections.abc import Mapping

import numpy as np

from skid.text._vocabulary import N_RESERVED, Vocabulary

SPREAD = 0.02
"""Standard deviation of the entries of vectors that are drawn."""


def first_vectors(embedding, size: int, vocabulary: Vocabulary, random_state, dtype):
    """Vectors of all words, for the selector and for the predictor.

    Parameters
    ----------
    embedding : array, mapping or None
        The parameter of the estimator.
    size : int
        Length of vectors that are drawn.
    vocabulary : Vocabulary
    random_state : numpy.random.RandomState
    dtype : dtype

    Returns
    -------
    array of shape (n_words, 2 n_components)

    Raises
    ------
    ValueError
        If vectors are not finite, or of several lengths, or missing.
    """
    if embedding is None:
        return random_state.normal(0, SPREAD, (len(vocabulary), 2 * size)).astype(dtype)
    known = _of_mapping if isinstance(embedding, Mapping) else _of_array
    words, vectors = known(embedding, vocabulary)
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        word = vocabulary.names[words[finite.argmin()]]
        raise ValueError(f"embedding holds NaN or infinity in the vector of {word!r}")
    # Words without a vector start near zero, at the scale of the others.
    start = random_state.normal(0, SPREAD * vectors.std(), (len(vocabulary), vectors.shape[1]))
    start[N_RESERVED + words] = vectors
    return np.concatenate([start, start], axis=1).astype(dtype)


def _of_mapping(embedding: Mapping, vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    words = [index for index, name in enumerate(vocabulary.names) if name in embedding]
    if not words:
        raise ValueError("embedding has no vector for any word of the vocabulary")
    vectors = [
        np.asarray(embedding[vocabulary.names[index]], np.float64).ravel() for index in words
    ]
    lengths = {len(vector) for vector in vectors}
    if len(lengths) > 1:
        raise ValueError(f"the vectors of embedding have several lengths: {sorted(lengths)}")
    return np.array(words), np.stack(vectors)


def _of_array(embedding, vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    table = np.asarray(embedding)
    if table.ndim != 2 or table.dtype.kind not in "fiu":
        raise ValueError(
            "embedding must be a mapping from words to vectors, or a numeric array of shape "
            f"(n_words, n_components), got the shape {table.shape} and the dtype {table.dtype}"
        )
    if vocabulary.rows is None:
        raise ValueError(
            "an embedding array needs vocabulary, which says the row of each word: "
            "pass vocabulary, or embedding as a mapping from words to vectors"
        )
    if max(vocabulary.rows) >= len(table):
        raise ValueError(
            f"embedding has {len(table)} rows, but a word of the vocabulary has the number "
            f"{max(vocabulary.rows)}"
        )
    return np.arange(len(vocabulary.rows)), table[vocabulary.rows].astype(np.float64)
