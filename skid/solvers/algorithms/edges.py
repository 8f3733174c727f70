"""The edges of a graph, as solvers on graphs take them."""

from __future__ import annotations

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np


def checked_edges(edges: Any, n_vertices: int | None) -> tuple[np.ndarray, int]:
    """Return the edges as an array and the number of vertices.

    Parameters
    ----------
    edges : array-like of shape (m, 2), int
        The two ends of every edge, counted from 0.
    n_vertices : int or None
        None means one more than the largest end.

    Returns
    -------
    edges : ndarray of shape (m, 2), int64
    n_vertices : int

    Raises
    ------
    ValueError
        If the shape is wrong, an end is not an integer or not a vertex.

    Examples
    --------
    >>> from skid.solvers.algorithms.edges import checked_edges
    >>> checked_edges([(0, 1), (1, 2)], None)[1]
    3
    """
    given = np.asarray(edges)
    if given.ndim != 2 or given.shape[1] != 2:
        raise ValueError(f"edges must have the shape (m, 2), but have {given.shape}.")
    if given.size and not np.issubdtype(given.dtype, np.integer):
        raise ValueError(f"edges must be integers, but have the dtype {given.dtype}.")
    checked = np.ascontiguousarray(given, dtype=np.int64)
    largest = int(checked.max(initial=-1))
    if n_vertices is None:
        n_vertices = largest + 1
    if not isinstance(n_vertices, Integral) or isinstance(n_vertices, bool) or n_vertices < 0:
        raise ValueError(
            f"n_vertices must be None or an integer of at least 0, but is {n_vertices!r}."
        )
    if checked.min(initial=0) < 0 or largest >= n_vertices:
        culprit = int(np.argmax(((checked < 0) | (checked >= n_vertices)).any(axis=1)))
        raise ValueError(
            f"Edge {culprit} is {tuple(checked[culprit].tolist())}, but the vertices are "
            f"0 to {n_vertices - 1}."
        )
    return checked, int(n_vertices)


class Graph(NamedTuple):
    """A graph by its arcs, the directions of its edges.

    Arc ``2 e`` leads along edge e from its first end to its second, arc ``2 e + 1`` back: arc a
    from ``ends[a]`` to ``ends[a ^ 1]``.

    Parameters
    ----------
    ends : ndarray of shape (2 m,), int64
    offsets : ndarray of shape (n_vertices + 1,), int64
        The arcs that leave vertex v are ``arcs[offsets[v]:offsets[v + 1]]``.
    arcs : ndarray of shape (2 m,), int64
        Sorted by the vertex they leave, then by their number.
    """

    ends: np.ndarray
    offsets: np.ndarray
    arcs: np.ndarray


def arcs_by_vertex(edges: np.ndarray, n_vertices: int) -> Graph:
    """Arrange the edges by vertex.

    Parameters
    ----------
    edges : ndarray of shape (m, 2), int64
    n_vertices : int

    Returns
    -------
    Graph

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


def checked_ends(name: str, given: Any, n: int, n_vertices: int) -> np.ndarray:
    """Return an end of the paths or cuts of n instances, one vertex each.

    Parameters
    ----------
    name : str
        For messages.
    given : array-like of shape () or (n,), int
    n, n_vertices : int

    Returns
    -------
    ndarray of shape (n,), int64

    Raises
    ------
    ValueError
        If the shape is wrong, or an end is no vertex.
    """
    ends = np.asarray(given)
    if ends.shape not in ((), (n,)):
        raise ValueError(f"{name} must have the shape () or ({n},), but has {ends.shape}.")
    if ends.size and ends.dtype.kind not in "iu":
        raise ValueError(f"{name} must be an integer, but has the dtype {ends.dtype}.")
    outside = (ends < 0) | (ends >= n_vertices)
    if outside.any():
        instance = f" of instance {outside.argmax()}" if ends.ndim else ""
        raise ValueError(
            f"{name}={ends[outside].flat[0]}{instance} is not one of the vertices "
            f"0 to {n_vertices - 1}."
        )
    return np.full(n, ends, np.int64)
