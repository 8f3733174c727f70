"""Schedules: how the scale of the noise or a learning rate changes during a training."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from skid._parameter_checks import check_at_least_zero, check_positive, is_number


def progress_of(steps: np.ndarray, n_steps: int) -> np.ndarray:
    """Fraction of a training of ``n_steps`` that is completed at each step, in [0, 1]."""
    return np.clip(steps / max(n_steps - 1, 1), 0.0, 1.0)


@dataclass(frozen=True)
class Constant:
    """Keep the initial value.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.schedules import Constant
    >>> Constant()(np.array([0.0, 1.0]))
    array([1., 1.])
    """

    def __call__(self, progress: Any) -> np.ndarray:
        """Return the factor by which the initial value is multiplied.

        Parameters
        ----------
        progress : float or array of float
            Fraction of the training that is completed, in [0, 1].

        Returns
        -------
        ndarray of the shape of ``progress``
        """
        return np.ones_like(np.asarray(progress, dtype=np.float64))


@dataclass(frozen=True)
class OffAfter:
    """Keep the value for a fraction of the training, then set it to zero.

    Parameters
    ----------
    fraction : float
        Fraction of the training with the initial value, in [0, 1]; 1 keeps it to the end.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.schedules import OffAfter
    >>> OffAfter(0.5)(np.array([0.0, 0.49, 0.5, 1.0]))
    array([1., 1., 0., 0.])
    """

    fraction: float

    def __post_init__(self) -> None:
        _check_fraction(self.fraction)

    def __call__(self, progress: Any) -> np.ndarray:
        """Return the factor of the initial value; see `Constant`."""
        return ((np.asarray(progress) < self.fraction) | (self.fraction == 1)).astype(np.float64)


@dataclass(frozen=True)
class Geometric:
    """Change by a constant ratio per step.

    Parameters
    ----------
    end : float
        Factor at the end of the training, above 0.
    start : float, default=1.0
        Factor at the beginning of the training, above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.schedules import Geometric
    >>> Geometric(0.01)(np.array([0.0, 0.5, 1.0])).round(3)
    array([1.  , 0.1 , 0.01])
    """

    end: float
    _: KW_ONLY
    start: float = 1.0

    def __post_init__(self) -> None:
        check_positive("end", self.end)
        check_positive("start", self.start)

    def __call__(self, progress: Any) -> np.ndarray:
        """Return the factor of the initial value; see `Constant`."""
        return self.start * (self.end / self.start) ** np.asarray(progress, dtype=np.float64)


@dataclass(frozen=True)
class LinearAfter:
    """Keep the value for a fraction of the training, then decrease it linearly.

    Parameters
    ----------
    fraction : float
        Fraction of the training with the initial value, at least 0 and below 1.
    end : float
        Factor at the end of the training, at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.schedules import LinearAfter
    >>> LinearAfter(0.5, 0.2)(np.array([0.0, 0.5, 0.75, 1.0])).round(3)
    array([1. , 1. , 0.6, 0.2])
    """

    fraction: float
    end: float

    def __post_init__(self) -> None:
        _check_fraction(self.fraction)
        if self.fraction == 1:
            raise ValueError("fraction must be below 1, got 1")
        check_at_least_zero("end", self.end)

    def __call__(self, progress: Any) -> np.ndarray:
        """Return the factor of the initial value; see `Constant`."""
        decayed = np.clip((np.asarray(progress) - self.fraction) / (1 - self.fraction), 0.0, 1.0)
        return 1 - (1 - self.end) * decayed


def _check_fraction(fraction: float) -> None:
    if not (is_number(fraction) and 0 <= fraction <= 1):
        raise ValueError(f"fraction must be a number in [0, 1], got {fraction!r}")
