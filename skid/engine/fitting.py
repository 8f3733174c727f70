"""Train an objective on the data of a problem: program, batches, validation and loop together."""

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from skid.engine.feed import Feed, ShuffledRows, padded_length
from skid.engine.program import Objective, ObjectiveOfRows, Program, cached_program
from skid.engine.training import Training, train
from skid.engine.validation import EarlyStopping, HeldOut


class Problem(Protocol):
    """The data of one fit.

    Attributes
    ----------
    arrays : dict of str to array of shape (n_rows, ...)
        ``"X"`` among them, which may be a memory-mapped file.
    device : str
        Name of a TensorFlow device.
    """

    arrays: dict[str, np.ndarray]
    device: str


class WeightedProblem(Problem, Protocol):
    """The data of a fit whose rows differ in weight.

    Attributes
    ----------
    weights : float array of shape (n_rows,)
    """

    weights: np.ndarray


@dataclass
class Folds:
    """Rows that each network learns from, and those that it is judged by.

    Attributes
    ----------
    training : list of int array
    held_out : list of int array, or None
    """

    training: list
    held_out: list | None = None


HELD_OUT_BYTES = 256 * 2**20
"""Rows are held out up to this size: they are validated at once."""


def split_rows(rows: np.ndarray, share: float, X: np.ndarray, random_state) -> Folds:
    """Rows of X for a network to learn from, and about a ``share`` of them to judge it by.

    Raises
    ------
    ValueError
        If there are fewer than two rows.
    """
    if len(rows) < 2:
        raise ValueError(
            "early_stopping=True needs at least 2 samples of some weight, "
            f"but there is {len(rows)} sample"
        )
    n_held_out = min(math.ceil(share * len(rows)), max(1, HELD_OUT_BYTES // max(1, X[:1].nbytes)))
    order = random_state.permutation(rows)
    return Folds([np.sort(order[n_held_out:])], [np.sort(order[:n_held_out])])


def folds_of(
    estimator, rows: np.ndarray, X: np.ndarray, epoch: int, random_state, *, one_pass: bool
) -> tuple[Folds, "Validation | None"]:
    """Rows to learn from and rows to be judged by once an epoch, if ``early_stopping`` is true."""
    wanted = estimator.early_stopping
    if one_pass or isinstance(wanted, str) or not wanted:
        return Folds([rows]), None
    folds = split_rows(rows, estimator.validation_fraction, X, random_state)
    return folds, Validation(epoch, estimator.n_iter_no_change, estimator.tol)


@dataclass(frozen=True)
class Validation:
    """When to look at the held-out loss, and when to stop.

    Attributes
    ----------
    steps_between : int
        Steps from one validation to the next.
    patience : int or None
        Validations without an improvement by more than ``tolerance`` before the training stops.
        With None it does not stop, and the best parameters are kept.
    tolerance : float
    """

    steps_between: int
    patience: int | None
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
                "warm_start and partial_fit go on from networks of the same shape and dtype, but "
                "the parameters of the estimator or the shapes of X and y are others than in the "
                f"last fit: {_difference(own, other)}"
            )
        return self


def _difference(own: dict, other: dict) -> str:
    """The first weights in which two networks differ, in words."""
    for name in [*other, *own]:
        if own.get(name) != other.get(name):
            old, new = (_described(weights.get(name)) for weights in (own, other))
            return f"{name} was {old} and would be {new}"
    return "their order"


def _described(shape_and_dtype) -> str:
    if shape_and_dtype is None:
        return "absent"
    shape, dtype = shape_and_dtype
    return f"{dtype} {shape}"


def program_for(
    objective: Objective,
    problem: Problem,
    state: TrainingState,
    *,
    rows_per_step: int,
    constants: dict | None,
    n_held_out: int = 0,
) -> Program:
    """The compiled program of a fit: one for all fits whose arrays have the same shapes.

    Parameters
    ----------
    objective : Objective
    problem : Problem
    state : TrainingState
        With the parameters to train.
    rows_per_step : int
    constants : dict of str to array, or None
    n_held_out : int
        Rows that the objective is judged by.
    """
    X = problem.arrays["X"]
    shapes = (
        *(padded_length(n_rows) for n_rows in (len(X), n_held_out)),
        rows_per_step,
        X.dtype.name,
        *((name, value.shape) for name, value in state.parameters.items()),
        *((name, np.shape(value)) for name, value in (constants or {}).items()),
    )
    return cached_program(objective, shapes, problem.device)


def fit_networks(
    problem: WeightedProblem,
    folds: Folds,
    objective: ObjectiveOfRows,
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
    problem : WeightedProblem
    folds : Folds
    objective : ObjectiveOfRows
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

    Returns
    -------
    training : Training
    held_out : HeldOut or None
    """
    seeds = random_state.randint(np.iinfo(np.int32).max, size=3)
    batches = ShuffledRows(
        folds.training,
        min(batch_size, *map(len, folds.training)),
        shuffle=shuffle,
        random_state=np.random.RandomState(seeds[0]),
    )
    feed = Feed(problem.arrays, batches.draw, prepare)
    rows_per_step = len(folds.training) * batches.batch_size
    is_validated = validation is not None and folds.held_out is not None
    program = program_for(
        objective,
        problem,
        state,
        rows_per_step=rows_per_step,
        constants=constants,
        n_held_out=max(map(len, folds.held_out)) if is_validated else 0,
    )
    held_out = None
    if is_validated:
        held_out = HeldOut(
            program,
            feed,
            folds.held_out,
            problem.weights,
            controls[-1],
            np.random.RandomState(seeds[1]),
            constants,
            _labels(problem),
        )
    training = train(
        program,
        feed,
        state.parameters,
        controls,
        rows_per_step=rows_per_step,
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


def _labels(problem: Problem) -> np.ndarray | None:
    """The target, if it is classes."""
    y = problem.arrays.get("y")
    return y if y is not None and y.ndim == 1 and y.dtype.kind == "i" else None


def training_attributes(
    loss_curve: list[float], validations: list[tuple[int, float]], *, best_score: float = 0.0
) -> dict:
    """What a fitted estimator tells of its training.

    Parameters
    ----------
    loss_curve : list of float
        Mean loss of each epoch.
    validations : list of (int, float)
        Steps taken and held-out loss.
    best_score : float
        Score of the loss 0.
    """
    attributes = {
        "n_iter_": len(loss_curve),
        "loss_curve_": loss_curve,
        "best_loss_": min(loss_curve, default=np.inf),
    }
    if validations:
        losses = [loss for _, loss in validations]
        attributes["validation_scores_"] = [best_score - loss for loss in losses]
        attributes["best_loss_"] = min(losses)
    return attributes


def steps_of_epoch(problem: WeightedProblem, batch_size: int) -> int:
    """Steps in which each network sees as many rows as there are of some weight."""
    return -(-np.count_nonzero(problem.weights) // batch_size)


def without_state(training: Training | None) -> Training | None:
    """The training without what only a warm start needs: its parameters and Adam's moments."""
    return training and replace(training, parameters={}, moments=({}, {}))
