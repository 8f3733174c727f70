"""Random parts of texts, which a model that is to be explained is asked about."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skid.text._documents import PADDING, Documents, Tokenizer
from skid.text._selection import rationale_sizes


@dataclass
class Parts:
    """One part of each text: some of its words, in their order.

    Attributes
    ----------
    tokens : list of sequence
        Nothing but the words of the part.
    texts : list, series or int array of shape (n, length)
        The same in the form of the texts, for a model of such texts: words that are left out are
        0 in an array.
    """

    tokens: list
    texts: Any


def random_parts(
    X, documents: Documents, tokenizer: Tokenizer, k, random_state, *, max_length=None, keep="start"
) -> Parts:
    r"""Draw a part of each text, of any size from k words to the whole.

    The logarithm of the size is uniform: small parts say what single words do, large ones are like
    the texts themselves.

    Parameters
    ----------
    X : array-like of n texts
    documents : Documents
        The same, read.
    tokenizer : Tokenizer
    k : int or float
    random_state : numpy.random.RandomState
    max_length : int, optional
        Parts are drawn from so many words of a text: those that a network reads.
    keep : {"start", "end"}, default="start"
        Where these words are.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.text._documents import Tokenizer, read_documents
    >>> from skid.text._parts import random_parts
    >>> tokenizer = Tokenizer(r"\w+", None, True)
    >>> texts = ["A very good film, all in all."]
    >>> documents = read_documents(texts, tokenizer)
    >>> parts = random_parts(texts, documents, tokenizer, 3, np.random.RandomState(1))
    >>> parts.tokens, parts.texts
    ([['good', 'film', 'in', 'all']], ['good film in all'])
    """
    kept = [
        _drawn(_read(tokens, documents.kind, max_length, keep), k, random_state)
        for tokens in documents.tokens
    ]
    tokens = [_only(text, places) for text, places in zip(documents.tokens, kept, strict=True)]
    if isinstance(X, np.ndarray) and X.ndim == 2:
        inside = np.zeros(X.shape, bool)
        for row, places in zip(inside, kept, strict=True):
            row[places] = True
        return Parts(tokens, np.where(inside, X, PADDING))
    if documents.kind != "texts":
        texts = [_only(text, places) for text, places in zip(documents.raw, kept, strict=True)]
        return Parts(tokens, _as_series(texts, X))
    texts = []
    for text, words, places in zip(documents.raw, documents.tokens, kept, strict=True):
        spans = tokenizer.spans(text)
        if spans is not None:
            words = [text[start:stop] for start, stop in spans]
        texts.append(" ".join(_only(words, places)))
    return Parts(tokens, _as_series(texts, X))


def _as_series(texts: list, X):
    """A series where X is one, of pandas or polars: the model may use its methods."""
    return type(X)(texts) if hasattr(X, "to_list") else texts


def _read(tokens, kind: str, max_length: int | None, keep: str) -> np.ndarray:
    """Places of the words that a network reads."""
    places = np.flatnonzero(tokens != PADDING) if kind == "ids" else np.arange(len(tokens))
    if max_length is None or not len(places):
        return places
    if keep == "start":
        return places[places < places[0] + max_length]
    return places[places > places[-1] - max_length]


def _drawn(places: np.ndarray, k, random_state) -> np.ndarray:
    """Places of the words of a part."""
    least, most = rationale_sizes(k, np.array([len(places)]))[0], len(places)
    if not most:
        return places
    size = round(np.exp(random_state.uniform(np.log(least), np.log(most))))
    return np.sort(random_state.permutation(places)[:size])


def _only(text, places: np.ndarray):
    if isinstance(text, np.ndarray):
        return text[places]
    return [text[place] for place in places]
