"""Batches of pairs of graphs whose nodes are matched: their checks, and their padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skid.solvers.base import check_costs


@dataclass(frozen=True)
class Instance:
    """Costs of shape (n * m + e_a * e_b,), float64, for graphs of the true ``sizes``.

    ``edges_a`` of shape (e_a, 2) and ``edges_b`` of shape (e_b, 2) are int64, -1 in padding.
    """

    costs: np.ndarray
    shape: tuple[int, int]
    sizes: tuple[int, int]
    edges_a: np.ndarray
    edges_b: np.ndarray
    unmatched_cost: float | None


@dataclass(frozen=True)
class Batch:
    """Instances of one padded ``shape``; edges have one entry for each of them, or one for all."""

    costs: np.ndarray
    shape: tuple[int, int]
    sizes: np.ndarray
    edges_a: np.ndarray
    edges_b: np.ndarray
    unmatched_cost: float | None

    def instance(self, index: int) -> Instance:
        """One instance, with a copy of its costs that is 0 in the padding."""
        n, m = self.sizes[index].tolist()
        edges_a = self.edges_a[index % len(self.edges_a)]
        edges_b = self.edges_b[index % len(self.edges_b)]
        costs = np.array(self.costs[index], np.float64)
        n_pairs = self.shape[0] * self.shape[1]
        node_costs = costs[:n_pairs].reshape(self.shape)
        node_costs[n:] = 0
        node_costs[:, m:] = 0
        edge_costs = costs[n_pairs:].reshape(len(edges_a), len(edges_b))
        edge_costs[edges_a[:, 0] < 0] = 0
        edge_costs[:, edges_b[:, 0] < 0] = 0
        return Instance(costs, self.shape, (n, m), edges_a, edges_b, self.unmatched_cost)


def checked_sizes(n_nodes: Any, shape: tuple[int, int], n_instances: int) -> np.ndarray:
    """Return the numbers of nodes of both graphs, int64 of shape (n_instances, 2)."""
    if n_nodes is None:
        return np.tile(np.array(shape), (n_instances, 1))
    sizes = np.asarray(n_nodes)
    if sizes.shape != (n_instances, 2) or (sizes.size and sizes.dtype.kind not in "iu"):
        raise ValueError(
            f"n_nodes must be integers of shape ({n_instances}, 2), got dtype {sizes.dtype} "
            f"and shape {sizes.shape}"
        )
    wrong = ((sizes < 1) | (sizes > shape)).any(axis=1)
    if wrong.any():
        index = int(wrong.argmax())
        raise ValueError(
            f"n_nodes must be at least 1 and at most {shape}, got "
            f"{tuple(sizes[index].tolist())} in instance {index}"
        )
    return sizes.astype(np.int64)


def edge_array(edges: Any) -> np.ndarray:
    """Return edges as an array; of shape (0, 2) if there is none."""
    edges = np.asarray(edges)
    return edges if edges.size else np.empty((0, 2), np.int64)


def shared_edges(name: str, edges: Any, sizes: np.ndarray) -> np.ndarray:
    """Return the edges that all instances share, of shape (1, e, 2), or raise a ValueError."""
    if edges is None:
        raise ValueError(f"{name} must be passed to solve if it is None in the solver, got None")
    edges = edge_array(edges)
    if edges.ndim != 2 or edges.shape[1] != 2:
        raise ValueError(f"{name} must have shape (e, 2), got {edges.shape}")
    edges = _integers(name, edges)
    # The first of the smallest graphs is the one that may have too few nodes.
    index = int(sizes.argmin()) if len(sizes) else 0
    limit = sizes[index] if len(sizes) else np.iinfo(np.int64).max
    _refuse_ends(
        name, ((edges < 0) | (edges >= limit))[np.newaxis], edges[np.newaxis], limit, index
    )
    return edges[np.newaxis]


def checked_edges(name: str, edges: Any, sizes: np.ndarray) -> np.ndarray:
    """Return the edges of each instance, of shape (n, e, 2), or raise a ValueError."""
    edges = np.asarray(edges)
    if edges.ndim != 3 or edges.shape[0] != len(sizes) or edges.shape[2] != 2:
        raise ValueError(f"{name} must have shape ({len(sizes)}, e, 2), got {edges.shape}")
    edges = _integers(name, edges)
    outside = (edges < 0) | (edges >= sizes[:, np.newaxis, np.newaxis])
    wrong = outside & (edges != -1).any(axis=2, keepdims=True)
    if wrong.any():
        index = int(wrong.any(axis=(1, 2)).argmax())
        _refuse_ends(name, wrong[[index]], edges[[index]], sizes[index], index)
    return edges


def _integers(name: str, edges: np.ndarray) -> np.ndarray:
    if edges.size and edges.dtype.kind not in "iu":
        raise ValueError(f"{name} must be integers, got dtype {edges.dtype}")
    edges = np.ascontiguousarray(edges, np.int64)
    # A copy can be written to: numba compiles a kernel again for read-only arrays.
    return edges if edges.flags.writeable else edges.copy()


def _refuse_ends(name: str, wrong: np.ndarray, edges: np.ndarray, limit: int, index: int) -> None:
    if wrong.any():
        edge = int(wrong[0].any(axis=1).argmax())
        raise ValueError(
            f"{name} must connect nodes from 0 to {limit - 1}, got "
            f"{tuple(edges[0, edge].tolist())} as edge {edge} of instance {index}"
        )


def checked_costs(costs: np.ndarray, length: int) -> np.ndarray:
    """Return floating-point costs of shape (n, length), finite or inf, or raise a ValueError."""
    if costs.dtype.kind != "f":
        return check_costs(costs, cost_shape=(length,))
    wrong = np.isnan(costs) | (costs == -np.inf)
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0])
        raise ValueError(f"costs must be finite or inf, got {costs[place]} in instance {place[0]}")
    check_costs(np.where(np.isinf(costs), 0, costs), cost_shape=(length,))
    return costs


def padded(arrays: Sequence[np.ndarray], shape: tuple[Any, int], value: float) -> np.ndarray:
    """Join arrays of two dimensions, filled up with ``value`` to ``shape``.

    If the first length is None, it is that of the longest array.
    """
    rows = max(map(len, arrays), default=0) if shape[0] is None else shape[0]
    joined = np.full((len(arrays), rows, shape[1]), value)
    for target, array in zip(joined, arrays, strict=True):
        target[: len(array), : array.shape[1]] = array
    return joined
