"""What the parameters of a `QueryRanker` say about its training, and what "auto" stands for."""

from dataclasses import dataclass

import numpy as np

from skid.base import given, n_steps_of
from skid.engine.feed import padded_length
from skid.learning_to_rank._objective import RankingRule
from skid.learning_to_rank._parameters import shares_of_means
from skid.losses import RANKING_LOSSES, RankingLoss, check_has_gradient, loss_of
from skid.losses.rankings import with_cut_off
from skid.schedules import LinearAfter, progress_of

BATCH_SIZE = 1024
LONGEST_LIST = 4096
RATE = 3e-3
CONSTANT_SHARE = 0.5
FINAL_RATE = 0.05
MINIMUM_STEPS = 500
MAXIMUM_STEPS = 10_000
EPOCHS = 50
GAIN = "linear"
"""With exponential gains the few documents of the highest grade would give nearly all gradient."""
CUT_OFFS = 3
"""A training looks at so many times k documents: those just behind the cut-off tell as much."""
NOISE_SCALE = 1.0


@dataclass(frozen=True)
class RankingSettings:
    """How the network of a `QueryRanker` is trained.

    Attributes
    ----------
    rule : RankingRule
    noise_scale, rate : float
    n_steps : int
    steps_of_epoch : int
    """

    rule: RankingRule
    noise_scale: float
    rate: float
    n_steps: int
    steps_of_epoch: int

    def controls(self, dtype) -> np.ndarray:
        """Scalars of each step, in the order of ``RankingObjective.controls``.

        The learning rate stays for half of the training and then falls linearly.
        """
        progress = progress_of(np.arange(self.n_steps), self.n_steps)
        rates = self.rate * LinearAfter(CONSTANT_SHARE, FINAL_RATE)(progress)
        noise = np.full(self.n_steps, self.noise_scale)
        controls = (noise, rates, shares_of_means(self.n_steps))
        return np.stack(controls, axis=1).astype(dtype)


def documents_of_batch(estimator, lengths: np.ndarray) -> int:
    """Documents of a batch: room for the longest list, and for several of the others."""
    if estimator.batch_size != "auto":
        return int(estimator.batch_size)
    wanted = max(min(BATCH_SIZE, int(lengths.sum())), int(lengths.max()))
    return padded_length(min(wanted, LONGEST_LIST))


def training_loss(estimator) -> RankingLoss:
    """The loss of an estimator, with the places that count in the training."""
    loss = loss_of(estimator.loss, RANKING_LOSSES, RankingLoss)
    takes_cut_off = estimator.k is not None and loss.has_cut_off and loss.k is None
    return with_cut_off(loss, CUT_OFFS * estimator.k) if takes_cut_off else loss


def ranking_settings(estimator, n_documents: int, batch_size: int, n_levels: int):
    """Settings of the training of an estimator on lists with ``n_documents`` in total."""
    steps_of_epoch = -(-n_documents // batch_size)
    automatic = int(np.clip(EPOCHS * steps_of_epoch, MINIMUM_STEPS, MAXIMUM_STEPS))
    gradient = estimator._gradient_rule()
    noise, noise_scale = estimator._noise("two_point", NOISE_SCALE)
    loss = training_loss(estimator)
    projection = given(estimator.projection, loss.default_projection)
    check_has_gradient(loss, projection, gradient)
    return RankingSettings(
        rule=RankingRule(loss, n_levels, projection, noise, gradient),
        noise_scale=noise_scale,
        rate=given(estimator.learning_rate_init, RATE),
        n_steps=n_steps_of(estimator.max_iter, n_documents, batch_size, automatic),
        steps_of_epoch=steps_of_epoch,
    )
