"""Shortest paths on tensors in graphs without cycles, between the same ends in all instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


class Frontier(NamedTuple):
    """A sweep from source to target, level by level, in arrays of equal shape.

    A level stores the distances of the vertices that later levels need, each in a slot that does
    not change. A slot of the next level is the minimum of ``depth`` sums of a slot of this level
    and an edge; the edge of index m costs nothing, and copies a distance.

    ``slots`` and ``edges`` of shape (n_levels, depth, width) are those of every sum; vertices with
    fewer edges repeat the last one. ``edge_level`` of shape (m,) is the level whose sums contain
    the edge, and ``edge_cell`` its position in the flattened (depth, width), -1 for edges on no
    path. ``target`` is the slot of the target after the last level.
    """

    slots: np.ndarray
    edges: np.ndarray
    edge_level: np.ndarray
    edge_cell: np.ndarray
    target: int


def arrange_frontier(
    edges: np.ndarray, kept: np.ndarray, levels: np.ndarray, *, largest: int
) -> Frontier | None:
    """Arrange the edges between source and target, or return None for more than ``largest`` sums.

    ``kept`` are the ascending positions of these edges, and ``levels`` the `vertex_levels` of the
    graph with these edges only.
    """
    m = len(edges)
    tails, heads = edges[kept].T
    n_levels = int(levels[heads].max(initial=0))
    depth = int(np.bincount(heads).max(initial=0))
    # A vertex is needed from its own level to the level before its last head.
    last = levels.copy()
    np.maximum.at(last, tails, levels[heads] - 1)
    vertices = np.unique(edges[kept])
    n_added = np.bincount(levels[vertices], minlength=n_levels + 2)
    n_removed = np.bincount(last[vertices] + 1, minlength=n_levels + 2)
    width = int(np.cumsum(n_added - n_removed).max(initial=1))
    if n_levels * depth * width > largest:
        return None

    slots = np.zeros((n_levels, depth, width), np.int32)
    chosen = np.full((n_levels, depth, width), m, np.int32)
    edge_level = np.zeros(m, np.int32)
    edge_cell = np.full(m, -1, np.int32)
    edges_into: dict[int, list[int]] = {}
    for edge in kept.tolist():
        edges_into.setdefault(int(edges[edge, 1]), []).append(edge)
    slot_of = {vertex: 0 for vertex in vertices.tolist() if levels[vertex] == 0}
    by_level = vertices[np.argsort(levels[vertices], kind="stable")]
    for level, new in enumerate(np.split(by_level, np.cumsum(n_added)[:n_levels])[1:]):
        previous = slot_of
        slot_of = {vertex: slot for vertex, slot in previous.items() if last[vertex] > level}
        for slot in slot_of.values():
            slots[level, :, slot] = slot
        free = sorted(set(range(width)) - set(slot_of.values()))
        for vertex, slot in zip(new.tolist(), free, strict=False):
            slot_of[vertex] = slot
            edges_in = edges_into[vertex]
            padded = edges_in + edges_in[-1:] * (depth - len(edges_in))
            slots[level, :, slot] = [previous[int(edges[edge, 0])] for edge in padded]
            chosen[level, :, slot] = padded
            edge_level[edges_in] = level
            edge_cell[edges_in] = np.arange(len(edges_in)) * width + slot
    return Frontier(slots, chosen, edge_level, edge_cell, next(iter(slot_of.values()), 0))


def mark_paths(tf: Any, frontier: Frontier, costs: tf.Tensor) -> tf.Tensor:
    """Mark the edges of the cheapest path of every instance, by costs of shape (n, m)."""
    if not len(frontier.slots):
        return tf.zeros_like(costs)
    return _trace_back(tf, frontier, _advance(tf, frontier, costs), costs)


def _advance(tf: Any, frontier: Frontier, costs: tf.Tensor) -> tf.Tensor:
    """Index of the cheapest sum for every slot of every level, int32 (n_levels, width, n)."""
    n_levels, depth, width = frontier.slots.shape
    n = tf.shape(costs)[0]
    # One row per edge, so that operations are vectorised over the instances; the last is zero.
    by_edge = tf.pad(tf.transpose(costs), [[0, 1], [0, 0]])
    summands = tf.gather(by_edge, frontier.edges.reshape(n_levels, -1))
    slots = tf.constant(frontier.slots.reshape(n_levels, -1))
    alternative = np.arange(depth, dtype=np.int32)[:, np.newaxis, np.newaxis]

    def advance(level: tf.Tensor, distances: tf.Tensor, chosen: Any) -> tuple[Any, ...]:
        sums = tf.gather(distances, slots[level]) + summands[level]
        sums = tf.reshape(sums, [depth, width, n])
        least = tf.reduce_min(sums, axis=0)
        first = tf.reduce_min(tf.where(sums == least, alternative, depth - 1), axis=0)
        return level + 1, least, chosen.write(level, first)

    chosen = tf.TensorArray(tf.int32, n_levels, element_shape=[width, costs.shape[0]])
    start = (tf.constant(0), tf.zeros([width, n], costs.dtype), chosen)
    return tf.while_loop(
        lambda level, *_: level < n_levels, advance, start, maximum_iterations=n_levels
    )[2].stack()


def _trace_back(tf: Any, frontier: Frontier, chosen: tf.Tensor, costs: tf.Tensor) -> tf.Tensor:
    """Follow the chosen edges from the target back to the source."""
    n_levels, _, width = frontier.slots.shape
    n = tf.shape(costs)[0]
    instance = tf.range(n)
    slots = tf.constant(frontier.slots.reshape(n_levels, -1))
    choices = tf.reshape(chosen, [n_levels, width * n])

    def step(back: tf.Tensor, slot: tf.Tensor, cells: Any) -> tuple[Any, ...]:
        level = n_levels - 1 - back
        cell = tf.gather(choices[level], slot * n + instance) * width + slot
        return back + 1, tf.gather(slots[level], cell), cells.write(level, cell)

    cells = tf.TensorArray(tf.int32, n_levels, element_shape=[costs.shape[0]])
    start = (tf.constant(0), tf.fill([n], frontier.target), cells)
    cells = tf.while_loop(
        lambda back, *_: back < n_levels, step, start, maximum_iterations=n_levels
    )[2].stack()
    on_path = tf.gather(cells, frontier.edge_level) == frontier.edge_cell[:, np.newaxis]
    return tf.cast(tf.transpose(on_path), costs.dtype)
