"""The network that compares two graphs: costs of pairs of nodes, and of pairs of edges."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from skid.engine.backend import tensorflow
from skid.matching._geometry import Geometry, dtype_of
from skid.matching._graphs import GraphShape
from skid.networks import part_of

N_COMPONENTS = 64
"""Length of the embeddings of nodes and of edges."""
PARTS = ("points", "features", "edges", "edge_features")
INPUTS = (*(f"{part}_{name}" for name in "ab" for part in PARTS), "n_nodes")
"""Names of the arrays that the network reads."""
NODE_NETWORK = "features_"
"""Prefix of the names of the weights of a Keras network for the features of nodes."""


class MatchingNetwork:
    """Costs of matching each node of graph a with each node of graph b, and their edges.

    Layers of message passing embed the nodes of both graphs, with the same weights: a node receives
    the mean of the messages of the others, which depend on both nodes and on attributes of the pair
    (`Geometry`, whether an edge joins them, its features). The cost of a pair of nodes is minus the
    inner product of their embeddings, that of a pair of edges minus the one of embeddings of edges.

    Parameters
    ----------
    shape : GraphShape
    geometry : Geometry
    layer_sizes : tuple of int
        Units of each layer of message passing.
    node_network : KerasNetwork, optional
        From the features of a node to a vector of ``n_inputs`` components.
    n_inputs : int
    with_edges : bool
        Whether there are costs of pairs of edges.

    Notes
    -----
    Of a batch of n pairs of padded graphs it reads ``points_a`` (n, n_a, d), ``features_a``
    (n, n_a, ...), ``edges_a`` (n, e_a, 2), padded with -1, ``edge_features_a`` (n, e_a, f), the
    same of graph b, where ``edges_b`` are directed, and ``n_nodes`` (n, 2). The edges of a are
    compared in one direction with those of b in both.
    """

    def __init__(
        self,
        shape: GraphShape,
        geometry: Geometry,
        layer_sizes: tuple[int, ...],
        *,
        node_network: Any = None,
        n_inputs: int = 0,
        with_edges: bool = True,
    ) -> None:
        self.shape = shape
        self.geometry = geometry
        self.layer_sizes = tuple(layer_sizes)
        self.node_network = node_network
        self.with_edges = with_edges
        n_features = n_inputs if node_network else int(np.prod(shape.feature_shape))
        self.n_node_inputs = geometry.n_node_attributes + n_features
        self.n_pair_inputs = geometry.n_pair_attributes + 1 + shape.n_edge_features
        key = None if node_network is None else node_network.key
        self.key = ("matching", shape, geometry, self.layer_sizes, key, n_inputs, with_edges)

    def initial(self, random_state: np.random.RandomState, dtype: Any) -> dict[str, np.ndarray]:
        """Weights of a fresh network, of variance 2 / n_inputs."""
        weights = {}

        def dense(name: str, n_in: int, n_out: int, gain: float = 2.0) -> None:
            kernel = random_state.normal(0.0, np.sqrt(gain / max(n_in, 1)), (n_in, n_out))
            weights[f"kernel_{name}"] = kernel.astype(dtype)

        def bias(name: str, n_out: int) -> None:
            weights[f"bias_{name}"] = np.zeros(n_out, dtype)

        sizes = [self.n_node_inputs, *self.layer_sizes]
        for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
            for part, n_inputs in (
                ("receiver", n_in),
                ("sender", n_in),
                ("pair", self.n_pair_inputs),
            ):
                dense(f"{part}_{layer}", n_inputs, n_out, gain=2 / 3)
            bias(f"message_{layer}", n_out)
            dense(f"node_{layer}", n_in, n_out, gain=1.0)
            dense(f"update_{layer}", n_out, n_out, gain=1.0)
            bias(f"node_{layer}", n_out)
        dense("embedding", sizes[-1], N_COMPONENTS, gain=1.0)
        weights["bias_match"] = np.zeros((), dtype)
        if self.with_edges:
            for part, n_in in (
                ("first", sizes[-1]),
                ("second", sizes[-1]),
                ("attributes", self.n_pair_inputs),
            ):
                dense(f"edge_{part}", n_in, N_COMPONENTS, gain=2 / 3)
            bias("edge", N_COMPONENTS)
            dense("edge_embedding", N_COMPONENTS, N_COMPONENTS, gain=1.0)
        if self.node_network is not None:
            found = self.node_network.initial(1, random_state, dtype)
            weights |= {NODE_NETWORK + name: value for name, value in found.items()}
        return weights

    def train(self, weights: dict, X: dict, constants: dict) -> tuple[Any, dict]:
        """Costs on tensors while training, and new values of weights without a gradient."""
        return self._costs(weights, X, constants, tensorflow().experimental.numpy, training=True)

    def apply(self, weights: dict, X: dict, constants: dict) -> Any:
        """Costs on tensors, shape (n, n_a * n_b + e_a * e_b)."""
        return self._costs(weights, X, constants, tensorflow().experimental.numpy)[0]

    def predict(self, weights: dict, X: dict, constants: dict) -> np.ndarray:
        """Costs in NumPy, but for a Keras network of the features."""
        return self._costs(weights, X, constants, np)[0]

    def _costs(
        self, weights: dict, X: dict, constants: dict, xp: Any, *, training: bool = False
    ) -> tuple[Any, dict]:
        """Node costs row by row and then edge costs, 0 for padding."""
        updates: dict = {}
        sides = []
        for side, name in enumerate("ab"):
            graph = {part: X[f"{part}_{name}"] for part in PARTS}
            n_nodes = graph["points"].shape[1]
            present = np.arange(n_nodes, dtype=np.int32) < X["n_nodes"][:, side, None]
            graph["present"] = _cast(present, graph["points"], xp)
            features, new = self._features(weights, graph["features"], constants, xp, training)
            updates |= new
            graph["features"] = features
            sides.append((graph, self._embedded(weights, graph, constants, xp, is_a=name == "a")))
        (a, (nodes_a, edges_a)), (b, (nodes_b, edges_b)) = sides
        costs = weights["bias_match"] - _products(nodes_a, nodes_b, xp)
        costs = costs * (a["present"][:, :, None] * b["present"][:, None])
        costs = xp.reshape(costs, (costs.shape[0], costs.shape[1] * costs.shape[2]))
        if self.with_edges:
            of_edges = -_products(edges_a, edges_b, xp)
            n_entries = of_edges.shape[1] * of_edges.shape[2]
            of_edges = xp.reshape(of_edges, (of_edges.shape[0], n_entries))
            costs = xp.concatenate([costs, of_edges], axis=1)
        return costs, updates

    def _features(
        self, weights: dict, features: Any, constants: dict, xp: Any, training: bool
    ) -> tuple[Any, dict]:
        """Standardised features of nodes (n, n_nodes, n_features), and new state of a network."""
        features = (features - constants["feature_location"]) / constants["feature_scale"]
        n_pairs, n_nodes = features.shape[:2]
        if self.node_network is None:
            n_features = int(np.prod(self.shape.feature_shape))
            return xp.reshape(features, (n_pairs, n_nodes, n_features)), {}
        of_network = part_of(weights, NODE_NETWORK)
        rows = xp.reshape(features, (n_pairs * n_nodes, *self.shape.feature_shape))
        state: dict = {}
        if xp is np:
            outputs = self.node_network.predict(of_network, rows)
        elif training:
            outputs, state = self.node_network.train(of_network, rows[None])
            outputs = outputs[0]
        else:
            outputs = self.node_network.apply(of_network, rows[None])[0]
        outputs = xp.reshape(outputs, (n_pairs, n_nodes, outputs.shape[-1]))
        return outputs, {NODE_NETWORK + name: value for name, value in state.items()}

    def _embedded(
        self, weights: dict, graph: dict, constants: dict, xp: Any, *, is_a: bool
    ) -> tuple[Any, Any]:
        """Embeddings of the nodes (n, n_nodes, c) and of the edges (n, e, c), 0 for padding."""
        points, present, edges = graph["points"], graph["present"], graph["edges"]
        of_points, of_pairs = self.geometry.attributes(points, present, constants["length"], xp)
        nodes = xp.concatenate([of_points, graph["features"]], axis=2)
        features = (graph["edge_features"] - constants["edge_location"]) / constants["edge_scale"]
        joined = _joined(edges, features, present, xp)
        if is_a:
            # Edges of b come in both directions.
            joined = joined + xp.swapaxes(joined, 1, 2)
        pairs = xp.concatenate([of_pairs, joined], axis=3)
        others = 1 - np.eye(points.shape[1], dtype=dtype_of(points))
        linked = present[:, :, None] * present[:, None] * others
        if not self.shape.n_dimensions:
            linked = linked * joined[..., 0]
        linked = linked[..., None]
        count = xp.sum(linked, axis=2)
        count = xp.maximum(count, xp.ones_like(count))
        for layer in range(len(self.layer_sizes)):
            messages = (
                xp.matmul(nodes, weights[f"kernel_receiver_{layer}"])[:, :, None]
                + xp.matmul(nodes, weights[f"kernel_sender_{layer}"])[:, None]
                + xp.matmul(pairs, weights[f"kernel_pair_{layer}"])
                + weights[f"bias_message_{layer}"]
            )
            received = xp.sum(_relu(messages, xp) * linked, axis=2) / count
            nodes = _relu(
                xp.matmul(nodes, weights[f"kernel_node_{layer}"])
                + xp.matmul(received, weights[f"kernel_update_{layer}"])
                + weights[f"bias_node_{layer}"],
                xp,
            )
        embedded = xp.matmul(nodes, weights["kernel_embedding"])
        if not self.with_edges:
            return embedded, None
        is_edge = edges[..., :1] >= 0
        ends = xp.where(is_edge, edges, xp.zeros_like(edges))
        first, second = ends[..., 0], ends[..., 1]
        n_pairs, n_nodes, _, n_attributes = pairs.shape
        pairs = xp.reshape(pairs, (n_pairs, n_nodes * n_nodes, n_attributes))
        of_first = xp.matmul(nodes, weights["kernel_edge_first"])
        of_second = xp.matmul(nodes, weights["kernel_edge_second"])
        directions = []
        # Both directions of an edge: its cost does not depend on the one that it comes in.
        for start, end in ((first, second), (second, first)):
            attributes = _taken(pairs, start * n_nodes + end, xp)
            hidden = (
                _taken(of_first, start, xp)
                + _taken(of_second, end, xp)
                + xp.matmul(attributes, weights["kernel_edge_attributes"])
                + weights["bias_edge"]
            )
            directions.append(xp.matmul(_relu(hidden, xp), weights["kernel_edge_embedding"]))
        of_edges = xp.concatenate(directions, axis=2)
        return embedded, of_edges * _cast(is_edge, points, xp)


def _joined(edges: Any, features: Any, present: Any, xp: Any) -> Any:
    """1 and the features for pairs of nodes with an edge, 0 for the others."""
    n_pairs, n_nodes = present.shape
    nodes = np.arange(n_nodes, dtype=np.int32)
    first, second = (_cast(edges[..., end, None] == nodes, present, xp) for end in (0, 1))
    values = xp.concatenate([xp.ones_like(first[..., :1]), features], axis=2)
    of_second = second[..., None] * values[:, :, None]
    of_second = xp.reshape(of_second, (n_pairs, edges.shape[1], n_nodes * values.shape[2]))
    found = xp.matmul(xp.swapaxes(first, 1, 2), of_second)
    return xp.reshape(found, (n_pairs, n_nodes, n_nodes, values.shape[2]))


def _products(a: Any, b: Any, xp: Any) -> Any:
    """Inner products of all vectors of a and b, divided by the root of their length."""
    return xp.matmul(a, xp.swapaxes(b, 1, 2)) * a.shape[2] ** -0.5


def _taken(values: Any, places: Any, xp: Any) -> Any:
    """Rows of ``values`` (n, m, c) at ``places`` (n, e)."""
    if xp is np:
        return np.take_along_axis(values, places[..., None], axis=1)
    return tensorflow().gather(values, places, batch_dims=1)


def _relu(values: Any, xp: Any) -> Any:
    return xp.maximum(values, xp.zeros_like(values))


def _cast(values: Any, like: Any, xp: Any) -> Any:
    """Booleans as 0 and 1 in the dtype of ``like``."""
    return values.astype(like.dtype) if xp is np else tensorflow().cast(values, like.dtype)
