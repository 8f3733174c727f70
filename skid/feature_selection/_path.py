"""A path of sizes, and the rule that chooses one of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skid.engine.plan import Plan, Report
from skid.engine.state import TrainingState
from skid.engine.training import Training, warn_of_interruption
from skid.feature_selection._base_plan import SelectionPlan

LARGEST_PATH = 8
"""Largest number of sizes on a path."""


def sizes_to_try(n_units: int, n_always: int) -> list[int]:
    """Sizes up to all units, in about equal ratios.

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
    """Result of a training with one size: fitted attributes, and losses of held-out rows.

    There are no held-out losses if the training was interrupted.
    """

    size: int
    attributes: dict[str, Any]
    training: Training
    held_out_losses: np.ndarray
    held_out_weights: np.ndarray
    interrupted: bool


class PathPlan(Plan):
    """Trainings with subsets of rising size, then one with the chosen size.

    ``make_plan(size, on_split=True)`` returns the plan of a size with rows held out for the choice,
    ``make_plan(size)`` the plan on all rows. The path has no objective of its own. ``keeps_state``
    says whether a warm start may continue the training.
    """

    def __init__(
        self, make_plan: Callable[..., SelectionPlan], sizes: list[int], *, keeps_state: bool
    ) -> None:
        self.make_plan = make_plan
        self.sizes = sizes
        self.keeps_state = keeps_state
        self.path: list[dict] = []
        self._first = make_plan(sizes[0], on_split=True)

    @property
    def n_epochs(self) -> int:
        """Number of epochs that all trainings take at most."""
        return (len(self.sizes) + 1) * self._first.n_epochs

    def train(self, state: TrainingState | None = None, report: Report | None = None) -> Training:
        """Train with each size, then with the chosen one, see :meth:`skid.engine.Plan.train`."""

        def fit(size: int) -> Candidate:
            plan = self._first if size == self.sizes[0] else self.make_plan(size, on_split=True)
            candidate = self._trained(plan, state, report, is_validated=True)
            if not self.keeps_state:
                training = replace(candidate.training, parameters={}, moments=({}, {}))
                candidate = replace(candidate, training=training)
            return candidate

        candidate, complete = choose_size(fit, self.sizes, self.path)
        if complete:
            # The candidate of the path is better than an interrupted training.
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

    def _trained(
        self,
        plan: SelectionPlan,
        state: TrainingState | None,
        report: Report | None,
        *,
        is_validated: bool = False,
    ) -> Candidate:
        plan.selection_path = self.path
        training = plan.train(state, report)
        interrupted = training.interrupted or plan.is_interrupted
        losses = weights = np.zeros(0)
        if is_validated and not interrupted:
            losses, weights = plan.held_out_losses(training.parameters)
        attributes = plan.attributes(training)
        return Candidate(plan.size, attributes, training, losses, weights, interrupted)


def choose_size(fit: Callable, sizes: list[int], path: list[dict]) -> tuple[Candidate, bool]:
    """Smallest size whose held-out loss is within one standard error of the best one.

    This is the one-standard-error rule of Breiman et al., *Classification and Regression Trees*
    (1984), section 3.4.3. An interruption by the user ends the path, and the rule chooses among
    the finished sizes. It is raised if the first size has not begun.

    ``fit`` returns the `Candidate` of a size, ``sizes`` rise, and an entry for each finished size
    is appended to ``path``. The result is the candidate of the chosen size (the interrupted one if
    none was finished), and whether all sizes were finished.
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
    """Weighted mean of losses, and its standard error."""
    mean = np.average(losses, weights=weights)
    variance = np.average(np.square(losses - mean), weights=weights)
    effective_rows = weights.sum() ** 2 / np.square(weights).sum()
    return float(mean), float(np.sqrt(variance / effective_rows))
