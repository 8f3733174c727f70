"""Default values and schedules of a `GraphMatcher`.

The constants were chosen on validation parts of training data, see ``benchmarks/README.md``.
"""

from typing import Any

import numpy as np

from skid._parameters import resolve_auto
from skid.losses import SinkhornCrossEntropy
from skid.schedules import LinearAfter, progress_of

HIDDEN_LAYER_SIZES = (64, 64)
NODE_VECTOR = 32
"""Length of the vectors to which ``network`` maps the features of a node."""
BATCH_SIZE = 8
RATE = 5e-3
DECAY = 5.0
"""Weight decay times the number of pairs to learn from."""
LARGEST_DECAY = 0.1
EPOCHS = 20
MINIMUM_STEPS = 1500
MAXIMUM_STEPS = 10_000
CONSTANT_FRACTION = 0.5
FINAL_RATE = 0.02
TRAINING_PROPOSALS = 2
"""Local searches of one matching in the training."""
PROPOSALS = 16
CALIBRATED = 16
"""Pairs by which the temperature of the probabilities is chosen."""


def batch_size(estimator: Any, n_pairs: int) -> int:
    """Pairs of a batch."""
    return min(resolve_auto(estimator.batch_size, BATCH_SIZE), n_pairs)


def compares_edges(estimator: Any) -> bool:
    """Whether pairs of edges have costs."""
    by_solver = estimator.loss != "sinkhorn" and not isinstance(
        estimator.loss, SinkhornCrossEntropy
    )
    if estimator.solver == "quadratic" and not by_solver:
        raise ValueError(
            "solver must be 'assignment' or 'auto' with loss='sinkhorn', which learns no costs of "
            "edges, got 'quadratic'"
        )
    return by_solver and estimator.solver != "assignment"


def matching_controls(
    estimator: Any, n_pairs: int, steps_per_epoch: int, noise_scale: float
) -> np.ndarray:
    """Scalars of each step, in the order of ``MatchingObjective.controls``.

    The learning rate is constant for half of the training and then falls linearly.
    """
    automatic = np.clip(EPOCHS * steps_per_epoch, MINIMUM_STEPS, MAXIMUM_STEPS)
    n_steps = estimator._n_steps(steps_per_epoch, automatic)
    progress = progress_of(np.arange(n_steps), n_steps)
    rates = resolve_auto(estimator.learning_rate_init, RATE)
    rates = rates * LinearAfter(CONSTANT_FRACTION, FINAL_RATE)(progress)
    noise = np.full(n_steps, noise_scale)
    decays = np.full(n_steps, resolve_auto(estimator.alpha, min(DECAY / n_pairs, LARGEST_DECAY)))
    return np.stack([noise, rates, decays], axis=1)
