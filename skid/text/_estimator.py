"""The base of the two estimators: from texts and targets to words that predict."""

import numbers
import warnings
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from skid._callbacks import FitCall
from skid._classes import check_same_classes
from skid._parameters import (
    AUTO,
    COUNT,
    COUNT_FROM_0,
    NOT_NEGATIVE,
    Auto,
    BatchSizeParameter,
    NoiseScaleParameter,
)
from skid.base import BaseSolverEstimator
from skid.text._documents import Documents, Tokenizer, read_documents, sized
from skid.text._html import highlighted, highlighted_page, joined
from skid.text._parts import random_parts
from skid.text._plan import DTYPE, RationalePlan, TrainingData
from skid.text._vocabulary import N_RESERVED, Corpus, Vocabulary

TOKEN_PATTERN = r"\w+(?:['\u2019]\w+)*"


@dataclass(eq=False, repr=False, kw_only=True)
class BaseRationale(NoiseScaleParameter, BatchSizeParameter, BaseSolverEstimator):
    """Exactly k words of each text, chosen by a top-k solver that networks are trained through."""

    k: int | float = field(default=10, kw_only=False)
    max_features: int | None = 20_000
    min_df: int | float = 1
    vocabulary: Any = None
    lowercase: bool = True
    token_pattern: str = TOKEN_PATTERN
    tokenizer: Callable[[str], list[str]] | None = None
    max_length: int | None = 400
    keep: Literal["start", "end"] = "start"
    explain_model: Any = None
    n_parts: int = 1
    embedding: Any = None
    embedding_size: int = 50
    freeze_embedding: bool = False
    n_filters: int = 50
    selector_network: Callable[..., Any] | None = None
    evidence: Literal["auto", "random", "selected"] = "auto"
    rarity_weight: float | Auto = "auto"
    n_iter_no_change: int = 5

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "k": [COUNT, Interval(RealNotInt, 0, 1, closed="neither")],
        "max_features": [COUNT, None],
        "min_df": [COUNT, Interval(RealNotInt, 0, 1, closed="right")],
        "vocabulary": [dict, "array-like", set, None],
        "lowercase": ["boolean"],
        "token_pattern": [str],
        "tokenizer": [callable, None],
        "max_length": [COUNT, None],
        "keep": [StrOptions({"start", "end"})],
        "explain_model": "no_validation",
        "n_parts": [COUNT_FROM_0],
        "embedding": "no_validation",
        "embedding_size": [COUNT],
        "freeze_embedding": ["boolean"],
        "n_filters": [COUNT],
        "selector_network": [callable, None],
        "evidence": [StrOptions({"auto", "random", "selected"})],
        "rarity_weight": [AUTO, NOT_NEGATIVE],
    }

    @abstractmethod
    def _targets(self, X, y, n: int, weights) -> tuple[np.ndarray, np.ndarray, str]:
        """Targets of shape (n, n_outputs), factors of the sample weights, name of the loss."""

    @abstractmethod
    def _targets_of_model(self, X, n: int) -> np.ndarray:
        """What ``explain_model`` says of texts, as targets of shape (n, n_outputs)."""

    @abstractmethod
    def _headers(self, outputs: np.ndarray) -> list[str]:
        """What is shown above each text."""

    def explain(self, X, *, as_html=False):
        """The words that each prediction is made from.

        Parameters
        ----------
        X : iterable of str, of lists of words or of integers, or int array of shape (n, length)
        as_html : bool, default=False
            Whether to return a page on which these words are highlighted.

        Returns
        -------
        list of list of (word, position), or str
            For each text its words in order, and the place of each in the text as it was cut into
            words, counted from 0 (in a padded array, the column). At most k, where the
            vocabulary knows fewer words of the text; none for an empty text. The page is a string
            of HTML, in which everything that comes from the texts is escaped.
        """
        documents, corpus = self._read(X)
        places, outputs = self._model.explained(corpus)
        positions = [found + offset for found, offset in zip(places, corpus.offsets, strict=True)]
        if as_html:
            headers = self._headers(outputs)
            bodies = [
                self._highlighted(documents, corpus, row, positions[row].tolist())
                for row in range(len(corpus))
            ]
            return highlighted_page(headers, bodies)
        names = self._vocabulary.names
        return [
            [
                (names[word - N_RESERVED], position)
                for word, position in zip(
                    corpus.ids[start + found].tolist(), where.tolist(), strict=True
                )
            ]
            for start, found, where in zip(corpus.starts, places, positions, strict=True)
        ]

    def _fit(self, X, y, sample_weight):
        before = vars(self).copy() if self.warm_start else {}
        with self._fitting() as (state, random_state):
            if state is None:
                before = {}
            raw = sized(X)
            documents = read_documents(raw, self._tokenizer(), kind=before.get("_kind"))
            weights = np.ones(len(documents), DTYPE)
            if sample_weight is not None:
                weights = _check_sample_weight(
                    sample_weight, documents.raw, dtype=DTYPE, ensure_non_negative=True, copy=True
                )
            if not weights.any():
                raise ValueError(
                    "sample_weight must be positive for at least one text, got zeros only"
                )
            targets, factors, loss = self._targets(raw, y, len(documents), weights)
            weights = weights * factors
            if not weights.any():
                raise ValueError(
                    "class_weight must be positive for a class of positive sample_weight, got "
                    f"{self.class_weight}"
                )
            if "classes_" in before:
                check_same_classes(before["classes_"], self.classes_)
            vocabulary = before.get("_vocabulary") or self._learnt_vocabulary(documents)
            self._kind, self._vocabulary = documents.kind, vocabulary
            self.vocabulary_ = {name: index for index, name in enumerate(vocabulary.names)}
            texts, targets = self._with_parts(raw, documents, targets, random_state)
            corpus = vocabulary.encode(texts, self.max_length, self.keep)
            self._check_number_of_words(corpus)
            weights = np.tile(weights, len(targets) // len(weights))
            data = TrainingData(corpus, vocabulary, targets, weights, loss, len(documents))
            plan = RationalePlan(self, data, random_state)
            self._carry_out(plan, state, FitCall(X, y, sample_weight=sample_weight))
        return self

    def _with_parts(self, X, documents: Documents, targets, random_state):
        """The texts, and parts of them with what the model to explain says of these."""
        if self.explain_model is None:
            return documents, targets
        tokens, rows = list(documents.tokens), [targets]
        for _ in range(self.n_parts):
            parts = random_parts(
                X,
                documents,
                self._tokenizer(),
                self.k,
                random_state,
                max_length=self.max_length,
                keep=self.keep,
            )
            tokens += parts.tokens
            rows.append(self._targets_of_model(parts.texts, len(documents)))
        return replace(documents, tokens=tokens), np.concatenate(rows)

    def _outputs(self, X) -> np.ndarray:
        """Outputs of the predictor for each text."""
        corpus = self._read(X)[1]
        return self._model.outputs(corpus)

    def _read(self, X) -> tuple[Documents, Corpus]:
        check_is_fitted(self)
        documents = read_documents(X, self._tokenizer(), kind=self._kind)
        return documents, self._vocabulary.encode(documents, self.max_length, self.keep)

    def _tokenizer(self) -> Tokenizer:
        return Tokenizer(self.token_pattern, self.tokenizer, self.lowercase)

    def _learnt_vocabulary(self, documents: Documents) -> Vocabulary:
        if self.vocabulary is not None:
            if self.lowercase and documents.kind != "ids":
                self._warn_of_upper_case()
            return Vocabulary.given(self.vocabulary, documents.kind)
        return Vocabulary.learnt(documents, self.max_features, self.min_df)

    def _warn_of_upper_case(self) -> None:
        lost = [word for word in self.vocabulary if isinstance(word, str) and word != word.lower()]
        if lost:
            warnings.warn(
                f"vocabulary holds {lost[0]!r}, but lowercase=True: it is found nowhere",
                UserWarning,
                stacklevel=5,
            )

    def _check_number_of_words(self, corpus: Corpus) -> None:
        longest = int(corpus.n_known().max())
        if not longest:
            raise ValueError("no word of the vocabulary occurs in the texts of X")
        if isinstance(self.k, numbers.Integral) and self.k >= longest:
            warnings.warn(
                f"k={self.k} is not less than the {longest} words of the longest text: every word "
                "is selected",
                UserWarning,
                stacklevel=4,
            )

    def _answers_of_model(self, method: str, X, n: int) -> np.ndarray:
        """What the model to explain says of each text, at least one number each."""
        if self.explain_model is None:
            raise ValueError("y may be left out only with explain_model")
        if not hasattr(self.explain_model, method):
            raise ValueError(
                f"explain_model must have {method}, which "
                f"{type(self.explain_model).__name__} has not"
            )
        try:
            answers = np.asarray(getattr(self.explain_model, method)(X), np.float64)
        except NotFittedError as error:
            raise NotFittedError(
                "explain_model is not fitted. A clone forgets the fit, also of the estimators "
                "among its parameters: wrap the model in sklearn.frozen.FrozenEstimator"
            ) from error
        if answers.shape[:1] != (n,) or not np.isfinite(answers).all():
            raise ValueError(
                f"{method} of explain_model must give finite numbers for each of the {n} texts, "
                f"but gave the shape {answers.shape}"
            )
        return answers

    def _highlighted(self, documents: Documents, corpus: Corpus, row: int, positions) -> str:
        text, spans = documents.raw[row], None
        if documents.kind == "texts":
            spans = self._tokenizer().spans(text)
        if spans is None:
            names = dict(zip(self._vocabulary.tokens, self._vocabulary.names, strict=True))
            tokens = documents.tokens[row]
            tokens = tokens.tolist() if isinstance(tokens, np.ndarray) else tokens
            text, spans = joined([names.get(token, token) for token in tokens])
        first = int(corpus.offsets[row])
        return highlighted(text, spans, positions, (first, first + int(corpus.lengths[row])))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags
