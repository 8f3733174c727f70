"""Random parts of texts for which the model to explain gives targets."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skid.text._documents import PADDING, Documents, Tokenizer
from skid.text._selection import rationale_sizes


@dataclass
class Parts:
    """One part of each text: some of its words, in their order.

    ``tokens`` are the words of each part. ``texts`` are the parts in the form of the whole texts,
    for a model of such texts: in an array, words that are left out are 0.
    """

    tokens: list
    texts: Any


def random_parts(
    X: Any,
    documents: Documents,
    tokenizer: Tokenizer,
    k: int | float,
    random_state: np.random.RandomState,
    *,
    max_length: int | None = None,
    keep: str = "start",
) -> Parts:
    r"""Draw a part of each text, of any size from k words to the whole.

    The logarithm of the size is uniform: small parts show the effect of single words, and large
    ones are like the texts themselves. Only words that the network reads are drawn: the first or
    last ``max_length``. ``documents`` are the texts ``X`` as they were read.

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
    texts = []
    for text, words, places in zip(documents.raw, documents.tokens, kept, strict=True):
        if documents.kind != "texts":
            texts.append(_only(text, places))
            continue
        spans = tokenizer.spans(text)
        if spans is not None:
            words = [text[start:stop] for start, stop in spans]
        texts.append(" ".join(_only(words, places)))
    # A model of series, of pandas or polars, may use their methods.
    return Parts(tokens, type(X)(texts) if hasattr(X, "to_list") else texts)


def _read(tokens, kind: str, max_length: int | None, keep: str) -> np.ndarray:
    """Positions of the words that the network reads."""
    places = np.flatnonzero(tokens != PADDING) if kind == "ids" else np.arange(len(tokens))
    if max_length is None or not len(places):
        return places
    if keep == "start":
        return places[places < places[0] + max_length]
    return places[places > places[-1] - max_length]


def _drawn(places: np.ndarray, k: int | float, random_state: np.random.RandomState) -> np.ndarray:
    """Positions of the words of a part."""
    least, most = rationale_sizes(k, np.array([len(places)]))[0], len(places)
    if not most:
        return places
    size = round(np.exp(random_state.uniform(np.log(least), np.log(most))))
    return np.sort(random_state.permutation(places)[:size])


def _only(text, places: np.ndarray):
    if isinstance(text, np.ndarray):
        return text[places]
    return [text[place] for place in places]
