"""Noise on the costs while training, and how its scale changes with training time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from functools import cache
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.special import gammainc, gammaincc, gammaln, ndtri
from sklearn.utils import check_random_state

if TYPE_CHECKING:
    import tensorflow as tf


class Noise(ABC):
    """A distribution given by its quantile function, so that one uniform makes one draw."""

    @abstractmethod
    def quantile(self, uniform: Any, *, xp: Any = np) -> Any:
        """Return the value below which the given share of the probability lies.

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
        self, shape: tuple[int, ...], *, random_state: Any = None, dtype: Any = np.float64
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
            The whole source of randomness.
        dtype : {"float32", "float64"} or tf.DType, default="float32"
            Floating-point type of the result.

        Returns
        -------
        tensor
            Independent draws.
        """
        from skid.engine.backend import tensorflow

        tf = tensorflow()
        uniform = uniform_tf(shape, seed=seed, dtype=dtype)
        draws = self.quantile(uniform, xp=tf.experimental.numpy)
        return tf.cast(draws, dtype)


def uniform_tf(shape: Any, *, seed: Any, dtype: Any = "float32") -> tf.Tensor:
    """Draw uniforms strictly between 0 and 1, the same ones eagerly and compiled by XLA.

    Parameters
    ----------
    shape : tuple of int, or int tensor of shape (rank,)
        Shape of the tensor.
    seed : int tensor of shape (2,)
        The whole source of randomness.
    dtype : {"float32", "float64"} or tf.DType, default="float32"
        The narrower types receive float32 uniforms, which they would otherwise round to 0 and 1.

    Returns
    -------
    tensor of float32 or float64
        Odd multiples of ``2**-24`` in float32, of ``2**-53`` in float64.

    Examples
    --------
    >>> from skid.noise import uniform_tf
    >>> bool((uniform_tf((1000,), seed=[0, 1]).numpy() > 0).all())
    True
    """
    from skid.engine.backend import tensorflow

    tf = tensorflow()
    shape = tf.convert_to_tensor(shape, tf.int32)
    counter = tf.cast(tf.reshape(tf.range(tf.reduce_prod(shape)), shape), tf.uint32)
    high, low = _threefry(tf, tf.cast(seed, tf.uint32), counter, tf.zeros_like(counter))
    shift = tf.bitwise.right_shift
    if tf.as_dtype(dtype) != tf.float64:
        return (tf.cast(shift(high, tf.constant(9, tf.uint32)), tf.float32) + 0.5) * 2.0**-23
    low = tf.cast(shift(low, tf.constant(12, tf.uint32)), tf.float64)
    return (tf.cast(high, tf.float64) * 2.0**20 + low + 0.5) * 2.0**-52


def _threefry(tf: Any, key: Any, first: Any, second: Any) -> tuple[Any, Any]:
    """Scramble two words by a key: Threefry-2x32 of 20 rounds.

    TensorFlow's own generators either differ between eager and compiled or exist in one of the
    two only, and its Philox is several times slower than this once compiled for the CPU.

    Salmon et al., *Parallel random numbers: as easy as 1, 2, 3*, SC 2011.
    """
    left, right = tf.bitwise.left_shift, tf.bitwise.right_shift
    xor, either = tf.bitwise.bitwise_xor, tf.bitwise.bitwise_or
    rotations = tf.constant([[13, 15, 26, 6], [17, 29, 16, 24]], tf.uint32)
    parity = xor(xor(key[0], key[1]), tf.constant(0x1BD11BDA, tf.uint32))
    keys = tf.stack([key[0], key[1], parity])

    def four_rounds(block: Any, first: Any, second: Any) -> tuple[Any, Any, Any]:
        for rotation in tf.unstack(rotations[block % 2]):
            first += second
            second = xor(either(left(second, rotation), right(second, 32 - rotation)), first)
        block += 1
        first += keys[block % 3]
        second += keys[(block + 1) % 3] + tf.cast(block, tf.uint32)
        return block, first, second

    # A loop and not 20 rounds in a row: a compiler would repeat those in each of its kernels
    # that reads the draw.
    start = (tf.constant(0), first + keys[0], second + keys[1])
    return tf.while_loop(lambda block, *_: block < 5, four_rounds, start)[1:]


@dataclass(frozen=True)
class TwoPoint(Noise):
    """The margin of the paper: plus or minus ``alpha / 2`` with equal probability.

    Parameters
    ----------
    alpha : float, default=1.0
        Distance of the two points.

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
        _check_positive("alpha", self.alpha)

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
        if xp is np:
            return ndtri(uniform)
        from skid.engine.backend import tensorflow

        return tensorflow().math.ndtri(uniform)


@dataclass(frozen=True)
class SumOfGamma(Noise):
    """The noise whose sum over k items is a Gumbel variable, for sampling k-subsets.

    ``tau / k * (sum over i = 1..s of Gamma(shape 1 / k, scale k / i) - log s)``. The sum of k
    independent such variables tends to Gumbel(0, tau) as s grows. The law is not normalised: its
    mean is ``tau / k * (H_s - log s)`` with the harmonic number ``H_s``.

    Parameters
    ----------
    k : int
        Size of the subsets, at least 1.
    tau : float, default=1.0
        Temperature.
    s : int, default=10
        Number of terms, from 1 to 100.
    as_released : bool, default=False
        Whether the terms have the scale ``i / k`` in place of ``k / i``, as in the code that the
        papers' authors released, which passes ``k / i`` where a rate is expected. The sum over k
        items is then no Gumbel variable, and the noise is far weaker: with k = 10 and tau = 10
        its standard deviation is 0.62, not 3.93.

    Notes
    -----
    Quantiles come from a table on an even grid in ``logit(u)``, which resolves both tails, with
    linear interpolation: one uniform per draw where the definition takes s gamma variables. The
    table is exact to the interpolation, because the distribution function is: the sum is a
    mixture of Gamma(s / k + j, b), j = 0, 1, ..., with the smallest of the scales as b, and all
    weights are positive (Moschopoulos, *The distribution of the sum of independent gamma random
    variables*, 1985).

    References
    ----------
    Niepert, Minervini, Franceschi: *Implicit MLE*, NeurIPS 2021, theorem 1; Sahoo et al., ICLR
    2023, appendix B.1.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.noise import SumOfGamma
    >>> noise = SumOfGamma(10, tau=10.0)
    >>> noise.quantile(np.array([0.01, 0.5, 0.99])).round(2)
    array([-2.28, -0.64, 16.94])
    """

    k: int
    _: KW_ONLY
    tau: float = 1.0
    s: int = 10
    as_released: bool = False

    def __post_init__(self) -> None:
        _check_count("k", self.k)
        _check_positive("tau", self.tau)
        _check_count("s", self.s, largest=100)

    @property
    def standard_deviation(self) -> float:
        """Standard deviation of a draw."""
        return float(self.tau / self.k * np.sqrt(np.sum(self._scales() ** 2) / self.k))

    def _scales(self) -> np.ndarray:
        terms = np.arange(1, self.s + 1)
        return terms / self.k if self.as_released else self.k / terms

    def quantile(self, uniform: Any, *, xp: Any = np) -> Any:
        """Return the interpolated quantile; see `Noise`."""
        table = _sum_of_gamma_quantiles(self.k, self.tau, self.s, self.as_released)
        logit = xp.log(uniform) - xp.log1p(-uniform)
        position = (logit + _LOGIT_BOUND) * (_N_INTERVALS / (2 * _LOGIT_BOUND))
        # Above the grid the last interval continues: the upper tail is exponential, hence
        # linear in the logit. Below, the law has a smallest value.
        position = xp.maximum(position, xp.zeros_like(position))
        lower = xp.minimum(xp.floor(position), xp.full_like(position, _N_INTERVALS - 1))
        index = lower.astype(np.int32) if xp is np else xp.asarray(lower, np.int32)
        values = xp.asarray(table, uniform.dtype if xp is np else uniform.dtype.as_numpy_dtype)
        below, above = xp.take(values, index), xp.take(values, index + 1)
        return below + (position - lower) * (above - below)


_LOGIT_BOUND = 20.0
_N_INTERVALS = 4096


@cache
def _sum_of_gamma_quantiles(k: int, tau: float, s: int, as_released: bool) -> np.ndarray:
    """Tabulate the quantiles of the sum-of-gamma law on the grid of logits."""
    scales = SumOfGamma(k, s=s, as_released=as_released)._scales()
    smallest = scales.min()
    weights = _gamma_mixture_weights(k, smallest / scales)
    shape = s / k
    # In units of the smallest scale. The bounds reach past the grid at both ends, or to where the
    # distance from the smallest value no longer counts.
    lowest = (-_LOGIT_BOUND - np.log(weights[0]) + gammaln(shape + 1)) / shape - 1
    highest = np.log(s * (2 * _LOGIT_BOUND + np.log(s)))
    log_values = np.linspace(max(lowest, -30.0), highest, 2000)
    logits = np.concatenate(
        [_gamma_mixture_logit(block, weights, shape) for block in np.array_split(log_values, 20)]
    )
    inside = np.isfinite(logits)
    logits, first = np.unique(logits[inside], return_index=True)
    log_values = log_values[inside][first]
    grid = np.linspace(-_LOGIT_BOUND, _LOGIT_BOUND, _N_INTERVALS + 1)
    log_quantiles = PchipInterpolator(logits, log_values)(np.clip(grid, logits[0], logits[-1]))
    quantiles = tau / k * (smallest * np.exp(log_quantiles) - np.log(s))
    quantiles.flags.writeable = False
    return quantiles


def _gamma_mixture_weights(k: int, rates: np.ndarray) -> np.ndarray:
    """Weights of the mixture's members, by the recursion of their generating function.

    The rates are those of the terms, in units of the largest.
    """
    n_weights = 1
    if rates.min() < 1:
        n_weights += int(np.ceil(np.log(1e-18) / np.log1p(-rates.min())))
    powers = np.arange(1, n_weights)
    coefficients = sum((1 - rate) ** powers for rate in rates) / k
    weights = np.empty(n_weights)
    weights[0] = np.exp(np.log(rates).sum() / k)
    for j in powers:
        weights[j] = coefficients[:j] @ weights[j - 1 :: -1][:j] / j
    return weights


def _gamma_mixture_logit(log_values: np.ndarray, weights: np.ndarray, shape: float) -> np.ndarray:
    """Logit of the mixture's distribution function, both tails free of cancellation."""
    shapes = shape + np.arange(len(weights))
    values = np.exp(log_values)
    # Neighbouring shapes differ by one term each, P(a, y) - P(a + 1, y), and all are positive.
    terms = np.exp(np.outer(log_values, shapes) - values[:, np.newaxis] - gammaln(shapes + 1))
    cumulative = np.cumsum(weights)
    beyond = np.append(np.cumsum(weights[:0:-1])[::-1], 0.0)
    below = gammainc(shapes[-1] + 1, values) * cumulative[-1] + terms @ cumulative
    above = gammaincc(shape, values) + terms @ beyond
    with np.errstate(divide="ignore"):
        return np.log(below) - np.log(above)


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
        _check_positive("end", self.end)
        _check_positive("start", self.start)

    def __call__(self, progress: Any) -> np.ndarray:
        """Return the factor of the noise scale; see `Constant`."""
        return self.start * (self.end / self.start) ** np.asarray(progress, dtype=np.float64)


def _check_positive(name: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be a finite number above 0, but is {value!r}.")


def _check_count(name: str, value: int, *, largest: int | None = None) -> None:
    if not isinstance(value, Integral) or value < 1 or (largest is not None and value > largest):
        limit = "" if largest is None else f" and at most {largest}"
        raise ValueError(f"{name} must be an integer of at least 1{limit}, but is {value!r}.")
