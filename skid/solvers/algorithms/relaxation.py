"""Shortest paths on tensors, in graphs without cycles between vertices of every instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


class WaysIn(NamedTuple):
    """The edges into every vertex of a graph without cycles, in arrays of one shape.

    Attributes
    ----------
    tails, edges : ndarray of shape (depth, n_vertices), int32
        In ascending order of the edges; the edge of index m fills up where others have more.
    edge_tails : ndarray of shape (m + 1,), int32
        The tail of every edge, and one for the edge that fills up.
    n_levels : int
        Number of edges of the longest path.
    """

    tails: np.ndarray
    edges: np.ndarray
    edge_tails: np.ndarray
    n_levels: int


def arrange_ways_in(edges: np.ndarray, levels: np.ndarray, *, largest: int) -> WaysIn | None:
    """Arrange the edges by head.

    Parameters
    ----------
    edges : ndarray of shape (m, 2), int
    levels : ndarray of shape (n_vertices,), int
        Number of edges of the longest path that ends in each vertex.
    largest : int
        Number of sums, over all levels, above which nothing is arranged.

    Returns
    -------
    WaysIn or None
    """
    m, n_vertices = len(edges), len(levels)
    tails, heads = edges.T
    n_ways = np.bincount(heads, minlength=n_vertices)
    depth = int(n_ways.max(initial=1))
    n_levels = int(levels.max(initial=0))
    if n_levels * depth * n_vertices > largest:
        return None
    by_head = np.argsort(heads, kind="stable")
    rank = np.arange(m) - (np.cumsum(n_ways) - n_ways)[heads[by_head]]
    chosen = np.full((depth, n_vertices), m, np.int32)
    chosen[rank, heads[by_head]] = by_head
    edge_tails = np.append(tails, 0).astype(np.int32)
    return WaysIn(edge_tails[chosen], chosen, edge_tails, n_levels)


def mark_paths_between(
    tf: Any, ways_in: WaysIn, costs: tf.Tensor, sources: tf.Tensor, targets: tf.Tensor
) -> tf.Tensor:
    """Mark the edges of the cheapest path of every instance between its own ends.

    Parameters
    ----------
    tf : module
    ways_in : WaysIn
    costs : tensor of shape (n, m), float
    sources, targets : tensor of shape (n,), int32

    Returns
    -------
    tensor of shape (n, m), dtype of ``costs``
        Zeros where the target cannot be reached.
    """
    depth, n_vertices = ways_in.edges.shape
    infinity = tf.constant(np.inf, costs.dtype)
    # One row per edge, so that whatever is done runs along the instances.
    by_edge = tf.pad(tf.transpose(costs), [[0, 1], [0, 0]], constant_values=infinity)
    summands = tf.gather(by_edge, ways_in.edges)
    vertex = tf.range(n_vertices)[:, tf.newaxis]
    start = tf.where(vertex == sources, tf.zeros([], costs.dtype), infinity)

    def relax(level: tf.Tensor, distances: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        sums = tf.gather(distances, ways_in.tails) + summands
        return level + 1, tf.minimum(start, tf.reduce_min(sums, axis=0))

    distances = tf.while_loop(
        lambda level, _: level < ways_in.n_levels,
        relax,
        (tf.constant(0), start),
        maximum_iterations=ways_in.n_levels,
    )[1]
    sums = tf.gather(distances, ways_in.tails) + summands
    alternative = np.arange(depth, dtype=np.int32)[:, np.newaxis, np.newaxis]
    is_least = sums == tf.reduce_min(sums, axis=0)
    way = tf.reduce_min(tf.where(is_least, alternative, depth - 1), axis=0)
    last_edge = tf.gather(tf.reshape(ways_in.edges, [-1]), way * n_vertices + vertex)
    instance = tf.range(tf.shape(costs)[0])
    reached = tf.gather_nd(distances, tf.stack([targets, instance], axis=1)) < infinity
    return _trace_back(tf, ways_in, last_edge, sources, tf.where(reached, targets, sources), costs)


def _trace_back(
    tf: Any,
    ways_in: WaysIn,
    last_edge: tf.Tensor,
    sources: tf.Tensor,
    targets: tf.Tensor,
    costs: tf.Tensor,
) -> tf.Tensor:
    """Follow the last edge of the path to every vertex from the targets back to the sources."""
    n, m = tf.shape(costs)[0], ways_in.edge_tails.shape[0] - 1
    instance = tf.range(n)
    last_edge = tf.reshape(last_edge, [-1])

    def step(back: tf.Tensor, vertex: tf.Tensor, path: Any) -> tuple[Any, ...]:
        edge = tf.where(vertex == sources, m, tf.gather(last_edge, vertex * n + instance))
        tail = tf.where(vertex == sources, vertex, tf.gather(ways_in.edge_tails, edge))
        return back + 1, tail, path.write(back, edge)

    path = tf.TensorArray(tf.int32, ways_in.n_levels, element_shape=[costs.shape[0]])
    path = tf.while_loop(
        lambda back, *_: back < ways_in.n_levels,
        step,
        (tf.constant(0), targets, path),
        maximum_iterations=ways_in.n_levels,
    )[2].stack()
    marks = tf.scatter_nd(
        tf.reshape((m + 1) * instance + path, [-1, 1]),
        tf.ones([ways_in.n_levels * n], costs.dtype),
        [n * (m + 1)],
    )
    on_path = tf.reshape(marks, [n, m + 1])[:, :m] > 0
    return tf.cast(on_path, costs.dtype)
