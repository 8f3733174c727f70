"""From logits to hard subsets, inside a compiled graph."""

from skid.engine.backend import tensorflow
from skid.engine.cache_key import cache_key_of
from skid.projections import project
from skid.solvers import TopK


class SubsetMask:
    """``TopK(k)(P(logits + scale * noise))``: the exact-k subset that a row of logits stands for.

    Parameters
    ----------
    projection : {"none", "mean", "norm", "std"}
    noise : Noise
    gradient : callable
        How the solver is differentiated, see :mod:`skid.gradients`.
    grouped : bool
        Whether ``constants["unit_of_column"]`` says which logit decides on each column.
    """

    def __init__(self, *, projection: str, noise, gradient, grouped: bool) -> None:
        self.projection = projection
        self.noise = noise
        self.gradient = gradient
        self.grouped = grouped
        self.rule_draws = getattr(gradient, "adds_noise", False)
        self.solver = TopK(1)
        self.key = (projection, cache_key_of(noise), cache_key_of(gradient), grouped)

    def __call__(self, logits, constants, control, seed):
        """Mask over the columns.

        Parameters
        ----------
        logits : float tensor of shape (n, n_units)
        constants : dict of str to tensor
        control : dict of str to tensor
            With ``"k"`` and ``"noise_scale"``.
        seed : int tensor of shape (2,) or None
            None adds no noise. A rule that draws has its own noise.

        Returns
        -------
        float tensor of shape (n, n_columns)
            Zeros and ones; what is between them while a rule draws.
        """
        tf = tensorflow()
        if seed is not None and not self.rule_draws:
            noise = self.noise.sample_tf(logits.shape, seed=seed, dtype=logits.dtype)
            logits = logits + control["noise_scale"] * noise
        costs = -project(logits, self.projection, xp=tf.experimental.numpy)
        k = tf.cast(control["k"], tf.int32)
        drawn = None if seed is None else tf.stack([seed[0] + 1, seed[1]])
        mask = self.gradient(lambda values: self.solver.solve_tf(values, k), costs, seed=drawn)
        if not self.grouped:
            return mask
        always = tf.ones([tf.shape(mask)[0], 1], mask.dtype)
        return tf.gather(tf.concat([mask, always], axis=1), constants["unit_of_column"], axis=1)
