"""A layer that calls a solver."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np

from skid._parameter_checks import check_at_least_zero
from skid.engine.backend import tensorflow
from skid.gradients import GradientRule, gradient_rule
from skid.layers.components import deserialized, drawn_seed, floating, named_noise, serialized
from skid.noise import Noise
from skid.projections import Projection, check_projection, project
from skid.solvers import CallableSolver, Solver
from skid.solvers.base import solve


@keras.saving.register_keras_serializable(package="skid")
class SolverLayer(keras.layers.Layer):
    """Map costs to the cheapest feasible solutions, differentiated by a gradient rule.

    ``y( P(w) + noise_scale * noise )``, with noise only while training, as a margin on the
    projected costs.

    Parameters
    ----------
    solver : Solver or callable
        The problem. A NumPy function maps a batch of costs ``(n, *cost_shape)`` to solutions of
        the same shape. A solver without ``solve_tf`` is called on the host, and
        ``supports_jit`` of the layer is False.
    projection : {"auto", "none", "mean", "norm", "std"} or Projection, default="auto"
        Projection of the costs; ``"auto"`` is the default of the solver. For a custom
        function, see `skid.projections.Projection`.
    noise : Noise or {"gumbel", "normal", "two_point"}, default=None
        Noise on the projected costs while training.
    noise_scale : float, default=1.0
        Factor of the noise, relative to projected costs, whose root mean square is 1 under
        ``norm`` and ``std``.
    gradient : GradientRule or {"identity", "blackbox", "imle", "perturbed", \
            "straight_through"}, default="identity"
        How the solver is differentiated.
    seed : int, default=None
        Seed of the random generator of the layer.
    **kwargs
        Parameters of ``keras.layers.Layer``: ``name``, ``dtype``, ``trainable``.

    Raises
    ------
    ValueError
        If the projection is not valid for the solver, a name is unknown or ``noise_scale`` is
        negative.

    Notes
    -----
    Input and output have shape ``(n, *cost_shape)`` and the dtype of the layer. Keras can load a
    saved model with solvers, noise and rules of this package. Custom classes and functions must be
    registered with ``keras.saving.register_keras_serializable``.

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
        projection: str | Projection = "auto",
        noise: Noise | str | None = None,
        noise_scale: float = 1.0,
        gradient: GradientRule | str = "identity",
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.solver = solver if isinstance(solver, Solver) else CallableSolver(solver)
        check_projection(projection, ("auto", *self.solver.projections), owner=self.solver)
        self.projection = projection
        self.noise = named_noise(noise)
        check_at_least_zero("noise_scale", noise_scale)
        self.noise_scale = noise_scale
        self.gradient = gradient_rule(gradient)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_jit = hasattr(self.solver, "solve_tf")

    def call(self, costs: Any, training: bool | None = None) -> Any:
        """Solve float costs of shape (n, *cost_shape), with noise if ``training`` is True.

        The solutions have the shape and dtype of the costs.
        """
        tf = tensorflow()
        costs = floating(costs, self.compute_dtype)
        projection = self.projection
        if projection == "auto":
            projection = self.solver.default_projection
        costs = project(costs, projection, xp=tf.experimental.numpy)
        seed = None
        if training:
            if self.noise is not None:
                costs += self.noise_scale * self.noise.sample_tf(
                    tf.shape(costs), seed=drawn_seed(self.seed_generator), dtype=costs.dtype
                )
            seed = drawn_seed(self.seed_generator)
        return self.gradient(self._solve, costs, seed=seed)

    def _solve(self, costs: Any) -> Any:
        tf = tensorflow()
        if self.solver.nonnegative_costs:
            # Noise and some projections make costs negative.
            costs = tf.maximum(costs, 0)
        if self.supports_jit:
            return self.solver.solve_tf(costs)
        # NumPy has no bfloat16.
        dtype = tf.float32 if costs.dtype == tf.bfloat16 else costs.dtype
        solutions = tf.numpy_function(partial(solve, self.solver), [tf.cast(costs, dtype)], dtype)
        solutions.set_shape(costs.shape)
        return tf.cast(solutions, costs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the costs."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments in a form that Keras can save."""
        return super().get_config() | {
            "solver": serialized(self.solver),
            "projection": serialized(self.projection),
            "noise": serialized(self.noise),
            "noise_scale": self.noise_scale,
            "gradient": serialized(self.gradient),
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SolverLayer:
        """Build the layer from the dictionary that ``get_config`` returned."""
        names = {"solver", "projection", "noise", "gradient"} & config.keys()
        restored = {name: deserialized(config[name]) for name in names}
        return cls(**(config | restored))
