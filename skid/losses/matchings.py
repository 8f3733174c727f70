"""Losses of matchings of the nodes of two graphs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from skid._parameter_checks import check_count
from skid.engine.backend import tensorflow
from skid.losses.decisions import DecisionBatch, DecisionLoss, FenchelYoung, Hamming

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class MatchingBatch(DecisionBatch):
    """A `DecisionBatch` of n pairs of graphs, padded to n_a and n_b nodes.

    Costs and solutions have shape (n, n_a * n_b + n_edge_costs): the node costs row by row, and
    then those of pairs of edges.

    Parameters
    ----------
    n_nodes : int tensor of shape (n, 2)
        True numbers of nodes.
    size : tuple of int
        ``(n_a, n_b)``.
    may_be_unmatched : bool
        Whether a matching may leave out nodes of both graphs.
    """

    n_nodes: Any = None
    size: tuple[int, int] = (1, 1)
    may_be_unmatched: bool = False

    def of_nodes(self, entries: tf.Tensor) -> tf.Tensor:
        """The part of costs or solutions that belongs to nodes, shape (n, n_a, n_b)."""
        n_a, n_b = self.size
        return tensorflow().reshape(entries[:, : n_a * n_b], (-1, n_a, n_b))


@dataclass(frozen=True)
class SinkhornCrossEntropy(DecisionLoss):
    """Cross-entropy of the right partners under a relaxed matching, without the solver.

    The relaxed matching is ``P = argmin <c, P> - H(P)`` over all P with the row and column sums of
    matchings, by Sinkhorn's iteration; c are the node costs. Nodes without a partner belong to a
    further row or column of cost 0. Costs of edges are not used.

    Parameters
    ----------
    n_iterations : int, default=20

    References
    ----------
    Sarlin, DeTone, Malisiewicz, Rabinovich: *SuperGlue: learning feature matching with graph neural
    networks*, CVPR 2020, section 3.2.
    """

    n_iterations: int = 20

    through_solver: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_count("n_iterations", self.n_iterations)

    def __call__(self, batch: DecisionBatch) -> tf.Tensor:
        """Loss of each pair."""
        tf = tensorflow()
        if not isinstance(batch, MatchingBatch):
            raise ValueError(f"{self!r} is a loss of matchings only, see skid.GraphMatcher")
        costs, right = batch.of_nodes(batch.predicted_costs), batch.of_nodes(batch.solutions)
        counts = tf.cast(batch.n_nodes, costs.dtype)
        rows, columns = (
            tf.cast(tf.range(size) < batch.n_nodes[:, side, None], costs.dtype)
            for side, size in enumerate(batch.size)
        )
        spare = counts[:, ::-1]
        if not batch.may_be_unmatched:
            spare = tf.nn.relu(spare - counts)
        # One more row and column: the spare row takes what is left of the columns.
        of_rows = tf.concat([rows, spare[:, :1]], axis=1)
        of_columns = tf.concat([columns, spare[:, 1:]], axis=1)
        log_rows, log_columns = (_log_or_little(mass) for mass in (of_rows, of_columns))
        present = rows[:, :, None] * columns[:, None]
        scores = tf.pad(tf.where(present > 0, -costs, LITTLE), [[0, 0], [0, 1], [0, 1]])
        unmatched_a = rows - tf.reduce_sum(right, axis=2)
        unmatched_b = columns - tf.reduce_sum(right, axis=1)
        u, v = tf.zeros_like(log_rows), tf.zeros_like(log_columns)
        for _ in range(self.n_iterations):
            u = log_rows - tf.reduce_logsumexp(scores + v[:, None], axis=2)
            v = log_columns - tf.reduce_logsumexp(scores + u[:, :, None], axis=1)
        log_plan = scores + u[:, :, None] + v[:, None]
        matched = tf.reduce_sum(right * log_plan[:, :-1, :-1], axis=[1, 2])
        alone = tf.reduce_sum(unmatched_a * log_plan[:, :-1, -1], axis=1)
        alone += tf.reduce_sum(unmatched_b * log_plan[:, -1, :-1], axis=1)
        return -(matched + alone)


LITTLE = -1e4
"""Logarithm of a mass that counts as 0."""

MATCHING_LOSSES = {
    "hamming": Hamming,
    "fenchel_young": FenchelYoung,
    "sinkhorn": SinkhornCrossEntropy,
}
"""Class of each loss of matchings by its name."""


def _log_or_little(mass: tf.Tensor) -> tf.Tensor:
    tf = tensorflow()
    return tf.where(mass > 0, tf.math.log(tf.maximum(mass, 1e-30)), LITTLE)
