"""The k largest of the last axis' entries as a layer."""

from __future__ import annotations

from typing import Any

import keras

from skid._parameter_checks import check_at_least_zero, is_number
from skid.engine.backend import tensorflow
from skid.gradients import Identity
from skid.layers.components import (
    deserialized,
    floating,
    named_noise,
    next_seed,
    serialized,
)
from skid.noise import Noise
from skid.projections import PROJECTIONS, project
from skid.solvers import TopK


@keras.saving.register_keras_serializable(package="skid")
class IdentitySubsetLayer(keras.layers.Layer):
    """Choose exactly k of the last axis' entries, the layer of the Identity paper.

    ``y = top_k( P(logits + noise_scale * noise) )``: here the noise is the sampling distribution,
    so it comes before the projection, and only while training. The gradient of the k-hot vector
    passes unchanged through the solver (scores are maximised) and through the derivative of the
    projection: ``dL/dlogits = P'(logits + noise)^T dL/dy``.

    Parameters
    ----------
    k : int
        Number of entries to choose.
    projection : {"none", "mean", "norm", "std"}, default="std"
        Projection onto the hyperplane (``mean``), the sphere (``norm``) or both (``std``) that
        hold all solutions.
    radius : float or {"unit_rms", "solutions"}, default="unit_rms"
        Radius of the sphere of ``norm`` and ``std``. It never changes the output, only the scale
        of the gradient, which matters as soon as a second loss acts on the logits. ``"unit_rms"``
        is ``sqrt(d)``, ``"solutions"`` is the radius ``sqrt(k (1 - k / d))`` of the sphere on
        which the k-hot vectors lie in their hyperplane, 1 is the paper's.
    noise : Noise or {"sum_of_gamma", "gumbel", "normal", "two_point"}, default="sum_of_gamma"
        Noise on the logits while training; None for none. ``"sum_of_gamma"`` is
        ``SumOfGamma(k)``.
    noise_scale : float, default=1.0
        Factor of the noise: the temperature of ``"sum_of_gamma"``.
    seed : int, default=None
        Seed of the layer's own random generator.
    **kwargs
        ``name``, ``dtype`` and ``trainable`` of any Keras layer.

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
        projection: str = "std",
        radius: float | str = "unit_rms",
        noise: Noise | str | None = "sum_of_gamma",
        noise_scale: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.k = k
        self.solver = TopK(k)
        if projection not in PROJECTIONS:
            raise ValueError(f"projection must be one of {PROJECTIONS}, but is {projection!r}.")
        self.projection = projection
        named = isinstance(radius, str) and radius in ("unit_rms", "solutions")
        if not named and not (is_number(radius) and radius > 0):
            raise ValueError(
                f"radius must be 'unit_rms', 'solutions' or a number above 0, but is {radius!r}."
            )
        self.radius = radius
        self.noise = noise
        self.noise_distribution = named_noise(noise, k)
        check_at_least_zero("noise_scale", noise_scale)
        self.noise_scale = noise_scale
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, logits: Any, training: bool | None = None) -> Any:
        """Choose.

        Parameters
        ----------
        logits : tensor of shape (..., d), float
            Scores, higher is better.
        training : bool, default=None
            Whether to add the noise.

        Returns
        -------
        tensor of shape (..., d)
            Exactly k ones along the last axis; the lowest indices win ties.
        """
        tf = tensorflow()
        logits = floating(logits, self.compute_dtype)
        shape = tf.shape(logits)
        d = logits.shape[-1] or shape[-1]
        if training and self.noise_distribution is not None:
            logits += self.noise_scale * self.noise_distribution.sample_tf(
                shape, seed=next_seed(self.seed_generator), dtype=logits.dtype
            )
        rows = tf.reshape(logits, [-1, d])
        scale = self._gradient_scale(logits.shape[-1] or tf.cast(d, logits.dtype))
        scores = scale * project(rows, self.projection, xp=tf.experimental.numpy)
        chosen = Identity()(self.solver.solve_tf, -scores)
        return tf.ensure_shape(tf.reshape(chosen, shape), logits.shape)

    def _gradient_scale(self, d: Any) -> Any:
        if self.projection in ("none", "mean") or self.radius == "unit_rms":
            return 1.0
        if self.radius == "solutions":
            return (self.k * (1 - self.k / d) / d) ** 0.5
        return self.radius / d**0.5

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the k-hot vectors, which is that of the logits."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments in a form that Keras can save."""
        return super().get_config() | {
            "k": self.k,
            "projection": self.projection,
            "radius": self.radius,
            "noise": self.noise if isinstance(self.noise, str) else serialized(self.noise),
            "noise_scale": self.noise_scale,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> IdentitySubsetLayer:
        """Build the layer from what ``get_config`` returned."""
        noise = config["noise"]
        return cls(**(config | {"noise": noise if isinstance(noise, str) else deserialized(noise)}))
