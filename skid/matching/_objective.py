"""The training objective: the loss of the matchings of a batch of pairs."""

from typing import Any

from skid.engine.backend import tensorflow
from skid.losses import DecisionBatch, MatchingBatch
from skid.matching._network import INPUTS, NODE_NETWORK, MatchingNetwork
from skid.solver_objective import SolverObjective

CONTEXT = ("n_nodes", "edges_a", "edges_b")
"""What the solver reads of a pair in addition to the costs."""


class MatchingObjective(SolverObjective):
    """Loss of matchings, of which the partners of the nodes of graph a are known."""

    network: MatchingNetwork
    prefixes = (NODE_NETWORK,)

    def inputs(self, batch: dict) -> dict:
        """Both graphs, see :class:`MatchingNetwork`."""
        return {name: batch[name] for name in INPUTS}

    def right_decisions(self, batch: dict) -> Any:
        """The right matchings as solutions: matched pairs of nodes, and of edges."""
        tf = tensorflow()
        dtype = batch["weight"].dtype
        matched = tf.one_hot(batch["partners"], batch["points_b"].shape[1], dtype=dtype)
        n_pairs, n_a, n_b = matched.shape
        right = tf.reshape(matched, (n_pairs, n_a * n_b))
        if not self.network.with_edges:
            return right
        edges_a, edges_b = batch["edges_a"], batch["edges_b"]
        products = tf.ones((n_pairs, edges_a.shape[1], edges_b.shape[1]), dtype)
        for end in (0, 1):
            of_a = tf.gather(matched, tf.nn.relu(edges_a[..., end]), batch_dims=1)
            products *= tf.gather(of_a, tf.nn.relu(edges_b[..., end]), axis=2, batch_dims=1)
        exist = (edges_a[..., :1] >= 0) & (edges_b[:, tf.newaxis, :, 0] >= 0)
        products = tf.where(exist, products, tf.zeros_like(products))
        return tf.concat([right, tf.reshape(products, (n_pairs, -1))], axis=1)

    def decisions(self, batch: dict, **parts: Any) -> DecisionBatch:
        """What the loss reads, see :class:`SolverObjective`."""
        return MatchingBatch(
            **parts,
            n_nodes=batch["n_nodes"],
            size=(batch["points_a"].shape[1], batch["points_b"].shape[1]),
            may_be_unmatched=self.solver.unmatched_cost is not None,
        )
