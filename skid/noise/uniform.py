"""Uniform random numbers in TensorFlow, which are the same eagerly and compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skid.engine.backend import tensorflow

if TYPE_CHECKING:
    import tensorflow as tf


def next_seed(seed: Any, by: int = 1) -> tf.Tensor:
    """Return a seed of shape (2,) whose draws are independent of those of ``seed``.

    Different values of ``by`` give independent seeds.

    Examples
    --------
    >>> import tensorflow as tf
    >>> from skid.noise import next_seed
    >>> next_seed(tf.constant([3, 7])).numpy().tolist()
    [4, 7]
    """
    return tensorflow().stack([seed[0] + by, seed[1]])


def uniform_tf(shape: Any, *, seed: Any, dtype: Any = "float32") -> tf.Tensor:
    """Draw uniform numbers strictly between 0 and 1, the same ones eagerly and compiled by XLA.

    Parameters
    ----------
    shape : tuple of int, or int tensor of shape (rank,)
        Shape of the tensor.
    seed : int tensor of shape (2,)
        Seed, the only source of randomness.
    dtype : {"float32", "float64"} or tf.DType, default="float32"
        For narrower types the numbers are float32, as rounding could make them 0 or 1.

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
    """Encrypt two words by a key, Threefry-2x32 with 20 rounds.

    The generators of TensorFlow either differ between eager and compiled or exist in one of the
    two only, and its Philox is several times slower than this when compiled for the CPU.

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

    # A loop, as XLA would repeat unrolled rounds in each of its kernels that reads the draw.
    start = (tf.constant(0), first + keys[0], second + keys[1])
    return tf.while_loop(lambda block, *_: block < 5, four_rounds, start)[1:]
