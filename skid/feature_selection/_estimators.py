"""The three public selectors."""

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skid._callbacks import with_callbacks
from skid.engine.feed import BLOCK_BYTES
from skid.feature_selection._base import BaseSubsetSelector


class SubsetSelectorRegressor(RegressorMixin, BaseSubsetSelector):
    """TODO docstring."""

    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Choose the features and learn to predict y from them."""
        return self._fit(X, y, sample_weight)

    def predict(self, X):
        """Predict targets from the chosen features."""
        outputs = self._outputs(X) * self._target_scale + self._target_location
        return outputs.ravel() if self._n_target_axes == 1 else outputs

    def _check_data(self, X, y, *, reset):
        return validate_data(
            self, X, y, dtype=(np.float64, np.float32), multi_output=True, y_numeric=True,
            reset=reset, ensure_all_finite=_in_memory(X),
        )

    def _targets(self, X, y, weights, standardization):
        self._n_target_axes = y.ndim
        y = y.reshape(len(y), -1).astype(np.float64)
        self._target_location = np.average(y, axis=0, weights=weights)
        variance = np.average(np.square(y - self._target_location), axis=0, weights=weights)
        self._target_scale = np.where(variance > 0, np.sqrt(variance), 1.0)
        targets = (y - self._target_location) / self._target_scale
        self._target_location = self._target_location.astype(X.dtype)
        self._target_scale = self._target_scale.astype(X.dtype)
        return targets.astype(X.dtype), "squared", targets.shape[1]

    def _class_weights(self, y):
        return None


class SubsetSelectorClassifier(ClassifierMixin, BaseSubsetSelector):
    """TODO docstring."""

    _parameter_constraints: dict = {
        **BaseSubsetSelector._parameter_constraints,
    }

    def __init__(
        self,
        n_features_to_select="auto",
        *,
        scope="dataset",
        groups=None,
        always_include=None,
        hidden_layer_sizes=(64,),
        network=None,
        n_networks=5,
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
        """Choose the features and learn to predict y from them."""
        return self._fit(X, y, sample_weight)

    def predict_proba(self, X):
        """Probability of each class, in the order of ``classes_``."""
        outputs = self._outputs(X)
        outputs -= outputs.max(axis=1, keepdims=True)
        np.exp(outputs, out=outputs)
        return outputs / outputs.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Most probable class of each row."""
        return self.classes_[self._outputs(X).argmax(axis=1)]

    def _check_data(self, X, y, *, reset):
        X, y = validate_data(
            self, X, y, dtype=(np.float64, np.float32), reset=reset,
            ensure_all_finite=_in_memory(X),
        )
        check_classification_targets(y)
        return X, y

    def _targets(self, X, y, weights, standardization):
        encoder = LabelEncoder().fit(y)
        self.classes_ = encoder.classes_
        if len(self.classes_) < 2:
            raise ValueError(
                f"y holds only one class, {self.classes_[0]!r}: a classifier needs at least two"
            )
        return encoder.transform(y).astype(np.int32), "cross_entropy", len(self.classes_)

    def _class_weights(self, y):
        if self.class_weight is None:
            return None
        classes, indices = np.unique(y, return_inverse=True)
        return compute_class_weight(self.class_weight, classes=classes, y=y)[indices]


def _in_memory(X) -> bool:
    """A large table is checked for NaN block by block when its moments are taken."""
    return getattr(X, "nbytes", 0) <= BLOCK_BYTES


class SubsetSelector(BaseSubsetSelector):
    """TODO."""

    @with_callbacks
    def fit(self, X, y=None, sample_weight=None):
        """Choose the features."""
        return self._fit(X, None, sample_weight)

    def _check_data(self, X, y, *, reset):
        X = validate_data(
            self, X, dtype=(np.float64, np.float32), reset=reset, ensure_all_finite=_in_memory(X)
        )
        return X, None

    def _targets(self, X, y, weights, standardization):
        return standardization.apply(X), "squared", X.shape[1]

    def _class_weights(self, y):
        return None
