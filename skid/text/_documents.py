"""What comes in as X: raw texts, lists of words, lists of numbers, or a padded array."""

import numbers
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import issparse

KINDS = {str: "words", numbers.Integral: "ids"}
PADDING = 0
"""Number that fills up the rows of a padded array."""


@dataclass(frozen=True)
class Tokenizer:
    """Cuts a text into words.

    Parameters
    ----------
    pattern : str
        Regular expression of a word.
    split : callable or None
        Takes the place of the pattern: from a text to its words.
    lowercase : bool
        Whether the words are lowered, after the cut.
    """

    pattern: str
    split: Callable[[str], Sequence[str]] | None
    lowercase: bool

    def words(self, text: str) -> list[str]:
        """Words of a text, in order."""
        if self.split is not None:
            words = list(self.split(text))
        else:
            words = [text[start:stop] for start, stop in self._matches(text)]
        return [word.lower() for word in words] if self.lowercase else words

    def spans(self, text: str) -> list[tuple[int, int]] | None:
        """Where each word starts and stops in the text, or None if that cannot be told."""
        if self.split is None:
            return self._matches(text)
        spans, stop = [], 0
        for word in self.split(text):
            start = _place(word, text, stop)
            if start < 0:
                return None
            stop = start + len(word)
            spans.append((start, stop))
        return spans

    @cached_property
    def _expression(self) -> re.Pattern:
        try:
            expression = re.compile(self.pattern)
        except re.error as error:
            raise ValueError(
                f"token_pattern={self.pattern!r} is no regular expression: {error}"
            ) from error
        if expression.groups > 1:
            raise ValueError(f"token_pattern={self.pattern!r} has more than one group")
        return expression

    def _matches(self, text: str) -> list[tuple[int, int]]:
        expression = self._expression
        return [match.span(expression.groups) for match in expression.finditer(text)]


@dataclass(frozen=True)
class Documents:
    """Texts as sequences of tokens.

    Attributes
    ----------
    kind : {"texts", "words", "ids"}
        What they were made of. The tokens of "ids" are integers, else words.
    tokens : list of sequence
    raw : list
        The texts as they were given.
    """

    kind: str
    tokens: list
    raw: list

    def __len__(self) -> int:
        return len(self.tokens)


def _place(word: str, text: str, stop: int) -> int:
    """Where a word of a cut stands in a text, the last one of which ended at ``stop``, or -1.

    A cut may leave words out: a place that is bounded by other things than letters is better than
    one within a longer word, unless the cut goes through words.
    """
    first = start = text.find(word, stop)
    if first == stop and text[max(stop - 1, 0) : stop].isalnum():
        return first
    while start >= 0:
        after = start + len(word)
        if not (text[max(start - 1, 0) : start].isalnum() or text[after : after + 1].isalnum()):
            return start
        start = text.find(word, start + 1)
    return first


def read_documents(X, tokenizer: Tokenizer, *, kind: str | None = None) -> Documents:
    """Take in texts.

    Parameters
    ----------
    X : iterable
        Strings; or lists of words; or lists of integers; or an integer array of shape (n, length)
        in which 0 is padding.
    tokenizer : Tokenizer
    kind : str, optional
        What the texts of the fit were.

    Raises
    ------
    ValueError
        If X is none of these, holds several of them, or another one than in the fit.
    """
    raw = _listed(X)
    kinds = {index: _kind(row, index) for index, row in enumerate(raw)}
    found = {}
    for index, name in kinds.items():
        found.setdefault(name, index)
    found.pop("empty", None)
    if len(found) > 1:
        (one, first), (other, second) = list(found.items())[:2]
        raise ValueError(
            f"X must hold one kind of texts, but X[{first}] is of the kind {one!r} and "
            f"X[{second}] of the kind {other!r}"
        )
    name = next(iter(found), kind or "words")
    if kind is not None and name != kind:
        raise ValueError(f"X holds {name!r}, but the estimator was fitted on {kind!r}")
    if name == "texts":
        raw = [text if isinstance(text, str) else "" for text in raw]
        return Documents(name, [tokenizer.words(text) for text in raw], raw)
    if name == "ids":
        return Documents(name, [_integers(row, index) for index, row in enumerate(raw)], raw)
    if tokenizer.lowercase:
        return Documents(name, [[str(word).lower() for word in row] for row in raw], raw)
    return Documents(name, [[str(word) for word in row] for row in raw], raw)


def sized(X):
    """X itself, or a list of the texts that can be read but once."""
    return X if hasattr(X, "__len__") else _listed(X)


def _listed(X) -> list:
    if isinstance(X, (str, bytes)):
        raise ValueError(f"X must be a list of texts, but is a single {type(X).__name__}")
    if issparse(X) or hasattr(X, "columns") or isinstance(X, dict):
        raise ValueError(
            f"X must be a list of texts, but is of type {type(X).__name__}: "
            "pass one column of texts"
        )
    if isinstance(X, np.ndarray) and (X.ndim > 2 or (X.ndim == 2 and X.dtype.kind not in "iu")):
        raise ValueError(
            "An array of texts must be of shape (n,), or of integers and of shape (n, length), "
            f"but X has the shape {X.shape} and the dtype {X.dtype}"
        )
    try:
        raw = X.to_list() if hasattr(X, "to_list") else list(X)
    except TypeError:
        raise ValueError(f"X must be a list of texts, but is of type {type(X).__name__}") from None
    if not raw:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required: no texts")
    return raw


def _kind(row, index: int) -> str:
    if isinstance(row, str):
        return "texts"
    if isinstance(row, np.ndarray) and row.ndim == 1 and row.dtype.kind in "iuU":
        return "words" if row.dtype.kind == "U" else "ids"
    if isinstance(row, (list, tuple)) or (isinstance(row, np.ndarray) and row.ndim == 1):
        types = set(map(type, row))
        if not types:
            return "empty"
        for parent, name in KINDS.items():
            if bool not in types and all(issubclass(one, parent) for one in types):
                return name
        names = sorted(one.__name__ for one in types)
        raise ValueError(f"X[{index}] must hold words or integers, but holds {', '.join(names)}")
    raise ValueError(
        f"X[{index}] must be a string, or a list of words or integers, but is of type "
        f"{type(row).__name__}"
    )


def _integers(row, index: int) -> np.ndarray:
    ids = np.asarray(row, np.int64).ravel()
    if len(ids) and ids.min() < 0:
        raise ValueError(f"X[{index}] holds {ids.min()}: the numbers of words begin at 0")
    return ids
