"""Losses of decisions: what the predicted costs, and the solver's answer to them, are worth."""

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
    """What a loss sees of a batch of n rows.

    Parameters
    ----------
    predicted_costs : float tensor of shape (n, *cost_shape)
        After the projection, without noise.
    solutions : float tensor of shape (n, *cost_shape)
        The right decisions.
    solver : callable
        Maps costs to solutions of the same shape.
    true_costs : float tensor of shape (n, *cost_shape), optional
        None where y holds decisions.
    noise : float tensor of shape (n, *cost_shape), default=0
    scale : float tensor of shape (), default=1
        Size of the true costs: their root mean square, or their standard deviation for a loss
        that is `in_true_units`; 1 where y holds decisions.
    gradient : GradientRule, default=Identity()
        How the solver is differentiated.
    seed : int tensor of shape (2,), optional
        Randomness of the rules that draw.

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
        """Solutions of the predicted costs with their noise, differentiated by the rule.

        It is one call of the solver, or as many as the rule makes.
        """
        return self.gradient(self.solver, self.predicted_costs + self.noise, seed=self.seed)

    def solve(self, costs: tf.Tensor) -> tf.Tensor:
        """Solutions of any costs, through which no gradient passes."""
        return tensorflow().stop_gradient(self.solver(costs))


class DecisionLoss(ABC):
    """What predicted costs, or the decisions by them, cost.

    A subclass is a frozen dataclass: its fields are its parameters.

    Attributes
    ----------
    needs_true_costs : bool
        Whether it reads ``batch.true_costs``: y must then hold costs.
    through_solver : bool
        Whether it calls ``batch.decide()``. If not, the gradient rule has no part in it, the
        noise only with a `default_noise_scale`, and ``projection="auto"`` projects nothing.
    in_true_units : bool
        Whether it compares predicted costs with true ones. They are then not projected, and
        ``cost_sign="auto"`` leaves their sign, and what they start from, to the true costs.
    needs_any_sign : bool
        Whether it calls ``batch.solve`` with costs that may be negative whatever the solver is.
    default_noise_scale : float or None
        What ``noise_scale="auto"`` stands for where noise is a part of the loss, which then stays
        on for the whole training and under each gradient rule. None where noise only is the
        margin of ``batch.decide()``: the solver says how much.
    """

    needs_true_costs: ClassVar[bool] = False
    through_solver: ClassVar[bool] = True
    in_true_units: ClassVar[bool] = False
    needs_any_sign: ClassVar[bool] = False
    default_noise_scale: ClassVar[float | None] = None

    @abstractmethod
    def __call__(self, batch: DecisionBatch) -> tf.Tensor:
        """Loss of each row.

        Parameters
        ----------
        batch : DecisionBatch

        Returns
        -------
        float tensor of shape (n,)
        """


@dataclass(frozen=True)
class Hamming(DecisionLoss):
    """Number of wrong entries, ``sum_j |y_j - y*_j|``.

    Its gradient ``sign(y - y*)`` is zero where an entry is right. The linear form ``1 - 2 y*``,
    equal in value on 0/1 solutions, would keep pushing there and diverge.
    """

    def __call__(self, batch: DecisionBatch) -> tf.Tensor:
        """Loss of each row, see `DecisionLoss`."""
        return wrong_entries(batch.decide(), batch.solutions)


@dataclass(frozen=True)
class SquaredDistance(DecisionLoss):
    """Half the squared distance, ``||y - y*||^2 / 2``, whose gradient is ``y - y*``."""

    def __call__(self, batch: DecisionBatch) -> tf.Tensor:
        """Loss of each row, see `DecisionLoss`."""
        return 0.5 * _total(tensorflow().square(batch.decide() - batch.solutions))


@dataclass(frozen=True)
class Regret(DecisionLoss):
    """What a decision costs more than the best one, ``<c, y> - <c, y*>``, in units of ``scale``.

    The loss is linear in the solution: through `Identity` its gradient is ``-c`` whatever the
    solver says.
    """

    needs_true_costs: ClassVar[bool] = True

    def __call__(self, batch: DecisionBatch) -> tf.Tensor:
        """Loss of each row, see `DecisionLoss`."""
        return excess_cost(batch.true_costs / batch.scale, batch.decide(), batch.solutions)


@dataclass(frozen=True)
class SPOPlus(DecisionLoss):
    """The convex upper bound SPO+ of the regret, ``2 <w, y*> - min_y <2 w - c, y> - <c, y*>``.

    It is in units of ``scale``. Its subgradient is ``2 (y* - y(2 w - c))``.

    References
    ----------
    Elmachtoub and Grigas, *Smart "Predict, then Optimize"*, Management Science 2022, section 4.
    """

    needs_true_costs: ClassVar[bool] = True
    through_solver: ClassVar[bool] = False
    in_true_units: ClassVar[bool] = True
    needs_any_sign: ClassVar[bool] = True

    def __call__(self, batch: DecisionBatch) -> tf.Tensor:
        """Loss of each row, see `DecisionLoss`."""
        costs, true_costs, right = batch.predicted_costs, batch.true_costs, batch.solutions
        between = 2.0 * costs - true_costs
        bound = 2.0 * _total(costs * right) - _total(between * batch.solve(between))
        return (bound - _total(true_costs * right)) / batch.scale


@dataclass(frozen=True)
class FenchelYoung(DecisionLoss):
    """Fenchel-Young loss of the perturbed solver, ``<w, y*> - min_y <w + noise, y>``.

    It equals the loss of the paper up to a constant, and its gradient is ``y* - y(w + noise)``.

    References
    ----------
    Berthet et al., *Learning with Differentiable Perturbed Optimizers*, NeurIPS 2020, section 4.
    """

    through_solver: ClassVar[bool] = False
    default_noise_scale: ClassVar[float | None] = 1.0

    def __call__(self, batch: DecisionBatch) -> tf.Tensor:
        """Loss of each row, see `DecisionLoss`."""
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
        """Loss of each row, see `DecisionLoss`."""
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
"""The class of each name of a parameter ``loss`` of decisions."""


def wrong_entries(solutions: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Number of wrong entries of each solution, shape (n,)."""
    return _total(tensorflow().abs(solutions - right))


def excess_cost(true_costs: tf.Tensor, solutions: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """What each solution costs more than the right one, shape (n,)."""
    return _total(true_costs * (solutions - right))


def _total(entries):
    """Sum over everything but the first axis."""
    tf = tensorflow()
    return tf.reduce_sum(entries, axis=list(range(1, len(entries.shape))))
