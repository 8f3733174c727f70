"""What "auto" means for a `DiscreteAutoencoder`, and how its training is scheduled."""

import numpy as np

from skid._parameters import resolve_auto
from skid.decomposition._objective import CodeRule
from skid.noise import Noise, SumOfGamma
from skid.schedules import Constant, LinearAfter, progress_of

HIDDEN_LAYER_SIZES = (512, 256)
BATCH_SIZE = 100
RATE = 1e-3
FINAL_RATE = 0.02
CONSTANT_FRACTION = 0.9
DECAY = 0.0
STRONG_NOISE = 1.5
"""Standard deviation of the noise above which Identity lets the logits grow without limit."""
LOGIT_BOUND = 3.0
RADIUS = 1.5
EPOCHS = 100
MINIMUM_STEPS = 2000
MAXIMUM_STEPS = 60_000


def code_rule(estimator) -> tuple[CodeRule, dict[str, float]]:
    """How logits become codes, and the constant scalars of the rule."""
    temperature = float(estimator.temperature)
    noise = None
    if temperature:
        noise = estimator.noise
        if not isinstance(noise, Noise):
            noise = SumOfGamma(estimator.k, as_released=noise == "code")
    deviation = temperature * _deviation(noise) if noise else 0.0
    bound = LOGIT_BOUND * deviation if deviation > STRONG_NOISE else None
    bound = resolve_auto(estimator.logit_bound, bound)
    rule = CodeRule(
        k=estimator.k,
        noise=noise,
        projection=resolve_auto(estimator.projection, "std"),
        gradient=estimator._gradient_rule(),
        bounded=bound is not None,
    )
    scalars = {
        "temperature": temperature,
        "gain": _gain(estimator, rule, deviation),
        # The temperature at which the paper's noise has the same standard deviation.
        "subset_temperature": deviation / _deviation(SumOfGamma(estimator.k)) or 1.0,
        "logit_bound": float(bound or 0.0),
    }
    return rule, scalars


def code_controls(estimator, steps_per_epoch: int, scalars: dict, *, one_pass: bool) -> np.ndarray:
    """Scalars of each step, in the order of ``AutoencoderObjective.controls``.

    One pass of ``partial_fit`` has the initial learning rate.
    """
    automatic = np.clip(EPOCHS * steps_per_epoch, MINIMUM_STEPS, MAXIMUM_STEPS)
    n_steps = estimator._n_steps(steps_per_epoch, automatic)
    steps = np.zeros(steps_per_epoch) if one_pass else np.arange(n_steps)
    is_constant = estimator.learning_rate == "constant"
    schedule = Constant() if is_constant else LinearAfter(CONSTANT_FRACTION, FINAL_RATE)
    rate = resolve_auto(estimator.learning_rate_init, RATE)
    scalars = scalars | {
        "rate": rate * schedule(progress_of(steps, n_steps)),
        "decay": resolve_auto(estimator.alpha, DECAY),
    }
    order = ("temperature", "gain", "subset_temperature", "rate", "decay", "logit_bound")
    return np.stack(np.broadcast_arrays(*(scalars[name] for name in order)), axis=1)


def _gain(estimator, rule: CodeRule, deviation: float) -> float:
    """Factor of the projected costs, which are on a sphere of radius ``sqrt(d)``.

    The projection divides the gradient by the norm of the noisy logits. Under strong noise a
    radius proportional to that norm restores the gradient, so that it balances the divergence.
    """
    if rule.projection not in ("norm", "std"):
        return 1.0
    d = estimator.group_size
    strong = deviation > STRONG_NOISE
    automatic = RADIUS * deviation * np.sqrt(d) if strong else "solutions"
    radius = resolve_auto(estimator.radius, automatic)
    if radius == "solutions":
        radius = np.sqrt(rule.k * (1 - rule.k / d))
    return float(radius / np.sqrt(d))


def _deviation(noise: Noise) -> float:
    if isinstance(noise, SumOfGamma):
        return noise.standard_deviation
    uniform = (np.arange(100_000) + 0.5) / 100_000
    return float(np.std(noise.quantile(uniform)))
