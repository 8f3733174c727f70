"""Edges and vertices of graphs: their checks, and the arcs of each vertex."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from skid._parameter_checks import check_count


def checked_edges(edges: Any, n_vertices: int | None) -> tuple[np.ndarray, int]:
    """Return the edges as an array and the number of vertices.

    Parameters
    ----------
    edges : array-like of shape (m, 2), int
        The two ends of every edge, numbered from 0.
    n_vertices : int or None
        If None, the largest end plus 1.

    Raises
    ------
    ValueError
        If the shape is wrong, or an end is not an integer or not a vertex.

    Examples
    --------
    >>> from skid.solvers.algorithms.edges import checked_edges
    >>> checked_edges([(0, 1), (1, 2)], None)[1]
    3
    """
    edges = np.asarray(edges)
    if edges.ndim != 2 or edges.shape[1] != 2:
        raise ValueError(f"edges must have shape (m, 2), got {edges.shape}")
    if edges.size and not np.issubdtype(edges.dtype, np.integer):
        raise ValueError(f"edges must be integers, got dtype {edges.dtype}")
    edges = np.ascontiguousarray(edges, dtype=np.int64)
    if n_vertices is None:
        n_vertices = int(edges.max(initial=-1)) + 1
    check_count("n_vertices", n_vertices, least=0)
    outside = ((edges < 0) | (edges >= n_vertices)).any(axis=1)
    if outside.any():
        edge = int(outside.argmax())
        raise ValueError(
            f"edges must connect vertices from 0 to {n_vertices - 1}, got "
            f"{tuple(edges[edge].tolist())} as edge {edge}"
        )
    return edges, int(n_vertices)


class Graph(NamedTuple):
    """A graph by its arcs, the directions of its edges.

    Arc ``2 e`` leads along edge e from its first end to its second, arc ``2 e + 1`` back: arc a
    leads from ``ends[a]`` to ``ends[a ^ 1]``.

    Attributes
    ----------
    ends : ndarray of shape (2 m,), int64
    offsets : ndarray of shape (n_vertices + 1,), int64
        The arcs that leave vertex v are ``arcs[offsets[v]:offsets[v + 1]]``.
    arcs : ndarray of shape (2 m,), int64
        Sorted by the vertex that they leave, then by number.
    """

    ends: np.ndarray
    offsets: np.ndarray
    arcs: np.ndarray


def arcs_by_vertex(edges: np.ndarray, n_vertices: int) -> Graph:
    """Sort the arcs of edges of shape (m, 2) by the vertex that they leave.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.solvers.algorithms.edges import arcs_by_vertex
    >>> graph = arcs_by_vertex(np.array([[0, 1], [2, 1]]), 3)
    >>> [graph.arcs[graph.offsets[v] : graph.offsets[v + 1]].tolist() for v in range(3)]
    [[0], [1, 3], [2]]
    """
    ends = edges.flatten()
    arcs = np.argsort(ends, kind="stable")
    offsets = np.searchsorted(ends[arcs], np.arange(n_vertices + 1))
    return Graph(ends, offsets.astype(np.int64), arcs.astype(np.int64))


def checked_vertices(name: str, vertices: Any, n: int, n_vertices: int) -> np.ndarray:
    """Return one vertex for each of n instances, from an array-like of shape () or (n,).

    Raises
    ------
    ValueError
        If the shape is wrong, or an entry is not a vertex.
    """
    vertices = np.asarray(vertices)
    if vertices.shape not in ((), (n,)):
        raise ValueError(f"{name} must have shape () or ({n},), got {vertices.shape}")
    if vertices.size and vertices.dtype.kind not in "iu":
        raise ValueError(f"{name} must be an integer, got dtype {vertices.dtype}")
    outside = (vertices < 0) | (vertices >= n_vertices)
    if outside.any():
        instance = f" in instance {outside.argmax()}" if vertices.ndim else ""
        raise ValueError(
            f"{name} must be a vertex from 0 to {n_vertices - 1}, "
            f"got {vertices[outside].flat[0]}{instance}"
        )
    return np.full(n, vertices, np.int64)
