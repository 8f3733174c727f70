"""One subset for all rows, and the networks that predict from it."""

from dataclasses import dataclass, replace

import numpy as np

from skid.engine import Training
from skid.engine.state import without_state
from skid.engine.training import warn_of_interruption
from skid.feature_selection._models import SubsetModel
from skid.feature_selection._prediction import Predictor, fit_predictor, joint_predictor
from skid.feature_selection._problem import Problem
from skid.feature_selection._selection import select_subset


@dataclass
class Candidate:
    """A subset of one size with networks that predict from it.

    Attributes
    ----------
    size : int
        Units in the subset, those that are always in included.
    columns : bool array of shape (n_columns,)
    scores : float array of shape (n_columns,)
    training : Training
        Of the subset.
    predictor : Predictor
    """

    size: int
    columns: np.ndarray
    scores: np.ndarray
    training: Training
    predictor: Predictor

    def model(self, problem: Problem) -> SubsetModel:
        """What predicts once the fit is over."""
        predictor = self.predictor
        return SubsetModel(
            self.columns, predictor.network, predictor.weights, problem.standardization
        )

    def without_training_state(self) -> "Candidate":
        """The same without what only a warm start needs: to be kept beside others."""
        predictor = replace(self.predictor, training=without_state(self.predictor.training))
        return replace(self, training=without_state(self.training), predictor=predictor)

    @property
    def training_losses(self) -> np.ndarray:
        """Loss of each step of the choice, or of the predictor where there was none to make."""
        if len(self.training.losses) or self.predictor.training is None:
            return self.training.losses
        return self.predictor.training.losses

    @property
    def validations(self) -> list[tuple[int, float]]:
        """Steps taken and held-out loss while the predictor was trained."""
        return self.predictor.training.validations if self.predictor.training else []

    @property
    def held_out_losses(self) -> np.ndarray | None:
        """Loss of each held-out row."""
        return self.predictor.held_out_losses

    @property
    def held_out_weights(self) -> np.ndarray | None:
        """Sample weight of each held-out row."""
        return self.predictor.held_out_weights

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped the fit."""
        return self.training.interrupted or self.predictor.interrupted


def fit_candidate(
    problem: Problem, size: int, selection, prediction, random_state, report=None, state=None
) -> Candidate:
    """Choose ``size`` units, and train fresh networks on them.

    Parameters
    ----------
    problem : Problem
    size : int
    selection : SelectionSettings
    prediction : PredictorSettings or None
        None leaves it at the networks that were trained while the subset was chosen.
    random_state : numpy.random.RandomState
    report : callable, optional
        Called after each epoch of the choice with its mean loss and a function that gives the
        candidate as it is then; a true answer ends the choice.
    state : TrainingState, optional
        To go on from.
    """
    k = size - problem.units.n_always

    def report_epoch(parameters, losses):
        arrays = {name: value.numpy() for name, value in parameters.items()}
        now = Training(arrays, ({}, {}), losses)
        return report(float(losses.mean()), lambda: joint_candidate(problem, size, selection, now))

    training = select_subset(problem, k, selection, random_state, report and report_epoch, state)
    candidate = joint_candidate(problem, size, selection, training)
    if prediction is not None and not training.interrupted:
        predictor = _predictor(problem, candidate.columns, prediction, random_state)
        if predictor is not None:
            candidate.predictor = predictor
        else:
            training.interrupted = True
    return candidate


def _predictor(problem, columns, prediction, random_state) -> Predictor | None:
    """Fresh networks on the columns; None if the user stops them when they have just begun.

    Those that made the choice are better then.
    """
    try:
        predictor = fit_predictor(problem, columns, prediction, random_state)
    except KeyboardInterrupt:
        warn_of_interruption("after the choice of the subset")
        return None
    just_begun = predictor.training.n_steps < prediction.validation.steps_between
    return None if predictor.interrupted and just_begun else predictor


def joint_candidate(problem: Problem, size: int, selection, training: Training) -> Candidate:
    """Subset of the present logits, predicted from by the networks that were trained with them."""
    units = problem.units
    logits = training.parameters["logits"].mean(axis=0)
    chosen = np.zeros(units.n_free, bool)
    chosen[np.argsort(-logits, kind="stable")[: size - units.n_always]] = True
    columns = units.columns(chosen)
    predictor = joint_predictor(columns, training.parameters, selection.network)
    return Candidate(size, columns, units.scores(logits), training, predictor)
