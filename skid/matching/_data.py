"""The data of a fit: pairs of graphs of different sizes as padded arrays, and their partners."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from skid.losses import relative_weights
from skid.matching._graphs import CheckedGraph, GraphShape

_NODES, _EDGES = 4, 16
"""Numbers of nodes and edges are multiples of these in the training."""

Pair = tuple[CheckedGraph, CheckedGraph]


@dataclass(frozen=True)
class PaddedSizes:
    """Numbers of nodes and edges that pairs are padded to; the edges of b in one direction."""

    n_nodes: tuple[int, int]
    n_edges: tuple[int, int]

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> PaddedSizes:
        """The largest numbers of some pairs."""
        nodes = np.max([[graph.n_nodes for graph in pair] for pair in pairs], axis=0)
        edges = np.max([[len(graph.edges) for graph in pair] for pair in pairs], axis=0)
        return cls((int(nodes[0]), int(nodes[1])), (int(edges[0]), int(edges[1])))

    def rounded(self) -> PaddedSizes:
        """Sizes of nearly the same data, such as the folds of a search, that share a program."""
        (n_a, n_b), (e_a, e_b) = self.n_nodes, self.n_edges
        return PaddedSizes(
            (_rounded(n_a, _NODES), _rounded(n_b, _NODES)),
            (_rounded(e_a, _EDGES), _rounded(e_b, _EDGES)),
        )


def padded_arrays(
    pairs: Sequence[Pair], sizes: PaddedSizes, dtype: Any, shape: GraphShape
) -> dict[str, np.ndarray]:
    """What `MatchingNetwork` reads, and the context of the solver, with one entry per pair."""
    arrays: dict[str, np.ndarray] = {
        "n_nodes": np.array([[graph.n_nodes for graph in pair] for pair in pairs], np.int32)
    }
    for side, name in enumerate("ab"):
        graphs = [pair[side] for pair in pairs]
        n_nodes, n_edges = sizes.n_nodes[side], sizes.n_edges[side]
        directions = 1 + side
        points = np.zeros((len(pairs), n_nodes, shape.n_dimensions), dtype)
        features = np.zeros((len(pairs), n_nodes, *shape.feature_shape), dtype)
        edges = np.full((len(pairs), directions * n_edges, 2), -1, np.int32)
        values = np.zeros((len(pairs), directions * n_edges, shape.n_edge_features), dtype)
        for row, graph in enumerate(graphs):
            points[row, : graph.n_nodes] = graph.points
            features[row, : graph.n_nodes] = graph.features
            count = len(graph.edges)
            for direction in range(directions):
                places = slice(direction * count, (direction + 1) * count)
                edges[row, places] = graph.edges[:, :: 1 - 2 * direction]
                if count:
                    values[row, places] = graph.edge_features
        parts = {"points": points, "features": features, "edges": edges, "edge_features": values}
        arrays |= {f"{part}_{name}": array for part, array in parts.items()}
    return arrays


@dataclass
class TrainingData:
    """What a network learns from; ``partners`` holds the partner of each node of a, or -1.

    ``may_be_unmatched`` says whether a matching may leave out nodes of both graphs.
    """

    pairs: list[Pair]
    partners: list[np.ndarray]
    weights: np.ndarray
    shape: GraphShape
    may_be_unmatched: bool
    dtype: np.dtype

    @property
    def sizes(self) -> PaddedSizes:
        """Numbers of nodes and edges that all pairs are padded to."""
        return PaddedSizes.of(self.pairs).rounded()

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays of the program, with one entry per pair."""
        sizes = self.sizes
        partners = np.full((len(self.pairs), sizes.n_nodes[0]), -1, np.int32)
        for row, values in enumerate(self.partners):
            partners[row, : len(values)] = values
        arrays = padded_arrays(self.pairs, sizes, self.dtype, self.shape)
        weights = relative_weights(self.weights.astype(self.dtype))
        return arrays | {"partners": partners, "weight": weights}

    @property
    def constants(self) -> dict[str, np.ndarray]:
        """Unit of length, and location and scale of the features of nodes and edges."""
        graphs = [graph for pair in self.pairs for graph in pair]
        squares = [np.square(graph.points - graph.points.mean(axis=0)) for graph in graphs]
        length = np.sqrt(np.mean(np.concatenate(squares).sum(axis=1)))
        features = np.concatenate([graph.features for graph in graphs])
        axes = tuple(range(max(1, features.ndim - 1)))
        edge_values = [g.edge_features for g in graphs if len(g.edges)]
        values = np.concatenate(edge_values) if edge_values else np.zeros((1, 0))
        if not values.shape[1]:
            values = np.zeros((1, self.shape.n_edge_features))
        constants = {
            "length": length if length > 0 else 1.0,
            "feature_location": features.mean(axis=axes),
            "feature_scale": _positive(features.std(axis=axes)),
            "edge_location": values.mean(axis=0),
            "edge_scale": _positive(values.std(axis=0)),
        }
        return {name: np.asarray(value, self.dtype) for name, value in constants.items()}


def checked_weights(sample_weight: Any, n_pairs: int) -> np.ndarray:
    """Weights of the pairs, one of them positive."""
    rows = np.zeros((n_pairs, 1))
    weights = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
    if not weights.any():
        raise ValueError("sample_weight must be positive for at least one sample, got zeros only")
    return weights


def _rounded(number: int, step: int) -> int:
    return math.ceil(number / step) * step


def _positive(scale: np.ndarray) -> np.ndarray:
    return np.where(scale > 0, scale, 1.0)
