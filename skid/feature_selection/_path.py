"""How many features: a path of sizes, and the rule that picks one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skid.engine.training import Training, warn_of_interruption

LARGEST_PATH = 8
"""Largest number of sizes that are tried."""


def sizes_to_try(n_units: int, n_always: int) -> list[int]:
    """Sizes from few units to all of them, in about equal ratios.

    Examples
    --------
    >>> from skid.feature_selection._path import sizes_to_try
    >>> sizes_to_try(30, 0)
    [1, 2, 3, 4, 7, 11, 18, 30]
    """
    sizes = np.geomspace(max(1, n_always), n_units, LARGEST_PATH)
    return np.unique(np.round(sizes).astype(int)).tolist()


@dataclass
class Candidate:
    """What a training with a subset of one size led to.

    Attributes
    ----------
    size : int
        Units in the subset.
    attributes : dict
        Fitted attributes of an estimator with this subset.
    training : Training
    held_out_losses, held_out_weights : float array of shape (n_held_out,)
        Empty if the training was interrupted.
    interrupted : bool
    """

    size: int
    attributes: dict[str, Any]
    training: Training
    held_out_losses: np.ndarray
    held_out_weights: np.ndarray
    interrupted: bool


class PathPlan:
    """Trainings with subsets of rising size, and one with the size that was chosen.

    It is carried out like a :class:`skid.engine.Plan`.

    Parameters
    ----------
    make_plan : callable
        Gives the plan of a size: ``make_plan(size, on_split=True)`` with rows held out for the
        choice, and without ``on_split`` on all rows.
    sizes : list of int
    keeps_state : bool
        Whether a warm start may continue the training.
    """

    def __init__(self, make_plan: Callable, sizes: list[int], *, keeps_state: bool) -> None:
        self.make_plan = make_plan
        self.sizes = sizes
        self.keeps_state = keeps_state
        self.path: list[dict] = []
        self._first = make_plan(sizes[0], on_split=True)

    @property
    def n_epochs(self) -> int:
        """Number of epochs that all trainings take at most."""
        return (len(self.sizes) + 1) * self._first.n_epochs

    def train(self, state=None, report=None) -> Training:
        """Walk the path, then train with the chosen size, see :meth:`skid.engine.Plan.train`."""

        def fit(size: int) -> Candidate:
            plan = self._first if size == self.sizes[0] else self.make_plan(size, on_split=True)
            candidate = self._trained(plan, state, report, is_judged=True)
            if not self.keeps_state:
                training = replace(candidate.training, parameters={}, moments=({}, {}))
                candidate = replace(candidate, training=training)
            return candidate

        candidate, complete = choose_size(fit, self.sizes, self.path)
        if complete:
            # A finished candidate of the path is better than one that has just begun.
            try:
                final = self._trained(self.make_plan(candidate.size), state, report)
            except KeyboardInterrupt:
                warn_of_interruption("after the path of sizes")
            else:
                candidate = candidate if final.training.interrupted else final
        self._attributes = candidate.attributes
        return candidate.training

    def attributes(self, training: Training) -> dict[str, Any]:
        """All fitted attributes, see :meth:`skid.engine.Plan.attributes`."""
        return self._attributes | {"selection_path_": self.path}

    def _trained(self, plan, state, report, *, is_judged: bool = False) -> Candidate:
        plan.selection_path = self.path
        training = plan.train(state, report)
        interrupted = training.interrupted or plan.is_interrupted
        losses = weights = np.zeros(0)
        if is_judged and not interrupted:
            losses, weights = plan.held_out_losses(training)
        attributes = plan.attributes(training)
        return Candidate(plan.size, attributes, training, losses, weights, interrupted)


def choose_size(fit: Callable, sizes: list[int], path: list[dict]) -> tuple[Candidate, bool]:
    """Smallest size whose held-out loss is within one standard error of the best one.

    This is the one-standard-error rule of Breiman et al., *Classification and Regression Trees*
    (1984), section 3.4.3. An interruption by the user ends the path, and the rule chooses among
    the sizes that are finished by then. Before the first step of the first size it is raised.

    Parameters
    ----------
    fit : callable
        Gives the `Candidate` of a size.
    sizes : list of int
        In rising order.
    path : list of dict
        Receives ``n_features``, ``loss`` and ``standard_error`` of each size that is finished.

    Returns
    -------
    candidate : Candidate
        The one of the chosen size; the interrupted one if none was finished.
    complete : bool
        Whether every size was finished.
    """
    candidates = {}
    for size in sizes:
        try:
            candidate = fit(size)
        except KeyboardInterrupt:
            if not path:
                raise
            warn_of_interruption(f"before the first step with {size} features")
            break
        if candidate.interrupted:
            break
        loss, standard_error = _mean_and_error(
            candidate.held_out_losses, candidate.held_out_weights
        )
        path.append({"n_features": size, "loss": loss, "standard_error": standard_error})
        candidates[size] = candidate
    if path:
        best = min(path, key=lambda entry: entry["loss"])
        limit = best["loss"] + best["standard_error"]
        candidate = candidates[min(entry["n_features"] for entry in path if entry["loss"] <= limit)]
    return candidate, len(path) == len(sizes)


def _mean_and_error(losses: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Weighted mean of the losses of rows, and the standard error of this mean."""
    mean = np.average(losses, weights=weights)
    variance = np.average(np.square(losses - mean), weights=weights)
    effective_rows = weights.sum() ** 2 / np.square(weights).sum()
    return float(mean), float(np.sqrt(variance / effective_rows))
