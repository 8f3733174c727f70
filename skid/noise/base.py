"""Base class of the distributions of the noise."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike
from sklearn.utils import check_random_state

from skid.engine.backend import tensorflow
from skid.noise.uniform import uniform_tf

if TYPE_CHECKING:
    import tensorflow as tf


class Noise(ABC):
    """A distribution, defined by its quantile function: each draw takes one uniform number."""

    @abstractmethod
    def quantile(self, uniform: Any, *, xp: Any = np) -> Any:
        """Return the values of the inverse cumulative distribution function.

        Parameters
        ----------
        uniform : array or tensor, float
            Probabilities strictly between 0 and 1.
        xp : module, default=numpy
            ``numpy`` for arrays, ``tensorflow.experimental.numpy`` for tensors.

        Returns
        -------
        array or tensor of the shape and dtype of ``uniform``
            Quantiles.
        """

    def sample(
        self,
        shape: tuple[int, ...],
        *,
        random_state: int | np.random.RandomState | None = None,
        dtype: DTypeLike = np.float64,
    ) -> np.ndarray:
        """Draw an array.

        Parameters
        ----------
        shape : tuple of int
            Shape of the array.
        random_state : int, RandomState or None, default=None
            Source of the draws.
        dtype : dtype, default=float64
            Floating-point type of the result.

        Returns
        -------
        ndarray
            Independent draws.
        """
        uniform = check_random_state(random_state).random_sample(shape)
        return self.quantile(np.maximum(uniform, 2.0**-54)).astype(dtype, copy=False)

    def sample_tf(self, shape: Any, *, seed: Any, dtype: Any = "float32") -> tf.Tensor:
        """Draw a tensor; the same seed gives the same draw, eagerly and compiled.

        Parameters
        ----------
        shape : tuple of int, or int tensor of shape (rank,)
            Shape of the tensor.
        seed : int tensor of shape (2,)
            Seed, the only source of randomness.
        dtype : {"float32", "float64"} or tf.DType, default="float32"
            Floating-point type of the result.

        Returns
        -------
        tensor
            Independent draws.
        """
        tf = tensorflow()
        uniform = uniform_tf(shape, seed=seed, dtype=dtype)
        draws = self.quantile(uniform, xp=tf.experimental.numpy)
        return tf.cast(draws, dtype)


def scaled_noise(noise: Noise | None, scale: Any, values: tf.Tensor, seed: Any) -> tf.Tensor | None:
    """Return noise of the shape of a tensor times a factor, or None without a distribution."""
    if noise is None:
        return None
    return scale * noise.sample_tf(values.shape, seed=seed, dtype=values.dtype)
