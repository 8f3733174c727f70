"""The base of the two estimators: vocabulary, training, and the selected words."""

import numbers
import warnings
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Self, overload

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

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
from skid.base import BaseSolverEstimator, FitCall
from skid.text._documents import Documents, Tokenizer, read_documents, sized
from skid.text._html import HighlightedTexts, highlighted, highlighted_page, joined
from skid.text._parts import random_parts
from skid.text._plan import DTYPE, RationalePlan, TrainingData
from skid.text._vocabulary import N_RESERVED, Corpus, Vocabulary

TOKEN_PATTERN = r"\w+(?:['\u2019]\w+)*"


@dataclass(eq=False, repr=False, kw_only=True)
class BaseRationale(NoiseScaleParameter, BatchSizeParameter, BaseSolverEstimator):
    """Networks that select exactly k words of each text through a top-k solver."""

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

    _parameter_constraints: ClassVar[dict[str, Any]] = {
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
    def _targets(
        self, X: Any, y: Any, n: int, weights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, str]:
        """Targets of shape (n, n_outputs), factors of the sample weights, name of the loss."""

    @abstractmethod
    def _targets_of_model(self, X: Any, n: int) -> np.ndarray:
        """Predictions of ``explain_model`` as targets of shape (n, n_outputs)."""

    @abstractmethod
    def _headers(self, outputs: np.ndarray) -> list[str]:
        """Line above each text in the page of ``explain``."""

    @overload
    def explain(
        self, X: Any, *, as_html: Literal[False] = False
    ) -> list[list[tuple[str, int]]]: ...
    @overload
    def explain(self, X: Any, *, as_html: Literal[True]) -> HighlightedTexts: ...
    def explain(self, X: Any, *, as_html: bool = False) -> Any:
        """Words that each prediction is made from.

        Parameters
        ----------
        X : iterable of str, of lists of words or of integers, or int array of shape (n, length)
        as_html : bool, default=False
            Whether to return an HTML page in which these words are highlighted.

        Returns
        -------
        list of list of (word, position), or str
            Selected words of each text in their order, and their positions among the words of the
            text, counted from 0 (in a padded array, the columns). There are fewer than k where
            the text has fewer words of the vocabulary. The page is a string in which everything
            that comes from the texts is escaped.
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
        rationales = []
        for start, found, where in zip(corpus.starts, places, positions, strict=True):
            words = [names[number - N_RESERVED] for number in corpus.ids[start + found]]
            rationales.append(list(zip(words, where.tolist(), strict=True)))
        return rationales

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
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
                raise ValueError("sample_weight must be above 0 for at least one text, got zeros")
            targets, factors, loss = self._targets(raw, y, len(documents), weights)
            weights = weights * factors
            if not weights.any():
                raise ValueError(
                    "class_weight must be above 0 for a class with sample_weight above 0, got "
                    f"{self.class_weight}"
                )
            if "classes_" in before:
                check_same_classes(before["classes_"], self.classes_)
            vocabulary = before.get("_vocabulary") or self._new_vocabulary(documents)
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

    def _with_parts(
        self, X: Any, documents: Documents, targets: np.ndarray, random_state
    ) -> tuple[Documents, np.ndarray]:
        """Texts and parts of them, with the targets that ``explain_model`` predicts for these."""
        if self.explain_model is None:
            return documents, targets
        tokens, rows = list(documents.tokens), [targets]
        read: dict[str, Any] = {"max_length": self.max_length, "keep": self.keep}
        for _ in range(self.n_parts):
            parts = random_parts(X, documents, self._tokenizer(), self.k, random_state, **read)
            tokens += parts.tokens
            rows.append(self._targets_of_model(parts.texts, len(documents)))
        return replace(documents, tokens=tokens), np.concatenate(rows)

    def _outputs(self, X: Any) -> np.ndarray:
        """Outputs of the predictor for each text."""
        corpus = self._read(X)[1]
        return self._model.outputs(corpus)

    def _read(self, X: Any) -> tuple[Documents, Corpus]:
        check_is_fitted(self)
        documents = read_documents(X, self._tokenizer(), kind=self._kind)
        return documents, self._vocabulary.encode(documents, self.max_length, self.keep)

    def _tokenizer(self) -> Tokenizer:
        return Tokenizer(self.token_pattern, self.tokenizer, self.lowercase)

    def _new_vocabulary(self, documents: Documents) -> Vocabulary:
        if self.vocabulary is None:
            return Vocabulary.learnt(documents, self.max_features, self.min_df)
        if self.lowercase and documents.kind != "ids":
            for word in self.vocabulary:
                if isinstance(word, str) and word != word.lower():
                    warnings.warn(
                        f"vocabulary holds {word!r}, which no text contains with lowercase=True",
                        UserWarning,
                        stacklevel=4,
                    )
                    break
        return Vocabulary.given(self.vocabulary, documents.kind)

    def _check_number_of_words(self, corpus: Corpus) -> None:
        longest = int(corpus.n_known().max())
        if not longest:
            raise ValueError("X must hold at least one word of the vocabulary, got none")
        if isinstance(self.k, numbers.Integral) and self.k >= longest:
            warnings.warn(
                f"k={self.k} is at least the number of words of the longest text, {longest}: every "
                "word is selected",
                UserWarning,
                stacklevel=4,
            )

    def _predictions_of_model(self, method: str, X: Any, n: int) -> np.ndarray:
        """Predictions of ``explain_model`` for n texts."""
        if self.explain_model is None:
            raise ValueError("y must be passed without explain_model, got None")
        if not hasattr(self.explain_model, method):
            name = type(self.explain_model).__name__
            raise ValueError(f"explain_model must have the method {method}, got {name}")
        try:
            predictions = np.asarray(getattr(self.explain_model, method)(X), np.float64)
        except NotFittedError as error:
            raise NotFittedError(
                "explain_model must be fitted. A clone is not, nor are the estimators among its "
                "parameters: wrap the model in sklearn.frozen.FrozenEstimator"
            ) from error
        if predictions.shape[:1] != (n,) or not np.isfinite(predictions).all():
            raise ValueError(
                f"explain_model.{method} must return finite numbers for each of the {n} texts, got "
                f"an array of shape {predictions.shape}"
            )
        return predictions

    def _highlighted(
        self, documents: Documents, corpus: Corpus, row: int, positions: list[int]
    ) -> str:
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
