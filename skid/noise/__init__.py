"""Noise on the costs while training, and how its scale changes with training time."""

from skid.noise.base import Noise
from skid.noise.laws import Gumbel, Normal, TwoPoint
from skid.noise.schedules import Constant, Geometric, OffAfter
from skid.noise.sum_of_gamma import SumOfGamma
from skid.noise.uniform import uniform_tf

__all__ = [
    "Constant",
    "Geometric",
    "Gumbel",
    "Noise",
    "Normal",
    "OffAfter",
    "SumOfGamma",
    "TwoPoint",
    "uniform_tf",
]
