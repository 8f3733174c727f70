"""Default values and schedules of a `SolverPredictor`.

The constants were chosen on validation parts of training data, see ``benchmarks/README.md``.
"""

from typing import Any

import numpy as np
from sklearn.base import clone

from skid._parameters import resolve_auto
from skid.losses import DECISION_LOSSES, DecisionLoss, loss_of
from skid.projections import check_projection
from skid.schedules import LinearAfter, OffAfter, progress_of
from skid.solver_objective import SolverRule
from skid.solvers import CallableSolver, Solver

HIDDEN_LAYER_SIZES = ()
BATCH_SIZE = 32
TABLE_RATE = 1e-2
KERAS_RATE = 1e-3
MINIMUM_STEPS = 2000
MAXIMUM_STEPS = 20_000
EPOCHS = 20
CONSTANT_FRACTION = 0.5
FINAL_RATE = 0.02
DECAY = 0.0


def checked_solver(estimator: Any) -> Solver:
    """The solver of an estimator; a ValueError if target, loss or projection do not suit it."""
    solver = estimator.solver
    solver = clone(solver if isinstance(solver, Solver) else CallableSolver(solver))
    loss = loss_of(estimator.loss, DECISION_LOSSES, DecisionLoss)
    if estimator.target == "solutions" and loss.needs_true_costs:
        raise ValueError(
            f"target must be 'costs' for loss={estimator.loss!r}, which needs the true costs, "
            "got 'solutions': pass the true costs as y with target='costs'"
        )
    if loss.needs_any_sign and solver.nonnegative_costs:
        raise ValueError(
            f"solver must take costs of any sign for loss={estimator.loss!r}, got "
            f"{type(solver).__name__}, which takes costs of at least 0 only: "
            "use loss='regret' or 'hamming'"
        )
    check_projection(estimator.projection, ("auto", *solver.projections), owner=solver)
    return solver


def batch_size(estimator: Any, n_rows: int) -> int:
    """Rows of a batch."""
    return min(resolve_auto(estimator.batch_size, BATCH_SIZE), n_rows)


def decision_controls(
    estimator: Any,
    solver: Solver,
    rule: SolverRule,
    steps_per_epoch: int,
    noise_scale: float,
    *,
    one_pass: bool,
) -> np.ndarray:
    """Scalars of each step, in the order of ``SolverObjective.controls``.

    The learning rate is constant for half of the training and then falls linearly; for some
    solvers the noise is switched off. A pass of ``partial_fit`` uses the values of the start.
    """
    automatic = np.clip(EPOCHS * steps_per_epoch, MINIMUM_STEPS, MAXIMUM_STEPS)
    n_steps = estimator._n_steps(steps_per_epoch, automatic)
    steps = np.zeros(steps_per_epoch) if one_pass else np.arange(n_steps)
    progress = progress_of(steps, n_steps)
    is_scheduled = estimator.noise_scale == "auto" and rule.loss.default_noise_scale is None
    noise_fraction = solver.default_noise_fraction if is_scheduled else 1.0
    rate = TABLE_RATE if estimator.network is None else KERAS_RATE
    rates = resolve_auto(estimator.learning_rate_init, rate)
    rates = rates * LinearAfter(CONSTANT_FRACTION, FINAL_RATE)(progress)
    decays = np.full(len(progress), resolve_auto(estimator.alpha, DECAY))
    return np.stack([noise_scale * OffAfter(noise_fraction)(progress), rates, decays], axis=1)
