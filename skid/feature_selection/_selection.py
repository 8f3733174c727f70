"""Train the logits of the subset: how k, the noise and the learning rates move, and the loop."""

from dataclasses import dataclass

import numpy as np

from skid.engine import Training, cached_program, train
from skid.engine.feed import Feed, ShuffledRows, padded_length
from skid.feature_selection._objective import DatasetSubsetObjective
from skid.feature_selection._problem import Problem

ANNEALED_SHARE = 0.7
"""Share of the steps in which the size of the subset falls from all units to k."""
LOGIT_SPREAD = 0.1
FINAL_RATE = 0.1
"""The learning rate of the networks falls to this share of its first value."""


@dataclass(frozen=True)
class SelectionSettings:
    """What the parameters of an estimator say about the training of a subset.

    Attributes
    ----------
    network : MultilayerPerceptron or KerasNetwork
        From all columns to the outputs.
    n_networks, n_steps, batch_size : int
    projection : str
    noise : Noise
    noise_scale : float
        In the first step; it falls geometrically to a tenth in the last one.
    gradient : callable
    selector_rate, network_rate, decay : float
    shuffle : bool
    """

    network: object
    n_networks: int
    n_steps: int
    batch_size: int
    projection: str
    noise: object
    noise_scale: float
    gradient: object
    selector_rate: float
    network_rate: float
    decay: float
    shuffle: bool


@dataclass
class TrainingState:
    """Where a training left off, for a warm start.

    Attributes
    ----------
    parameters : dict of str to array
    moments : tuple of two dict of str to array
    n_steps : int
        Steps taken so far: the schedules go on from there.
    """

    parameters: dict
    moments: tuple[dict, dict]
    n_steps: int


def select_subset(
    problem: Problem, k: int, settings: SelectionSettings, random_state, report=None, state=None
) -> Training:
    """Learn which ``k`` of the free units to keep.

    Returns
    -------
    Training
        With the parameter ``logits`` of shape (1, n_free): the subset is its ``k`` largest
        entries. The other parameters are the networks on all columns.
    """
    program, constants = selection_program(problem, settings)
    seeds = random_state.randint(np.iinfo(np.int32).max, size=4)
    if state is None:
        state = initial_state(problem, settings, np.random.RandomState(seeds[2]))
    steps = state.n_steps + np.arange(settings.n_steps)
    return train(
        program,
        selection_feed(problem, settings, seeds),
        state.parameters,
        selection_controls(steps, k, problem, settings),
        constants=constants,
        rows_per_step=settings.n_networks * _rows_of_batch(problem, settings),
        seed=int(seeds[3]),
        moments=state.moments,
        first_step=state.n_steps,
        steps_between_reports=steps_of_epoch(problem, settings) if report else None,
        report=report,
    )


def initial_state(problem: Problem, settings: SelectionSettings, random_state) -> TrainingState:
    """Logits near zero and fresh networks."""
    dtype = problem.X.dtype
    parameters = settings.network.initial(settings.n_networks, random_state, dtype)
    logits = LOGIT_SPREAD * random_state.standard_normal((1, problem.units.n_free))
    parameters["logits"] = logits.astype(dtype)
    zeros = {name: np.zeros_like(value) for name, value in parameters.items()}
    return TrainingState(parameters, (zeros, zeros), 0)


def steps_of_epoch(problem: Problem, settings: SelectionSettings) -> int:
    """Steps in which each network sees as many rows as X has."""
    return -(-len(problem.X) // _batch(problem, settings))


def selection_program(problem: Problem, settings: SelectionSettings):
    """The compiled program for the shapes of a problem, and its constants."""
    objective = DatasetSubsetObjective(
        settings.network,
        settings.n_networks,
        problem.loss,
        projection=settings.projection,
        noise=settings.noise,
        gradient=settings.gradient,
        n_training_rows=None if problem.folds.held_out is None else _batch(problem, settings),
        grouped=problem.units.grouped,
    )
    shapes = (padded_length(len(problem.X)), problem.units.n_free, problem.X.dtype.name)
    constants = {"unit_of_column": problem.units.unit_of_column}
    return cached_program(objective, shapes, problem.device), constants


def selection_feed(problem: Problem, settings: SelectionSettings, seeds) -> Feed:
    """Batches of training rows, followed by as many held-out rows."""
    samplers = [
        ShuffledRows(
            rows,
            min(_batch(problem, settings), min(map(len, rows))),
            shuffle=settings.shuffle,
            random_state=np.random.RandomState(seed),
        )
        for rows, seed in zip((problem.folds.training, problem.folds.held_out), seeds)
        if rows is not None
    ]
    return Feed(
        {"X": problem.X, "y": problem.targets, "weight": problem.weights},
        lambda n_steps: np.concatenate([rows.draw(n_steps) for rows in samplers], axis=2),
        problem.standardization.apply,
    )


def selection_controls(steps, k: int, problem: Problem, settings: SelectionSettings):
    """Scalars of the given steps, in the order of ``DatasetSubsetObjective.controls``.

    The size of the subset falls geometrically from all units to ``k`` over the first
    ``ANNEALED_SHARE`` of the steps: a column that is weak alone is tried among others first.
    """
    progress = np.clip(steps / max(settings.n_steps - 1, 1), 0.0, 1.0)
    n_free = problem.units.n_free
    annealed = np.clip(progress / ANNEALED_SHARE, 0.0, 1.0)
    sizes = np.maximum(k, np.round(n_free * (max(k, 1) / n_free) ** annealed))
    sizes[annealed >= 1.0] = k
    return np.stack(
        [
            sizes,
            settings.noise_scale * 0.1**progress,
            np.full(len(progress), settings.selector_rate),
            settings.network_rate * FINAL_RATE**progress,
            np.full(len(progress), settings.decay),
        ],
        axis=1,
    ).astype(problem.X.dtype)


def _batch(problem: Problem, settings: SelectionSettings) -> int:
    return min(settings.batch_size, min(map(len, problem.folds.training)))


def _rows_of_batch(problem: Problem, settings: SelectionSettings) -> int:
    rows = _batch(problem, settings)
    if problem.folds.held_out is not None:
        rows += min(rows, min(map(len, problem.folds.held_out)))
    return rows
