"""Edges of points that come without edges."""

from collections.abc import Callable

import numpy as np
from scipy.spatial import Delaunay

_FLAT = 1e-9
"""Points are flat in a direction if they extend less than this, relative to the longest one."""


def delaunay_edges(points: np.ndarray) -> np.ndarray:
    """Edges of the Delaunay triangulation, int64 of shape (e, 2), the smaller node first.

    Points on a line or in a plane are triangulated in it. A copy of a point is joined to it.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.matching._edges import delaunay_edges
    >>> delaunay_edges(np.array([[0.0, 0.0], [2.0, 2.0], [1.0, 1.0]])).tolist()
    [[0, 2], [1, 2]]
    """
    points, first, place = np.unique(points, axis=0, return_index=True, return_inverse=True)
    place = place.ravel()
    copies = np.flatnonzero(first[place] != np.arange(len(place)))
    of_copies = np.stack([first[place[copies]], copies], axis=1)
    edges = np.concatenate([first[_edges_of_different(points)], of_copies])
    return np.unique(np.sort(edges, axis=1), axis=0)


def complete_edges(points: np.ndarray) -> np.ndarray:
    """All pairs of points."""
    return np.stack(np.triu_indices(len(points), 1), axis=1)


EDGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "delaunay": delaunay_edges,
    "complete": complete_edges,
}
"""Rules by their names."""


def _edges_of_different(points: np.ndarray) -> np.ndarray:
    """Delaunay edges of points of which no two are equal."""
    if len(points) < 2:
        return np.zeros((0, 2), np.int64)
    centred = points - points.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    rank = int(np.sum(sizes > _FLAT * sizes[0]))
    within = centred @ axes[:rank].T
    if rank == 1:
        order = np.argsort(within[:, 0], kind="stable")
        return np.stack([order[:-1], order[1:]], axis=1)
    if len(points) <= rank + 1:
        return complete_edges(points)
    triangulation = Delaunay(within / sizes[0])
    corners = triangulation.simplices
    sides = [corners[:, [i, k]] for i in range(rank + 1) for k in range(i)]
    # Points that are left out where rounding errors decide are joined to the nearest one.
    sides.append(triangulation.coplanar[:, [0, 2]])
    return np.unique(np.sort(np.concatenate(sides), axis=1), axis=0).astype(np.int64)
