"""Edges and vertices of graphs: their checks, a cache key, and the arcs of each vertex."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from skid._parameter_checks import check_count


def checked_edges(edges: Any, n_vertices: int | None) -> tuple[np.ndarray, int]:
    """Return the edges of shape (m, 2), int64, and the number of vertices, or raise a ValueError.

    If ``n_vertices`` is None, it is the largest end plus 1.
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


def edge_bytes(edges: Any, n_vertices: int | None) -> tuple[bytes, int | None]:
    """Return the edges as bytes, for `edges_from_bytes`, and the number of vertices if known.

    ``edges`` is an integer array of shape (m, 2) or a sparse matrix of shape (v, v), which has an
    edge for every stored entry, including zeros and duplicates, sorted by row, then by column.
    """
    if issparse(edges):
        if edges.ndim != 2 or edges.shape[0] != edges.shape[1]:
            raise ValueError(f"edges must be a square matrix, got shape {edges.shape}")
        n_vertices = edges.shape[0] if n_vertices is None else n_vertices
        coordinates = edges.tocoo()
        order = np.lexsort((coordinates.col, coordinates.row))
        edges = np.column_stack([coordinates.row, coordinates.col])[order]
    edges = np.asarray(edges)
    if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "iu":
        edges, _ = checked_edges(edges, None)
    return np.ascontiguousarray(edges, dtype=np.int64).tobytes(), n_vertices


def edges_from_bytes(encoded_edges: bytes, n_vertices: int | None) -> tuple[np.ndarray, int]:
    """Return the checked edges of shape (m, 2) and the number of vertices."""
    return checked_edges(np.frombuffer(encoded_edges, np.int64).reshape(-1, 2), n_vertices)


class Graph(NamedTuple):
    """A graph by its arcs, the directions of its edges.

    Arc ``2 e`` leads along edge e from its first end to its second, arc ``2 e + 1`` back: arc a
    leads from ``ends[a]`` to ``ends[a ^ 1]``. The arcs that leave vertex v are
    ``arcs[offsets[v]:offsets[v + 1]]``, in ascending order.
    """

    ends: np.ndarray
    offsets: np.ndarray
    arcs: np.ndarray


def arcs_by_vertex(edges: np.ndarray, n_vertices: int) -> Graph:
    """Sort the arcs of edges of shape (m, 2) by the vertex that they leave."""
    ends = edges.flatten()
    arcs = np.argsort(ends, kind="stable")
    offsets = np.searchsorted(ends[arcs], np.arange(n_vertices + 1))
    return Graph(ends, offsets.astype(np.int64), arcs.astype(np.int64))


def checked_vertices(name: str, vertices: Any, n: int, n_vertices: int) -> np.ndarray:
    """Return one vertex for each of n instances, from an array-like of shape () or (n,)."""
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
