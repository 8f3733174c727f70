"""Losses of decisions, and of the costs that lead to them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from skid.engine.backend import tensorflow
from skid.gradients import GradientRule, Identity, Solve

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class DecisionBatch:
    """Inputs of a loss for a batch of n rows.

    Parameters
    ----------
    predicted_costs : float tensor of shape (n, *cost_shape)
        After the projection, without noise.
    solutions : float tensor of shape (n, *cost_shape)
        The right decisions.
    solver : callable
        Maps costs to solutions of the same shape.
    true_costs : float tensor of shape (n, *cost_shape), optional
        None if y holds decisions.
    noise : float tensor of shape (n, *cost_shape), default=0
    scale : float tensor of shape (), default=1
        Root mean square of the true costs, or their standard deviation for a loss with
        `in_true_units`; 1 if y holds decisions.
    gradient : GradientRule, default=Identity()
    seed : int tensor of shape (2,), optional
        Seed of a stochastic gradient rule.

    Examples
    --------
    >>> import tensorflow as tf
    >>> from skid.losses import DecisionBatch, Hamming
    >>> from skid.solvers import TopK
    >>> costs, right = tf.constant([[1.0, 2.0, 3.0]]), tf.constant([[0.0, 1.0, 0.0]])
    >>> batch = DecisionBatch(costs, right, TopK(1).solve_tf)
    >>> batch.decide().numpy(), Hamming()(batch).numpy()
    (array([[1., 0., 0.]], dtype=float32), array([2.], dtype=float32))
    """

    predicted_costs: Any
    solutions: Any
    solver: Solve
    true_costs: Any = None
    noise: Any = 0.0
    scale: Any = 1.0
    gradient: GradientRule | Callable = field(default_factory=Identity)
    seed: Any = None

    def decide(self) -> tf.Tensor:
        """Solutions of the predicted costs plus noise, differentiated by the gradient rule."""
        return self.gradient(self.solver, self.predicted_costs + self.noise, seed=self.seed)

    def solve(self, costs: tf.Tensor) -> tf.Tensor:
        """Solutions of any costs, without a gradient."""
        return tensorflow().stop_gradient(self.solver(costs))


class DecisionLoss(ABC):
    """Base class of the losses of decisions.

    A subclass is a frozen dataclass, whose fields are its parameters.

    Attributes
    ----------
    needs_true_costs : bool
        Whether it reads ``batch.true_costs``, so that y must hold costs.
    through_solver : bool
        Whether it calls ``batch.decide()``. Other losses do not use the gradient rule, use noise
        only with a `default_noise_scale`, and have no projection by default.
    in_true_units : bool
        Whether it compares predicted and true costs. The predicted costs are then not projected.
        By default they have any sign, and start from the mean of the true costs.
    needs_any_sign : bool
        Whether it calls ``batch.solve`` with costs that may be negative.
    default_noise_scale : float or None
        Value of ``noise_scale="auto"`` if noise is a part of the loss. It is then used in the whole
        training and with every gradient rule. None uses the default of the solver, and noise in
        ``batch.decide()`` only.
    """

    needs_true_costs: ClassVar[bool] = False
    through_solver: ClassVar[bool] = True
    in_true_units: ClassVar[bool] = False
    needs_any_sign: ClassVar[bool] = False
    default_noise_scale: ClassVar[float | None] = None

    @abstractmethod
    def __call__(self, batch: DecisionBatch) -> tf.Tensor:
        """Loss of each row, a float tensor of shape (n,)."""


@dataclass(frozen=True)
class Hamming(DecisionLoss):
    """Number of wrong entries, ``sum_j |y_j - y*_j|``.

    Its gradient ``sign(y - y*)`` is zero for right entries. The linear form with the gradient
    ``1 - 2 y*`` has the same value for 0/1 solutions, but would diverge.
    """

    def __call__(self, batch: DecisionBatch) -> tf.Tensor:
        """Loss of each row."""
        return wrong_entries(batch.decide(), batch.solutions)


@dataclass(frozen=True)
class SquaredDistance(DecisionLoss):
    """Half the squared distance, ``||y - y*||^2 / 2``, whose gradient is ``y - y*``."""

    def __call__(self, batch: DecisionBatch) -> tf.Tensor:
        """Loss of each row."""
        return 0.5 * _total(tensorflow().square(batch.decide() - batch.solutions))


@dataclass(frozen=True)
class Regret(DecisionLoss):
    """Excess cost of a decision, ``<c, y> - <c, y*>``, in units of ``scale``.

    It is linear in the solution: with `Identity` its gradient is ``-c`` for every solution.
    """

    needs_true_costs: ClassVar[bool] = True

    def __call__(self, batch: DecisionBatch) -> tf.Tensor:
        """Loss of each row."""
        return excess_cost(batch.true_costs / batch.scale, batch.decide(), batch.solutions)


@dataclass(frozen=True)
class SPOPlus(DecisionLoss):
    """The convex upper bound SPO+ of the regret, ``2 <w, y*> - min_y <2 w - c, y> - <c, y*>``.

    In units of ``scale``. Its subgradient is ``2 (y* - y(2 w - c))``.

    References
    ----------
    Elmachtoub and Grigas, *Smart "Predict, then Optimize"*, Management Science 2022, section 4.
    """

    needs_true_costs: ClassVar[bool] = True
    through_solver: ClassVar[bool] = False
    in_true_units: ClassVar[bool] = True
    needs_any_sign: ClassVar[bool] = True

    def __call__(self, batch: DecisionBatch) -> tf.Tensor:
        """Loss of each row."""
        costs, true_costs, right = batch.predicted_costs, batch.true_costs, batch.solutions
        between = 2.0 * costs - true_costs
        bound = 2.0 * _total(costs * right) - _total(between * batch.solve(between))
        return (bound - _total(true_costs * right)) / batch.scale


@dataclass(frozen=True)
class FenchelYoung(DecisionLoss):
    """Fenchel-Young loss of the perturbed solver, ``<w, y*> - min_y <w + noise, y>``.

    It is the loss of the paper up to a constant. Its gradient is ``y* - y(w + noise)``.

    References
    ----------
    Berthet et al., *Learning with Differentiable Perturbed Optimizers*, NeurIPS 2020, section 4.
    """

    through_solver: ClassVar[bool] = False
    default_noise_scale: ClassVar[float | None] = 1.0

    def __call__(self, batch: DecisionBatch) -> tf.Tensor:
        """Loss of each row."""
        perturbed = batch.predicted_costs + batch.noise
        least = _total(perturbed * batch.solve(perturbed))
        return _total(batch.predicted_costs * batch.solutions) - least


@dataclass(frozen=True)
class SquaredCosts(DecisionLoss):
    """Mean squared error of the costs in units of ``scale``: the two-stage method."""

    needs_true_costs: ClassVar[bool] = True
    through_solver: ClassVar[bool] = False
    in_true_units: ClassVar[bool] = True

    def __call__(self, batch: DecisionBatch) -> tf.Tensor:
        """Loss of each row."""
        tf = tensorflow()
        errors = (batch.predicted_costs - batch.true_costs) / batch.scale
        return tf.reduce_mean(tf.square(errors), axis=list(range(1, len(errors.shape))))


DECISION_LOSSES = {
    "hamming": Hamming,
    "squared": SquaredDistance,
    "regret": Regret,
    "spo+": SPOPlus,
    "fenchel_young": FenchelYoung,
    "squared_costs": SquaredCosts,
}
"""Class of each loss of decisions by its name."""


def wrong_entries(solutions: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Number of wrong entries of each solution, shape (n,)."""
    return _total(tensorflow().abs(solutions - right))


def excess_cost(true_costs: tf.Tensor, solutions: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """True cost of each solution minus that of the right one, shape (n,)."""
    return _total(true_costs * (solutions - right))


def _total(entries: tf.Tensor) -> tf.Tensor:
    """Sum over all axes but the first."""
    tf = tensorflow()
    return tf.reduce_sum(entries, axis=list(range(1, len(entries.shape))))
