"""Features that predict numbers."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from skid._callbacks import with_callbacks
from skid._docstrings import documented
from skid._target_scale import TargetScale
from skid.engine.feed import in_memory
from skid.feature_selection._documentation import PARAGRAPHS, WORDS
from skid.feature_selection._estimator import BaseSubsetSelector


@documented(PARAGRAPHS, **WORDS)
@dataclass(eq=False, repr=False, kw_only=True)
class SubsetSelectorRegressor(RegressorMixin, BaseSubsetSelector):
    """Choose exactly k features and learn a regression on them, end to end.

    Several small networks are trained together with the choice of their inputs: a top-k solver
    picks the features from learnt logits, and the gradient passes it by *Identity with
    Projection*. The prediction uses exactly the features that ``get_support`` shows.

    Read more in the README.

    Parameters
    ----------
    %(own_parameters)s
    %(hidden_layer_sizes)s
    %(network)s
        It reads all features, those that are not chosen at zero.
    n_networks : int or "auto", default="auto"
        Networks that are trained side by side on different rows, and whose outputs are averaged.
        ``"auto"`` is 3 while the subset is chosen and 5 afterwards, or 1 with ``scope="sample"``.
    %(projection)s
    %(noise)s
    %(noise_scale)s
    %(gradient)s
    %(standardize)s
    %(alpha)s
    %(batch_size)s
    %(learning_rate_init)s
    %(max_iter)s
    %(training)s

    Attributes
    ----------
    %(own_attributes)s
    %(training_attributes)s
    %(input_attributes)s

    See Also
    --------
    SubsetSelectorClassifier : The same for classes.
    SubsetSelector : Without a target.

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

    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Choose the features and learn to predict y from them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Kept in float32 or float64 as given. A memory-mapped array is read in blocks.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If X or y holds NaN or infinity, or a parameter does not fit the data.
        """
        return self._fit(X, y, sample_weight)

    @with_callbacks
    def partial_fit(self, X, y, sample_weight=None):
        """Continue training with one pass over new rows.

        After a ``fit`` it begins from fresh networks, unless that had ``warm_start=True``.
        Predictions are then those of the networks that the choice was made with, not of those that
        ``fit`` trains on the chosen features alone.

        The first call fixes the location and scale of y. The subset shrinks, and the noise falls,
        over the first steps of all calls together, as they do in ``fit`` over ``max_iter="auto"``.

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

    def predict(self, X):
        """Predict targets from the chosen features.

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

    def _check_data(self, X, y, *, reset):
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

    def _targets(self, X, y, weights, *, reset):
        n_target_axes, y = y.ndim, y.reshape(len(y), -1).astype(np.float64)
        used = y[weights > 0]
        if reset:
            self._n_target_axes = n_target_axes
            self._target_scale = TargetScale.of(used, weights[weights > 0])
        elif y.shape[1] != len(self._target_scale.location):
            raise ValueError(
                f"y has {y.shape[1]} outputs, but had {len(self._target_scale.location)} in the "
                "first call of partial_fit"
            )
        else:
            self._target_scale = self._target_scale.resumed(used)
        targets = self._target_scale.apply(y)
        return targets.astype(X.dtype), "squared", targets.shape[1]

    def _keras_head(self):
        import keras

        return keras.layers.Rescaling(
            self._target_scale.scale_of_outputs, self._target_scale.location, dtype=self._dtype
        )
