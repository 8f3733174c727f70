"""What the parameters of a `DiscreteAutoencoder` say of its training, and what "auto" means."""

from dataclasses import dataclass

import numpy as np

from skid.base import given, n_steps_of
from skid.decomposition._objective import CodeRule
from skid.noise import Noise, SumOfGamma
from skid.schedules import Constant, LinearAfter, progress_of

HIDDEN_LAYER_SIZES = (512, 256)
BATCH_SIZE = 100
RATE = 1e-3
FINAL_RATE = 0.02
CONSTANT_SHARE = 0.9
DECAY = 0.0
STRONG_NOISE = 1.5
"""Standard deviation above which noise lets Identity push the logits on without end."""
LOGIT_BOUND = 3.0
RADIUS = 1.5
EPOCHS = 100
MINIMUM_STEPS = 2000
MAXIMUM_STEPS = 60_000


@dataclass(frozen=True)
class AutoencoderSettings:
    """How a `DiscreteAutoencoder` is trained.

    Attributes
    ----------
    rule : CodeRule
    temperature, gain, subset_temperature, rate, decay, logit_bound : float
        See ``AutoencoderObjective.controls``.
    constant : bool
        Whether the learning rate stays as it is.
    batch_size, n_steps : int
    """

    rule: CodeRule
    temperature: float
    gain: float
    subset_temperature: float
    rate: float
    decay: float
    logit_bound: float
    constant: bool
    batch_size: int
    n_steps: int

    def controls(self, steps: np.ndarray, dtype) -> np.ndarray:
        """Scalars of the given steps, in the order of ``AutoencoderObjective.controls``.

        Unless it is constant, the learning rate stays for most of the training and then falls
        linearly.
        """
        schedule = Constant() if self.constant else LinearAfter(CONSTANT_SHARE, FINAL_RATE)
        rates = self.rate * schedule(progress_of(steps, self.n_steps))
        others = [
            np.full(len(steps), value)
            for value in (
                self.temperature,
                self.gain,
                self.subset_temperature,
                self.decay,
                self.logit_bound,
            )
        ]
        return np.stack([*others[:3], rates, *others[3:]], axis=1).astype(dtype)


def autoencoder_settings(estimator, n_rows: int) -> AutoencoderSettings:
    """Settings of the training of an estimator on ``n_rows`` rows."""
    batch_size = min(given(estimator.batch_size, BATCH_SIZE), n_rows)
    steps_of_epoch = -(-n_rows // batch_size)
    automatic = int(np.clip(EPOCHS * steps_of_epoch, MINIMUM_STEPS, MAXIMUM_STEPS))
    temperature = float(estimator.temperature)
    noise = _noise_of_codes(estimator.noise, estimator.k) if temperature else None
    deviation = temperature * _deviation(noise) if noise else 0.0
    bound = given(
        estimator.logit_bound, LOGIT_BOUND * deviation if deviation > STRONG_NOISE else None
    )
    rule = CodeRule(
        k=estimator.k,
        noise=noise,
        projection=given(estimator.projection, "std"),
        gradient=estimator._gradient_rule(),
        bounded=bound is not None,
    )
    # The temperature at which the paper's noise, which is designed for it, is as strong.
    subset_temperature = deviation / _deviation(SumOfGamma(estimator.k)) or 1.0
    return AutoencoderSettings(
        rule=rule,
        temperature=temperature,
        gain=_gain(estimator, rule, deviation),
        subset_temperature=subset_temperature,
        rate=given(estimator.learning_rate_init, RATE),
        decay=given(estimator.alpha, DECAY),
        logit_bound=float(bound or 0.0),
        constant=estimator.learning_rate == "constant",
        batch_size=batch_size,
        n_steps=n_steps_of(estimator.max_iter, n_rows, batch_size, automatic),
    )


def _noise_of_codes(noise: Noise | str, k: int) -> Noise:
    """The noise of scale 1 that a name stands for."""
    if isinstance(noise, Noise):
        return noise
    return SumOfGamma(k, as_released=noise == "code")


def _gain(estimator, rule: CodeRule, deviation: float) -> float:
    """Factor of the projected costs, whose sphere has the radius ``sqrt(d)``.

    The projection divides the gradient by the size of the noisy logits. Under strong noise a
    radius of that order gives it back, so that the divergence keeps its counterpart.
    """
    if rule.projection in ("none", "mean"):
        return 1.0
    d = estimator.group_size
    strong = deviation > STRONG_NOISE
    radius = given(estimator.radius, RADIUS * deviation * np.sqrt(d) if strong else "solutions")
    if radius == "solutions":
        radius = np.sqrt(rule.k * (1 - rule.k / d))
    return float(radius / np.sqrt(d))


def _deviation(noise: Noise) -> float:
    if isinstance(noise, SumOfGamma):
        return noise.standard_deviation
    uniform = (np.arange(100_000) + 0.5) / 100_000
    return float(np.std(noise.quantile(uniform)))
