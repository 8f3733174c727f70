"""Base class of the three public estimators."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.feature_selection import SelectorMixin
from sklearn.utils._available_if import available_if
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skid._classes import check_class_weights
from skid._parameters import (
    AUTO,
    COUNT,
    Auto,
    BatchSizeParameter,
    NoiseScaleParameter,
    StandardizeParameter,
)
from skid.base import BaseSolverEstimator, FitCall
from skid.engine.backend import tensorflow
from skid.engine.feed import row_blocks
from skid.engine.plan import Plan
from skid.engine.seeds import draw_seeds
from skid.engine.state import TrainingState
from skid.feature_selection._base_plan import SelectionPlan
from skid.feature_selection._data import TrainingData, enough_to_hold_out
from skid.feature_selection._export import to_keras
from skid.feature_selection._path import PathPlan, sizes_to_try
from skid.feature_selection._plan import SubsetPlan
from skid.feature_selection._sample_plan import SamplePlan
from skid.feature_selection._units import SelectionUnits
from skid.networks import ROWS_AT_A_TIME
from skid.standardization import Standardization


@dataclass(eq=False, repr=False, kw_only=True)
class BaseSubsetSelector(
    SelectorMixin,
    StandardizeParameter,
    NoiseScaleParameter,
    BatchSizeParameter,
    BaseSolverEstimator,
):
    """Exactly k columns, chosen by a top-k solver inside of the trained networks."""

    n_features_to_select: int | float | Auto = field(default="auto", kw_only=False)
    scope: Literal["dataset", "sample"] = "dataset"
    groups: Any = None
    always_include: Iterable[Any] | None = None
    n_networks: int | Auto = "auto"
    validation_fraction: float = 0.2

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "n_features_to_select": [AUTO, COUNT, Interval(RealNotInt, 0, 1, closed="right")],
        "scope": [StrOptions({"dataset", "sample"})],
        "groups": ["array-like", None],
        "always_include": ["array-like", None],
        "n_networks": [COUNT, AUTO],
    }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if self.scope == "sample":
            tags.transformer_tags = None
        return tags

    @abstractmethod
    def _check_data(self, X: Any, y: Any, *, reset: bool) -> tuple[np.ndarray, Any]:
        """Validated X, and y or None."""

    @abstractmethod
    def _targets(
        self, X: np.ndarray, y: Any, weights: np.ndarray, *, reset: bool
    ) -> tuple[np.ndarray | None, str, int]:
        """Targets of the networks, the name of their loss, and the number of outputs."""

    @abstractmethod
    def _keras_head(self) -> Any:
        """Keras layer from outputs of the networks to predictions."""

    def _set_classes(self, y: Any, classes: Any, *, reset: bool) -> None:
        """Set ``classes_`` and check y; for classifiers."""

    def _class_weights(self, y: Any) -> np.ndarray | None:
        """Factor of each sample weight, or None; for classifiers."""
        return None

    def _fit(self, X: Any, y: Any, sample_weight: Any) -> Self:
        with self._fitting() as (state, random_state):
            data = self._training_data(X, y, sample_weight, reset=True)
            plan = self._plan(data, random_state, state)
            self._carry_out(plan, state, FitCall(X, y, sample_weight=sample_weight))
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        with self._fitting(one_pass=True) as (state, random_state):
            data = self._training_data(X, y, sample_weight, classes, reset=state is None)
            k = self.n_features_to_select
            if k == "auto":
                # A path of sizes would need all rows.
                k = 0.5 if state is None else self.n_features_to_select_
            self.__dict__.pop("selection_path_", None)
            make_plan = SamplePlan if self.scope == "sample" else SubsetPlan
            first_step = 0 if state is None else state.n_steps
            size = data.units.size(k)
            plan = make_plan(self, data, size, random_state, first_step=first_step, one_pass=True)
            self._carry_out(plan, state, FitCall(X, y, sample_weight=sample_weight))
        return self

    def _training_data(
        self, X: Any, y: Any, sample_weight: Any, classes: Any = None, *, reset: bool
    ) -> TrainingData:
        X, y = self._check_data(X, y, reset=reset)
        self._set_classes(y, classes, reset=reset)
        if not reset:
            X = X.astype(self._dtype, copy=False)
        weights = _check_sample_weight(
            sample_weight, X, dtype=X.dtype, ensure_non_negative=True, copy=True
        )
        if not weights.any():
            raise ValueError(
                "sample_weight must be positive for at least one sample, got zeros only"
            )
        class_weights = self._class_weights(y)
        if class_weights is not None:
            weights *= class_weights.astype(X.dtype)
            check_class_weights(self.class_weight, weights)
        standardization = (
            Standardization(self.standardize) if reset else self._model.standardization.resumed()
        ).fit(X, weights)
        units = SelectionUnits(
            X.shape[1], self.groups, self.always_include, getattr(self, "feature_names_in_", None)
        )
        targets, loss, n_outputs = self._targets(X, y, weights, reset=reset)
        rows = np.flatnonzero(weights)
        hold_out = self.early_stopping
        if hold_out == "auto":
            hold_out = enough_to_hold_out(X, rows)
        return TrainingData(
            X=X,
            targets=targets,
            weights=weights,
            loss=loss,
            n_outputs=n_outputs,
            units=units,
            standardization=standardization,
            rows=rows,
            held_out=None,
            validation_fraction=self.validation_fraction if hold_out else None,
        )

    def _plan(
        self, data: TrainingData, random_state: np.random.RandomState, state: TrainingState | None
    ) -> Plan:
        """The training with one size, or with a path of sizes for ``"auto"``."""
        k = self.n_features_to_select
        if k == "auto" and data.is_tiny:
            k = 0.5
        split = data.split(self.validation_fraction, random_state) if k == "auto" else data
        seed = draw_seeds(random_state)
        first_step = 0 if state is None else state.n_steps

        def make_plan(size: int, *, on_split: bool = False) -> SelectionPlan:
            rows = split if on_split else data
            randomness = np.random.RandomState(seed)
            if self.scope == "sample":
                return SamplePlan(self, rows, size, randomness, first_step=first_step)
            n_predictors = 1 if on_split else None
            return SubsetPlan(
                self, rows, size, randomness, first_step=first_step, n_predictors=n_predictors
            )

        if k == "auto":
            sizes = sizes_to_try(data.units.n_units, data.units.n_always)
            return PathPlan(make_plan, sizes, keeps_state=self.warm_start)
        return make_plan(data.units.size(k))

    def _get_support_mask(self) -> np.ndarray:
        check_is_fitted(self)
        return self.support_

    def explain(self, X: Any) -> np.ndarray:
        """Mask of the features that each prediction depends on.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        bool array of shape (n_samples, n_features)
            With exactly ``n_features_to_select_`` features (or groups) in each row. The rows are
            equal with ``scope="dataset"``.
        """
        return self._in_blocks("masks", X)

    def to_keras(self) -> Any:
        """Export the fitted estimator as a Keras model.

        Returns
        -------
        keras.Model
            From raw rows of shape (n, n_features) to the result of ``predict_proba`` for a
            classifier, of ``predict`` for a regressor (always with two axes) and of
            ``reconstruct`` without a target. The method ``predict`` of Keras rounds its inputs to
            single precision, a call of the model does not.
        """
        check_is_fitted(self)
        tensorflow()
        return to_keras(self._model, self.n_features_in_, self._dtype, self._keras_head())

    def _outputs(self, X: Any) -> np.ndarray:
        """Outputs of the networks for each row."""
        return self._in_blocks("outputs", X)

    def _in_blocks(self, method: str, X: Any) -> np.ndarray:
        """Result of a method of the fitted model for a table that may be larger than memory."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        function = getattr(self._model, method)
        return np.concatenate([function(X[rows]) for rows in row_blocks(X, ROWS_AT_A_TIME)])


def _has_one_subset(selector: BaseSubsetSelector) -> bool:
    if selector.scope == "sample":
        raise AttributeError("scope must be 'dataset', got 'sample': use explain(X)")
    return True


# Not in the body of the class, where scikit-learn would wrap transform and hide the check.
for _name in (
    "get_support",
    "transform",
    "fit_transform",
    "inverse_transform",
    "get_feature_names_out",
):
    _method = getattr(SelectorMixin, _name)
    setattr(BaseSubsetSelector, _name, available_if(_has_one_subset)(_method))
