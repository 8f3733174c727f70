"""Gradient rules: what replaces the derivative of a solver, which is zero or undefined."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from skid._parameter_checks import check_count, check_positive
from skid.engine.backend import tensorflow
from skid.noise import Normal, uniform_tf

if TYPE_CHECKING:
    import tensorflow as tf

Solve = Callable[["tf.Tensor"], "tf.Tensor"]


class GradientRule(ABC):
    """A solver call with a backward rule, on TensorFlow tensors; costs are minimised.

    Attributes
    ----------
    adds_noise : bool
        Whether the rule draws noise itself while training, so that no other noise is needed.
    """

    adds_noise: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, solve: Solve, costs: tf.Tensor, *, seed: Any = None) -> tf.Tensor:
        """Solve, and define the gradient that the costs receive.

        Parameters
        ----------
        solve : callable
            Maps costs to solutions, both tensors of shape (n, *cost_shape). A rule may solve
            several draws in one call, of shape (n_draws * n, *cost_shape), draw after draw.
        costs : tensor of shape (n, *cost_shape), float
            The input of the solver, noise and projection included: a rule that solves twice
            uses the same noise in both calls.
        seed : int tensor of shape (2,), default=None
            Seed of the rules that draw noise while training. With None, as in prediction, every
            rule returns ``solve(costs)``.

        Returns
        -------
        tensor of the shape and dtype of ``costs``
            Solutions.
        """


@dataclass(frozen=True)
class Identity(GradientRule):
    """Treat the solver as the negative identity: ``dL/dw = -dL/dy``.

    One solver call and no parameter. With a projection before the solver this is Identity with
    Projection.

    References
    ----------
    Sahoo et al., *Backpropagation through Combinatorial Algorithms: Identity with Projection
    Works*, ICLR 2023, equation 3.

    Examples
    --------
    >>> import tensorflow as tf
    >>> from skid.gradients import Identity
    >>> from skid.solvers import TopK
    >>> costs = tf.constant([[0.1, 0.2, 0.3]])
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(costs)
    ...     loss = tf.reduce_sum(Identity()(TopK(1).solve_tf, costs) * [[1.0, 2.0, 3.0]])
    >>> tape.gradient(loss, costs).numpy()
    array([[-1., -2., -3.]], dtype=float32)
    """

    def __call__(self, solve: Solve, costs: tf.Tensor, *, seed: Any = None) -> tf.Tensor:
        """Return ``solve(costs)``; see `GradientRule`."""
        return _with_backward(solve, costs, lambda solution, upstream: -upstream)


@dataclass(frozen=True)
class BlackBox(GradientRule):
    """Differentiate an interpolation of the solver: ``(y(w + lambda dL/dy) - y(w)) / lambda``.

    The backward pass calls the solver a second time.

    Parameters
    ----------
    lambda_ : float, default=10.0
        Step along the gradient, above 0, in the unit of the costs.

    References
    ----------
    Vlastelica et al., *Differentiation of Blackbox Combinatorial Solvers*, ICLR 2020.

    Examples
    --------
    >>> import tensorflow as tf
    >>> from skid.gradients import BlackBox
    >>> from skid.solvers import TopK
    >>> costs = tf.constant([[0.1, 0.2, 0.3]])
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(costs)
    ...     loss = tf.reduce_sum(BlackBox(2.0)(TopK(1).solve_tf, costs) * [[3.0, 2.0, 1.0]])
    >>> tape.gradient(loss, costs).numpy().round(2)
    array([[-0.5,  0. ,  0.5]], dtype=float32)
    """

    lambda_: float = 10.0

    def __post_init__(self) -> None:
        check_positive("lambda_", self.lambda_)

    def __call__(self, solve: Solve, costs: tf.Tensor, *, seed: Any = None) -> tf.Tensor:
        """Return ``solve(costs)``; see `GradientRule`."""

        def backward(solution: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
            return (solve(costs + self.lambda_ * upstream) - solution) / self.lambda_

        return _with_backward(solve, costs, backward)


@dataclass(frozen=True)
class IMLE(GradientRule):
    """Implicit maximum likelihood: ``y(w + lambda dL/dy) - y(w)``, not divided by lambda.

    With scores ``theta = -w`` this is the original ``dL/dtheta = y(theta) - y(theta - lambda
    dL/dy)``, the difference between the current solution and that of the target distribution.
    The perturbation is part of the costs, so both solutions use the same one.

    Parameters
    ----------
    lambda_ : float, default=10.0
        Step towards the target distribution, above 0, in the unit of the costs.

    References
    ----------
    Niepert, Minervini, Franceschi: *Implicit MLE: Backpropagating through Discrete Exponential
    Family Distributions*, NeurIPS 2021, algorithm 1.

    Examples
    --------
    >>> import tensorflow as tf
    >>> from skid.gradients import IMLE
    >>> from skid.solvers import TopK
    >>> costs = tf.constant([[0.1, 0.2, 0.3]])
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(costs)
    ...     loss = tf.reduce_sum(IMLE(2.0)(TopK(1).solve_tf, costs) * [[3.0, 2.0, 1.0]])
    >>> tape.gradient(loss, costs).numpy().round(2)
    array([[-1.,  0.,  1.]], dtype=float32)
    """

    lambda_: float = 10.0

    def __post_init__(self) -> None:
        check_positive("lambda_", self.lambda_)

    def __call__(self, solve: Solve, costs: tf.Tensor, *, seed: Any = None) -> tf.Tensor:
        """Return ``solve(costs)``; see `GradientRule`."""

        def backward(solution: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
            return solve(costs + self.lambda_ * upstream) - solution

        return _with_backward(solve, costs, backward)


@dataclass(frozen=True)
class StraightThroughSoftmax(GradientRule):
    """Solve forward, differentiate ``sum(y) softmax(-w / temperature)`` backward.

    The softmax runs over all entries of an instance and is scaled by the sum of its solution,
    which is k for k-subsets, so that both have the same total.

    Parameters
    ----------
    temperature : float, default=1.0
        Temperature of the softmax, above 0.

    References
    ----------
    Jang, Gu, Poole: *Categorical Reparameterization with Gumbel-Softmax*, ICLR 2017, section 2.2.

    Examples
    --------
    >>> import tensorflow as tf
    >>> from skid.gradients import StraightThroughSoftmax
    >>> from skid.solvers import TopK
    >>> costs = tf.constant([[0.1, 0.2, 0.3]])
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(costs)
    ...     solution = StraightThroughSoftmax()(TopK(1).solve_tf, costs)
    ...     loss = tf.reduce_sum(solution * [[3.0, 2.0, 1.0]])
    >>> tape.gradient(loss, costs).numpy().round(2)
    array([[-0.34,  0.02,  0.32]], dtype=float32)
    """

    temperature: float = 1.0

    def __post_init__(self) -> None:
        check_positive("temperature", self.temperature)

    def __call__(self, solve: Solve, costs: tf.Tensor, *, seed: Any = None) -> tf.Tensor:
        """Return ``solve(costs)``; see `GradientRule`."""
        tf = tensorflow()

        def backward(solution: Any, upstream: Any) -> Any:
            flat = [tf.shape(costs)[0], -1]
            probability = tf.nn.softmax(tf.reshape(-costs, flat) / self.temperature)
            total = tf.reduce_sum(tf.reshape(solution, flat), axis=1, keepdims=True)
            upstream = tf.reshape(upstream, flat)
            centred = upstream - tf.reduce_sum(probability * upstream, axis=1, keepdims=True)
            return tf.reshape(-total / self.temperature * probability * centred, tf.shape(costs))

        return _with_backward(solve, costs, backward)


@dataclass(frozen=True)
class RelaxedTopK(GradientRule):
    """Relax the k-hot vector to the elementwise maximum of k Gumbel-softmax draws.

    With a ``seed``, that is while training, the solution is continuous and differentiated exactly,
    and the solver is not called. Without a seed the solver is called. This is a baseline to
    compare Identity with, for subsets only.

    Parameters
    ----------
    k : int
        Size of the subsets and number of draws.
    temperature : float, default=0.1
        Temperature of the softmax, above 0.

    References
    ----------
    Chen, Song, Wainwright, Jordan: *Learning to Explain*, ICML 2018, section 3.
    """

    adds_noise: ClassVar[bool] = True

    k: int
    _: KW_ONLY
    temperature: float = 0.1

    def __post_init__(self) -> None:
        check_count("k", self.k)
        check_positive("temperature", self.temperature)

    def __call__(self, solve: Solve, costs: tf.Tensor, *, seed: Any = None) -> tf.Tensor:
        """Return a relaxed draw, or ``solve(costs)`` without a seed; see `GradientRule`."""
        tf = tensorflow()
        if seed is None:
            return tf.stop_gradient(solve(costs))
        shape = tf.concat([[self.k], tf.shape(costs)], axis=0)
        uniform = uniform_tf(shape, seed=seed, dtype=costs.dtype)
        gumbel = tf.cast(-tf.math.log(-tf.math.log(uniform)), costs.dtype)
        return tf.reduce_max(tf.nn.softmax((gumbel - costs) / self.temperature), axis=0)


@dataclass(frozen=True)
class Perturbed(GradientRule):
    """Average the solutions of perturbed costs, and differentiate the average exactly.

    With Z standard normal, ``y(w) = E[y(w + sigma Z)]`` has the derivative ``E[y(w + sigma Z)
    Z^T] / sigma``, estimated from the same draws after the mean of the solutions over the draws is
    subtracted. With a ``seed``, that is while training, the result is this average and not a
    feasible solution.

    Parameters
    ----------
    n_draws : int, default=8
        Number of draws, at least 2.
    sigma : float, default=0.5
        Standard deviation of the noise, above 0, in the unit of the costs.

    References
    ----------
    Berthet et al., *Learning with Differentiable Perturbed Optimizers*, NeurIPS 2020,
    proposition 3.1.

    Examples
    --------
    >>> import tensorflow as tf
    >>> from skid.gradients import Perturbed
    >>> from skid.solvers import TopK
    >>> costs = tf.constant([[0.1, 0.2, 0.3]])
    >>> Perturbed(1000)(TopK(1).solve_tf, costs, seed=[0, 1]).numpy().round(1)
    array([[0.4, 0.3, 0.2]], dtype=float32)
    """

    adds_noise: ClassVar[bool] = True

    n_draws: int = 8
    sigma: float = 0.5

    def __post_init__(self) -> None:
        check_count("n_draws", self.n_draws, least=2)
        check_positive("sigma", self.sigma)

    def __call__(self, solve: Solve, costs: tf.Tensor, *, seed: Any = None) -> tf.Tensor:
        """Return the average, or ``solve(costs)`` without a seed; see `GradientRule`."""
        tf = tensorflow()
        if seed is None:
            return tf.stop_gradient(solve(costs))
        shape = tf.concat([[self.n_draws], tf.shape(costs)], axis=0)
        draws = Normal().sample_tf(shape, seed=seed, dtype=costs.dtype)
        # One call of the solver: all instances of the first draw, then all of the second.
        perturbed = tf.concat(tf.unstack(costs + self.sigma * draws), axis=0)
        solutions = tf.stack(tf.split(tf.stop_gradient(solve(perturbed)), self.n_draws))
        axes = list(range(2, len(costs.shape) + 1))

        @tf.custom_gradient
        def averaged(costs: Any) -> tuple[Any, Callable[[Any], Any]]:
            mean = tf.reduce_mean(solutions, axis=0)

            def backward(upstream: Any) -> Any:
                products = tf.reduce_sum((solutions - mean) * upstream, axis=axes, keepdims=True)
                return tf.reduce_sum(products * draws, axis=0) / (self.sigma * (self.n_draws - 1))

            return mean, backward

        return averaged(costs)


def scaled_gradient(values: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
    """Return the values unchanged, and multiply their gradient by factors that broadcast.

    Row weights are applied below the solver in this way: a rule that takes a step along the
    gradient of the loss must not depend on the size of the batch.
    """
    tf = tensorflow()

    @tf.custom_gradient
    def unchanged(values: Any) -> tuple[Any, Callable[[Any], Any]]:
        return tf.identity(values), lambda upstream: upstream * factors

    return unchanged(values)


def _with_backward(
    solve: Solve, costs: tf.Tensor, backward: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    """Solve, with ``backward(solution, dL/dy)`` as the gradient of the costs."""
    tf = tensorflow()

    @tf.custom_gradient
    def solved(costs: Any) -> tuple[Any, Callable[[Any], Any]]:
        solution = solve(costs)
        return solution, lambda upstream: backward(solution, upstream)

    return solved(costs)


GRADIENTS = {
    "identity": Identity,
    "blackbox": BlackBox,
    "imle": IMLE,
    "perturbed": Perturbed,
    "straight_through": StraightThroughSoftmax,
}
"""Rules by the names that a parameter ``gradient`` accepts."""

RANKING_GRADIENTS = ("identity", "blackbox", "imle", "perturbed")
"""Names of the rules for rankings; a softmax ignores the order after the first item."""


def gradient_rule(
    gradient: GradientRule | str, names: Collection[str] = tuple(GRADIENTS)
) -> GradientRule:
    """Return the rule that a parameter ``gradient`` selects, or raise a ValueError.

    The rules of `GRADIENTS` whose names are not in ``names`` are not valid as objects either.
    """
    if isinstance(gradient, str) and gradient in names:
        return GRADIENTS[gradient]()
    invalid = tuple(rule for name, rule in GRADIENTS.items() if name not in names)
    if isinstance(gradient, GradientRule) and not isinstance(gradient, invalid):
        return gradient
    received = repr(gradient)
    if isinstance(gradient, type):
        received = f"the class {gradient.__name__}: write {gradient.__name__}()"
    raise ValueError(f"gradient must be a GradientRule or one of {(*names,)}, got {received}")
