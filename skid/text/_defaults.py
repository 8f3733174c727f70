"""What "auto" means for a rationale estimator, and how its training is scheduled.

The constants were chosen on validation parts of training data, see ``benchmarks/rationales.py``.
"""

import numpy as np

from skid._parameters import resolve_auto
from skid.schedules import Geometric, progress_of
from skid.text._selection import SelectionRule

HIDDEN_LAYER_SIZES = (100,)
EVIDENCE = {"cross_entropy": "random", "squared": "selected"}
BATCH_SIZE = 64
RATE = 2e-3
FINAL_RATE = 0.1
EPOCHS = 5
MINIMUM_STEPS = 800
DECAY = 50_000.0
"""Divided by the number of texts and parts of texts."""
LARGEST_DECAY = 10.0
NOISE_SCALE = 1.0
GAIN = {"random": 3.0, "selected": 0.0}
"""Initial weight of the support of a word in its score. The support is useful only if the predictor
learns from random words."""
RARITY_WEIGHT = {"random": 2.0, "selected": 0.0}
LEAST_STEPS_BETWEEN_VALIDATIONS = 25
MINIMUM_ROWS_TO_HOLD_OUT = 50
"""With fewer texts ``early_stopping="auto"`` is False."""


def selection_rule(estimator) -> tuple[SelectionRule, float]:
    """How words are selected by their scores, and the factor of the noise."""
    noise, noise_scale = estimator._noise("gumbel", NOISE_SCALE)
    projection = resolve_auto(estimator.projection, "std")
    return SelectionRule(projection, noise, estimator._gradient_rule()), noise_scale


def rationale_controls(
    estimator, n_rows: int, steps_per_epoch: int, noise_scale: float
) -> np.ndarray:
    """Scalars of each step, in the order of ``RationaleObjective.controls``."""
    n_steps = estimator._n_steps(steps_per_epoch, max(EPOCHS * steps_per_epoch, MINIMUM_STEPS))
    rates = resolve_auto(estimator.learning_rate_init, RATE)
    rates = rates * Geometric(FINAL_RATE)(progress_of(np.arange(n_steps), n_steps))
    embedding_rates = 0.0 * rates if estimator.freeze_embedding else rates
    decay = resolve_auto(estimator.alpha, min(DECAY / n_rows, LARGEST_DECAY))
    return np.stack(np.broadcast_arrays(noise_scale, rates, embedding_rates, decay), axis=1)
