"""The selector behind the three public estimators: from parameters and data to a fitted subset."""

import numbers
from abc import ABCMeta, abstractmethod
from dataclasses import replace

import numpy as np
from sklearn.feature_selection import SelectorMixin
from sklearn.utils._available_if import available_if
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from skid._callbacks import FitCall, FitProgress
from skid._classes import check_class_weights
from skid.base import BaseSolverEstimator
from skid.engine.backend import resolve_device, tensorflow
from skid.engine.feed import row_blocks
from skid.engine.fitting import steps_of_epoch, training_attributes
from skid.engine.state import TrainingState
from skid.engine.training import epoch_means, warn_of_interruption
from skid.feature_selection._dataset_scope import fit_candidate
from skid.feature_selection._export import to_keras
from skid.feature_selection._path import choose_size, sizes_to_try
from skid.feature_selection._problem import Problem, enough_to_hold_out
from skid.feature_selection._sample_scope import fit_sample_candidate
from skid.feature_selection._settings import (
    SELECTION_STEPS,
    predictor_settings,
    selection_settings,
    validation_settings,
)
from skid.feature_selection._units import SelectionUnits
from skid.networks import ROWS_AT_A_TIME
from skid.standardization import Standardization


class BaseSubsetSelector(SelectorMixin, BaseSolverEstimator, metaclass=ABCMeta):
    """Exactly k columns, chosen by a top-k solver that networks are trained through."""

    _parameter_constraints: dict = {
        **BaseSolverEstimator._parameter_constraints,
        "n_features_to_select": [
            StrOptions({"auto"}),
            Interval(numbers.Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="right"),
        ],
        "scope": [StrOptions({"dataset", "sample"})],
        "groups": ["array-like", None],
        "always_include": ["array-like", None],
        "standardize": [StrOptions({"auto", "columns", "table", "none"})],
        "n_networks": [Interval(numbers.Integral, 1, None, closed="left"), StrOptions({"auto"})],
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
        warm_start=False,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.n_features_to_select = n_features_to_select
        self.scope = scope
        self.groups = groups
        self.always_include = always_include
        self.hidden_layer_sizes = hidden_layer_sizes
        self.network = network
        self.n_networks = n_networks
        self.projection = projection
        self.noise = noise
        self.noise_scale = noise_scale
        self.gradient = gradient
        self.standardize = standardize
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        if self.scope == "sample":
            tags.transformer_tags = None
        return tags

    @abstractmethod
    def _check_data(self, X, y, *, reset):
        """Validated X, and y or None."""

    @abstractmethod
    def _targets(self, X, y, weights, *, reset):
        """Targets of the networks, the name of their loss, and the number of outputs."""

    @abstractmethod
    def _keras_head(self):
        """Keras layer that turns outputs of the networks into predictions."""

    def _class_weights(self, y):
        """Factor of each sample weight, or None."""
        return None

    def _fit(self, X, y, sample_weight):
        with self._fitting() as state:
            random_state = self._random_state_of_passes()
            problem = self._problem(X, y, sample_weight, reset=True)
            call = FitCall(X, y, sample_weight=sample_weight)
            self._fit_candidates(problem, random_state, state, call)
        return self

    def _partial_fit(self, X, y, sample_weight):
        with self._fitting(one_pass=True) as state:
            random_state = self._random_state_of_passes()
            problem = self._problem(X, y, sample_weight, reset=state is None)
            settings = selection_settings(self, problem)
            settings = replace(
                settings,
                n_steps=steps_of_epoch(problem, settings.batch_size),
                schedule_length=SELECTION_STEPS,
            )
            size = problem.units.size(self._share_of_a_pass(state))
            for name in ("selection_path_", "validation_scores_"):
                vars(self).pop(name, None)
            candidate = self._candidate(problem, size, settings, random_state, None, state)
            vars(self).update(self._fitted_attributes(candidate, problem))
            self._training_state = TrainingState.after(candidate.training)
        return self

    def _share_of_a_pass(self, state):
        """Features to select in a pass over a part of the data: a path of sizes would need all."""
        if self.n_features_to_select != "auto":
            return self.n_features_to_select
        return 0.5 if state is None else self.n_features_to_select_

    def _problem(self, X, y, sample_weight, *, reset) -> Problem:
        X, y = self._check_data(X, y, reset=reset)
        if not reset:
            X = X.astype(self._dtype, copy=False)
        weights = _check_sample_weight(
            sample_weight, X, dtype=X.dtype, ensure_non_negative=True, copy=True
        )
        if not weights.any():
            raise ValueError("sample_weight is zero for every sample")
        class_weights = self._class_weights(y)
        if class_weights is not None:
            weights *= class_weights.astype(X.dtype)
            check_class_weights(self.class_weight, weights)
        standardization = (
            Standardization(self.standardize) if reset else self._model.standardization.going_on()
        ).fit(X, weights)
        units = SelectionUnits(
            X.shape[1], self.groups, self.always_include, getattr(self, "feature_names_in_", None)
        )
        targets, loss, n_outputs = self._targets(X, y, weights, reset=reset)
        rows = np.flatnonzero(weights)
        hold_out = self.early_stopping
        if hold_out == "auto":
            hold_out = enough_to_hold_out(X, rows)
        return Problem(
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
            device=resolve_device(self.device),
        )

    def _fit_candidates(self, problem: Problem, random_state, state, call: FitCall) -> None:
        """Find the size of the subset if need be, then the subset."""
        settings = selection_settings(self, problem)
        size = self._size(problem)
        sizes, split = self._path(problem, random_state) if size is None else ([], None)
        epoch = steps_of_epoch(problem, settings.batch_size)
        progress = FitProgress(self, (len(sizes) + 1) * -(-settings.n_steps // epoch), call)

        def report(loss, candidate):
            return progress.end_epoch(loss, lambda: self._fitted_attributes(candidate(), problem))

        seed = random_state.randint(np.iinfo(np.int32).max)

        def fit(problem, size, prediction):
            randomness = np.random.RandomState(seed)
            reported = report if progress.wanted else None
            return self._candidate(problem, size, settings, randomness, reported, state, prediction)

        prediction = predictor_settings(self, problem, settings)
        if size is None:
            candidate = self._best_candidate(problem, split, sizes, fit, prediction)
        else:
            candidate = fit(problem, size, prediction)
        fitted = self._fitted_attributes(candidate, problem)
        progress.close(lambda: fitted)
        vars(self).update(fitted)
        if self.warm_start:
            self._training_state = TrainingState.after(candidate.training)

    def _size(self, problem: Problem) -> int | None:
        """Units to select; None where a path of sizes is to find it."""
        if self.n_features_to_select == "auto":
            return problem.units.size(0.5) if problem.is_tiny else None
        return problem.units.size(self.n_features_to_select)

    def _path(self, problem: Problem, random_state) -> tuple[list[int], Problem]:
        """Sizes to choose among, and the problem with the rows held out that judge them."""
        sizes = sizes_to_try(problem.units.n_units, problem.units.n_always)
        return sizes, problem.split(self.validation_fraction, random_state)

    def _best_candidate(self, problem: Problem, split: Problem, sizes, fit, prediction):
        """Candidate of the size that is found on the path of ``sizes``."""

        def fit_on_split(size):
            candidate = fit(split, size, replace(prediction, n_networks=1))
            return candidate if self.warm_start else candidate.without_training_state()

        self.selection_path_, candidate, complete = choose_size(fit_on_split, sizes)
        if not complete:
            return candidate
        # A finished candidate of the path is better than one that has just begun.
        try:
            final = fit(problem, candidate.size, prediction)
        except KeyboardInterrupt:
            warn_of_interruption("after the path of sizes")
            return candidate
        return candidate if final.training.interrupted else final

    def _candidate(
        self, problem, size, settings, random_state, report, state=None, prediction=None
    ):
        if self.scope == "sample":
            return fit_sample_candidate(
                problem, size, settings, validation_settings(self), random_state, report, state
            )
        return fit_candidate(problem, size, settings, prediction, random_state, report, state)

    def _fitted_attributes(self, candidate, problem: Problem) -> dict:
        """Attributes of a fit that ends with the given candidate."""
        epoch = steps_of_epoch(problem, selection_settings(self, problem).batch_size)
        curve = epoch_means(candidate.training_losses, epoch)
        attributes = {
            "n_features_to_select_": candidate.size,
            **training_attributes(curve, candidate.validations),
            "_model": candidate.model(problem),
            "_dtype": problem.X.dtype.name,
        }
        if self.scope == "dataset":
            attributes["support_"] = candidate.columns
            attributes["feature_scores_"] = candidate.scores
            attributes["ranking_"] = _ranking(candidate.scores, candidate.columns)
        return attributes

    def _get_support_mask(self):
        check_is_fitted(self)
        return self.support_

    def explain(self, X):
        """Columns that the prediction of each row is made from.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        bool array of shape (n_samples, n_features)
            Exactly ``n_features_to_select_`` true entries (or groups) in each row. With
            ``scope="dataset"`` the rows are all the same.
        """
        return self._in_blocks("masks", X)

    def to_keras(self):
        """The fitted estimator as one Keras model, for SavedModel, ONNX or further training.

        Returns
        -------
        keras.Model
            From raw rows of shape (n, n_features) to what ``predict_proba`` gives for a
            classifier, ``predict`` for a regressor (always two-dimensional) and ``reconstruct``
            without a target. The method ``predict`` of Keras rounds its inputs to single
            precision; a call of the model does not.
        """
        check_is_fitted(self)
        tensorflow()
        return to_keras(self._model, self.n_features_in_, self._dtype, self._keras_head())

    def _outputs(self, X) -> np.ndarray:
        """Outputs of the networks for each row."""
        return self._in_blocks("outputs", X)

    def _in_blocks(self, method: str, X) -> np.ndarray:
        """Answer of the fitted model for a table that may be larger than memory."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        answer = getattr(self._model, method)
        return np.concatenate([answer(X[rows]) for rows in row_blocks(X, ROWS_AT_A_TIME)])


def _has_one_subset(selector) -> bool:
    if selector.scope == "sample":
        raise AttributeError(
            "with scope='sample' every row has a subset of its own: use explain(X)"
        )
    return True


# Set from outside: scikit-learn wraps a transform in the body of a class, and would hide the check.
for _name in (
    "get_support",
    "transform",
    "fit_transform",
    "inverse_transform",
    "get_feature_names_out",
):
    _method = getattr(SelectorMixin, _name)
    setattr(BaseSubsetSelector, _name, available_if(_has_one_subset)(_method))


def _ranking(scores: np.ndarray, support: np.ndarray) -> np.ndarray:
    """1 for the columns of the subset, then 2, 3, ... by falling score; equal scores share."""
    ranking = np.ones(len(scores), int)
    left_out = ~support
    ranking[left_out] = 2 + np.unique(-scores[left_out], return_inverse=True)[1]
    return ranking
