"""Features that tell classes apart."""

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_class_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from skid._callbacks import with_callbacks
from skid._classes import check_same_classes, check_several_classes
from skid._docstrings import documented
from skid.base import restored_on_error
from skid.engine.feed import in_memory
from skid.feature_selection._base import BaseSubsetSelector
from skid.feature_selection._documentation import PARAGRAPHS


@documented(PARAGRAPHS)
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

        After a ``fit`` it starts anew, unless ``warm_start=True`` kept the networks. Predictions
        are then those of the networks that the choice was made with, not of those that ``fit``
        trains on the chosen features alone.

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
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs all of y at once: give partial_fit a dict, such as "
                "of sklearn.utils.compute_class_weight"
            )
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

    def predict_log_proba(self, X):
        """Logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        float array of shape (n_samples, n_classes)
        """
        return log_softmax(self._outputs(X), axis=1)

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
            ensure_all_finite=in_memory(X),
        )
        check_classification_targets(y)
        return X, y

    def _targets(self, X, y, weights, *, reset):
        to_come = getattr(self, "_classes_to_come", None)
        if reset:
            self.classes_ = np.unique(y) if to_come is None else to_come
        elif to_come is not None and not np.array_equal(to_come, self.classes_):
            raise ValueError(f"classes={to_come} are not those of the first call, {self.classes_}")
        check_several_classes(self.classes_)
        goes_on = self.warm_start and hasattr(self, "_training_state")
        if reset and goes_on:
            check_same_classes(self._trained_classes, self.classes_)
        self._trained_classes = self.classes_
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
        # A pass over a part of the data need not meet all classes.
        classes = getattr(self, "_classes_to_come", None)
        if classes is None:
            classes = getattr(self, "classes_", np.unique(y))
        known = np.isin(y, classes)
        of_class = compute_class_weight(self.class_weight, classes=classes, y=y[known])
        factors = np.ones(len(y))
        factors[known] = of_class[np.searchsorted(classes, y[known])]
        return factors
