"""Graphs without cycles, sorted so that one sweep finds their shortest paths."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order


def vertex_levels(edges: np.ndarray, n_vertices: int) -> np.ndarray | None:
    """Count the edges of the longest path that ends in each vertex; None if there is a cycle.

    ``edges`` of shape (m, 2) are the tail and head of every edge, which leads to a higher level.
    """
    heads: list[list[int]] = [[] for _ in range(n_vertices)]
    missing = np.bincount(edges[:, 1], minlength=n_vertices).tolist()
    for tail, head in edges.tolist():
        heads[tail].append(head)
    levels = [0] * n_vertices
    ready = [vertex for vertex in range(n_vertices) if not missing[vertex]]
    for vertex in ready:
        for head in heads[vertex]:
            levels[head] = max(levels[head], levels[vertex] + 1)
            missing[head] -= 1
            if not missing[head]:
                ready.append(head)
    return np.array(levels, np.int64) if len(ready) == n_vertices else None


def edges_between(edges: np.ndarray, n_vertices: int, source: int, target: int) -> np.ndarray:
    """Return the ascending positions of the edges on any walk from source to target."""
    ones = np.ones(len(edges), np.int8)
    forward = csr_array((ones, edges.T), shape=(n_vertices, n_vertices))
    reached = np.zeros((2, n_vertices), bool)
    for side, graph, start in ((0, forward, source), (1, forward.T.tocsr(), target)):
        reached[side, breadth_first_order(graph, start, return_predecessors=False)] = True
    return np.flatnonzero(reached[0, edges[:, 0]] & reached[1, edges[:, 1]])


class Sweep(NamedTuple):
    """Vertices in topological order, each with the edges into it.

    The edges into the vertex at position p are ``in_edges[first_in[p] : first_in[p + 1]]``, in
    ascending order, and ``in_tails`` the positions of their tails. ``position`` is that of every
    vertex, -1 for vertices outside.
    """

    first_in: np.ndarray
    in_edges: np.ndarray
    in_tails: np.ndarray
    position: np.ndarray


def arrange_sweep(
    edges: np.ndarray, kept: np.ndarray, vertices: np.ndarray, levels: np.ndarray
) -> Sweep:
    """Sort some vertices and the edges between them by the levels of the vertices.

    ``kept`` are the ascending positions of these edges, each of which leads to a higher level.
    """
    order = vertices[np.lexsort((vertices, levels[vertices]))]
    position = np.full(len(levels), -1)
    position[order] = np.arange(len(order))
    tails, heads = position[edges[kept]].T
    by_head = np.argsort(heads, kind="stable")
    first_in = np.searchsorted(heads[by_head], np.arange(len(order) + 1))
    return Sweep(first_in, kept[by_head], tails[by_head], position)
