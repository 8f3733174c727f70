"""What the parameters of a rationale estimator say of its training, and what "auto" means.

The constants were chosen on validation parts of training data, see ``benchmarks/rationales.py``.
"""

from dataclasses import dataclass

import numpy as np

from skid.base import given, n_steps_of
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
"""Times the number of texts, parts included: the more there are, the less of it is needed."""
LARGEST_DECAY = 10.0
NOISE_SCALE = 1.0
GAIN = {"random": 3.0, "selected": 0.0}
"""Of the support of a word in its score, at the start: one that the predictor has not learnt from
random words would only show the selector what it picked before."""
RARITY_WEIGHT = {"random": 2.0, "selected": 0.0}
"""Zero for a predictor that knows no words but those that the selector was trained to pick."""
LEAST_STEPS_BETWEEN_VALIDATIONS = 25
MINIMUM_ROWS_TO_HOLD_OUT = 50
"""With fewer texts ``early_stopping="auto"`` holds out none."""


@dataclass(frozen=True)
class RationaleSettings:
    """How a rationale estimator is trained.

    Attributes
    ----------
    rule : SelectionRule
    evidence : {"random", "selected"}
    gain, noise_scale, rate, decay, rarity_weight : float
    frozen : bool
        Whether word vectors stay as they are.
    n_steps : int
    steps_of_epoch : int
    """

    rule: SelectionRule
    evidence: str
    gain: float
    noise_scale: float
    rate: float
    decay: float
    rarity_weight: float
    frozen: bool
    n_steps: int
    steps_of_epoch: int

    def controls(self, dtype) -> np.ndarray:
        """Scalars of each step, in the order of ``RationaleObjective.controls``."""
        progress = progress_of(np.arange(self.n_steps), self.n_steps)
        rates = self.rate * Geometric(FINAL_RATE)(progress)
        columns = [
            np.full(self.n_steps, self.noise_scale),
            rates,
            0.0 * rates if self.frozen else rates,
            np.full(self.n_steps, self.decay),
        ]
        return np.stack(columns, axis=1).astype(dtype)


def rationale_settings(estimator, loss: str, n_rows: int, batch_size: int) -> RationaleSettings:
    """Settings of the training of an estimator on ``n_rows`` texts."""
    steps_of_epoch = -(-n_rows // batch_size)
    gradient = estimator._gradient_rule()
    noise, noise_scale = estimator._noise("gumbel", NOISE_SCALE)
    rule = SelectionRule(
        projection=given(estimator.projection, "std"),
        noise=noise,
        gradient=gradient,
    )
    evidence = given(estimator.evidence, EVIDENCE[loss])
    automatic = max(EPOCHS * steps_of_epoch, MINIMUM_STEPS)
    return RationaleSettings(
        rule=rule,
        evidence=evidence,
        gain=GAIN[evidence],
        noise_scale=noise_scale,
        rate=given(estimator.learning_rate_init, RATE),
        decay=given(estimator.alpha, min(DECAY / n_rows, LARGEST_DECAY)),
        rarity_weight=given(estimator.rarity_weight, RARITY_WEIGHT[evidence]),
        frozen=estimator.freeze_embedding,
        n_steps=n_steps_of(estimator.max_iter, n_rows, batch_size, automatic),
        steps_of_epoch=steps_of_epoch,
    )
