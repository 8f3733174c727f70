"""What is trained: an embedding, by what it makes of the other rows of a batch for each row."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skid.engine.backend import compiled, tensorflow
from skid.engine.cache_key import cache_key_of
from skid.gradients import scaled_gradient
from skid.losses import (
    EmbeddingBatch,
    EmbeddingLoss,
    RankingLoss,
    check_one_per_row,
    rank_loss,
)
from skid.networks import DecayOfKernels, network_rows, part_of
from skid.noise import scaled_noise

OWN = "loss_"
"""Begins the names of the loss's own parameters."""
SMALLEST_NORM = 1e-6
"""Outputs shorter than this are not stretched to unit length."""


@dataclass(frozen=True)
class RetrievalRule:
    """How a ranking, or another loss of the embedding, gives a gradient.

    Attributes
    ----------
    loss : RankingLoss or EmbeddingLoss
        An `EmbeddingLoss` uses none of the following.
    projection : str
    noise : Noise or None
    gradient : callable
        How the ranking is differentiated.
    """

    loss: RankingLoss | EmbeddingLoss
    projection: str
    noise: Any
    gradient: Hashable


class RetrievalObjective(DecayOfKernels):
    """Each row of a batch is a query, and its list the rest of the batch and the memory.

    Parameters
    ----------
    network : MultilayerPerceptron or KerasNetwork
    rule : RetrievalRule
    compiled : bool
        Whether XLA compiles the program; the losses are compiled in any case.
    memory_size : int
        Past embeddings that are ranked as well.
    """

    controls = ("noise_scale", "rate", "decay")

    def __init__(self, network, rule: RetrievalRule, compiled: bool, memory_size: int) -> None:
        self.network = network
        self.rule = rule
        self.compiled = compiled
        self.memory_size = memory_size
        self.key = (type(self).__name__, network.key, cache_key_of(rule), compiled, memory_size)

    def empty_memory(self, n_components: int, dtype) -> dict[str, np.ndarray]:
        """A memory that holds nothing yet; the program keeps it among the parameters."""
        if not self.memory_size:
            return {}
        return {
            "memory_vectors": np.zeros((self.memory_size, n_components), dtype),
            "memory_labels": np.full(self.memory_size, -1, np.int32),
            "memory_rows": np.full(self.memory_size, -1, np.int32),
        }

    def loss(self, parameters, batch, constants, control, seed):
        """Mean loss of the queries that have something to find, see :class:`Objective`."""
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
            kept = {
                name: values[: self.memory_size] for name, values in zip(MEMORY, new, strict=True)
            }
            updates = updates | kept
        # A row is no answer to itself, be it as a copy in the memory; nor is an empty place there.
        mask = (item_rows >= 0) & (rows[:, np.newaxis] != item_rows)
        relevant = labels[:, np.newaxis] == item_labels
        answered = tf.reduce_any(mask & relevant, axis=1)
        share = tf.cast(answered, vectors.dtype)
        share = tf.math.divide_no_nan(share, tf.reduce_sum(share))
        scores = tf.matmul(vectors, items, transpose_b=True)
        if isinstance(self.rule.loss, EmbeddingLoss):
            of_batch = self.embedding_loss if self.compiled else compiled(self.embedding_loss)
            own = part_of(parameters, OWN)
            loss = of_batch(scores, relevant, mask, vectors, labels, own, share)
            return loss, loss, updates
        scores = scaled_gradient(scores, share[:, np.newaxis])
        losses_of = self.losses if self.compiled else compiled(self.losses)
        losses = losses_of(scores, relevant, mask, control, seed)
        used = tf.cast(answered, losses.dtype)
        return tf.reduce_sum(used * losses), tf.reduce_sum(share * losses), updates

    def losses(self, scores, relevant, mask, control, seed):
        """Loss of each query.

        Parameters
        ----------
        scores : float tensor of shape (n, m)
        relevant, mask : bool tensor of shape (n, m)
            Items that belong to the query, and those that are in its list.
        control : dict of str to tensor
        seed : int32 tensor of shape (2,)

        Returns
        -------
        float tensor of shape (n,)
        """
        tf = tensorflow()
        return rank_loss(
            scores,
            tf.cast(relevant, tf.int32),
            mask,
            loss=self.rule.loss,
            projection=self.rule.projection,
            gradient=self.rule.gradient,
            noise=scaled_noise(self.rule.noise, control["noise_scale"], scores, seed),
            seed=tf.stack([seed[0] + 1, seed[1]]),
        )

    def embedding_loss(self, scores, relevant, mask, vectors, labels, own, share):
        """Loss of a batch that ranks nothing, see `EmbeddingBatch`.

        The losses of queries are added up with a share of each.
        """
        losses = self.rule.loss(EmbeddingBatch(scores, relevant, mask, vectors, labels, own))
        if losses.shape.rank == 0:
            return losses
        check_one_per_row(self.rule.loss, losses, share.shape[0])
        return tensorflow().reduce_sum(share * losses)


def network_part(parameters: dict) -> dict:
    """The parameters without the memory and those of the loss."""
    others = ("memory", OWN)
    return {name: value for name, value in parameters.items() if not name.startswith(others)}


MEMORY = ("memory_vectors", "memory_labels", "memory_rows")
