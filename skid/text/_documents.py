"""Input texts: strings, lists of words, lists of numbers, or a padded array."""

import numbers
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse import issparse

KINDS = {str: "words", numbers.Integral: "ids"}
PADDING = 0
"""Number that fills the rows of a padded array."""


@dataclass(frozen=True)
class Tokenizer:
    """Splits a text into words, by the regular expression of a word or by a function.

    ``split``, a function from a text to its words, replaces ``pattern``. Words are converted to
    lower case after the split.
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
        """Start and end of each word in the text, or None if a word is not found in it."""
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
        problem = "which has more than one group"
        try:
            expression = re.compile(self.pattern)
            if expression.groups <= 1:
                return expression
        except re.error as error:
            problem = str(error)
        raise ValueError(
            "token_pattern must be a regular expression with at most one group, got "
            f"{self.pattern!r}: {problem}"
        )

    def _matches(self, text: str) -> list[tuple[int, int]]:
        expression = self._expression
        return [match.span(expression.groups) for match in expression.finditer(text)]


@dataclass(frozen=True)
class Documents:
    """Texts as sequences of tokens: integers of the kind "ids", words of "texts" and "words".

    ``raw`` are the texts as they were passed.
    """

    kind: str
    tokens: list
    raw: list

    def __len__(self) -> int:
        return len(self.tokens)


def _place(word: str, text: str, stop: int) -> int:
    """Start of a word in a text after the previous word, which ended at ``stop``, or -1.

    A tokenizer may leave words out: an occurrence between characters that are not letters is
    preferred to one within a longer word, unless the tokenizer splits words.
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


def read_documents(X: Any, tokenizer: Tokenizer, *, kind: str | None = None) -> Documents:
    """Tokens of strings, of lists of words or integers, or of a padded integer array.

    ``kind`` is the kind of the texts in ``fit``, if these must be of the same kind.
    """
    raw = _listed(X)
    found: dict[str, int] = {}
    for index, row in enumerate(raw):
        found.setdefault(_kind(row, index), index)
    found.pop("empty", None)
    if len(found) > 1:
        (one, first), (other, second) = list(found.items())[:2]
        raise ValueError(
            f"X must hold one kind of texts, got {one!r} in X[{first}] and {other!r} in X[{second}]"
        )
    name = next(iter(found), kind or "words")
    if kind is not None and name != kind:
        raise ValueError(f"X must hold {kind!r}, as in fit, got {name!r}")
    if name == "texts":
        raw = [text if isinstance(text, str) else "" for text in raw]
        return Documents(name, [tokenizer.words(text) for text in raw], raw)
    if name == "ids":
        return Documents(name, [_integers(row, index) for index, row in enumerate(raw)], raw)
    if tokenizer.lowercase:
        return Documents(name, [[str(word).lower() for word in row] for row in raw], raw)
    return Documents(name, [[str(word) for word in row] for row in raw], raw)


def sized(X: Any) -> Any:
    """X itself, or a list of its texts if they can be read only once."""
    return X if hasattr(X, "__len__") else _listed(X)


def _listed(X: Any) -> list:
    name = type(X).__name__
    if isinstance(X, (str, bytes)):
        raise ValueError(f"X must be a list of texts, got a single {name}")
    if issparse(X) or hasattr(X, "columns") or isinstance(X, dict):
        raise ValueError(f"X must be a list of texts, got {name}: pass one column of texts")
    if isinstance(X, np.ndarray) and (X.ndim > 2 or (X.ndim == 2 and X.dtype.kind not in "iu")):
        raise ValueError(
            "X must have shape (n,), or (n, length) as an array of integers, got shape "
            f"{X.shape} and dtype {X.dtype}"
        )
    try:
        raw = X.to_list() if hasattr(X, "to_list") else list(X)
    except TypeError:
        raise ValueError(f"X must be a list of texts, got {name}") from None
    if not raw:
        raise ValueError("Found array with 0 sample(s) while a minimum of 1 is required: no texts")
    return raw


def _kind(row: Any, index: int) -> str:
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
        names = ", ".join(sorted(one.__name__ for one in types))
        raise ValueError(f"X[{index}] must hold words or integers, got {names}")
    raise ValueError(
        f"X[{index}] must be a string, or a list of words or integers, got {type(row).__name__}"
    )


def _integers(row: Any, index: int) -> np.ndarray:
    ids = np.asarray(row, np.int64).ravel()
    if len(ids) and ids.min() < 0:
        raise ValueError(f"X[{index}] must hold numbers of at least 0, got {ids.min()}")
    return ids
