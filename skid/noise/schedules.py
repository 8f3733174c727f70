"""How the scale of the noise changes with training time."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from skid.parameter_checks import check_positive


@dataclass(frozen=True)
class Constant:
    """Keep the noise at full scale throughout training.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.noise import Constant
    >>> Constant()(np.array([0.0, 1.0]))
    array([1., 1.])
    """

    def __call__(self, progress: Any) -> np.ndarray:
        """Return the factor of the noise scale.

        Parameters
        ----------
        progress : float or array of float
            Share of the training that is over, in [0, 1].

        Returns
        -------
        ndarray of the shape of ``progress``
            Factor of the noise scale.
        """
        return np.ones_like(np.asarray(progress, dtype=np.float64))


@dataclass(frozen=True)
class OffAfter:
    """Switch the noise off after a share of the training.

    Parameters
    ----------
    share : float
        Share of the training with noise, in [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from skid.noise import OffAfter
    >>> OffAfter(0.5)(np.array([0.0, 0.49, 0.5, 1.0]))
    array([1., 1., 0., 0.])
    """

    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share must lie in [0, 1], but is {self.share!r}.")

    def __call__(self, progress: Any) -> np.ndarray:
        """Return the factor of the noise scale; see `Constant`."""
        return (np.asarray(progress) < self.share).astype(np.float64)


@dataclass(frozen=True)
class Geometric:
    """Change the noise scale by a constant ratio per step.

    Parameters
    ----------
    end : float
        Factor at the end of the training, above 0.
    start : float, default=1.0
        Factor at its beginning, above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.noise import Geometric
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
        """Return the factor of the noise scale; see `Constant`."""
        return self.start * (self.end / self.start) ** np.asarray(progress, dtype=np.float64)
