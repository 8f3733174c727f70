"""Features that tell classes apart."""

from dataclasses import dataclass
from typing import ClassVar, Literal

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
from skid.feature_selection._documentation import PARAGRAPHS, WORDS
from skid.feature_selection._estimator import BaseSubsetSelector


@documented(PARAGRAPHS, **WORDS)
@dataclass(eq=False, repr=False, kw_only=True)
class SubsetSelectorClassifier(ClassifierMixin, BaseSubsetSelector):
    """Choose exactly k features and learn a classifier on them, end to end.

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
    class_weight : dict, "balanced" or None, default=None
        Factor of the sample weights of each class, as in scikit-learn.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    %(own_attributes)s
    %(training_attributes)s
    %(input_attributes)s

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

    class_weight: dict | Literal["balanced"] | None = None

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "class_weight": [dict, StrOptions({"balanced"}), None]
    }

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

    @with_callbacks
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Continue training with one pass over new rows.

        After a ``fit`` it begins from fresh networks, unless that had ``warm_start=True``.
        Predictions are then those of the networks that the choice was made with, not of those that
        ``fit`` trains on the chosen features alone.

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
