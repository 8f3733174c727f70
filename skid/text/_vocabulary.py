"""The vocabulary of an estimator, and texts as numbers of words."""

import numbers
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from skid.text._documents import PADDING, Documents

UNKNOWN = 1
N_RESERVED = 2
"""Padding and unknown words have the numbers before the first word."""


@dataclass
class Corpus:
    """Texts as numbers of words, concatenated in ``ids``, int32 of shape (n_tokens,).

    0 is padding, 1 an unknown word, and from 2 on the words of the vocabulary. ``starts`` is where
    each text starts in ``ids``, ``lengths`` its number of tokens, and ``offsets`` the number of
    tokens that were removed from its start.
    """

    ids: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.lengths)

    def part(self, rows: np.ndarray) -> "Corpus":
        """Some of the texts, without a copy of ``ids``."""
        return Corpus(self.ids, self.starts[rows], self.lengths[rows], self.offsets[rows])

    def padded(self, rows: np.ndarray) -> np.ndarray:
        """Some of the texts with padding at the end, int32 of shape (n, length)."""
        places = np.arange(max(1, self.lengths[rows].max(initial=0)))
        inside = places < self.lengths[rows, np.newaxis]
        places = np.where(inside, self.starts[rows, np.newaxis] + places, 0)
        ids = self.ids if len(self.ids) else np.zeros(1, np.int32)
        return np.where(inside, ids[places], PADDING)

    def n_known(self) -> np.ndarray:
        """Number of words of each text that can be selected."""
        counts = np.concatenate([[0], np.cumsum(self.ids > UNKNOWN)])
        return counts[self.starts + self.lengths] - counts[self.starts]


class Vocabulary:
    """Words, in the order of their numbers.

    ``tokens`` is how they are written in the texts, ``names`` how they are shown, and ``rows``
    where they are in an array of word vectors.

    Examples
    --------
    >>> from skid.text._documents import Documents
    >>> from skid.text._vocabulary import Vocabulary
    >>> vocabulary = Vocabulary(["good", "bad"], ["good", "bad"])
    >>> documents = Documents("words", [["a", "good", "film"]], [])
    >>> vocabulary.encode(documents, None, "start").ids.tolist()
    [1, 2, 1]
    """

    def __init__(self, tokens: list, names: list, rows: list[int] | None = None) -> None:
        self.tokens = tokens
        self.names = names
        self.rows = rows
        self.numbers = {token: N_RESERVED + index for index, token in enumerate(tokens)}
        self._order = np.argsort(np.array(tokens), kind="stable")
        self._sorted = np.array(tokens)[self._order]

    def __len__(self) -> int:
        return N_RESERVED + len(self.tokens)

    @classmethod
    def learnt(cls, documents: Documents, max_features: int | None, min_df) -> "Vocabulary":
        """The most frequent words of the texts; of equally frequent ones, the first by name."""
        frequency: Counter = Counter()
        texts_with: Counter = Counter()
        for tokens in documents.tokens:
            counts = Counter(tokens.tolist() if isinstance(tokens, np.ndarray) else tokens)
            frequency.update(counts)
            texts_with.update(counts.keys())
        frequency.pop(PADDING, None)
        if not frequency:
            raise ValueError("X must hold at least one word, got no words")
        least = min_df if isinstance(min_df, numbers.Integral) else min_df * len(documents)
        tokens = [token for token in frequency if texts_with[token] >= least]
        if not tokens:
            raise ValueError(
                f"min_df must leave at least one word in the vocabulary, got min_df={min_df}"
            )
        tokens = sorted(tokens, key=lambda token: (-frequency[token], token))[:max_features]
        return cls(tokens, tokens, tokens if documents.kind == "ids" else None)

    @classmethod
    def given(cls, vocabulary, kind: str) -> "Vocabulary":
        """From the parameter ``vocabulary`` of an estimator."""
        if not isinstance(vocabulary, Mapping):
            words = sorted(vocabulary) if isinstance(vocabulary, set) else list(vocabulary)
            vocabulary = {word: index for index, word in enumerate(words)}
            if len(vocabulary) < len(words):
                twice = Counter(words).most_common(1)[0][0]
                raise ValueError(f"vocabulary must hold each word once, got {twice!r} twice")
        if not vocabulary:
            raise ValueError("vocabulary must hold at least one word, got none")
        for word, number in vocabulary.items():
            if not isinstance(word, str) or not isinstance(number, numbers.Integral):
                raise ValueError(f"vocabulary must map words to integers, got {word!r}: {number!r}")
        names = sorted(vocabulary, key=vocabulary.get)
        places = [int(vocabulary[name]) for name in names]
        for one, other in pairwise(names):
            if vocabulary[one] == vocabulary[other]:
                raise ValueError(
                    "vocabulary must map words to different integers, got "
                    f"{vocabulary[one]} for both {one!r} and {other!r}"
                )
        if kind != "ids":
            return cls(names, names, places)
        names = [name for name in names if vocabulary[name] > 0]
        places = [place for place in places if place > 0]
        return cls(places, names, places)

    def encode(self, documents: Documents, max_length: int | None, keep: str) -> Corpus:
        """Texts as numbers of words, of which ``max_length`` are kept at the start or end."""
        parts, offsets = [], []
        for tokens in documents.tokens:
            ids, offset = self._encoded(tokens, documents.kind)
            if max_length is not None and len(ids) > max_length:
                offset += len(ids) - max_length if keep == "end" else 0
                ids = ids[:max_length] if keep == "start" else ids[-max_length:]
            parts.append(ids)
            offsets.append(offset)
        lengths = np.array([len(part) for part in parts], np.int64)
        starts = np.cumsum(lengths) - lengths
        ids = np.concatenate(parts).astype(np.int32)
        return Corpus(ids, starts, lengths, np.array(offsets, np.int64))

    def _encoded(self, tokens, kind: str) -> tuple[np.ndarray, int]:
        if kind != "ids":
            number = self.numbers.get
            return np.array([number(word, UNKNOWN) for word in tokens], np.int32), 0
        words = np.flatnonzero(tokens != PADDING)
        if not len(words):
            return np.zeros(0, np.int32), 0
        # Padding around a text is not stored, but counts in the positions of the words.
        tokens = tokens[words[0] : words[-1] + 1]
        places = np.minimum(np.searchsorted(self._sorted, tokens), len(self._sorted) - 1)
        known = self._sorted[places] == tokens
        ids = np.where(known, N_RESERVED + self._order[places], UNKNOWN)
        return np.where(tokens == PADDING, PADDING, ids).astype(np.int32), int(words[0])
