"""Features that hold the most of a table."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skid._callbacks import with_callbacks
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

    A top-k solver picks the features from learnt logits, and small networks decode all features
    from them; they are trained together, and the gradient passes the solver by *Identity with
    Projection*.

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
    SubsetSelectorClassifier : Features that tell classes apart.
    SubsetSelectorRegressor : Features that predict numbers.

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
    >>> model = SubsetSelector(16, random_state=0).fit(X)
    >>> model.transform(X).shape
    (1797, 16)
    >>> bool(model.score(X) > 0.5)
    True
    """

    @with_callbacks
    def fit(self, X, y=None, sample_weight=None):
        """Choose the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Kept in float32 or float64 as given.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If X holds NaN or infinity, or a parameter does not fit the data.
        """
        return self._fit(X, None, sample_weight)

    @with_callbacks
    def partial_fit(self, X, y=None, sample_weight=None):
        """Continue training with one pass over new rows.

        After a ``fit`` it begins from fresh networks, unless that had ``warm_start=True``. Rows
        are then reconstructed by the networks that the choice was made with, not by those that
        ``fit`` trains on the chosen features alone.

        The subset shrinks, and the noise falls, over the first steps of all calls together, as
        they do in ``fit`` over ``max_iter="auto"``.

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

    def reconstruct(self, X):
        """Decode all features from the chosen ones.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The result depends on its chosen features only.

        Returns
        -------
        array of shape (n_samples, n_features)
        """
        outputs = self._outputs(X)
        standardization = self._model.standardization
        return outputs * standardization.scale + standardization.location

    def score(self, X, y=None, sample_weight=None) -> float:
        """Share of the variance of X that the chosen features explain.

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
            At most 1. Of a constant X it is 1 or 0, as in scikit-learn's ``r2_score``.
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

    def _squared_error(self, X, weights) -> float:
        differences = self._model.standardization.apply(X) - self._model.outputs(X)
        return float((weights @ np.square(differences)).sum())

    def _check_data(self, X, y, *, reset):
        X = validate_data(
            self,
            X,
            dtype=(np.float64, np.float32),
            reset=reset,
            ensure_all_finite=in_memory(X),
        )
        return X, None

    def _targets(self, X, y, weights, *, reset):
        return None, "squared", X.shape[1]

    def _keras_head(self):
        import keras

        standardization = self._model.standardization
        return keras.layers.Rescaling(
            standardization.scale, standardization.location, dtype=self._dtype
        )
