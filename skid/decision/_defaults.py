"""What "auto" means for a `SolverPredictor`, and how its training is scheduled.

The constants were chosen on validation parts of training data, see ``benchmarks/README.md``.
"""

import numpy as np
from sklearn.base import clone

from skid._parameters import resolve_auto
from skid.decision._objective import DIRECT, NEEDS_COSTS, Rule
from skid.schedules import LinearAfter, OffAfter, progress_of
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
    if estimator.target == "solutions" and estimator.loss in NEEDS_COSTS:
        raise ValueError(
            f"loss={estimator.loss!r} needs the true costs: pass them as y with target='costs'"
        )
    if estimator.loss == "spo+" and solver.nonnegative_costs:
        raise ValueError(
            "loss='spo+' asks the solver about 2 w - c, which may be negative, but "
            f"{type(solver).__name__} takes costs of at least 0 only: "
            "use loss='regret' or 'hamming'"
        )
    if estimator.projection not in ("auto", *solver.projections):
        raise ValueError(
            f"projection={estimator.projection!r} changes the solutions of "
            f"{type(solver).__name__}: valid are {('auto', *solver.projections)}"
        )
    return solver


def batch_size(estimator, n_rows: int) -> int:
    """Rows of a batch."""
    return min(resolve_auto(estimator.batch_size, BATCH_SIZE), n_rows)


def decision_rule(estimator, solver: Solver) -> tuple[Rule, float]:
    """How the costs get their gradient, and the factor of the noise."""
    is_direct = estimator.loss in DIRECT
    is_perturbed = estimator.loss == "fenchel_young"
    projection = "none" if is_direct else solver.default_projection
    gradient = estimator._gradient_rule()
    noise_scale = resolve_auto(
        estimator.noise_scale, 1.0 if is_perturbed else solver.default_noise_scale
    )
    if not is_perturbed and (is_direct or getattr(gradient, "adds_noise", False)):
        noise_scale = 0.0
    rule = Rule(
        loss=estimator.loss,
        projection=resolve_auto(estimator.projection, projection),
        noise=estimator._noise_law("normal") if noise_scale else None,
        gradient=gradient,
        n_draws=estimator.n_draws if noise_scale else 1,
    )
    return rule, noise_scale


def decision_controls(
    estimator, solver: Solver, steps_per_epoch: int, noise_scale: float, *, one_pass: bool
) -> np.ndarray:
    """Scalars of each step, in the order of ``DecisionObjective.controls``.

    The learning rate is constant for half of the training and then falls linearly; the noise is
    switched off where that suits the solver. A pass of ``partial_fit`` keeps both as at the start.
    """
    automatic = np.clip(EPOCHS * steps_per_epoch, MINIMUM_STEPS, MAXIMUM_STEPS)
    n_steps = estimator._n_steps(steps_per_epoch, automatic)
    steps = np.zeros(steps_per_epoch) if one_pass else np.arange(n_steps)
    progress = progress_of(steps, n_steps)
    is_scheduled = estimator.noise_scale == "auto" and estimator.loss != "fenchel_young"
    noise_fraction = solver.default_noise_share if is_scheduled else 1.0
    rate = TABLE_RATE if estimator.network is None else KERAS_RATE
    rates = resolve_auto(estimator.learning_rate_init, rate)
    rates = rates * LinearAfter(CONSTANT_FRACTION, FINAL_RATE)(progress)
    decays = np.full(len(progress), resolve_auto(estimator.alpha, DECAY))
    return np.stack([noise_scale * OffAfter(noise_fraction)(progress), rates, decays], axis=1)
