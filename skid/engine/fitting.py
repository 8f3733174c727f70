"""Train an objective on the data of a problem: program, batches, validation and loop together."""

from typing import Protocol

import numpy as np

from skid.engine.feed import Feed, ShuffledRows, padded_length
from skid.engine.folds import Folds, Validation
from skid.engine.program import Objective, ObjectiveOfRows, Program, cached_program
from skid.engine.state import TrainingState
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
