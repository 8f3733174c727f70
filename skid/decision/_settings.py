"""What the parameters of a `SolverPredictor` say about its training, and what "auto" stands for.

The constants were chosen on validation parts of training data, see ``benchmarks/README.md``.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from skid.base import given, n_steps_of
from skid.decision._objective import Rule
from skid.losses import DECISION_LOSSES, DecisionLoss, loss_of
from skid.schedules import LinearAfter, OffAfter, progress_of
from skid.solvers import CallableSolver, Solver

BATCH_SIZE = 32
TABLE_RATE = 1e-2
KERAS_RATE = 1e-3
MINIMUM_STEPS = 2000
MAXIMUM_STEPS = 20_000
EPOCHS = 20
CONSTANT_SHARE = 0.5
FINAL_RATE = 0.02
DECAY = 0.0


@dataclass(frozen=True)
class DecisionSettings:
    """How the network of a `SolverPredictor` is trained.

    Attributes
    ----------
    rule : Rule
    noise_scale : float
    noise_share : float
        Share of the training after which the noise is off.
    rate, decay : float
    batch_size : int
    n_steps : int
        Steps over which the noise and the learning rate move.
    shuffle : bool
    """

    rule: Rule
    noise_scale: float
    noise_share: float
    rate: float
    decay: float
    batch_size: int
    n_steps: int
    shuffle: bool

    def controls(self, steps: np.ndarray, dtype) -> np.ndarray:
        """Scalars of the given steps, in the order of ``DecisionObjective.controls``.

        The learning rate stays for half of the training and then falls linearly.
        """
        progress = progress_of(steps, self.n_steps)
        noise = self.noise_scale * OffAfter(self.noise_share)(progress)
        rates = self.rate * LinearAfter(CONSTANT_SHARE, FINAL_RATE)(progress)
        decays = np.full(len(progress), self.decay)
        return np.stack([noise, rates, decays], axis=1).astype(dtype)


def checked_solver(estimator) -> Solver:
    """The solver of an estimator, if its other parameters suit it.

    Raises
    ------
    ValueError
        If the loss needs other targets or other solvers, or the projection would change the
        solutions.
    """
    solver = estimator.solver
    solver = clone(solver if isinstance(solver, Solver) else CallableSolver(solver))
    loss = loss_of(estimator.loss, DECISION_LOSSES, DecisionLoss)
    if estimator.target == "solutions" and loss.needs_true_costs:
        raise ValueError(
            f"target must be 'costs' for loss={estimator.loss!r}, which needs the true costs, "
            "got 'solutions': pass them as y with target='costs'"
        )
    if loss.needs_any_sign and solver.nonnegative_costs:
        raise ValueError(
            f"solver must take costs of any sign for loss={estimator.loss!r}, got "
            f"{type(solver).__name__}, which takes costs of at least 0 only: "
            "use loss='regret' or 'hamming'"
        )
    if estimator.projection not in ("auto", *solver.projections):
        raise ValueError(
            f"projection={estimator.projection!r} changes the solutions of "
            f"{type(solver).__name__}: valid are {('auto', *solver.projections)}"
        )
    return solver


def decision_settings(estimator, solver, n_rows: int) -> DecisionSettings:
    """Settings of the training of an estimator on ``n_rows`` rows."""
    batch_size = min(given(estimator.batch_size, BATCH_SIZE), n_rows)
    steps_of_epoch = -(-n_rows // batch_size)
    automatic = int(np.clip(EPOCHS * steps_of_epoch, MINIMUM_STEPS, MAXIMUM_STEPS))
    n_steps = n_steps_of(estimator.max_iter, n_rows, batch_size, automatic)
    loss = loss_of(estimator.loss, DECISION_LOSSES, DecisionLoss)
    automatic_projection = solver.default_projection if loss.through_solver else "none"
    projection = given(estimator.projection, automatic_projection)
    gradient = estimator._gradient_rule()
    noise_of_loss = loss.default_noise_scale is not None
    automatic_scale = loss.default_noise_scale if noise_of_loss else solver.default_noise_scale
    noise_scale = given(estimator.noise_scale, automatic_scale)
    has_margin = loss.through_solver and not getattr(gradient, "adds_noise", False)
    if not (noise_of_loss or has_margin):
        noise_scale = 0.0
    noise = estimator._noise_law("normal")
    rate = KERAS_RATE if estimator.network is not None else TABLE_RATE
    rule = Rule(
        loss=loss,
        projection=projection,
        noise=noise if noise_scale else None,
        gradient=gradient,
        n_draws=estimator.n_draws if noise_scale else 1,
    )
    scheduled = estimator.noise_scale == "auto" and not noise_of_loss
    return DecisionSettings(
        rule=rule,
        noise_scale=noise_scale,
        noise_share=solver.default_noise_share if scheduled else 1.0,
        rate=given(estimator.learning_rate_init, rate),
        decay=given(estimator.alpha, DECAY),
        batch_size=batch_size,
        n_steps=n_steps,
        shuffle=estimator.shuffle,
    )
