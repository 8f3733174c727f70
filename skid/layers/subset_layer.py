"""A layer that chooses the k largest entries."""

from __future__ import annotations

from typing import Any

import keras

from skid._parameter_checks import check_at_least_zero, is_number
from skid.engine.backend import tensorflow
from skid.gradients import Identity
from skid.layers.components import deserialized, drawn_seed, floating, named_noise, serialized
from skid.noise import Noise
from skid.projections import Projection, check_projection, project
from skid.solvers import TopK


@keras.saving.register_keras_serializable(package="skid")
class IdentitySubsetLayer(keras.layers.Layer):
    """Choose exactly k entries of the last axis, the layer of the Identity paper.

    ``y = top_k( P(logits + noise_scale * noise) )``, with noise only while training. The noise is
    the sampling distribution, so it is added before the projection. The gradient of the k-hot
    vector passes unchanged through the solver (scores are maximised), then through the derivative
    of the projection: ``dL/dlogits = P'(logits + noise)^T dL/dy``.

    Parameters
    ----------
    k : int
        Number of entries to choose.
    projection : {"none", "mean", "norm", "std"} or Projection, default="std"
        Projection onto the hyperplane (``mean``), the sphere (``norm``) or both (``std``) that
        contain all solutions. For a custom function, see `skid.projections.Projection`.
    radius : float or {"unit_rms", "solutions"}, default="unit_rms"
        Radius of the sphere of ``norm`` and ``std``. It changes only the scale of the gradient,
        which matters if a second loss acts on the logits. ``"unit_rms"`` is ``sqrt(d)``,
        ``"solutions"`` is ``sqrt(k (1 - k / d))``, the radius of the sphere in the hyperplane that
        contains the k-hot vectors. The paper uses 1.
    noise : Noise or {"sum_of_gamma", "gumbel", "normal", "two_point"}, default="sum_of_gamma"
        Noise on the logits while training; None for no noise. ``"sum_of_gamma"`` is
        ``SumOfGamma(k)``.
    noise_scale : float, default=1.0
        Factor of the noise: the temperature of ``"sum_of_gamma"``.
    seed : int, default=None
        Seed of the random generator of the layer.
    **kwargs
        Parameters of ``keras.layers.Layer``: ``name``, ``dtype``, ``trainable``.

    Raises
    ------
    ValueError
        If a parameter is outside its range, or the last axis is shorter than k.

    References
    ----------
    Sahoo et al., *Backpropagation through Combinatorial Algorithms: Identity with Projection
    Works*, ICLR 2023, sections 3.4 and 4.1.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.layers import IdentitySubsetLayer
    >>> IdentitySubsetLayer(2)(np.array([[0.3, 0.1, 0.2], [1.0, 1.0, 1.0]])).numpy()
    array([[1., 0., 1.],
           [1., 1., 0.]], dtype=float32)
    """

    def __init__(
        self,
        k: int,
        *,
        projection: str | Projection = "std",
        radius: float | str = "unit_rms",
        noise: Noise | str | None = "sum_of_gamma",
        noise_scale: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.k = k
        self.solver = TopK(k)
        check_projection(projection)
        self.projection = projection
        named = isinstance(radius, str) and radius in ("unit_rms", "solutions")
        if not named and not (is_number(radius) and radius > 0):
            raise ValueError(
                f"radius must be 'unit_rms', 'solutions' or a number above 0, got {radius!r}"
            )
        self.radius = radius
        self.noise = noise
        self.noise_distribution = named_noise(noise, k)
        check_at_least_zero("noise_scale", noise_scale)
        self.noise_scale = noise_scale
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, logits: Any, training: bool | None = None) -> Any:
        """Choose by float logits of shape (..., d), with noise if ``training`` is True.

        The k-hot vectors have the shape and dtype of the logits. Of equal logits those with the
        lowest indices are chosen.
        """
        tf = tensorflow()
        logits = floating(logits, self.compute_dtype)
        shape = tf.shape(logits)
        d = logits.shape[-1] or shape[-1]
        if training and self.noise_distribution is not None:
            logits += self.noise_scale * self.noise_distribution.sample_tf(
                shape, seed=drawn_seed(self.seed_generator), dtype=logits.dtype
            )
        rows = tf.reshape(logits, [-1, d])
        scale = self._gradient_scale(logits.shape[-1] or tf.cast(d, logits.dtype))
        scores = scale * project(rows, self.projection, xp=tf.experimental.numpy)
        chosen = Identity()(self.solver.solve_tf, -scores)
        return tf.ensure_shape(tf.reshape(chosen, shape), logits.shape)

    def _gradient_scale(self, d: Any) -> Any:
        if self.projection not in ("norm", "std") or self.radius == "unit_rms":
            return 1.0
        if self.radius == "solutions":
            return (self.k * (1 - self.k / d) / d) ** 0.5
        return self.radius / d**0.5

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the logits."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments in a form that Keras can save."""
        return super().get_config() | {
            "k": self.k,
            "projection": serialized(self.projection),
            "radius": self.radius,
            "noise": serialized(self.noise),
            "noise_scale": self.noise_scale,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> IdentitySubsetLayer:
        """Build the layer from the dictionary that ``get_config`` returned."""
        restored = {name: deserialized(config[name]) for name in ("projection", "noise")}
        return cls(**(config | restored))
