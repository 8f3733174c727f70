"""Edges as the key of a cache: what is derived from a graph is derived once."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse

from skid.solvers.algorithms.edges import checked_edges


def edge_bytes(edges: Any, n_vertices: int | None) -> tuple[bytes, int | None]:
    """Freeze the edges of a graph, a matter of a microsecond.

    Parameters
    ----------
    edges : array-like of shape (m, 2), int, or sparse matrix of shape (v, v)
        The two ends of every edge. A sparse matrix has an edge for every entry that it stores,
        zeros and duplicates included, row by row and in a row by ascending column.
    n_vertices : int or None
        None means v for a sparse matrix, else one more than the largest end.

    Returns
    -------
    frozen : bytes
        The ends, which `edges_from_bytes` reads and checks.
    n_vertices : int or None
        The number of vertices, as far as it is known.

    Raises
    ------
    ValueError
        If the shape is wrong or an end is not an integer.

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
            raise ValueError(f"edges must be a square matrix, but have the shape {edges.shape}.")
        n_vertices = edges.shape[0] if n_vertices is None else n_vertices
        coordinates = edges.tocoo()
        order = np.lexsort((coordinates.col, coordinates.row))
        edges = np.column_stack([coordinates.row, coordinates.col])[order]
    given = np.asarray(edges)
    if given.ndim != 2 or given.shape[1] != 2 or given.dtype.kind not in "iu":
        given, _ = checked_edges(given, None)
    return np.ascontiguousarray(given, dtype=np.int64).tobytes(), n_vertices


def edges_from_bytes(frozen: bytes, n_vertices: int | None) -> tuple[np.ndarray, int]:
    """Read and check what `edge_bytes` has frozen.

    Parameters
    ----------
    frozen : bytes
    n_vertices : int or None

    Returns
    -------
    edges : ndarray of shape (m, 2), int64
    n_vertices : int

    Raises
    ------
    ValueError
        If an end is not a vertex, or ``n_vertices`` is not a count.
    """
    return checked_edges(np.frombuffer(frozen, np.int64).reshape(-1, 2), n_vertices)
