"""Edges as bytes, which are a cache key for everything that is computed from a graph."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse

from skid.solvers.algorithms.edges import checked_edges


def edge_bytes(edges: Any, n_vertices: int | None) -> tuple[bytes, int | None]:
    """Return the edges as bytes, for `edges_from_bytes`, and the number of vertices if known.

    Parameters
    ----------
    edges : array-like of shape (m, 2), int, or sparse matrix of shape (v, v)
        The two ends of every edge. A sparse matrix has an edge for every stored entry, including
        zeros and duplicates, sorted by row, then by column.
    n_vertices : int or None
        If None, it is v for a sparse matrix, otherwise the largest end plus 1.

    Examples
    --------
    >>> from scipy.sparse import coo_array
    >>> from skid.solvers.algorithms.edge_bytes import edge_bytes, edges_from_bytes
    >>> matrix = coo_array(([5, 5, 5], ([2, 0, 0], [0, 2, 1])), shape=(3, 3))
    >>> edges, n_vertices = edges_from_bytes(*edge_bytes(matrix, None))
    >>> edges.tolist(), n_vertices
    ([[0, 1], [0, 2], [2, 0]], 3)
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
