"""Distributions whose quantile function has a closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from skid._parameter_checks import check_positive
from skid.engine.backend import tensorflow
from skid.noise.base import Noise


@dataclass(frozen=True)
class TwoPoint(Noise):
    """The margin of the paper: plus or minus ``alpha / 2`` with equal probability.

    Parameters
    ----------
    alpha : float, default=1.0
        Distance between the two points, above 0.

    References
    ----------
    Sahoo et al., ICLR 2023, section 3.6.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.noise import TwoPoint
    >>> TwoPoint(alpha=0.5).quantile(np.array([0.2, 0.8]))
    array([-0.25,  0.25])
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        check_positive("alpha", self.alpha)

    def quantile(self, uniform: Any, *, xp: Any = np) -> Any:
        """Return ``-alpha / 2`` below one half and ``alpha / 2`` above; see `Noise`."""
        margin = xp.full_like(uniform, self.alpha / 2)
        return xp.where(uniform < 0.5, -margin, margin)


@dataclass(frozen=True)
class Gumbel(Noise):
    """Gumbel noise, centred and scaled to unit variance.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.noise import Gumbel
    >>> Gumbel().quantile(np.array([0.5, 0.99])).round(3)
    array([-0.164,  3.137])
    """

    def quantile(self, uniform: Any, *, xp: Any = np) -> Any:
        """Return ``(-log(-log u) - 0.577) sqrt(6) / pi``; see `Noise`."""
        return (-xp.log(-xp.log(uniform)) - float(np.euler_gamma)) * float(np.sqrt(6) / np.pi)


@dataclass(frozen=True)
class Normal(Noise):
    """Standard normal noise.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.noise import Normal
    >>> Normal().quantile(np.array([0.5, 0.975])).round(3)
    array([0.  , 1.96])
    """

    def quantile(self, uniform: Any, *, xp: Any = np) -> Any:
        """Return the normal quantile; see `Noise`."""
        return ndtri(uniform) if xp is np else tensorflow().math.ndtri(uniform)
