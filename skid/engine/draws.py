"""Train an objective on batches that its family draws by rules of its own."""

from collections.abc import Callable

import numpy as np

from skid.engine.feed import Feed
from skid.engine.fitting import Problem, program_for
from skid.engine.program import Objective
from skid.engine.state import TrainingState
from skid.engine.training import Training, train
from skid.engine.validation import EarlyStopping


def train_on_draws(
    problem: Problem,
    draw: Callable[[int], np.ndarray],
    objective: Objective,
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
    program = program_for(
        objective, problem, state, rows_per_step=rows_per_step, constants=constants
    )
    return train(
        program,
        Feed(problem.arrays, draw, prepare),
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
