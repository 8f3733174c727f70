"""Selection of features for a classification."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_class_weight
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from skid._classes import check_same_classes, check_several_classes
from skid._docstrings import documented
from skid.engine.feed import in_memory
from skid.feature_selection._documentation import PARAGRAPHS, WORDS
from skid.feature_selection._estimator import BaseSubsetSelector


@documented(PARAGRAPHS, **WORDS)
@dataclass(eq=False, repr=False, kw_only=True)
class SubsetSelectorClassifier(ClassifierMixin, BaseSubsetSelector):
    """Choose exactly k features and train a classifier on them, end to end.

    A top-k solver chooses the features from trained logits. The gradient of several small networks
    on these features passes the solver by *Identity with Projection*. A prediction uses exactly
    the features of ``get_support``.

    Read more in the README.

    Parameters
    ----------
    %(parameters)s
    class_weight : dict, "balanced" or None, default=None
        Factors of the sample weights of each class, as in scikit-learn.

    Attributes
    ----------
    classes_ : array of shape (n_classes,)
    %(own_attributes)s
    %(training_attributes)s
    %(input_attributes)s

    See Also
    --------
    SubsetSelectorRegressor : Selection for a regression.
    SubsetSelector : Selection without a target.

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

    >>> model = SubsetSelectorClassifier(3, scope="sample", max_iter=20, random_state=0).fit(X, y)
    >>> model.explain(X[:2]).sum(axis=1)
    array([3, 3])
    """

    class_weight: dict | Literal["balanced"] | None = None

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "class_weight": [dict, StrOptions({"balanced"}), None]
    }

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Choose the features and train networks on them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            float32 and float64 are kept. A memory-mapped array is read in blocks.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If X holds NaN or infinity, y has fewer than two classes, or a parameter does not suit
            the data.
        """
        return self._fit(X, y, sample_weight)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Continue training with one pass over new rows.

        After a ``fit`` without ``warm_start=True`` the networks are fresh ones. There are no
        networks on the chosen features alone: those of the choice predict.

        The first steps of all calls together have the schedule of ``fit``, in which the size of
        the subset and the noise fall.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Class labels.
        classes : array-like of shape (n_classes,), default=None
            All classes. Needed in the first call, if y does not hold all of them.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : object
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight must be a dict or None in partial_fit, got 'balanced', which needs "
                "all of y at once: pass a dict of the weights of sklearn.utils.compute_class_weight"
            )
        return self._partial_fit(X, y, sample_weight, classes)

    def predict_proba(self, X: Any) -> np.ndarray:
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

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        float array of shape (n_samples, n_classes)
        """
        return log_softmax(self._outputs(X), axis=1)

    def predict(self, X: Any) -> np.ndarray:
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

    def _check_data(self, X: Any, y: Any, *, reset: bool) -> tuple[np.ndarray, np.ndarray]:
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

    def _set_classes(self, y: np.ndarray, classes: Any, *, reset: bool) -> None:
        if classes is not None:
            classes = np.unique(classes)
        if reset:
            self.classes_: np.ndarray = np.unique(y) if classes is None else classes
        elif classes is not None and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"classes must be those of the first call, {self.classes_}, got {classes}"
            )
        check_several_classes(self.classes_)
        if reset and self.warm_start and hasattr(self, "_training_state"):
            check_same_classes(self._classes_of_last_fit, self.classes_)
        # A fit deletes classes_ before it begins.
        self._classes_of_last_fit: np.ndarray = self.classes_
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"y must hold the classes {self.classes_}, got {unknown.tolist()}")

    def _targets(
        self, X: np.ndarray, y: np.ndarray, weights: np.ndarray, *, reset: bool
    ) -> tuple[np.ndarray, str, int]:
        indices = np.searchsorted(self.classes_, y)
        return indices.astype(np.int32), "cross_entropy", len(self.classes_)

    def _keras_head(self) -> Any:
        import keras

        return keras.layers.Softmax(dtype=self._dtype)

    def _class_weights(self, y: np.ndarray) -> np.ndarray | None:
        if self.class_weight is None:
            return None
        of_classes = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        return of_classes[np.searchsorted(self.classes_, y)]
