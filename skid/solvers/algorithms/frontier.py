"""Shortest paths on tensors, in graphs without cycles between two vertices for all instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


class Frontier(NamedTuple):
    """A sweep from source to target, level by level, in arrays of one shape.

    A level holds the distances of the vertices that a later one still asks for, each in a slot
    that it keeps from level to level. A slot of the next level is the least of ``depth`` sums of a
    slot of this level and an edge; the edge of index m costs nothing, and hands a distance on.

    Attributes
    ----------
    slots, edges : ndarray of shape (n_levels, depth, width), int32
        The slot and the edge of every sum. Sums that a vertex does not need repeat its last.
    edge_level : ndarray of shape (m,), int32
        The level whose sums contain the edge.
    edge_cell : ndarray of shape (m,), int32
        Its position in the flattened (depth, width), -1 for edges that lead nowhere.
    target : int
        The slot of the target after the last level.
    """

    slots: np.ndarray
    edges: np.ndarray
    edge_level: np.ndarray
    edge_cell: np.ndarray
    target: int


def arrange_frontier(
    edges: np.ndarray, kept: np.ndarray, levels: np.ndarray, *, largest: int
) -> Frontier | None:
    """Arrange the edges between source and target level by level.

    Parameters
    ----------
    edges : ndarray of shape (m, 2), int
    kept : ndarray of int
        Positions of the edges between source and target, ascending.
    levels : ndarray of shape (n_vertices,), int
        Edges of the longest path from the source, over kept edges only.
    largest : int
        Number of sums above which nothing is arranged.

    Returns
    -------
    Frontier or None
    """
    m = len(edges)
    tails, heads = edges[kept].T
    n_levels = int(levels[heads].max(initial=0))
    depth = int(np.bincount(heads).max(initial=0))
    # A vertex is born at its own level and needed up to the one before its last head.
    last = levels.copy()
    np.maximum.at(last, tails, levels[heads] - 1)
    met = np.unique(edges[kept])
    born = np.bincount(levels[met], minlength=n_levels + 2)
    gone = np.bincount(last[met] + 1, minlength=n_levels + 2)
    width = int(np.cumsum(born - gone).max(initial=1))
    if n_levels * depth * width > largest:
        return None

    slots = np.zeros((n_levels, depth, width), np.int32)
    chosen = np.full((n_levels, depth, width), m, np.int32)
    edge_level = np.zeros(m, np.int32)
    edge_cell = np.full(m, -1, np.int32)
    into: dict[int, list[int]] = {}
    for edge in kept.tolist():
        into.setdefault(int(edges[edge, 1]), []).append(edge)
    slot_of = {vertex: 0 for vertex in met.tolist() if levels[vertex] == 0}
    by_level = np.split(met[np.argsort(levels[met], kind="stable")], np.cumsum(born)[:n_levels])
    for level, new in enumerate(by_level[1:]):
        previous = slot_of
        slot_of = {vertex: slot for vertex, slot in previous.items() if last[vertex] > level}
        for slot in slot_of.values():
            slots[level, :, slot] = slot
        free = sorted(set(range(width)) - set(slot_of.values()))
        for vertex, slot in zip(new.tolist(), free, strict=False):
            slot_of[vertex] = slot
            # The last edge again and again, where others have more.
            ways = into[vertex] + into[vertex][-1:] * (depth - len(into[vertex]))
            slots[level, :, slot] = [previous[int(edges[edge, 0])] for edge in ways]
            chosen[level, :, slot] = ways
            edge_level[into[vertex]] = level
            edge_cell[into[vertex]] = np.arange(len(into[vertex])) * width + slot
    return Frontier(slots, chosen, edge_level, edge_cell, next(iter(slot_of.values()), 0))


def mark_paths(tf: Any, frontier: Frontier, costs: tf.Tensor) -> tf.Tensor:
    """Mark the edges of the cheapest path of every instance.

    Parameters
    ----------
    tf : module
    frontier : Frontier
    costs : tensor of shape (n, m), float

    Returns
    -------
    tensor of shape (n, m), dtype of ``costs``
    """
    if not len(frontier.slots):
        return tf.zeros_like(costs)
    return _trace_back(tf, frontier, _advance(tf, frontier, costs), costs)


def _advance(tf: Any, frontier: Frontier, costs: tf.Tensor) -> tf.Tensor:
    """Choose the cheapest sum for every slot of every level: shape (n_levels, width, n), int32."""
    n_levels, depth, width = frontier.slots.shape
    n = tf.shape(costs)[0]
    # One row per edge, so that whatever is done runs along the instances; a last row of zeros.
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
    """Follow the choices from the target back to the source."""
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
