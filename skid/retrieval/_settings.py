"""What the parameters of a `RankingRetriever` say of its training, and what "auto" means."""

from dataclasses import dataclass

import numpy as np

from skid.base import given, n_steps_of
from skid.losses import (
    RANKING_LOSSES,
    EmbeddingLoss,
    RankingLoss,
    check_has_gradient,
    loss_of,
)
from skid.retrieval._objective import RetrievalRule
from skid.solvers import Ranking

HIDDEN_LAYER_SIZES = (256,)
RATE = 3e-3
FINAL_RATE = 0.2
FINAL_SHARE = 0.3
MINIMUM_STEPS = 600
MAXIMUM_STEPS = 10_000
EPOCHS = 20
DECAY = 0.0
NOISE_SCALE = 1.0


@dataclass(frozen=True)
class RetrievalSettings:
    """How the embedding of a `RankingRetriever` is trained.

    Attributes
    ----------
    rule : RetrievalRule
    noise_scale, rate, decay : float
    n_steps : int
    steps_of_epoch : int
    """

    rule: RetrievalRule
    noise_scale: float
    rate: float
    decay: float
    n_steps: int
    steps_of_epoch: int

    def controls(self, dtype) -> np.ndarray:
        """Scalars of each step, in the order of ``RetrievalObjective.controls``."""
        rates = np.full(self.n_steps, self.rate)
        rates[round((1 - FINAL_SHARE) * self.n_steps) :] *= FINAL_RATE
        others = [np.full(self.n_steps, value) for value in (self.noise_scale, self.decay)]
        return np.stack([others[0], rates, others[1]], axis=1).astype(dtype)


def retrieval_settings(estimator, n_rows: int, batch_size: int) -> RetrievalSettings:
    """Settings of the training of an estimator on ``n_rows`` rows."""
    steps_of_epoch = -(-n_rows // batch_size)
    automatic = int(np.clip(EPOCHS * steps_of_epoch, MINIMUM_STEPS, MAXIMUM_STEPS))
    gradient = estimator._gradient_rule()
    noise, noise_scale = estimator._noise("two_point", NOISE_SCALE)
    projection = given(estimator.projection, Ranking.default_projection)
    loss = loss_of(estimator.loss, RANKING_LOSSES, RankingLoss, EmbeddingLoss)
    if isinstance(loss, RankingLoss):
        check_has_gradient(loss, projection, gradient)
    return RetrievalSettings(
        rule=RetrievalRule(loss, projection, noise, gradient),
        noise_scale=noise_scale,
        rate=given(estimator.learning_rate_init, RATE),
        decay=given(estimator.alpha, DECAY),
        n_steps=n_steps_of(estimator.max_iter, n_rows, batch_size, automatic),
        steps_of_epoch=steps_of_epoch,
    )
