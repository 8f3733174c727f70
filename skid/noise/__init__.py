"""Noise that is added to the costs while training."""

from skid.noise.base import Noise, scaled_noise
from skid.noise.laws import Gumbel, Normal, TwoPoint
from skid.noise.sum_of_gamma import SumOfGamma
from skid.noise.uniform import next_seed, uniform_tf

NOISES: dict[str, type[Noise]] = {"gumbel": Gumbel, "normal": Normal, "two_point": TwoPoint}
"""Distributions by the names that a parameter ``noise`` accepts."""

__all__ = [
    "NOISES",
    "Gumbel",
    "Noise",
    "Normal",
    "SumOfGamma",
    "TwoPoint",
    "next_seed",
    "scaled_noise",
    "uniform_tf",
]
