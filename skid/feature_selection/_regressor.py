"""Selection of features for a regression."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from skid._docstrings import documented
from skid._target_scale import TargetScale
from skid.engine.feed import in_memory
from skid.feature_selection._documentation import PARAGRAPHS, WORDS
from skid.feature_selection._estimator import BaseSubsetSelector


@documented(PARAGRAPHS, **WORDS)
@dataclass(eq=False, repr=False, kw_only=True)
class SubsetSelectorRegressor(RegressorMixin, BaseSubsetSelector):
    """Choose exactly k features and train a regression on them, end to end.

    A top-k solver chooses the features from trained logits. The gradient of several small networks
    on these features passes the solver by *Identity with Projection*. A prediction uses exactly
    the features of ``get_support``.

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
    SubsetSelector : Selection without a target.

    Notes
    -----
    %(notes)s

    References
    ----------
    %(references)s

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from skid import SubsetSelectorRegressor
    >>> X, y = make_friedman1(n_samples=500, n_features=20, random_state=0)
    >>> model = SubsetSelectorRegressor(5, random_state=0).fit(X, y)
    >>> model.get_support(indices=True)
    array([0, 1, 2, 3, 4])
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Choose the features and train networks on them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            float32 and float64 are kept. A memory-mapped array is read in blocks.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If X or y holds NaN or infinity, or a parameter does not suit the data.
        """
        return self._fit(X, y, sample_weight)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Continue training with one pass over new rows.

        After a ``fit`` without ``warm_start=True`` the networks are fresh ones. There are no
        networks on the chosen features alone: those of the choice predict.

        The first call fixes location and scale of y. The first steps of all calls together have the
        schedule of ``fit``, in which the size of the subset and the noise fall.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: Any) -> np.ndarray:
        """Predict y from the chosen features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        float64 array of shape (n_samples,) or (n_samples, n_outputs)
        """
        check_is_fitted(self)
        outputs = self._target_scale.restore(self._outputs(X))
        return outputs.ravel() if self._n_target_axes == 1 else outputs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _check_data(self, X: Any, y: Any, *, reset: bool) -> tuple[np.ndarray, np.ndarray]:
        return validate_data(
            self,
            X,
            y,
            dtype=(np.float64, np.float32),
            multi_output=True,
            y_numeric=True,
            reset=reset,
            ensure_all_finite=in_memory(X),
        )

    def _targets(
        self, X: np.ndarray, y: np.ndarray, weights: np.ndarray, *, reset: bool
    ) -> tuple[np.ndarray, str, int]:
        n_target_axes, y = y.ndim, y.reshape(len(y), -1).astype(np.float64)
        used = y[weights > 0]
        if reset:
            self._n_target_axes = n_target_axes
            self._target_scale = TargetScale.of(used, weights[weights > 0])
        elif y.shape[1] != len(self._target_scale.location):
            raise ValueError(
                f"y must have {len(self._target_scale.location)} outputs, as in the first call of "
                f"partial_fit, got {y.shape[1]}"
            )
        else:
            self._target_scale = self._target_scale.resumed(used)
        targets = self._target_scale.apply(y)
        return targets.astype(X.dtype), "squared", targets.shape[1]

    def _keras_head(self) -> Any:
        import keras

        return keras.layers.Rescaling(
            self._target_scale.scale_of_outputs, self._target_scale.location, dtype=self._dtype
        )
