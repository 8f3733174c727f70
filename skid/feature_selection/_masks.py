"""Hard subsets from logits, inside a compiled graph."""

from collections.abc import Callable
from typing import Any

from skid.engine.backend import tensorflow
from skid.engine.cache_key import cache_key_of
from skid.gradients import GradientRule
from skid.noise import Noise, next_seed
from skid.projections import project
from skid.solvers import TopK


class SubsetMask:
    """The exact-k subset of each row of logits, ``TopK(k)(P(logits + scale * noise))``.

    With ``grouped``, ``constants["unit_of_column"]`` holds the logit of each column.
    """

    def __init__(
        self, *, projection: Any, noise: Noise, gradient: GradientRule | Callable, grouped: bool
    ) -> None:
        self.projection = projection
        self.noise = noise
        self.gradient = gradient
        self.grouped = grouped
        self.rule_adds_noise = getattr(gradient, "adds_noise", False)
        self.solver = TopK(1)
        self.key = (cache_key_of(projection), cache_key_of(noise), cache_key_of(gradient), grouped)

    def __call__(self, logits, constants, control, seed):
        """Mask over the columns, from logits of shape (n, n_units).

        ``control`` holds ``"k"`` and ``"noise_scale"``. Without a seed there is no noise. With a
        stochastic gradient rule, which draws its own noise, the mask is a mean of masks.
        """
        tf = tensorflow()
        if seed is not None and not self.rule_adds_noise:
            noise = self.noise.sample_tf(logits.shape, seed=seed, dtype=logits.dtype)
            logits = logits + control["noise_scale"] * noise
        costs = -project(logits, self.projection, xp=tf.experimental.numpy)
        k = tf.cast(control["k"], tf.int32)
        rule_seed = None if seed is None else next_seed(seed)
        mask = self.gradient(lambda costs: self.solver.solve_tf(costs, k), costs, seed=rule_seed)
        if not self.grouped:
            return mask
        always = tf.ones([tf.shape(mask)[0], 1], mask.dtype)
        return tf.gather(tf.concat([mask, always], axis=1), constants["unit_of_column"], axis=1)
