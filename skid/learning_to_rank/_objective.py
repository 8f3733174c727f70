"""What is trained: a score of each document, by how the scores rank the lists of a batch."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from skid.engine.backend import tensorflow
from skid.engine.cache_key import cache_key_of
from skid.gradients import scaled_gradient
from skid.learning_to_rank._averages import SCALE, split_parameters, updated_averages
from skid.losses import GroupedLists, RankedLists, RankingLoss
from skid.networks import is_kernel, network_rows
from skid.noise import scaled_noise

KERNEL_DECAY = 0.3
"""Decay of the kernels, in units of that of the scales of the inputs."""


@dataclass(frozen=True)
class RankingRule:
    """How a ranking gives a gradient.

    Attributes
    ----------
    loss : RankingLoss
    n_levels : int
        Grades of relevance above 0.
    projection : str
    noise : Noise or None
    gradient : callable
        How the ranking is differentiated.
    """

    loss: RankingLoss
    n_levels: int
    projection: str
    noise: Any
    gradient: Hashable


class RankingObjective:
    """Scores of documents, ranked within the lists that lie one after the other in a batch.

    Parameters
    ----------
    network : MultilayerPerceptron or KerasNetwork
        From a document to its score.
    rule : RankingRule
    n_networks : int
        Networks side by side, each of which ranks the lists by its own scores.
    compiled : bool
        Whether XLA compiles the program.
    """

    controls = ("noise_scale", "rate", "average_weight")

    def __init__(self, network, rule: RankingRule, n_networks: int, compiled: bool) -> None:
        self.network = network
        self.rule = rule
        self.n_networks = n_networks
        self.compiled = compiled
        self.key = (type(self).__name__, network.key, cache_key_of(rule), n_networks, compiled)

    def learning_rate(self, name: str) -> str:
        """All parameters have the same one."""
        return "rate"

    def decay(self, name, value, constants, control):
        """Scales of inputs decay, kernels less, biases not at all; each network at its own rate."""
        if name != SCALE and not is_kernel(name):
            return None
        decays = constants["decays"] * (1.0 if name == SCALE else KERNEL_DECAY)
        return tensorflow().reshape(decays, [-1] + [1] * (len(value.shape) - 1)) * value

    def loss(self, parameters, batch, constants, control, seed):
        """Sum over the networks of the mean loss of the queries, see :class:`Objective`."""
        tf = tensorflow()
        X = network_rows(self.network, batch["X"], tf)
        X = tf.tile(X, [self.n_networks] + [1] * (len(X.shape) - 1))
        weights, scale = split_parameters(parameters)
        outputs, updates = self.network.train(weights, X, scale)
        scores = tf.reshape(outputs, (self.n_networks, -1))
        starts = _differs_from_last(batch["query"])
        # The room at the end of a batch repeats its last document.
        mask = tf.tile(_differs_from_last(batch["row"])[None], [self.n_networks, 1])
        lists = GroupedLists(tf.cumsum(tf.cast(starts, tf.int32)) - 1, mask)
        share = 1.0 / tf.reduce_sum(tf.cast(starts, scores.dtype))
        ranked = RankedLists(
            scaled_gradient(scores, share),
            lists,
            self.rule.projection,
            self.rule.gradient,
            scaled_noise(self.rule.noise, control["noise_scale"], scores, seed),
            tf.stack([seed[0] + 1, seed[1]]),
        )
        total = 0.0
        for level in range(self.rule.n_levels):
            reaches = batch["relevance"] >= constants["grades"][level]
            losses = ranked.losses(self.rule.loss, reaches[None]) * batch["share"]
            total += constants["gains"][level] * tf.reduce_sum(losses)
        updates = updates | updated_averages(parameters, control["average_weight"])
        return total, share * total / self.n_networks, updates


def _differs_from_last(values):
    """Whether each entry differs from the one before; true for the first."""
    tf = tensorflow()
    return tf.concat([tf.ones(1, tf.bool), values[1:] != values[:-1]], axis=0)
