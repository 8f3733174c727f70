"""Standardised targets of a regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class TargetScale:
    """Location and scale of each target.

    They have double precision, as a year or a price may be far from zero in units of its scale.

    Attributes
    ----------
    location, scale : float64 array of shape (n_outputs,)
        Weighted mean and standard deviation.
    is_constant : bool array of shape (n_outputs,)
        Whether the target is the same in every row.
    """

    location: np.ndarray
    scale: np.ndarray
    is_constant: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, weights: np.ndarray) -> TargetScale:
        """Return the scale of targets of shape (n, n_outputs) with weights above 0."""
        is_constant = (y == y[0]).all(axis=0)
        # The mean of equal numbers may differ from them in the last bit.
        location = np.where(is_constant, y[0], np.average(y, axis=0, weights=weights))
        deviation = root_mean_square(y - location, weights)
        return cls(location, np.where(deviation > 0, deviation, 1.0), is_constant)

    def resumed(self, y: np.ndarray) -> TargetScale:
        """Return a copy for further rows: only ``is_constant`` may change."""
        return TargetScale(
            self.location, self.scale, self.is_constant & (y == self.location).all(axis=0)
        )

    def apply(self, y: np.ndarray) -> np.ndarray:
        """Return the targets standardised."""
        return (y - self.location) / self.scale

    def restore(self, outputs: np.ndarray) -> np.ndarray:
        """Return the targets of standardised outputs; constant targets stay constant."""
        return outputs * self.scale_of_outputs + self.location

    @property
    def scale_of_outputs(self) -> np.ndarray:
        """Factors of the outputs: the scale, or 0 for constant targets."""
        return np.where(self.is_constant, 0.0, self.scale)


def root_mean_square(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted root mean square of each column, without over- or underflow.

    ``values`` have shape (n, n_columns), ``weights`` (n,).

    Examples
    --------
    >>> import numpy as np
    >>> from skid._target_scale import root_mean_square
    >>> root_mean_square(np.array([[3e200], [-3e200]]), np.ones(2)).tolist()
    [3e+200]
    """
    largest = np.abs(values).max(axis=0)
    scaled = values / np.where(largest > 0, largest, 1.0)
    return largest * np.sqrt(
        np.average(np.square(scaled, dtype=np.float64), axis=0, weights=weights)
    )
