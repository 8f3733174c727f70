"""Default values and schedules of a `RankingRetriever`."""

from typing import Any

import numpy as np

from skid._parameters import resolve_auto
from skid.losses import RANKING_LOSSES, EmbeddingLoss, RankingLoss, check_has_gradient, loss_of
from skid.retrieval._objective import RetrievalRule
from skid.solvers import Ranking

HIDDEN_LAYER_SIZES = (256,)
RATE = 3e-3
FINAL_RATE = 0.2
FINAL_FRACTION = 0.3
MINIMUM_STEPS = 600
MAXIMUM_STEPS = 10_000
EPOCHS = 20
DECAY = 0.0
NOISE_SCALE = 1.0


def retrieval_rule(estimator: Any) -> tuple[RetrievalRule, float]:
    """Loss, projection, noise and gradient rule, and the scale of the noise."""
    gradient = estimator._gradient_rule()
    noise, noise_scale = estimator._noise("two_point", NOISE_SCALE)
    projection = resolve_auto(estimator.projection, Ranking.default_projection)
    loss = loss_of(estimator.loss, RANKING_LOSSES, RankingLoss, EmbeddingLoss)
    if isinstance(loss, RankingLoss):
        check_has_gradient(loss, projection, gradient)
    return RetrievalRule(loss, projection, noise, gradient), noise_scale


def retrieval_controls(estimator: Any, steps_per_epoch: int, noise_scale: float) -> np.ndarray:
    """Scalars of each step, in the order of ``RetrievalObjective.controls``."""
    automatic = np.clip(EPOCHS * steps_per_epoch, MINIMUM_STEPS, MAXIMUM_STEPS)
    n_steps = estimator._n_steps(steps_per_epoch, automatic)
    rates = np.full(n_steps, resolve_auto(estimator.learning_rate_init, RATE))
    rates[round((1 - FINAL_FRACTION) * n_steps) :] *= FINAL_RATE
    decay = resolve_auto(estimator.alpha, DECAY)
    return np.stack(np.broadcast_arrays(noise_scale, rates, decay), axis=1)
