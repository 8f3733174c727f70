"""Selection of features without a target."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skid._docstrings import documented
from skid.engine.feed import in_memory, row_blocks
from skid.feature_selection._documentation import PARAGRAPHS, WORDS
from skid.feature_selection._estimator import BaseSubsetSelector
from skid.networks import ROWS_AT_A_TIME
from skid.standardization import Standardization


@documented(PARAGRAPHS, **WORDS)
@dataclass(eq=False, repr=False, kw_only=True)
class SubsetSelector(BaseSubsetSelector):
    """Choose the k features from which all of X is best reconstructed.

    A top-k solver chooses the features from trained logits. The gradient of several small networks
    that decode all features from these passes the solver by *Identity with Projection*.

    Read more in the README.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(own_attributes)s
    %(training_attributes)s
    %(input_attributes)s

    See Also
    --------
    SubsetSelectorClassifier : Selection for a classification.
    SubsetSelectorRegressor : Selection for a regression.

    Notes
    -----
    %(notes)s

    References
    ----------
    %(references)s

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skid import SubsetSelector
    >>> X, _ = load_digits(return_X_y=True)
    >>> model = SubsetSelector(16, max_iter=5, random_state=0).fit(X)
    >>> model.transform(X).shape
    (1797, 16)
    >>> bool(model.score(X) > 0.5)
    True
    """

    def fit(self, X: Any, y: None = None, sample_weight: Any = None) -> Self:
        """Choose the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            float32 and float64 are kept.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or a parameter does not suit the data.
        """
        return self._fit(X, None, sample_weight)

    def partial_fit(self, X: Any, y: None = None, sample_weight: Any = None) -> Self:
        """Continue training with one pass over new rows.

        After a ``fit`` without ``warm_start=True`` the networks are fresh ones. There are no
        networks on the chosen features alone: those of the choice decode.

        The first steps of all calls together have the schedule of ``fit``, in which the size of
        the subset and the noise fall.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        return self._partial_fit(X, None, sample_weight)

    def reconstruct(self, X: Any) -> np.ndarray:
        """Decode all features from the chosen ones.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Only the chosen features are used.

        Returns
        -------
        array of shape (n_samples, n_features)
        """
        outputs = self._outputs(X)
        standardization = self._model.standardization
        return outputs * standardization.scale + standardization.location

    def score(self, X: Any, y: None = None, sample_weight: Any = None) -> float:
        """Fraction of the variance of X that the chosen features explain.

        ``1 - sum (x - r)^2 / sum (x - mean)^2`` over all rows and features, in standardised units.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
            At most 1. For a constant X it is 1 or 0, as in scikit-learn's ``r2_score``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        weights = _check_sample_weight(sample_weight, X)
        spread = Standardization("columns").fit(X, weights).variance
        total = (weights.sum() * spread / np.square(self._model.standardization.scale)).sum()
        residual = sum(
            self._squared_error(X[rows], weights[rows]) for rows in row_blocks(X, ROWS_AT_A_TIME)
        )
        return float(1.0 - residual / total) if total else float(residual == 0)

    def _squared_error(self, X: np.ndarray, weights: np.ndarray) -> float:
        differences = self._model.standardization.apply(X) - self._model.outputs(X)
        return float((weights @ np.square(differences)).sum())

    def _check_data(self, X: Any, y: Any, *, reset: bool) -> tuple[np.ndarray, None]:
        X = validate_data(
            self,
            X,
            dtype=(np.float64, np.float32),
            reset=reset,
            ensure_all_finite=in_memory(X),
        )
        return X, None

    def _targets(
        self, X: np.ndarray, y: np.ndarray | None, weights: np.ndarray, *, reset: bool
    ) -> tuple[None, str, int]:
        return None, "squared", X.shape[1]

    def _keras_head(self) -> Any:
        import keras

        standardization = self._model.standardization
        return keras.layers.Rescaling(
            standardization.scale, standardization.location, dtype=self._dtype
        )
