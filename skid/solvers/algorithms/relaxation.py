"""Shortest paths on tensors in graphs without cycles, between different ends per instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


class EdgesIn(NamedTuple):
    """The edges into every vertex of a graph without cycles, in arrays of equal shape.

    ``tails`` and ``edges`` of shape (depth, n_vertices) are in ascending order of the edges, padded
    with the index m. ``edge_tails`` of shape (m + 1,) is the tail of every edge, 0 for the padding.
    ``n_levels`` is the number of edges of the longest path.
    """

    tails: np.ndarray
    edges: np.ndarray
    edge_tails: np.ndarray
    n_levels: int


def arrange_edges_in(edges: np.ndarray, levels: np.ndarray, *, largest: int) -> EdgesIn | None:
    """Sort the edges by head, or return None for more than ``largest`` sums over all levels."""
    m, n_vertices = len(edges), len(levels)
    tails, heads = edges.T
    n_edges_in = np.bincount(heads, minlength=n_vertices)
    depth = int(n_edges_in.max(initial=1))
    n_levels = int(levels.max(initial=0))
    if n_levels * depth * n_vertices > largest:
        return None
    by_head = np.argsort(heads, kind="stable")
    rank = np.arange(m) - (np.cumsum(n_edges_in) - n_edges_in)[heads[by_head]]
    chosen = np.full((depth, n_vertices), m, np.int32)
    chosen[rank, heads[by_head]] = by_head
    edge_tails = np.append(tails, 0).astype(np.int32)
    return EdgesIn(edge_tails[chosen], chosen, edge_tails, n_levels)


def mark_paths_between(
    tf: Any, edges_in: EdgesIn, costs: tf.Tensor, sources: tf.Tensor, targets: tf.Tensor
) -> tf.Tensor:
    """Mark the edges of the cheapest path of every instance, by costs of shape (n, m).

    ``sources`` and ``targets`` have shape (n,). Rows whose target cannot be reached are zero.
    """
    depth, n_vertices = edges_in.edges.shape
    infinity = tf.constant(np.inf, costs.dtype)
    # One row per edge, so that operations are vectorised over the instances.
    by_edge = tf.pad(tf.transpose(costs), [[0, 1], [0, 0]], constant_values=infinity)
    summands = tf.gather(by_edge, edges_in.edges)
    vertex = tf.range(n_vertices)[:, tf.newaxis]
    start = tf.where(vertex == sources, tf.zeros([], costs.dtype), infinity)

    def relax(level: tf.Tensor, distances: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        sums = tf.gather(distances, edges_in.tails) + summands
        return level + 1, tf.minimum(start, tf.reduce_min(sums, axis=0))

    distances = tf.while_loop(
        lambda level, _: level < edges_in.n_levels,
        relax,
        (tf.constant(0), start),
        maximum_iterations=edges_in.n_levels,
    )[1]
    sums = tf.gather(distances, edges_in.tails) + summands
    alternative = np.arange(depth, dtype=np.int32)[:, np.newaxis, np.newaxis]
    is_least = sums == tf.reduce_min(sums, axis=0)
    first = tf.reduce_min(tf.where(is_least, alternative, depth - 1), axis=0)
    last_edge = tf.gather(tf.reshape(edges_in.edges, [-1]), first * n_vertices + vertex)
    instance = tf.range(tf.shape(costs)[0])
    reached = tf.gather_nd(distances, tf.stack([targets, instance], axis=1)) < infinity
    return _trace_back(tf, edges_in, last_edge, sources, tf.where(reached, targets, sources), costs)


def _trace_back(
    tf: Any,
    edges_in: EdgesIn,
    last_edge: tf.Tensor,
    sources: tf.Tensor,
    targets: tf.Tensor,
    costs: tf.Tensor,
) -> tf.Tensor:
    """Follow the last edges of the paths from the targets back to the sources."""
    n, m = tf.shape(costs)[0], edges_in.edge_tails.shape[0] - 1
    instance = tf.range(n)
    last_edge = tf.reshape(last_edge, [-1])

    def step(back: tf.Tensor, vertex: tf.Tensor, path: Any) -> tuple[Any, ...]:
        edge = tf.where(vertex == sources, m, tf.gather(last_edge, vertex * n + instance))
        tail = tf.where(vertex == sources, vertex, tf.gather(edges_in.edge_tails, edge))
        return back + 1, tail, path.write(back, edge)

    path = tf.TensorArray(tf.int32, edges_in.n_levels, element_shape=[costs.shape[0]])
    path = tf.while_loop(
        lambda back, *_: back < edges_in.n_levels,
        step,
        (tf.constant(0), targets, path),
        maximum_iterations=edges_in.n_levels,
    )[2].stack()
    marks = tf.scatter_nd(
        tf.reshape((m + 1) * instance + path, [-1, 1]),
        tf.ones([edges_in.n_levels * n], costs.dtype),
        [n * (m + 1)],
    )
    on_path = tf.reshape(marks, [n, m + 1])[:, :m] > 0
    return tf.cast(on_path, costs.dtype)
