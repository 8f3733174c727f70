"""The three public selectors."""

import numpy as np
from scipy.special import softmax
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import _check_sample_weight, validate_data

from skid._callbacks import with_callbacks
from skid.base import restored_on_error
from skid.engine.feed import BLOCK_BYTES
from skid.feature_selection._base import BaseSubsetSelector
from skid.feature_selection._documentation import documented


@documented
class SubsetSelectorRegressor(RegressorMixin, BaseSubsetSelector):
    """Choose exactly k features and learn a regression on them, end to end.

    Several small networks are trained together with the choice of their inputs: a top-k solver
    picks the features from learnt logits, and the gradient passes it by *Identity with
    Projection*. The prediction uses exactly the features that ``get_support`` shows.

    Read more in the README.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(attributes)s

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

    def partial_fit(self, X, y, sample_weight=None):
        """Go on training with one pass over new rows.

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
        array of shape (n_samples,) or (n_samples, n_outputs)
        """
        outputs = self._outputs(X) * self._target_scale + self._target_location
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
            ensure_all_finite=_in_memory(X),
        )

    def _targets(self, X, y, weights, standardization, *, reset):
        n_target_axes, y = y.ndim, y.reshape(len(y), -1).astype(np.float64)
        if reset:
            self._n_target_axes = n_target_axes
            location = np.average(y, axis=0, weights=weights)
            deviation = np.sqrt(np.average(np.square(y - location), axis=0, weights=weights))
            self._target_location = location.astype(X.dtype)
            self._target_scale = np.where(deviation > 0, deviation, 1.0).astype(X.dtype)
        targets = (y - self._target_location) / self._target_scale
        return targets.astype(X.dtype), "squared", targets.shape[1]

    def _keras_head(self):
        import keras

        return keras.layers.Rescaling(
            self._target_scale.tolist(), self._target_location.tolist(), dtype=self._dtype
        )

    def _class_weights(self, y):
        return None


@documented
class SubsetSelectorClassifier(ClassifierMixin, BaseSubsetSelector):
    """Choose exactly k features and learn a classifier on them, end to end.

    Several small networks are trained together with the choice of their inputs: a top-k solver
    picks the features from learnt logits, and the gradient passes it by *Identity with
    Projection*. The prediction uses exactly the features that ``get_support`` shows.

    Read more in the README.

    Parameters
    ----------
    %(parameters)s
    class_weight : dict, "balanced" or None, default=None
        Factor of the sample weights of each class, as in scikit-learn.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    %(attributes)s

    See Also
    --------
    SubsetSelectorRegressor : The same for numbers.
    SubsetSelector : Without a target.

    Notes
    -----
    %(notes)s

    References
    ----------
    %(references)s

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skid import SubsetSelectorClassifier
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> model = SubsetSelectorClassifier(3, random_state=0).fit(X, y)
    >>> len(model.get_feature_names_out())
    3
    >>> bool(model.score(X, y) > 0.93)
    True

    A subset for each row:

    >>> model = SubsetSelectorClassifier(3, scope="sample", random_state=0).fit(X, y)
    >>> model.explain(X[:2]).sum(axis=1)
    array([3, 3])
    """

    _parameter_constraints: dict = {
        **BaseSubsetSelector._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        n_features_to_select="auto",
        *,
        scope="dataset",
        groups=None,
        always_include=None,
        hidden_layer_sizes="auto",
        network=None,
        n_networks="auto",
        projection="auto",
        noise="auto",
        noise_scale="auto",
        gradient="identity",
        standardize="auto",
        alpha="auto",
        batch_size="auto",
        learning_rate_init="auto",
        max_iter="auto",
        shuffle=True,
        early_stopping="auto",
        validation_fraction=0.2,
        n_iter_no_change=10,
        tol=1e-4,
        class_weight=None,
        warm_start=False,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            n_features_to_select,
            scope=scope,
            groups=groups,
            always_include=always_include,
            hidden_layer_sizes=hidden_layer_sizes,
            network=network,
            n_networks=n_networks,
            projection=projection,
            noise=noise,
            noise_scale=noise_scale,
            gradient=gradient,
            standardize=standardize,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate_init=learning_rate_init,
            max_iter=max_iter,
            shuffle=shuffle,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            warm_start=warm_start,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Choose the features and learn to predict y from them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Kept in float32 or float64 as given. A memory-mapped array is read in blocks.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If X holds NaN or infinity, y fewer than two classes, or a parameter does not fit the
            data.
        """
        return self._fit(X, y, sample_weight)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Go on training with one pass over new rows.

        The subset shrinks, and the noise falls, over the first steps of all calls together, as
        they do in ``fit`` over ``max_iter="auto"``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Class labels.
        classes : array-like of shape (n_classes,), default=None
            All classes that will occur. Needed in the first call, if y does not hold them all.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        with restored_on_error(self):
            self._classes_to_come = None if classes is None else np.unique(classes)
            self._partial_fit(X, y, sample_weight)
            del self._classes_to_come
        return self

    def predict_proba(self, X):
        """Probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        float array of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return softmax(self._outputs(X), axis=1)

    def predict(self, X):
        """Most probable class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        array of shape (n_samples,)
        """
        outputs = self._outputs(X)
        return self.classes_[outputs.argmax(axis=1)]

    def _check_data(self, X, y, *, reset):
        X, y = validate_data(
            self,
            X,
            y,
            dtype=(np.float64, np.float32),
            reset=reset,
            ensure_all_finite=_in_memory(X),
        )
        check_classification_targets(y)
        return X, y

    def _targets(self, X, y, weights, standardization, *, reset):
        if reset:
            to_come = getattr(self, "_classes_to_come", None)
            self.classes_ = unique_labels(y) if to_come is None else to_come
        if len(self.classes_) < 2:
            raise ValueError(
                f"y holds only one class, {self.classes_[0]!r}: a classifier needs at least two"
            )
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"y holds {unknown.tolist()}, but the classes are {self.classes_}")
        indices = np.searchsorted(self.classes_, y)
        return indices.astype(np.int32), "cross_entropy", len(self.classes_)

    def _keras_head(self):
        import keras

        return keras.layers.Softmax(dtype=self._dtype)

    def _class_weights(self, y):
        if self.class_weight is None:
            return None
        return compute_sample_weight(self.class_weight, y)


@documented
class SubsetSelector(BaseSubsetSelector):
    """Choose the k features from which all of X is best reconstructed.

    A top-k solver picks the features from learnt logits, and small networks decode all features
    from them; they are trained together, and the gradient passes the solver by *Identity with
    Projection*.

    Read more in the README.

    Parameters
    ----------
    %(parameters)s

    Attributes
    ----------
    %(attributes)s

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

    def partial_fit(self, X, y=None, sample_weight=None):
        """Go on training with one pass over new rows.

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
            Only its chosen features are read.

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
            At most 1.
        """
        outputs = self._outputs(X)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        X = self._model.standardization.apply(X)
        weights = _check_sample_weight(sample_weight, X)
        residual = weights @ np.square(X - outputs)
        total = weights @ np.square(X - np.average(X, axis=0, weights=weights))
        return float(1.0 - residual.sum() / total.sum())

    def _check_data(self, X, y, *, reset):
        X = validate_data(
            self,
            X,
            dtype=(np.float64, np.float32),
            reset=reset,
            ensure_all_finite=_in_memory(X),
        )
        return X, None

    def _targets(self, X, y, weights, standardization, *, reset):
        return None, "squared", X.shape[1]

    def _keras_head(self):
        import keras

        standardization = self._model.standardization
        return keras.layers.Rescaling(
            standardization.scale.tolist(), standardization.location.tolist(), dtype=self._dtype
        )

    def _class_weights(self, y):
        return None


def _in_memory(X) -> bool:
    """A large table is checked for NaN block by block when its moments are taken."""
    return getattr(X, "nbytes", 0) <= BLOCK_BYTES
