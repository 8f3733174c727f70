"""One subset for all rows: candidates of one size each, and the choice among sizes."""

from dataclasses import dataclass

import numpy as np

from skid.engine import Training
from skid.feature_selection._prediction import Predictor, fit_predictor, joint_predictor
from skid.feature_selection._problem import Problem
from skid.feature_selection._selection import select_subset

LARGEST_PATH = 8
"""Number of sizes that are tried at most when the size is to be found."""


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

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped the fit."""
        return self.training.interrupted or self.predictor.interrupted


def fit_candidate(
    problem: Problem, size: int, selection, prediction, random_state, report=None, state=None
) -> Candidate:
    """Choose ``size`` units, then train fresh networks on them.

    Parameters
    ----------
    problem : Problem
    size : int
    selection : SelectionSettings
    prediction : PredictorSettings
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

    training = select_subset(
        problem, k, selection, random_state, report and report_epoch, state
    )
    candidate = joint_candidate(problem, size, selection, training)
    if not training.interrupted:
        candidate.predictor = fit_predictor(problem, candidate.columns, prediction, random_state)
    return candidate


def joint_candidate(problem: Problem, size: int, selection, training: Training) -> Candidate:
    """Subset of the present logits, predicted from by the networks that were trained with them."""
    units = problem.units
    logits = training.parameters["logits"].mean(axis=0)
    chosen = np.zeros(units.n_free, bool)
    chosen[np.argsort(-logits, kind="stable")[: size - units.n_always]] = True
    columns = units.columns(chosen)
    predictor = joint_predictor(columns, training.parameters, selection.network)
    return Candidate(size, columns, units.scores(logits), training, predictor)


def sizes_to_try(n_units: int, n_always: int) -> list[int]:
    """Sizes from few units to all of them, in about equal ratios.

    Examples
    --------
    >>> from skid.feature_selection._dataset_scope import sizes_to_try
    >>> sizes_to_try(30, 0)
    [1, 2, 3, 4, 7, 11, 18, 30]
    """
    sizes = np.geomspace(max(1, n_always), n_units, LARGEST_PATH)
    return np.unique(np.round(sizes).astype(int)).tolist()


def choose_candidate(candidates: list[Candidate]):
    """Smallest subset whose held-out loss is within one standard error of the best one.

    This is the one-standard-error rule of Breiman et al., *Classification and Regression Trees*
    (1984), section 3.4.3.

    Returns
    -------
    chosen : Candidate
    path : list of dict
        For each size: ``n_features``, ``loss``, ``standard_error`` and ``support``.
    """
    losses = np.stack([candidate.predictor.held_out_losses for candidate in candidates])
    weights = candidates[0].predictor.held_out_weights
    means = np.average(losses, axis=1, weights=weights)
    best = int(np.argmin(means))
    effective_rows = weights.sum() ** 2 / np.square(weights).sum()
    path, chosen = [], candidates[best]
    for candidate, mean, row_losses in zip(candidates, means, losses, strict=True):
        variance = np.average(np.square(row_losses - mean), weights=weights)
        path.append(
            {
                "n_features": candidate.size,
                "loss": float(mean),
                "standard_error": float(np.sqrt(variance / effective_rows)),
                "support": candidate.columns,
            }
        )
    limit = path[best]["loss"] + path[best]["standard_error"]
    for candidate, entry in zip(candidates, path, strict=True):
        if entry["loss"] <= limit and candidate.size < chosen.size:
            chosen = candidate
    return chosen, path
