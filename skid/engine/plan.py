"""All that a training is made of, and the one way in which it is carried out."""

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from skid.engine.backend import resolve_device, tensorflow
from skid.engine.feed import Feed, ShuffledRows, padded_length
from skid.engine.folds import Folds, split_rows
from skid.engine.host import host_error
from skid.engine.program import Objective, ObjectiveOfRows, Program, cached_program
from skid.engine.seeds import draw_seeds
from skid.engine.state import TrainingState
from skid.engine.training import Training, train
from skid.engine.validation import EarlyStopping, HeldOut


class Batches(Protocol):
    """Endless batches of rows."""

    @property
    def rows_per_step(self) -> int:
        """Rows of a batch, over all networks."""

    def draw(self, n_steps: int) -> np.ndarray:
        """Rows of the next steps, int32 of shape (n_steps, ...)."""


Report = Callable[["Plan", Training], bool]
"""Called after each epoch with the plan and the training so far; true stops the training."""


class Plan:
    """What an estimator trains: data, batches, objective, schedules and what is kept of it.

    A family of estimators sets the attributes in ``__init__`` and overrides the methods in which
    it differs. `BaseSolverEstimator._carry_out` carries the plan out.

    Parameters
    ----------
    estimator : BaseSolverEstimator
        Gives the device and the rule of early stopping.

    Attributes
    ----------
    objective : Objective
    arrays : dict of str to array of shape (n_rows, ...)
        Data with one entry for each row. A memory-mapped array is read in blocks.
    batches : Batches
    start : dict of str to array
        Parameters of fresh networks.
    controls : array of shape (n_steps, n_controls)
        Learning rate, noise scale and so on, for each step, as ``objective.controls`` names them.
    steps_per_epoch : int
    seed : int
        Seed of the noise.
    constants : dict of str to array
        Inputs of the objective that belong to no row.
    best_score : float
        Validation score that stands for a validation loss of 0.
    transient : tuple of str
        Beginnings of the names of parameters that a warm start takes from ``start``.
    steps_per_validation : int or None
        None validates after each epoch.
    patience : int or None
        Validations without improvement after which the training stops.
    tolerance : float
        Smallest fall of the validation loss that counts as an improvement.
    """

    objective: Objective
    arrays: dict[str, np.ndarray]
    batches: Batches
    start: dict[str, np.ndarray]
    controls: np.ndarray
    steps_per_epoch: int
    seed: int
    constants: dict[str, np.ndarray] = {}
    best_score: float = 0.0
    transient: tuple[str, ...] = ()
    steps_per_validation: int | None = None
    n_held_out: int = 0

    def __init__(self, estimator: Any) -> None:
        self.device = resolve_device(estimator.device)
        self.patience = estimator.n_iter_no_change
        self.tolerance = estimator.tol

    @property
    def n_epochs(self) -> int:
        """Number of epochs that the training takes at most."""
        return math.ceil(len(self.controls) / self.steps_per_epoch)

    def prepare(self, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Rows of ``arrays`` as the program reads them."""
        return rows

    def validation(self, program: Program, feed: Feed) -> Callable[[dict], float] | None:
        """Function that gives the validation loss of parameters; None validates nothing."""
        return None

    def fitted(self, parameters: dict) -> dict[str, Any]:
        """Fitted attributes of the family for the given parameters."""
        raise NotImplementedError

    def begin(self, parameters: dict) -> None:
        """Look at the parameters before the first step."""

    def end_epoch(self, training: Training) -> None:
        """Look at the training after each epoch. It slows short epochs down if overridden."""

    def finish(self, training: Training) -> Training:
        """Complete the training after its last step."""
        return training

    def attributes(self, training: Training) -> dict[str, Any]:
        """All fitted attributes of an estimator that is trained as far as this."""
        attributes = training.attributes(self.steps_per_epoch, self.best_score)
        return attributes | self.fitted(training.parameters)

    def train(self, state: TrainingState | None = None, report: Report | None = None) -> Training:
        """Train from fresh networks, or continue from a state.

        Parameters
        ----------
        state : TrainingState, optional
        report : callable, optional

        Raises
        ------
        ValueError
            If the networks of the state have other shapes than fresh ones.
        """
        fresh = TrainingState(self.start)
        state = fresh if state is None else state.resumed(fresh, self.transient)
        feed = Feed(self.arrays, self.batches.draw, self.prepare)
        program = self._program(state)
        loss = self.validation(program, feed)
        early_stopping = loss and EarlyStopping(
            loss,
            self.steps_per_validation or self.steps_per_epoch,
            patience=self.patience,
            tolerance=self.tolerance,
        )
        is_watched = type(self).end_epoch is not Plan.end_epoch

        def end_epoch(training: Training) -> bool:
            self.end_epoch(training)
            return report is not None and report(self, training)

        self.begin(state.parameters)
        try:
            training = train(
                program,
                feed,
                state.parameters,
                self.controls,
                rows_per_step=self.batches.rows_per_step,
                seed=self.seed,
                constants=self.constants,
                moments=state.moments,
                first_step=state.n_steps,
                early_stopping=early_stopping,
                steps_between_reports=self.steps_per_epoch if report or is_watched else None,
                report=end_epoch if report or is_watched else None,
            )
        except tensorflow().errors.OpError as error:
            raise host_error(self.objective.key) or error from None
        return self.finish(training)

    def _program(self, state: TrainingState) -> Program:
        """The compiled program: one for all plans whose arrays have the same shapes."""
        n_rows = len(next(iter(self.arrays.values())))
        shapes = (
            *(padded_length(length) for length in (n_rows, self.n_held_out)),
            self.batches.rows_per_step,
            *((name, values.dtype.name) for name, values in self.arrays.items()),
            *((name, value.shape) for name, value in state.parameters.items()),
            *((name, np.shape(value)) for name, value in self.constants.items()),
        )
        return cached_program(self.objective, shapes, self.device)


class RowsPlan(Plan):
    """Networks that learn from shuffled rows, validated by the objective's loss of held-out rows.

    Attributes
    ----------
    objective : ObjectiveOfRows
    weights : float array of shape (n_rows,), or None
        Sample weights; None weighs all rows alike.
    labels : int array of shape (n_rows,), or None
        Classes, none of which should be missing among the rows of a validation.
    folds : Folds
        Rows that each network learns from, and is validated on.
    held_out : HeldOut or None
        The validation, once ``train`` has begun.
    """

    objective: ObjectiveOfRows
    weights: np.ndarray | None = None
    labels: np.ndarray | None = None
    folds: Folds
    held_out: HeldOut | None = None

    def learn_from(
        self, folds: Folds, batch_size: int, *, shuffle: bool, random_state: np.random.RandomState
    ) -> None:
        """Set the folds, the batches and the seeds.

        Parameters
        ----------
        folds : Folds
        batch_size : int
            Rows of a batch, for each network.
        shuffle : bool
            Whether rows come in a new order in each epoch.
        random_state : numpy.random.RandomState
        """
        batch_seed, self._validation_seed, seed = draw_seeds(random_state, 3)
        self.folds = folds
        self.seed = int(seed)
        self.batches = ShuffledRows(
            folds.training,
            min(batch_size, *map(len, folds.training)),
            shuffle=shuffle,
            random_state=np.random.RandomState(batch_seed),
        )
        if folds.held_out is not None:
            self.n_held_out = max(map(len, folds.held_out))

    def validation(self, program: Program, feed: Feed) -> Callable[[dict], float] | None:
        """Weighted mean loss of the held-out rows, see :class:`Plan`."""
        if self.folds.held_out is None:
            return None
        self.held_out = HeldOut(
            program,
            feed,
            self.folds.held_out,
            self.weights,
            self.controls[-1],
            np.random.RandomState(self._validation_seed),
            self.constants,
            self.labels,
        )
        return self.held_out.loss


def rows_to_learn_from(estimator, rows: np.ndarray, X: np.ndarray, random_state) -> Folds:
    """All rows, or with ``early_stopping=True`` all but a ``validation_fraction`` of them."""
    if estimator.early_stopping in ("auto", False):
        return Folds([rows])
    return split_rows(rows, estimator.validation_fraction, X, random_state)
