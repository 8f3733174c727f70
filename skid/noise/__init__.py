"""Noise on the costs while training."""

from skid.noise.base import Noise, scaled_noise
from skid.noise.laws import Gumbel, Normal, TwoPoint
from skid.noise.sum_of_gamma import SumOfGamma
from skid.noise.uniform import uniform_tf

NOISES = {"gumbel": Gumbel, "normal": Normal, "two_point": TwoPoint}
"""The noise that each name of a parameter ``noise`` stands for."""

__all__ = [
    "NOISES",
    "Gumbel",
    "Noise",
    "Normal",
    "SumOfGamma",
    "TwoPoint",
    "scaled_noise",
    "uniform_tf",
]
