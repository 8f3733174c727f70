"""Predict numbers of a text from a few of its words."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted

from skid._docstrings import documented
from skid._target_scale import TargetScale
from skid.text._documentation import PARAGRAPHS, WORDS
from skid.text._documents import sized
from skid.text._estimator import BaseRationale
from skid.text._plan import DTYPE


@documented(
    PARAGRAPHS,
    **WORDS,
    evidence='``"selected"``',
    target="``predict``",
    scores="R squared",
    validation_score="R squared",
)
@dataclass(eq=False, repr=False, kw_only=True)
class RationaleRegressor(RegressorMixin, BaseRationale):
    """Predict numbers from exactly k words of each text, and show which ones.

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

    Attributes
    ----------
    %(own_attributes)s
    %(training_attributes)s

    See Also
    --------
    RationaleClassifier : The same for classes.

    Notes
    -----
    %(notes)s

    References
    ----------
    %(references)s

    Examples
    --------
    >>> from skid import RationaleRegressor
    >>> texts = ["a good film", "a bad film", "good acting, fine plot", "what a bad, dull plot"]
    >>> model = RationaleRegressor(k=1, max_iter=100, random_state=0)
    >>> model = model.fit(25 * texts, 25 * [4.5, 1.5, 4.5, 1.5])
    >>> good, bad = model.predict(["the plot is good", "so bad"])
    >>> bool(good > 4 and bad < 2)
    True
    """

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn a vocabulary, to select words, and to predict from them.

        Parameters
        ----------
        X : iterable of str, of lists of words or of integers, or int array of shape (n, length)
            Texts; as lists of words if they are tokenized, as integers with 0 for padding.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Numbers. Ignored with ``explain_model``, and required without.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If X does not hold texts of one kind, y is not finite, the vocabulary is empty, or a
            parameter does not fit the data.
        """
        return self._fit(X, y, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Predict numbers.

        Parameters
        ----------
        X : iterable of texts, as in ``fit``

        Returns
        -------
        float64 array of the shape of y
        """
        check_is_fitted(self)
        numbers = self._target_scale.restore(self._outputs(X))
        return numbers[:, 0] if self._one_output else numbers

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Coefficient of determination, R squared.

        Parameters
        ----------
        X : iterable of texts, as in ``fit``
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Numbers. By default, the predictions of ``explain_model``.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        if y is None:
            X = sized(X)
            y = self._predictions_of_model("predict", X, len(X))
        return super().score(X, y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.explain_model is None
        return tags

    def _targets(self, X, y, n, weights):
        if self.explain_model is not None:
            y = self._predictions_of_model("predict", X, n)
        else:
            self._require_y(y, "; pass y or explain_model")
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        check_consistent_length(np.empty(n), y)
        self._one_output = y.ndim == 1
        y = y.reshape(n, -1)
        used = weights > 0
        self._target_scale = TargetScale.of(y[used], weights[used])
        return self._target_scale.apply(y).astype(DTYPE), np.ones(n, DTYPE), "squared"

    def _targets_of_model(self, X, n):
        answers = self._predictions_of_model("predict", X, n)
        return self._target_scale.apply(answers.reshape(n, -1)).astype(DTYPE)

    def _headers(self, outputs):
        numbers = self._target_scale.restore(outputs)
        return [", ".join(f"{number:.4g}" for number in row) for row in numbers]
