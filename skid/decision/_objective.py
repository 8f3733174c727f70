"""What is trained: a network whose costs go through the solver, or to a loss of their own."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skid.decision._costs import CostNetwork
from skid.engine.backend import compiled, tensorflow
from skid.engine.cache_key import cache_key_of
from skid.gradients import scaled_gradient
from skid.losses import DecisionBatch, DecisionLoss, check_one_per_row
from skid.losses.decisions import excess_cost, wrong_entries
from skid.networks import DecayOfKernels
from skid.projections import project
from skid.solvers import Solver
from skid.solvers.base import solve

_failures: dict[Hashable, Exception] = {}
"""Last error of a solver that a program called on the host, by the key of its objective."""


@dataclass(frozen=True)
class Rule:
    """How the costs get their gradient.

    Attributes
    ----------
    loss : DecisionLoss
    projection : str
    noise : Noise or None
    gradient : callable
        How the solver is differentiated.
    n_draws : int
        Draws of the noise, and solutions, for each row of a batch.
    """

    loss: DecisionLoss
    projection: str
    noise: Any
    gradient: Hashable
    n_draws: int


class DecisionObjective(DecayOfKernels):
    """Decisions of a network and a solver, against the right ones.

    Parameters
    ----------
    costs : CostNetwork
    solver : Solver
    rule : Rule
    context : tuple of str
        Names of what the solver takes from each row beside the costs.
    in_graph : bool
        Whether the solver runs inside the program; else the program calls the host.
    xla : bool
        Whether XLA compiles the program, or what of it does not call the host.
    """

    controls = ("noise_scale", "rate", "decay")

    def __init__(
        self,
        costs: CostNetwork,
        solver: Solver,
        rule: Rule,
        context: tuple,
        *,
        in_graph: bool,
        xla: bool,
    ) -> None:
        self.costs = costs
        self.solver = solver
        self.rule = rule
        self.context = context
        self.in_graph = in_graph
        self.compiled = in_graph and xla
        self._solver_input = self._noisy_costs
        if xla and not in_graph:
            # The loop around calls of the host is not compiled, but its parts are.
            self._solver_input = compiled(self._noisy_costs)
        self.key = (type(self).__name__, costs.key, solver, cache_key_of(rule), context, in_graph)

    def pop_failure(self) -> Exception | None:
        """The error that ended a call of the solver on the host, once."""
        return _failures.pop(self.key, None)

    def loss(self, parameters, batch, constants, control, seed):
        """Weighted mean of the losses of the rows, see :class:`Objective`."""
        tf = tensorflow()
        batch = {name: values[0] for name, values in batch.items()}
        share = batch["weight"] / batch["weight"].shape[0]
        costs, noise, updates = self._solver_input(
            parameters, batch.pop("X"), share, constants, control["noise_scale"], seed
        )
        n_draws = self.rule.n_draws
        if n_draws > 1:
            share = _repeated(share, n_draws) / n_draws
            batch = {name: _repeated(values, n_draws) for name, values in batch.items()}
        losses = self._losses(costs, noise, batch, constants, seed)
        return tf.reduce_sum(losses), tf.reduce_sum(share * losses), updates

    def evaluate(self, parameters, batch, constants, control):
        """Regret of each row where the true costs are known, else its Hamming loss."""
        batch = {name: values[0] for name, values in batch.items()}
        costs = self.costs.apply(parameters, batch["X"], constants)
        solutions = self._solve(costs, batch)
        if "costs" in batch:
            losses = excess_cost(batch["costs"], solutions, batch["y"])
        else:
            losses = wrong_entries(solutions, batch["y"])
        return losses[None]

    def _noisy_costs(self, parameters, X, share, constants, noise_scale, seed):
        """Projected costs of all draws, their noise, and the new values of other parameters."""
        tf = tensorflow()
        costs, updates = self.costs.train(parameters, X, constants)
        n_draws = self.rule.n_draws
        if n_draws > 1:
            costs, share = _repeated(costs, n_draws), _repeated(share, n_draws) / n_draws
        share = tf.reshape(share, (-1, *[1] * (len(costs.shape) - 1)))
        costs = scaled_gradient(costs, share)
        if not self.rule.loss.in_true_units:
            costs = project(costs, self.rule.projection, xp=tf.experimental.numpy)
        noise = tf.zeros_like(costs)
        if self.rule.noise is not None:
            draws = self.rule.noise.sample_tf(tf.shape(costs), seed=seed, dtype=costs.dtype)
            noise = noise_scale * draws
        return costs, noise, updates

    def _losses(self, costs, noise, batch, constants, seed):
        losses = self.rule.loss(
            DecisionBatch(
                predicted_costs=costs,
                solutions=batch["y"],
                solver=lambda costs: self._solve(costs, batch),
                true_costs=batch.get("costs"),
                noise=noise,
                scale=constants["scale"],
                gradient=self.rule.gradient,
                seed=tensorflow().stack([seed[0] + 1, seed[1]]),
            )
        )
        check_one_per_row(self.rule.loss, losses, costs.shape[0])
        return losses

    def _solve(self, costs, batch):
        """Solutions of costs for one draw, or for several draws one after the other."""
        tf = tensorflow()
        if self.solver.nonnegative_costs:
            costs = tf.maximum(costs, 0)
        context = {}
        for name in self.context:
            context[name] = _repeated(batch[name], costs.shape[0] // batch[name].shape[0])
        if self.in_graph:
            return self.solver.solve_tf(costs, **context)
        solutions = tf.numpy_function(
            self._solve_on_host, [costs, *context.values()], costs.dtype, stateful=False
        )
        solutions.set_shape(costs.shape)
        return solutions

    def _solve_on_host(self, costs: np.ndarray, *context: np.ndarray) -> np.ndarray:
        fields = dict(zip(self.context, context, strict=True))
        try:
            return solve(self.solver, costs, fields)
        except Exception as error:
            # TensorFlow passes on no more than the text of an error: the fit looks here.
            _failures[self.key] = error
            raise


def _repeated(values, times: int):
    """All rows, then all rows again, and so on."""
    return tensorflow().tile(values, [times] + [1] * (len(values.shape) - 1))
