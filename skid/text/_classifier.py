"""Predict the class of a text from a few of its words."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skid._classes import check_class_weights, check_several_classes
from skid._docstrings import documented
from skid.text._documentation import PARAGRAPHS, WORDS
from skid.text._documents import sized
from skid.text._estimator import BaseRationale
from skid.text._plan import DTYPE


@documented(
    PARAGRAPHS,
    **WORDS,
    evidence='``"random"``',
    target="``predict_proba``",
    scores="Accuracy",
    validation_score="accuracy",
)
@dataclass(eq=False, repr=False, kw_only=True)
class RationaleClassifier(ClassifierMixin, BaseRationale):
    """Classify texts from exactly k of their words, and show which ones.

    %(introduction)s

    Parameters
    ----------
    %(own_parameters_1)s
    %(hidden_layer_sizes)s
    %(network)s
    %(own_parameters_2)s
    %(projection)s
    %(noise)s
    %(noise_scale)s
    %(gradient)s
    %(alpha)s
    %(batch_size)s
    %(learning_rate_init)s
    %(max_iter)s
    %(training)s
    class_weight : dict, "balanced" or None, default=None
        Factor of the sample weights of each class, as in scikit-learn.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    %(own_attributes)s
    %(training_attributes)s

    See Also
    --------
    RationaleRegressor : The same for numbers.

    Notes
    -----
    %(notes)s

    References
    ----------
    %(references)s

    Examples
    --------
    >>> from skid import RationaleClassifier
    >>> texts = ["a good film", "a bad film", "good acting, fine plot", "what a bad, dull plot"]
    >>> model = RationaleClassifier(k=1, max_iter=100, early_stopping=False, random_state=0)
    >>> model = model.fit(25 * texts, 25 * ["pos", "neg", "pos", "neg"])
    >>> model.predict(["the plot is good", "so bad"]).tolist()
    ['pos', 'neg']
    >>> model.explain(["Well, a GOOD start"])
    [[('good', 2)]]
    """

    class_weight: dict | Literal["balanced"] | None = None

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "class_weight": [dict, StrOptions({"balanced"}), None]
    }

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn a vocabulary, to select words, and to predict from them.

        Parameters
        ----------
        X : iterable of str, of lists of words or of integers, or int array of shape (n, length)
            Texts; as lists of words if they are tokenized, as integers with 0 for padding.
        y : array-like of shape (n_samples,), default=None
            Class labels. Ignored with ``explain_model``, and required without.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If X does not hold texts of one kind, y has fewer than two classes, the vocabulary is
            empty, or a parameter does not fit the data.
        """
        return self._fit(X, y, sample_weight)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of each class.

        Parameters
        ----------
        X : iterable of texts, as in ``fit``

        Returns
        -------
        float32 array of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return softmax(self._outputs(X), axis=1)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithm of the probability of each class.

        Parameters
        ----------
        X : iterable of texts, as in ``fit``

        Returns
        -------
        float32 array of shape (n_samples, n_classes)
        """
        return log_softmax(self._outputs(X), axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Most probable class.

        Parameters
        ----------
        X : iterable of texts, as in ``fit``

        Returns
        -------
        array of shape (n_samples,)
        """
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Accuracy.

        Parameters
        ----------
        X : iterable of texts, as in ``fit``
        y : array-like of shape (n_samples,), default=None
            Class labels. By default, the most probable classes of ``explain_model``: the score is
            the fraction of the texts for which both models predict the same class.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        if y is None:
            X = sized(X)
            y = self.classes_[self._targets_of_model(X, len(X)).argmax(axis=1)]
        return super().score(X, y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.explain_model is None
        return tags

    def _targets(self, X, y, n, weights):
        if self.explain_model is not None:
            targets = self._targets_of_model(X, n)
            n_columns = targets.shape[1]
            classes = getattr(self.explain_model, "classes_", np.arange(n_columns))
            if len(classes) != n_columns:
                raise ValueError(
                    "explain_model.predict_proba must return a column for each of the "
                    f"{len(classes)} classes_, got {n_columns} columns"
                )
            self.classes_ = np.asarray(classes)
            factors = self._factors(self.classes_[targets.argmax(axis=1)])
            return targets, factors, "cross_entropy"
        self._require_y(y, "; pass y or explain_model")
        y = column_or_1d(y, warn=True)
        check_consistent_length(np.empty(n), y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        check_several_classes(self.classes_)
        return np.eye(len(self.classes_), dtype=DTYPE)[codes], self._factors(y), "cross_entropy"

    def _factors(self, y: np.ndarray) -> np.ndarray:
        """Class weight of each text."""
        if self.class_weight is None:
            return np.ones(len(y), DTYPE)
        factors = compute_sample_weight(self.class_weight, y).astype(DTYPE)
        check_class_weights(self.class_weight, factors)
        return factors

    def _targets_of_model(self, X, n):
        answers = self._predictions_of_model("predict_proba", X, n)
        if answers.ndim != 2 or answers.shape[1] < 2 or (answers < 0).any():
            raise ValueError(
                "explain_model.predict_proba must return probabilities of shape (n, n_classes), "
                f"got shape {answers.shape} and minimum {answers.min():.3g}"
            )
        return (answers / answers.sum(axis=1, keepdims=True)).astype(DTYPE)

    def _headers(self, outputs):
        probabilities = softmax(outputs, axis=1)
        best = probabilities.argmax(axis=1)
        return [
            f"{self.classes_[one]} ({100 * row[one]:.0f} %)"
            for one, row in zip(best, probabilities, strict=True)
        ]
