"""Train an objective on batches that its family draws by rules of its own."""

from collections.abc import Callable

import numpy as np

from skid.engine.feed import Feed, padded_length
from skid.engine.fitting import Problem, TrainingState
from skid.engine.program import cached_program
from skid.engine.training import Training, epoch_means, train
from skid.engine.validation import EarlyStopping


def train_on_draws(
    problem: Problem,
    draw: Callable[[int], np.ndarray],
    objective,
    state: TrainingState,
    controls: np.ndarray,
    *,
    rows_per_step: int,
    seed: int,
    prepare: Callable[[np.ndarray], dict[str, np.ndarray]],
    constants: dict | None = None,
    early_stopping: EarlyStopping | None = None,
    steps_between_reports: int | None = None,
    report: Callable[[dict, np.ndarray], bool] | None = None,
) -> Training:
    """Train, with batches from ``draw``; see :func:`skid.engine.training.train`.

    Parameters
    ----------
    problem : Problem
    draw : callable
        Gives the rows of the next ``n_steps`` steps, int32 of shape (n_steps, rows_per_step).
    objective : Objective
    state : TrainingState
    controls : array of shape (n_steps, n_controls)
    rows_per_step : int
    seed : int
    prepare : callable
        Turns rows of X into inputs.
    constants : dict of str to array, optional
    early_stopping : EarlyStopping, optional
    steps_between_reports : int, optional
    report : callable, optional
    """
    feed = Feed(problem.arrays, draw, prepare)
    shapes = tuple((name, value.shape) for name, value in state.parameters.items())
    X = problem.arrays["X"]
    shapes = (padded_length(len(X)), X.dtype.name, rows_per_step, shapes)
    return train(
        cached_program(objective, shapes, problem.device),
        feed,
        state.parameters,
        controls,
        rows_per_step=rows_per_step,
        seed=seed,
        constants=constants,
        moments=state.moments,
        first_step=state.n_steps,
        early_stopping=early_stopping,
        steps_between_reports=steps_between_reports if report else None,
        report=report,
    )


def training_attributes(training: Training, steps_of_epoch: int) -> dict:
    """What a fitted estimator tells of its training.

    Parameters
    ----------
    training : Training
        Its validation losses are 1 minus a score.
    steps_of_epoch : int
    """
    curve = epoch_means(training.losses, steps_of_epoch)
    attributes = {
        "n_iter_": len(curve),
        "loss_curve_": curve,
        "best_loss_": min(curve, default=np.inf),
        "_training_state": TrainingState.after(training),
    }
    if training.validations:
        attributes["validation_scores_"] = [1 - loss for _, loss in training.validations]
        attributes["best_loss_"] = min(loss for _, loss in training.validations)
    return attributes
