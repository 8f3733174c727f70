"""What "auto" means for a `QueryRanker`, and how its training is scheduled."""

import numpy as np

from skid._parameters import resolve_auto
from skid.engine.feed import padded_length
from skid.learning_to_rank._averages import weights_of_averages
from skid.learning_to_rank._objective import RankingRule
from skid.losses import RANKING_LOSSES, RankingLoss, check_has_gradient, loss_of
from skid.losses.rankings import with_cut_off
from skid.schedules import LinearAfter, progress_of

HIDDEN_LAYER_SIZES = (256, 256)
N_NETWORKS = 2
BATCH_SIZE = 1024
LONGEST_LIST = 4096
RATE = 3e-3
CONSTANT_FRACTION = 0.5
FINAL_RATE = 0.05
MINIMUM_STEPS = 500
MAXIMUM_STEPS = 10_000
EPOCHS = 50
GAIN = "linear"
"""With exponential gains nearly all of the gradient would come from the highest grade."""
CUT_OFFS = 3
"""The training considers this many times k documents: those just after the cut-off matter, too."""
NOISE_SCALE = 1.0
DECAY = 1.2
DECAYS = (0.6, 1.2, 2.4, 4.8, 9.6)
"""Weight decays of which the best for held-out queries is selected."""
DECAY_HELD_OUT = 0.2
DECAY_STEPS = 1000
"""Maximum number of steps of this selection, enough for an effect of the smallest decay."""
DECAY_QUERIES = 4
"""With fewer held-out queries the weight decay is ``DECAY``."""


def ranking_rule(estimator, n_levels: int) -> tuple[RankingRule, float]:
    """How a ranking gives a gradient, and the factor of the noise."""
    gradient = estimator._gradient_rule()
    noise, noise_scale = estimator._noise("two_point", NOISE_SCALE)
    loss = training_loss(estimator)
    projection = resolve_auto(estimator.projection, loss.default_projection)
    check_has_gradient(loss, projection, gradient)
    return RankingRule(loss, n_levels, projection, noise, gradient), noise_scale


def training_loss(estimator) -> RankingLoss:
    """The loss of an estimator, with the cut-off of the training."""
    loss = loss_of(estimator.loss, RANKING_LOSSES, RankingLoss)
    takes_cut_off = estimator.k is not None and loss.has_cut_off and loss.k is None
    return with_cut_off(loss, CUT_OFFS * estimator.k) if takes_cut_off else loss


def documents_of_batch(estimator, lengths: np.ndarray) -> int:
    """Documents of a batch: enough for the longest list, or for several others."""
    if estimator.batch_size != "auto":
        return int(estimator.batch_size)
    size = max(min(BATCH_SIZE, int(lengths.sum())), int(lengths.max()))
    return padded_length(min(size, LONGEST_LIST))


def ranking_steps(estimator, steps_per_epoch: int) -> int:
    """Number of training steps."""
    automatic = np.clip(EPOCHS * steps_per_epoch, MINIMUM_STEPS, MAXIMUM_STEPS)
    return estimator._n_steps(steps_per_epoch, automatic)


def ranking_controls(estimator, n_steps: int, noise_scale: float) -> np.ndarray:
    """Scalars of each step, in the order of ``RankingObjective.controls``."""
    progress = progress_of(np.arange(n_steps), n_steps)
    rates = resolve_auto(estimator.learning_rate_init, RATE)
    rates = rates * LinearAfter(CONSTANT_FRACTION, FINAL_RATE)(progress)
    return np.stack([np.full(n_steps, noise_scale), rates, weights_of_averages(n_steps)], axis=1)
