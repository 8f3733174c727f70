"""Train an objective on the data of a problem: program, batches, validation and loop together."""

from dataclasses import dataclass

import numpy as np

from skid.engine import Training, cached_program, train
from skid.engine.feed import Feed, ShuffledRows, padded_length
from skid.engine.validation import EarlyStopping, HeldOut
from skid.feature_selection._problem import Folds, Problem


@dataclass(frozen=True)
class Validation:
    """When to look at the held-out loss, and when to stop.

    Attributes
    ----------
    steps_between : int
        Steps from one validation to the next.
    patience : int
        Validations without an improvement by more than ``tolerance`` before the training stops.
    tolerance : float
    """

    steps_between: int
    patience: int
    tolerance: float


@dataclass
class TrainingState:
    """Where a training left off, to go on from there.

    Attributes
    ----------
    parameters : dict of str to array
    moments : tuple of two dict of str to array, or None
    n_steps : int
        Steps taken so far: the schedules go on from there.
    """

    parameters: dict
    moments: tuple[dict, dict] | None = None
    n_steps: int = 0

    @classmethod
    def after(cls, training: Training) -> "TrainingState":
        """State at the end of a training."""
        return cls(training.parameters, training.moments, training.n_steps)

    def checked_against(self, fresh: "TrainingState") -> "TrainingState":
        """The state itself, if fresh networks would have the same parameters.

        Raises
        ------
        ValueError
            If they would not.
        """
        own, other = (
            {name: (value.shape, value.dtype) for name, value in state.parameters.items()}
            for state in (self, fresh)
        )
        if own != other:
            raise ValueError(
                "warm_start and partial_fit go on from networks of the same shape, but scope, "
                "hidden_layer_sizes, n_networks, the dtype of X, or the number of its features, "
                "of free groups or of outputs is another one than in the last fit"
            )
        return self


def fit_networks(
    problem: Problem,
    folds: Folds,
    objective,
    state: TrainingState,
    controls: np.ndarray,
    random_state,
    *,
    batch_size: int,
    shuffle: bool,
    prepare,
    validation: Validation | None = None,
    constants: dict | None = None,
    report=None,
) -> tuple[Training, HeldOut | None]:
    """Train, and keep the parameters with the least held-out loss if there is a validation.

    Parameters
    ----------
    problem : Problem
    folds : Folds
    objective : Objective
    state : TrainingState
    controls : array of shape (n_steps, n_controls)
    random_state : numpy.random.RandomState
    batch_size : int
        Training rows of a batch, for each network.
    shuffle : bool
    prepare : callable
        Turns rows of X into inputs, and into targets that follow from them.
    validation : Validation, optional
    constants : dict of str to array, optional
    report : callable, optional
        Called after each epoch with the parameters and the losses of its steps.
    """
    seeds = random_state.randint(np.iinfo(np.int32).max, size=3)
    batches = ShuffledRows(
        folds.training,
        min(batch_size, *map(len, folds.training), len(problem.X)),
        shuffle=shuffle,
        random_state=np.random.RandomState(seeds[0]),
    )
    feed = Feed(problem.arrays, batches.draw, prepare)
    shapes = tuple((name, value.shape) for name, value in state.parameters.items())
    shapes = (padded_length(len(problem.X)), problem.X.dtype.name, shapes)
    program = cached_program(objective, shapes, problem.device)
    held_out = None
    if validation is not None and folds.held_out is not None:
        held_out = HeldOut(
            program,
            feed,
            folds.held_out,
            problem.weights,
            controls[-1],
            np.random.RandomState(seeds[1]),
            constants,
        )
    training = train(
        program,
        feed,
        state.parameters,
        controls,
        rows_per_step=len(folds.training) * batches.batch_size,
        seed=int(seeds[2]),
        constants=constants,
        moments=state.moments,
        first_step=state.n_steps,
        early_stopping=held_out
        and EarlyStopping(
            held_out.loss,
            validation.steps_between,
            patience=validation.patience,
            tolerance=validation.tolerance,
        ),
        steps_between_reports=steps_of_epoch(problem, batch_size) if report else None,
        report=report,
    )
    return training, held_out


def steps_of_epoch(problem: Problem, batch_size: int) -> int:
    """Steps in which each network sees as many rows as X has."""
    return -(-len(problem.X) // batch_size)
