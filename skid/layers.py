"""Keras layers with a combinatorial solver inside, for use in any Keras model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import skid.gradients
import skid.noise
import skid.solvers
from skid.engine.backend import tensorflow
from skid.gradients import GradientRule, Identity
from skid.noise import Gumbel, Noise, Normal, SumOfGamma, TwoPoint
from skid.projections import PROJECTIONS, project
from skid.solvers import CallableSolver, Solver, TopK


@keras.saving.register_keras_serializable(package="skid")
class SolverLayer(keras.layers.Layer):
    """Map costs to the cheapest feasible solutions, differentiable by a stated rule.

    ``y( P(w) + noise_scale * noise )``: the noise is a margin on the projected costs while
    training, and absent otherwise.

    Parameters
    ----------
    solver : Solver or callable
        The problem. A plain NumPy function maps a batch of costs ``(n, *cost_shape)`` to
        solutions of the same shape. A solver without ``solve_tf`` is called on the host, and the
        layer then states ``supports_jit=False``.
    projection : {"auto", "none", "mean", "norm", "std"}, default="auto"
        Projection of the costs; ``"auto"`` is the solver's default.
    noise : Noise, default=None
        Noise on the projected costs while training.
    noise_scale : float, default=1.0
        Factor of the noise. Projected costs have unit root mean square under ``norm`` and
        ``std``, so this is relative to them.
    gradient : GradientRule, default=None
        How the solver is differentiated; None means ``Identity()``.
    seed : int, default=None
        Seed of the layer's own random generator.
    **kwargs
        ``name``, ``dtype`` and ``trainable`` of any Keras layer.

    Raises
    ------
    ValueError
        If the projection is not valid for the solver or ``noise_scale`` is negative.

    Notes
    -----
    Input and output have the shape ``(n, *cost_shape)`` and the dtype of the layer. A saved model
    restores solvers, noise and rules of this package by itself; a solver class or function of
    your own must be registered with ``keras.saving.register_keras_serializable``.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.layers import SolverLayer
    >>> from skid.solvers import TopK
    >>> SolverLayer(TopK(1))(np.array([[0.3, 0.1, 0.2]])).numpy()
    array([[0., 1., 0.]], dtype=float32)
    """

    def __init__(
        self,
        solver: Solver | Callable[[np.ndarray], np.ndarray],
        *,
        projection: str = "auto",
        noise: Noise | None = None,
        noise_scale: float = 1.0,
        gradient: GradientRule | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.solver = solver if isinstance(solver, Solver) else CallableSolver(solver)
        valid = ("auto", *self.solver.projections)
        if projection not in valid:
            raise ValueError(
                f"projection must be one of {valid} for {self.solver!r}, but is {projection!r}."
            )
        self.projection = projection
        self.noise = noise
        self.noise_scale = _checked_scale(noise_scale)
        self.gradient = Identity() if gradient is None else gradient
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_jit = hasattr(self.solver, "solve_tf")

    def call(self, costs: Any, training: bool | None = None) -> Any:
        """Solve.

        Parameters
        ----------
        costs : tensor of shape (n, *cost_shape), float
            Costs, lower is better.
        training : bool, default=None
            Whether to add the noise.

        Returns
        -------
        tensor of shape (n, *cost_shape)
            Solutions.
        """
        tf = tensorflow()
        projection = self.projection
        if projection == "auto":
            projection = self.solver.default_projection
        costs = project(costs, projection, xp=tf.experimental.numpy)
        seed = None
        if training:
            if self.noise is not None:
                costs += self.noise_scale * self.noise.sample_tf(
                    tf.shape(costs), seed=_next_seed(self.seed_generator), dtype=costs.dtype
                )
            seed = _next_seed(self.seed_generator)
        return self.gradient(self._solve, costs, seed=seed)

    def _solve(self, costs: Any) -> Any:
        if self.supports_jit:
            return self.solver.solve_tf(costs)
        solutions = tensorflow().numpy_function(self.solver.solve, [costs], costs.dtype)
        solutions.set_shape(costs.shape)
        return solutions

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the solutions, which is that of the costs."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments in a form that Keras can save."""
        return super().get_config() | {
            "solver": _serialized(self.solver),
            "projection": self.projection,
            "noise": _serialized(self.noise),
            "noise_scale": self.noise_scale,
            "gradient": _serialized(self.gradient),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SolverLayer:
        """Build the layer from what ``get_config`` returned."""
        restored = {name: _deserialized(config[name]) for name in ("solver", "noise", "gradient")}
        return cls(**(config | restored))


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
        named = isinstance(radius, str)
        if radius not in ("unit_rms", "solutions") if named else not 0 < radius < np.inf:
            raise ValueError(
                f"radius must be 'unit_rms', 'solutions' or a number above 0, but is {radius!r}."
            )
        self.radius = radius
        self.noise = noise
        self.noise_distribution = _named_noise(noise, k)
        self.noise_scale = _checked_scale(noise_scale)
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
        shape = tf.shape(logits)
        d = logits.shape[-1]
        if training and self.noise_distribution is not None:
            logits += self.noise_scale * self.noise_distribution.sample_tf(
                shape, seed=_next_seed(self.seed_generator), dtype=logits.dtype
            )
        rows = tf.reshape(logits, [-1, d])
        scores = self._gradient_scale(d) * project(rows, self.projection, xp=tf.experimental.numpy)
        return tf.reshape(Identity()(self.solver.solve_tf, -scores), shape)

    def _gradient_scale(self, d: int) -> float:
        if self.projection in ("none", "mean") or self.radius == "unit_rms":
            return 1.0
        if self.radius == "solutions":
            return float(np.sqrt(self.k * (1 - self.k / d) / d))
        return float(self.radius / np.sqrt(d))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the k-hot vectors, which is that of the logits."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments in a form that Keras can save."""
        return super().get_config() | {
            "k": self.k,
            "projection": self.projection,
            "radius": self.radius,
            "noise": self.noise if isinstance(self.noise, str) else _serialized(self.noise),
            "noise_scale": self.noise_scale,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> IdentitySubsetLayer:
        """Build the layer from what ``get_config`` returned."""
        noise = config["noise"]
        return cls(
            **(config | {"noise": noise if isinstance(noise, str) else _deserialized(noise)})
        )


def _next_seed(generator: keras.random.SeedGenerator) -> Any:
    return tensorflow().cast(generator.next(), "int32")


def _checked_scale(noise_scale: float) -> float:
    if not 0 <= noise_scale < np.inf:
        raise ValueError(
            f"noise_scale must be a finite number of at least 0, but is {noise_scale!r}."
        )
    return noise_scale


def _named_noise(noise: Noise | str | None, k: int) -> Noise | None:
    if noise is None or isinstance(noise, Noise):
        return noise
    named = {
        "sum_of_gamma": lambda: SumOfGamma(k),
        "gumbel": Gumbel,
        "normal": Normal,
        "two_point": TwoPoint,
    }
    if noise not in named:
        raise ValueError(f"noise must be a Noise, None or one of {(*named,)}, but is {noise!r}.")
    return named[noise]()


def _serialized(component: Solver | Noise | GradientRule | None) -> dict[str, Any] | None:
    if component is None:
        return None
    if isinstance(component, CallableSolver):
        parameters = {
            "function": keras.saving.serialize_keras_object(component.function),
            "batched": component.batched,
        }
    elif isinstance(component, Solver):
        parameters = component.get_config()
    else:
        fields = dataclasses.fields(component)
        parameters = {field.name: getattr(component, field.name) for field in fields}
    kind = type(component)
    name = kind.__name__ if _own_class(kind.__name__) is kind else None
    return {
        "component": name or keras.saving.get_registered_name(kind),
        "parameters": parameters,
    }


def _deserialized(config: dict[str, Any] | None) -> Solver | Noise | GradientRule | None:
    if config is None:
        return None
    name = config["component"]
    kind = _own_class(name) or keras.saving.get_registered_object(name)
    if kind is None:
        raise ValueError(
            f"The saved model uses {name!r}, which is no part of skid: register the class with "
            f"keras.saving.register_keras_serializable before loading."
        )
    parameters = dict(config["parameters"])
    if kind is CallableSolver:
        parameters["function"] = keras.saving.deserialize_keras_object(parameters["function"])
    return kind(**parameters)


def _own_class(name: str) -> type | None:
    for module in (skid.solvers, skid.noise, skid.gradients):
        kind = getattr(module, name, None)
        if isinstance(kind, type) and issubclass(kind, (Solver, Noise, GradientRule)):
            return kind
    return None
