"""How a solver is differentiated: the true derivative is zero or undefined, so a rule stands in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from skid._parameter_checks import check_count, check_positive
from skid.noise import Normal, uniform_tf

if TYPE_CHECKING:
    import tensorflow as tf

Solve = Callable[["tf.Tensor"], "tf.Tensor"]


class GradientRule(ABC):
    """A solver call with a stated backward rule, on TensorFlow tensors; costs are minimised.

    Attributes
    ----------
    adds_noise : bool
        Whether the rule draws noise of its own while training, and needs no other.
    """

    adds_noise: ClassVar[bool] = False

    @abstractmethod
    def __call__(self, solve: Solve, costs: tf.Tensor, *, seed: Any = None) -> tf.Tensor:
        """Solve, and say what gradient the costs receive.

        Parameters
        ----------
        solve : callable
            Maps costs to solutions, both tensors of shape (n, *cost_shape). A rule may ask for
            several draws at a time, (n_draws n, *cost_shape), draw after draw.
        costs : tensor of shape (n, *cost_shape), float
            The costs that the solver sees, noise and projection included: a rule that solves
            twice meets the same noise in both calls.
        seed : int tensor of shape (2,), default=None
            Randomness of the rules that draw while training. None, as in prediction, makes every
            rule return ``solve(costs)``.

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

    A second solver call in the backward pass.

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
    dL/dy)``, the difference of the present solution and that of the target distribution. The
    perturbation is part of the costs, so both solutions see the same one.

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

    The softmax runs over all entries of an instance and is scaled by the sum of its solution, k
    for k-subsets, so that both have the same total.

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
        from skid.engine.backend import tensorflow

        tf = tensorflow()

        def backward(solution: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
            flat = [tf.shape(costs)[0], -1]
            share = tf.nn.softmax(tf.reshape(-costs, flat) / self.temperature)
            total = tf.reduce_sum(tf.reshape(solution, flat), axis=1, keepdims=True)
            slope = tf.reshape(upstream, flat)
            centred = slope - tf.reduce_sum(share * slope, axis=1, keepdims=True)
            return tf.reshape(-total / self.temperature * share * centred, tf.shape(costs))

        return _with_backward(solve, costs, backward)


@dataclass(frozen=True)
class RelaxedTopK(GradientRule):
    """Relax the k-hot vector: the elementwise maximum of k Gumbel-softmax draws.

    While training (a ``seed`` is given) the solution is continuous and differentiated exactly,
    the solver is not called and no other noise is needed. Without a seed the solver is called.
    This is a rival of Identity, for subsets only.

    Parameters
    ----------
    k : int
        Number of draws, the size of the subsets.
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
        """Return a relaxed draw when there is a seed, else ``solve(costs)``; see `GradientRule`."""
        from skid.engine.backend import tensorflow

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
    Z^T] / sigma``, here estimated from the same draws, with the mean over the draws taken out of
    the solutions. While training (a ``seed`` is given) the result is the average and no vertex;
    no other noise is needed.

    Parameters
    ----------
    n_draws : int, default=8
        Number of draws, at least 2.
    sigma : float, default=0.5
        Scale of the noise, above 0, in the unit of the costs.

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
        """Return the average when there is a seed, else ``solve(costs)``; see `GradientRule`."""
        from skid.engine.backend import tensorflow

        tf = tensorflow()
        if seed is None:
            return tf.stop_gradient(solve(costs))
        shape = tf.concat([[self.n_draws], tf.shape(costs)], axis=0)
        draws = Normal().sample_tf(shape, seed=seed, dtype=costs.dtype)
        # One call of the solver: all instances of the first draw, then all of the second.
        together = tf.concat(tf.unstack(costs + self.sigma * draws), axis=0)
        solutions = tf.stack(tf.split(tf.stop_gradient(solve(together)), self.n_draws))
        axes = list(range(2, len(costs.shape) + 1))

        @tf.custom_gradient
        def averaged(costs: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
            mean = tf.reduce_mean(solutions, axis=0)

            def backward(upstream: tf.Tensor) -> tf.Tensor:
                along = tf.reduce_sum((solutions - mean) * upstream, axis=axes, keepdims=True)
                return tf.reduce_sum(along * draws, axis=0) / (self.sigma * (self.n_draws - 1))

            return mean, backward

        return averaged(costs)


def scaled_gradient(values: tf.Tensor, factors: tf.Tensor) -> tf.Tensor:
    """Return the same values, whose gradient is multiplied by factors of a shape that broadcasts.

    Weights of rows belong below the solver: a rule that takes a step along the gradient of the
    loss must not see the size of the batch.
    """
    from skid.engine.backend import tensorflow

    tf = tensorflow()

    @tf.custom_gradient
    def unchanged(values: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        return tf.identity(values), lambda upstream: upstream * factors

    return unchanged(values)


def _with_backward(
    solve: Solve, costs: tf.Tensor, backward: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    """Solve, with ``backward(solution, dL/dy)`` as the gradient of the costs."""
    from skid.engine.backend import tensorflow

    tf = tensorflow()

    @tf.custom_gradient
    def solved(costs: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
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
"""The rule that each name of a parameter ``gradient`` stands for."""

RANKING_GRADIENTS = ("identity", "blackbox", "imle", "perturbed")
"""Names of those that suit ranks: a softmax knows nothing of the order behind the first."""


def gradient_rule(
    gradient: GradientRule | str, names: Collection[str] = tuple(GRADIENTS)
) -> GradientRule:
    """The rule that a parameter ``gradient`` stands for.

    Parameters
    ----------
    gradient : GradientRule or str
    names : collection of str
        Those among the keys of `GRADIENTS` that suit; their rules may be given as objects as well.

    Returns
    -------
    GradientRule

    Raises
    ------
    ValueError
        If it is something else, such as the class of a rule.
    """
    if isinstance(gradient, str) and gradient in names:
        return GRADIENTS[gradient]()
    unsuited = tuple(rule for name, rule in GRADIENTS.items() if name not in names)
    if isinstance(gradient, GradientRule) and not isinstance(gradient, unsuited):
        return gradient
    given = f"is {gradient!r}"
    if isinstance(gradient, type):
        given = f"is the class {gradient.__name__}: write {gradient.__name__}()"
    raise ValueError(f"gradient must be a GradientRule or one of {(*names,)}, but {given}.")
