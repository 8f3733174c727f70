"""The training objective: the loss of the rankings in a batch, or of its embeddings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from skid.engine.backend import compiled, tensorflow
from skid.engine.cache_key import cache_key_of
from skid.gradients import GradientRule, scaled_gradient
from skid.losses import EmbeddingBatch, EmbeddingLoss, RankingLoss, check_one_per_row, rank_loss
from skid.networks import DecayOfKernels, network_rows, part_of
from skid.noise import Noise, next_seed, scaled_noise

LOSS_PREFIX = "loss_"
"""Prefix of the names of parameters that the loss trains."""
MEMORY = ("memory_vectors", "memory_labels", "memory_rows")
SMALLEST_NORM = 1e-6
"""Outputs shorter than this are not scaled to unit length."""


@dataclass(frozen=True)
class RetrievalRule:
    """How the embedding gets its gradient; an `EmbeddingLoss` uses ``loss`` only."""

    loss: RankingLoss | EmbeddingLoss
    projection: str
    noise: Noise | None
    gradient: GradientRule | Callable


class RetrievalObjective(DecayOfKernels):
    """Each row of a batch is a query, and its list the other rows and the memory.

    ``compiled`` says whether XLA compiles the program; the losses are compiled in any case.
    ``memory_size`` is the number of past embeddings in each list.
    """

    controls = ("noise_scale", "rate", "decay")

    def __init__(self, network: Any, rule: RetrievalRule, compiled: bool, memory_size: int) -> None:
        self.network = network
        self.rule = rule
        self.compiled = compiled
        self.memory_size = memory_size
        self.key = (type(self).__name__, network.key, cache_key_of(rule), compiled, memory_size)

    def empty_memory(self, n_components: int, dtype: Any) -> dict[str, np.ndarray]:
        """An empty memory, which the program keeps among the parameters."""
        if not self.memory_size:
            return {}
        return {
            "memory_vectors": np.zeros((self.memory_size, n_components), dtype),
            "memory_labels": np.full(self.memory_size, -1, np.int32),
            "memory_rows": np.full(self.memory_size, -1, np.int32),
        }

    def loss(self, parameters, batch, constants, control, seed):
        """Mean loss of the queries with a relevant item, see :class:`Objective`."""
        tf = tensorflow()
        weights = network_part(parameters)
        outputs, updates = self.network.train(weights, network_rows(self.network, batch["X"], tf))
        vectors = tf.math.l2_normalize(outputs[0], axis=1, epsilon=SMALLEST_NORM**2)
        labels, rows = batch["label"], batch["row"]
        items, item_labels, item_rows = vectors, labels, rows
        if self.memory_size:
            past = [tf.stop_gradient(parameters[name]) for name in MEMORY]
            new = [tf.concat(pair, 0) for pair in zip((vectors, labels, rows), past, strict=True)]
            items, item_labels, item_rows = new
            updates = updates | {
                name: values[: self.memory_size] for name, values in zip(MEMORY, new, strict=True)
            }
        # Neither the row itself, nor its copy in the memory, nor an empty place there counts.
        mask = (item_rows >= 0) & (rows[:, np.newaxis] != item_rows)
        relevant = labels[:, np.newaxis] == item_labels
        has_relevant = tf.reduce_any(mask & relevant, axis=1)
        weight = tf.cast(has_relevant, vectors.dtype)
        weight = tf.math.divide_no_nan(weight, tf.reduce_sum(weight))
        scores = tf.matmul(vectors, items, transpose_b=True)
        if isinstance(self.rule.loss, EmbeddingLoss):
            of_batch = self.embedding_loss if self.compiled else compiled(self.embedding_loss)
            loss_parameters = part_of(parameters, LOSS_PREFIX)
            loss = of_batch(scores, relevant, mask, vectors, labels, loss_parameters, weight)
            return loss, loss, updates
        scores = scaled_gradient(scores, weight[:, np.newaxis])
        losses_of = self.losses if self.compiled else compiled(self.losses)
        losses = losses_of(scores, relevant, mask, control, seed)
        counted = tf.cast(has_relevant, losses.dtype)
        return tf.reduce_sum(counted * losses), tf.reduce_sum(weight * losses), updates

    def losses(self, scores, relevant, mask, control, seed):
        """Loss of each query, from scores, relevant items and items of its list, each (n, m)."""
        tf = tensorflow()
        return rank_loss(
            scores,
            tf.cast(relevant, tf.int32),
            mask,
            loss=cast(RankingLoss, self.rule.loss),
            projection=self.rule.projection,
            gradient=self.rule.gradient,
            noise=scaled_noise(self.rule.noise, control["noise_scale"], scores, seed),
            seed=next_seed(seed),
        )

    def embedding_loss(self, scores, relevant, mask, vectors, labels, loss_parameters, weight):
        """Loss of a batch by an `EmbeddingLoss`; losses of queries are added with their weights."""
        batch = EmbeddingBatch(scores, relevant, mask, vectors, labels, loss_parameters)
        losses = cast(EmbeddingLoss, self.rule.loss)(batch)
        if losses.shape.rank == 0:
            return losses
        check_one_per_row(self.rule.loss, losses, weight.shape[0])
        return tensorflow().reduce_sum(weight * losses)


def network_part(parameters: dict) -> dict:
    """The parameters without the memory and those of the loss."""
    others = ("memory", LOSS_PREFIX)
    return {name: value for name, value in parameters.items() if not name.startswith(others)}
