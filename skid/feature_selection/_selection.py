"""Train the logits of the subset: how k, the noise and the learning rates move, and the loop."""

from dataclasses import dataclass

import numpy as np

from skid.engine import Training
from skid.engine.fitting import fit_networks
from skid.engine.state import TrainingState
from skid.engine.validation import drawn_rows
from skid.feature_selection._association import MAXIMUM_ROWS, association, separation
from skid.feature_selection._masks import SubsetMask
from skid.feature_selection._objective import DatasetSubsetObjective
from skid.feature_selection._problem import Problem
from skid.networks import gains_by_xla
from skid.schedules import Geometric, progress_of

ANNEALED_SHARE = 0.7
"""Share of the steps in which the size of the subset falls from all units to k."""
LOGIT_SPREAD = 0.1
FINAL_RATE = 0.1
"""The learning rate of the networks falls to this share of its first value."""
FINAL_NOISE = 0.1
"""The scale of the noise falls to this share of its first value."""


@dataclass(frozen=True)
class SelectionSettings:
    """What the parameters of an estimator say about the training of a subset.

    Attributes
    ----------
    network : MultilayerPerceptron or KerasNetwork
        From all columns to the outputs.
    n_networks, batch_size : int
    n_steps : int
        Steps to take.
    schedule_length : int
        Steps over which the size of the subset, the noise and the learning rates move.
    projection : str
    noise : Noise
    noise_scale : float
        In the first step; it falls geometrically to a tenth in the last one.
    gradient : callable
    selector_rate, network_rate, decay : float
    hold : float
        How strongly the logits are drawn back to the association of each unit with the target.
    shuffle : bool
    """

    network: object
    n_networks: int
    n_steps: int
    schedule_length: int
    batch_size: int
    projection: str
    noise: object
    noise_scale: float
    gradient: object
    selector_rate: float
    network_rate: float
    decay: float
    hold: float
    shuffle: bool

    def mask(self, grouped: bool) -> SubsetMask:
        """How logits turn into subsets."""
        return SubsetMask(
            projection=self.projection,
            noise=self.noise,
            gradient=self.gradient,
            grouped=grouped,
        )


def select_subset(
    problem: Problem, k: int, settings: SelectionSettings, random_state, report=None, state=None
) -> Training:
    """Learn which ``k`` of the free units to keep.

    Parameters
    ----------
    problem : Problem
    k : int
    settings : SelectionSettings
    random_state : numpy.random.RandomState
    report : callable, optional
        Called after each epoch with the parameters and the losses of its steps.
    state : TrainingState, optional
        To go on from.

    Returns
    -------
    Training
        With the parameter ``logits`` of shape (1, n_free): the subset is its ``k`` largest
        entries. The other parameters are the networks on all columns.
    """
    objective = DatasetSubsetObjective(
        settings.network,
        settings.n_networks,
        problem.loss,
        settings.mask(problem.units.grouped),
        compiled=gains_by_xla(problem.device, settings.network),
    )
    initial = np.random.RandomState(random_state.randint(np.iinfo(np.int32).max))
    prior = _prior(problem, initial)
    fresh = _initial_state(problem, settings, prior, initial)
    state = state.checked_against(fresh) if state else fresh
    steps = state.n_steps + np.arange(settings.n_steps)
    training, _ = fit_networks(
        problem,
        problem.all_rows(settings.n_networks),
        objective,
        state,
        selection_controls(steps, k, problem, settings),
        random_state,
        batch_size=settings.batch_size,
        shuffle=settings.shuffle,
        prepare=problem.inputs,
        constants={"unit_of_column": problem.units.unit_of_column, "prior": prior},
        report=report,
    )
    return training


def _prior(problem: Problem, random_state) -> np.ndarray:
    """Standardised association of each free unit with the target, shape (1, n_free).

    It is zero where there is no target, and where there are too few rows.
    """
    units, rows = problem.units, problem.rows
    if problem.targets is None or problem.is_tiny or not units.n_free:
        return np.zeros((1, units.n_free), problem.X.dtype)
    labels = problem.targets if problem.loss == "cross_entropy" else None
    rows, shares = drawn_rows(rows, MAXIMUM_ROWS, random_state, labels)
    targets = problem.targets[rows]
    if labels is not None:
        targets = np.eye(problem.n_outputs)[targets]
    weights = problem.weights[rows] * shares
    X = np.asarray(problem.X[rows])
    scores = _standardized(units.strongest(association(X, targets, weights)))
    if labels is not None:
        columns = separation(problem.standardization.apply(X), targets, weights)
        scores = _standardized(scores + _standardized(units.strongest(columns)))
    return np.clip(scores, -2.0, 3.0)[np.newaxis].astype(problem.X.dtype)


def _standardized(scores: np.ndarray) -> np.ndarray:
    return (scores - scores.mean()) / max(scores.std(), 1e-12)


def _initial_state(problem, settings, prior, random_state) -> TrainingState:
    """Logits near the prior, and fresh networks."""
    dtype = problem.X.dtype
    parameters = problem.initial_weights(settings.network, settings.n_networks, random_state)
    spread = LOGIT_SPREAD * random_state.standard_normal(prior.shape)
    parameters["logits"] = prior + spread.astype(dtype)
    return TrainingState(parameters)


def selection_controls(steps, k: int, problem: Problem, settings: SelectionSettings):
    """Scalars of the given steps, in the order of ``DatasetSubsetObjective.controls``.

    The size of the subset falls geometrically from all units to ``k`` over the first
    ``ANNEALED_SHARE`` of the steps: a column that is weak alone is tried among others first.
    """
    progress = progress_of(steps, settings.schedule_length)
    n_free = problem.units.n_free
    annealed = np.clip(progress / ANNEALED_SHARE, 0.0, 1.0)
    sizes = np.maximum(k, np.round(n_free * (max(k, 1) / max(n_free, 1)) ** annealed))
    sizes[annealed >= 1.0] = k
    return np.stack(
        [
            sizes,
            settings.noise_scale * Geometric(FINAL_NOISE)(progress),
            np.full(len(progress), settings.selector_rate),
            np.full(len(progress), settings.hold),
            settings.network_rate * Geometric(FINAL_RATE)(progress),
            np.full(len(progress), settings.decay),
        ],
        axis=1,
    ).astype(problem.X.dtype)
