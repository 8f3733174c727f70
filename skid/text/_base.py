"""The estimators behind the two public ones: from texts and targets to words that predict."""

import numbers
import warnings
from abc import ABCMeta, abstractmethod
from dataclasses import replace

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from skid._callbacks import FitCall
from skid._classes import check_same_classes
from skid.base import BaseSolverEstimator
from skid.engine.backend import resolve_device
from skid.text._documents import Documents, Tokenizer, read_documents, sized
from skid.text._fit import DTYPE, Problem, fit_rationales
from skid.text._html import highlighted, highlighted_page, joined
from skid.text._parts import random_parts
from skid.text._vocabulary import N_RESERVED, Corpus, Vocabulary

TOKEN_PATTERN = r"\w+(?:['\u2019]\w+)*"

_COUNT = Interval(numbers.Integral, 1, None, closed="left")
_SHARE = Interval(RealNotInt, 0, 1, closed="right")


class BaseRationale(BaseSolverEstimator, metaclass=ABCMeta):
    """Exactly k words of each text, chosen by a top-k solver that networks are trained through."""

    _parameter_constraints: dict = {
        **BaseSolverEstimator._parameter_constraints,
        "k": [_COUNT, Interval(RealNotInt, 0, 1, closed="neither")],
        "max_features": [_COUNT, None],
        "min_df": [_COUNT, _SHARE],
        "vocabulary": [dict, "array-like", set, None],
        "lowercase": ["boolean"],
        "token_pattern": [str],
        "tokenizer": [callable, None],
        "max_length": [_COUNT, None],
        "keep": [StrOptions({"start", "end"})],
        "explain_model": "no_validation",
        "n_parts": [Interval(numbers.Integral, 0, None, closed="left")],
        "embedding": "no_validation",
        "embedding_size": [_COUNT],
        "freeze_embedding": ["boolean"],
        "n_filters": [_COUNT],
        "selector_network": [callable, None],
        "evidence": [StrOptions({"auto", "random", "selected"})],
        "rarity_weight": [StrOptions({"auto"}), Interval(numbers.Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        k=10,
        *,
        max_features=20_000,
        min_df=1,
        vocabulary=None,
        lowercase=True,
        token_pattern=TOKEN_PATTERN,
        tokenizer=None,
        max_length=400,
        keep="start",
        explain_model=None,
        n_parts=1,
        embedding=None,
        embedding_size=50,
        freeze_embedding=False,
        n_filters=50,
        selector_network=None,
        hidden_layer_sizes="auto",
        network=None,
        evidence="auto",
        rarity_weight="auto",
        projection="auto",
        noise="auto",
        noise_scale="auto",
        gradient="identity",
        alpha="auto",
        batch_size="auto",
        learning_rate_init="auto",
        max_iter="auto",
        shuffle=True,
        early_stopping="auto",
        validation_fraction=0.1,
        n_iter_no_change=5,
        tol=1e-4,
        warm_start=False,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.k = k
        self.max_features = max_features
        self.min_df = min_df
        self.vocabulary = vocabulary
        self.lowercase = lowercase
        self.token_pattern = token_pattern
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.keep = keep
        self.explain_model = explain_model
        self.n_parts = n_parts
        self.embedding = embedding
        self.embedding_size = embedding_size
        self.freeze_embedding = freeze_embedding
        self.n_filters = n_filters
        self.selector_network = selector_network
        self.hidden_layer_sizes = hidden_layer_sizes
        self.network = network
        self.evidence = evidence
        self.rarity_weight = rarity_weight
        self.projection = projection
        self.noise = noise
        self.noise_scale = noise_scale
        self.gradient = gradient
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

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
        goes_on = self.warm_start and "_training_state" in vars(self)
        before = vars(self).copy() if goes_on else {}
        with self._fitting() as state:
            random_state = check_random_state(self.random_state)
            raw = sized(X)
            documents = read_documents(raw, self._tokenizer(), kind=before.get("_kind"))
            weights = (
                _check_sample_weight(
                    sample_weight, documents.raw, dtype=DTYPE, ensure_non_negative=True, copy=True
                )
                if sample_weight is not None
                else np.ones(len(documents), DTYPE)
            )
            if not weights.any():
                raise ValueError("sample_weight is zero for every text")
            targets, factors, loss = self._targets(raw, y, len(documents), weights)
            weights = weights * factors
            if not weights.any():
                raise ValueError("class_weight is zero for every text whose sample_weight is not")
            if "classes_" in before:
                check_same_classes(before["classes_"], self.classes_)
            vocabulary = before.get("_vocabulary") or self._learnt_vocabulary(documents)
            self._kind, self._vocabulary = documents.kind, vocabulary
            self.vocabulary_ = {name: index for index, name in enumerate(vocabulary.names)}
            texts, targets = self._with_parts(raw, documents, targets, random_state)
            corpus = vocabulary.encode(texts, self.max_length, self.keep)
            self._check_number_of_words(corpus)
            problem = Problem(
                corpus,
                vocabulary,
                targets,
                np.tile(weights, len(targets) // len(weights)),
                loss,
                resolve_device(self.device),
                n_texts=len(documents),
            )
            call = FitCall(X, y, sample_weight=sample_weight)
            vars(self).update(fit_rationales(self, problem, random_state, state, call))
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
