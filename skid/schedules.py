"""How a quantity, such as the scale of the noise or a learning rate, changes while training."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from skid._parameter_checks import check_at_least_zero, check_positive, is_number


def progress_of(steps: np.ndarray, n_steps: int) -> np.ndarray:
    """Share of a training of ``n_steps`` that is over in each of the given steps, in [0, 1]."""
    return np.clip(steps / max(n_steps - 1, 1), 0.0, 1.0)


@dataclass(frozen=True)
class Constant:
    """Keep the value that there is at the beginning.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.schedules import Constant
    >>> Constant()(np.array([0.0, 1.0]))
    array([1., 1.])
    """

    def __call__(self, progress: Any) -> np.ndarray:
        """Return the factor of the first value.

        Parameters
        ----------
        progress : float or array of float
            Share of the training that is over, in [0, 1].

        Returns
        -------
        ndarray of the shape of ``progress``
            Factor of the value.
        """
        return np.ones_like(np.asarray(progress, dtype=np.float64))


@dataclass(frozen=True)
class OffAfter:
    """Switch off after a share of the training.

    Parameters
    ----------
    share : float
        Share of the training before, in [0, 1]; with 1 it stays on to the end.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.schedules import OffAfter
    >>> OffAfter(0.5)(np.array([0.0, 0.49, 0.5, 1.0]))
    array([1., 1., 0., 0.])
    """

    share: float

    def __post_init__(self) -> None:
        _check_share(self.share)

    def __call__(self, progress: Any) -> np.ndarray:
        """Return the factor of the first value; see `Constant`."""
        return ((np.asarray(progress) < self.share) | (self.share == 1)).astype(np.float64)


@dataclass(frozen=True)
class Geometric:
    """Change by a constant ratio per step.

    Parameters
    ----------
    end : float
        Factor at the end of the training, above 0.
    start : float, default=1.0
        Factor at its beginning, above 0.

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
        """Return the factor of the first value; see `Constant`."""
        return self.start * (self.end / self.start) ** np.asarray(progress, dtype=np.float64)


@dataclass(frozen=True)
class LinearAfter:
    """Keep the value for a share of the training, then let it fall linearly.

    Parameters
    ----------
    share : float
        Share of the training before it falls, at least 0 and below 1.
    end : float
        Factor at the end of the training, at least 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.schedules import LinearAfter
    >>> LinearAfter(0.5, 0.2)(np.array([0.0, 0.5, 0.75, 1.0])).round(3)
    array([1. , 1. , 0.6, 0.2])
    """

    share: float
    end: float

    def __post_init__(self) -> None:
        _check_share(self.share)
        if self.share == 1:
            raise ValueError("share must be below 1, but is 1.")
        check_at_least_zero("end", self.end)

    def __call__(self, progress: Any) -> np.ndarray:
        """Return the factor of the first value; see `Constant`."""
        fallen = np.clip((np.asarray(progress) - self.share) / (1 - self.share), 0.0, 1.0)
        return 1 - (1 - self.end) * fallen


def _check_share(share: float) -> None:
    if not (is_number(share) and 0 <= share <= 1):
        raise ValueError(f"share must lie in [0, 1], but is {share!r}.")
