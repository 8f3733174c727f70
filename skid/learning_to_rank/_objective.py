"""What is trained: scores of documents, by the ranking of the lists of a batch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from skid.engine.backend import tensorflow
from skid.engine.cache_key import cache_key_of
from skid.gradients import GradientRule, scaled_gradient
from skid.learning_to_rank._averages import SCALE, split_parameters, updated_averages
from skid.losses import GroupedLists, RankedLists, RankingLoss
from skid.networks import KerasNetwork, MultilayerPerceptron, is_kernel, network_rows
from skid.noise import Noise, next_seed, scaled_noise

KERNEL_DECAY = 0.3
"""Decay of the kernels relative to that of the scales of the inputs."""


@dataclass(frozen=True)
class RankingRule:
    """How a ranking gives a gradient, with ``n_levels`` grades of relevance above 0."""

    loss: RankingLoss
    n_levels: int
    projection: str
    noise: Noise | None
    gradient: GradientRule | Callable[..., Any]


class RankingObjective:
    """Scores of documents, ranked within the concatenated lists of a batch.

    Each of ``n_networks`` networks ranks the lists by its scores. XLA compiles the program if
    ``compiled``.
    """

    controls = ("noise_scale", "rate", "average_weight")

    def __init__(
        self,
        network: MultilayerPerceptron | KerasNetwork,
        rule: RankingRule,
        n_networks: int,
        compiled: bool,
    ) -> None:
        self.network = network
        self.rule = rule
        self.n_networks = n_networks
        self.compiled = compiled
        self.key = (type(self).__name__, network.key, cache_key_of(rule), n_networks, compiled)

    def learning_rate(self, name: str) -> str:
        """All parameters have the same control."""
        return "rate"

    def decay(self, name, value, constants, control) -> Any:
        """Decay of scales and, weaker, of kernels, at the rate of each network."""
        if name != SCALE and not is_kernel(name):
            return None
        decays = constants["decays"] * (1.0 if name == SCALE else KERNEL_DECAY)
        return tensorflow().reshape(decays, [-1] + [1] * (len(value.shape) - 1)) * value

    def loss(self, parameters, batch, constants, control, seed) -> tuple[Any, Any, dict]:
        """Sum over the networks of the mean loss of the queries, see :class:`Objective`."""
        tf = tensorflow()
        X = network_rows(self.network, batch["X"], tf)
        X = tf.tile(X, [self.n_networks] + [1] * (len(X.shape) - 1))
        weights, scale = split_parameters(parameters)
        outputs, updates = self.network.train(weights, X, scale)
        scores = tf.reshape(outputs, (self.n_networks, -1))
        starts = _differs_from_last(batch["query"])
        # A batch is padded with copies of its last document.
        mask = tf.tile(_differs_from_last(batch["row"])[None], [self.n_networks, 1])
        lists = GroupedLists(tf.cumsum(tf.cast(starts, tf.int32)) - 1, mask)
        query_weight = 1.0 / tf.reduce_sum(tf.cast(starts, scores.dtype))
        ranked = RankedLists(
            scaled_gradient(scores, query_weight),
            lists,
            self.rule.projection,
            self.rule.gradient,
            scaled_noise(self.rule.noise, control["noise_scale"], scores, seed),
            next_seed(seed),
        )
        total = 0.0
        for level in range(self.rule.n_levels):
            relevant = batch["relevance"] >= constants["grades"][level]
            losses = ranked.losses(self.rule.loss, relevant[None]) * batch["weight"]
            total += constants["gains"][level] * tf.reduce_sum(losses)
        updates = updates | updated_averages(parameters, control["average_weight"])
        return total, query_weight * total / self.n_networks, updates


def _differs_from_last(values) -> Any:
    """Whether each entry differs from the one before; true for the first."""
    tf = tensorflow()
    return tf.concat([tf.ones(1, tf.bool), values[1:] != values[:-1]], axis=0)
