"""A network and a solver as one objective: the loss of decisions, or of costs, for a batch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from skid._parameters import resolve_auto
from skid.engine.backend import compiled, tensorflow
from skid.engine.cache_key import cache_key_of
from skid.engine.host import call_on_host
from skid.gradients import GradientRule, scaled_gradient
from skid.losses import (
    DECISION_LOSSES,
    DecisionBatch,
    DecisionLoss,
    check_one_per_row,
    loss_of,
)
from skid.losses.decisions import excess_cost, wrong_entries
from skid.networks import DecayOfKernels
from skid.noise import Noise, next_seed
from skid.projections import project
from skid.solvers import Solver
from skid.solvers.base import solve as solve_costs


@dataclass(frozen=True)
class SolverRule:
    """How the costs get their gradient; ``n_draws`` is the number of noise draws per row."""

    loss: DecisionLoss
    projection: str
    noise: Noise | None
    gradient: GradientRule | Callable
    n_draws: int


def solver_rule(
    estimator: Any, solver: Solver, losses: Mapping[str, type] = DECISION_LOSSES
) -> tuple[SolverRule, float]:
    """The rule that an estimator asks for, and the scale of the noise."""
    loss = loss_of(estimator.loss, losses, DecisionLoss)
    projection = solver.default_projection if loss.through_solver else "none"
    gradient = estimator._gradient_rule()
    noise_scale = 0.0
    if loss.default_noise_scale is not None:
        noise_scale = resolve_auto(estimator.noise_scale, loss.default_noise_scale)
    elif loss.through_solver and not getattr(gradient, "adds_noise", False):
        noise_scale = resolve_auto(estimator.noise_scale, solver.default_noise_scale)
    rule = SolverRule(
        loss=loss,
        projection=resolve_auto(estimator.projection, projection),
        noise=estimator._noise_law("normal") if noise_scale else None,
        gradient=gradient,
        n_draws=getattr(estimator, "n_draws", 1) if noise_scale else 1,
    )
    return rule, noise_scale


class PredictsCosts(Protocol):
    """A network that predicts costs, on tensors."""

    key: Any

    def train(self, weights: dict, X: Any, constants: dict) -> tuple[Any, dict]:
        """Costs while training, and new values of weights without a gradient."""

    def apply(self, weights: dict, X: Any, constants: dict) -> Any:
        """Costs, shape (n, *cost_shape)."""


class SolverObjective(DecayOfKernels):
    """Loss of the decisions of a network and a solver.

    A family whose rows are several arrays overrides ``inputs``, ``right_decisions`` and
    ``decisions``. ``context`` names the inputs that the solver takes from each
    row in addition to the costs. With ``in_graph`` the solver runs inside the program, otherwise on
    the host. ``xla`` says whether XLA compiles the program, or the parts of it that do not call the
    host.
    """

    controls = ("noise_scale", "rate", "decay")

    def __init__(
        self,
        network: PredictsCosts,
        solver: Solver,
        rule: SolverRule,
        context: tuple[str, ...],
        *,
        in_graph: bool,
        xla: bool,
    ) -> None:
        self.network = network
        self.solver = solver
        self.rule = rule
        self.context = context
        self.in_graph = in_graph
        self.compiled = in_graph and xla
        self._solver_input = self._noisy_costs
        if xla and not in_graph:
            # The loop around calls of the host is not compiled, but its parts are.
            self._solver_input = compiled(self._noisy_costs)
        self.key = (type(self).__name__, network.key, solver, cache_key_of(rule), context, in_graph)

    def loss(self, parameters, batch, constants, control, seed):
        """Weighted mean of the losses of the rows, see :class:`Objective`."""
        tf = tensorflow()
        batch = {name: values[0] for name, values in batch.items()}
        weight = batch["weight"] / batch["weight"].shape[0]
        right = self.right_decisions(batch)
        costs, noise, updates = self._solver_input(
            parameters, self.inputs(batch), weight, constants, control["noise_scale"], seed
        )
        n_draws = self.rule.n_draws
        if n_draws > 1:
            weight = _repeated(weight, n_draws) / n_draws
            right = _repeated(right, n_draws)
            batch = {name: _repeated(values, n_draws) for name, values in batch.items()}
        losses = self.rule.loss(
            self.decisions(
                batch,
                predicted_costs=costs,
                solutions=right,
                solver=lambda costs: self._solve(costs, batch),
                true_costs=batch.get("true_costs"),
                noise=noise,
                scale=constants["scale"],
                gradient=self.rule.gradient,
                seed=next_seed(seed),
            )
        )
        check_one_per_row(self.rule.loss, losses, costs.shape[0])
        return tf.reduce_sum(losses), tf.reduce_sum(weight * losses), updates

    def evaluate(self, parameters, batch, constants, control):
        """Regret of each row where the true costs are known, else its Hamming loss."""
        batch = {name: values[0] for name, values in batch.items()}
        right = self.right_decisions(batch)
        costs = self.network.apply(parameters, self.inputs(batch), constants)
        solutions = self._solve(costs, batch)
        if "true_costs" in batch:
            losses = excess_cost(batch["true_costs"], solutions, right)
        else:
            losses = wrong_entries(solutions, right)
        return losses[None]

    def decisions(self, batch: dict, **parts: Any) -> DecisionBatch:
        """What the loss reads."""
        return DecisionBatch(**parts)

    def inputs(self, batch: dict) -> Any:
        """What the network reads of a batch, and nothing else does."""
        return batch.pop("X")

    def right_decisions(self, batch: dict) -> Any:
        """Right decisions of a batch."""
        return batch["y"]

    def _noisy_costs(self, parameters, X, weight, constants, noise_scale, seed):
        """Projected costs of all draws, their noise, and new values of other parameters."""
        tf = tensorflow()
        costs, updates = self.network.train(parameters, X, constants)
        n_draws = self.rule.n_draws
        if n_draws > 1:
            costs, weight = _repeated(costs, n_draws), _repeated(weight, n_draws) / n_draws
        weight = tf.reshape(weight, (-1, *[1] * (len(costs.shape) - 1)))
        costs = scaled_gradient(costs, weight)
        if not self.rule.loss.in_true_units:
            costs = project(costs, self.rule.projection, xp=tf.experimental.numpy)
        noise = tf.zeros_like(costs)
        if self.rule.noise is not None:
            draws = self.rule.noise.sample_tf(tf.shape(costs), seed=seed, dtype=costs.dtype)
            noise = noise_scale * draws
        return costs, noise, updates

    def _solve(self, costs, batch):
        """Solutions of costs with one or several draws per row, draw after draw."""
        tf = tensorflow()
        if self.solver.nonnegative_costs:
            costs = tf.maximum(costs, 0)
        context = {}
        for name in self.context:
            context[name] = _repeated(batch[name], costs.shape[0] // batch[name].shape[0])
        if self.in_graph:
            return self.solver.solve_tf(costs, **context)
        tensors = [costs, *context.values()]
        solutions = call_on_host(self._solve_on_host, tensors, costs.dtype, self.key)
        solutions.set_shape(costs.shape)
        return solutions

    def _solve_on_host(self, costs: np.ndarray, *context: np.ndarray) -> np.ndarray:
        return solve_costs(self.solver, costs, dict(zip(self.context, context, strict=True)))


def _repeated(values, times: int):
    """All rows, then all rows again, and so on."""
    return tensorflow().tile(values, [times] + [1] * (len(values.shape) - 1))
