"""Tables from which costs are predicted: the generators of the PyEPO benchmarks."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_params

from skid.datasets.shapes import checked_sides

_at_least_one = Interval(Integral, 1, None, closed="left")
_share = Interval(Real, 0, 1, closed="both")


@validate_params(
    {
        "n_samples": [_at_least_one],
        "n_features": [_at_least_one],
        "grid": [tuple, list],
        "degree": [_at_least_one],
        "noise_width": [_share],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_shortest_path(
    n_samples: int = 1000,
    n_features: int = 5,
    *,
    grid: tuple[int, int] = (5, 5),
    degree: int = 4,
    noise_width: float = 0.5,
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features and edge costs of shortest paths on a grid that lead east and south only.

    With ``x ~ N(0, I)`` of p entries, a fixed 0/1 matrix B with entries 1 at probability one half
    and noise ``e_j`` uniform in ``[1 - noise_width, 1 + noise_width]``, the cost of edge j is::

        c_j = (((B x)_j / sqrt(p) + 3) ** degree + 1) / 3.5 ** degree * e_j

    Parameters
    ----------
    n_samples : int, default=1000
    n_features : int, default=5
        The number p of features.
    grid : tuple of (int, int), default=(5, 5)
        Rows and columns of vertices.
    degree : int, default=4
        Degree of the polynomial: the higher, the worse a linear model of the costs.
    noise_width : float, default=0.5
        Half the width of the noise, from 0 to 1.
    random_state : int, RandomState or None, default=None
        Source of all draws, B included: take training and test data from one call.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
    costs : ndarray of shape (n_samples, n_edges)
        Costs of the edges, positive for an even ``degree``; for an odd one a few may not be.
    edges : ndarray of shape (n_edges, 2), int
        Vertices that each edge leaves and enters, numbered row by row; paths lead from vertex 0
        to vertex ``rows * columns - 1``.

    Raises
    ------
    ValueError
        If a parameter is outside its range.

    Notes
    -----
    The generator of the PyEPO benchmarks: X equals what ``pyepo.data.shortestpath.genData`` of
    PyEPO 2.2.7 returns for the same seed bit for bit, costs do once rounded to float32, and the
    edges are in its order.

    References
    ----------
    Elmachtoub, Grigas: *Smart "Predict, then Optimize"*, Management Science 68 (2022), section
    6.1; Tang, Khalil: *PyEPO*, Mathematical Programming Computation 16 (2024), section 5.1.

    Examples
    --------
    >>> from skid.datasets import make_shortest_path
    >>> X, costs, edges = make_shortest_path(100, grid=(2, 3), random_state=0)
    >>> X.shape, costs.shape
    ((100, 5), (100, 7))
    >>> edges.tolist()
    [[0, 1], [1, 2], [0, 3], [1, 4], [2, 5], [3, 4], [4, 5]]
    """
    edges = _east_and_south_edges(*checked_sides(grid, "grid"))
    random_state = check_random_state(random_state)
    X, costs = _polynomial_costs(
        n_samples, n_features, len(edges), degree, noise_width, 1.0, random_state
    )
    return X, costs, edges


@validate_params(
    {
        "n_samples": [_at_least_one],
        "n_features": [_at_least_one],
        "n_items": [_at_least_one],
        "n_dimensions": [_at_least_one],
        "capacity_share": [Interval(Real, 0, 1, closed="right")],
        "degree": [_at_least_one],
        "noise_width": [_share],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_knapsack(
    n_samples: int = 1000,
    n_features: int = 5,
    *,
    n_items: int = 16,
    n_dimensions: int = 1,
    capacity_share: float = 0.25,
    degree: int = 4,
    noise_width: float = 0.5,
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Features, costs, weights and capacities of knapsacks whose weights never change.

    Weights are drawn from 3.00, 3.01, ..., 7.99. Values are whole numbers, with p, B, x and
    ``e_j`` as in `make_shortest_path`::

        v_j = ceil(5 (((B x)_j / sqrt(p) + 3) ** degree + 1) / 3.5 ** degree * e_j)

    Parameters
    ----------
    n_samples : int, default=1000
    n_features : int, default=5
        The number p of features.
    n_items : int, default=16
    n_dimensions : int, default=1
        Number of capacities that a packing has to keep.
    capacity_share : float, default=0.25
        The capacity of a dimension over the weight of all items in it, above 0 and up to 1.
    degree : int, default=4
        Degree of the polynomial.
    noise_width : float, default=0.5
        Half the width of the noise, from 0 to 1.
    random_state : int, RandomState or None, default=None
        Source of all draws, weights and B included: take training and test data from one call.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
    costs : ndarray of shape (n_samples, n_items)
        Minus the values: costs are minimised.
    weights : ndarray of shape (n_dimensions, n_items), int
        In hundredths.
    capacity : ndarray of shape (n_dimensions,), int
        In hundredths, rounded down.

    Raises
    ------
    ValueError
        If a parameter is outside its range.

    Notes
    -----
    The generator of the PyEPO benchmarks: X, values and weights equal what
    ``pyepo.data.knapsack.genData`` of PyEPO 2.2.7 returns for the same seed bit for bit, once the
    weights are divided by 100. Capacities are no part of that; a common one there is 20.

    References
    ----------
    Tang, Khalil: *PyEPO*, Mathematical Programming Computation 16 (2024), section 5.2.

    Examples
    --------
    >>> from skid.datasets import make_knapsack
    >>> X, costs, weights, capacity = make_knapsack(100, n_items=4, random_state=0)
    >>> weights.tolist(), capacity.tolist()
    ([[472, 347, 417, 492]], [432])
    >>> costs[0].tolist()
    [-5.0, -1.0, -7.0, -1.0]
    """
    random_state = check_random_state(random_state)
    weights = random_state.choice(range(300, 800), size=(n_dimensions, n_items))
    X, values = _polynomial_costs(
        n_samples, n_features, n_items, degree, noise_width, 5.0, random_state
    )
    capacity = np.floor(capacity_share * weights.sum(axis=1)).astype(weights.dtype)
    return X, -np.ceil(values), weights, capacity


def _east_and_south_edges(rows: int, columns: int) -> np.ndarray:
    """Edges row by row: those along a row of vertices, then those down from it."""
    vertices = np.arange(rows * columns).reshape(rows, columns)
    east = np.stack([vertices[:, :-1], vertices[:, 1:]], axis=-1)
    south = np.stack([vertices[:-1], vertices[1:]], axis=-1)
    by_row = [edges for pair in zip(east, south, strict=False) for edges in pair]
    return np.concatenate([*by_row, east[-1]])


def _polynomial_costs(
    n_samples: int,
    n_features: int,
    n_costs: int,
    degree: int,
    noise_width: float,
    scale: float,
    random_state: np.random.RandomState,
) -> tuple[np.ndarray, np.ndarray]:
    # Both the order of the draws and that of the operations decide the last bit.
    mixing = random_state.binomial(1, 0.5, (n_costs, n_features))
    X = random_state.normal(0, 1, (n_samples, n_features))
    costs = (X @ mixing.T / np.sqrt(n_features) + 3) ** degree + 1
    costs = costs * scale / 3.5**degree
    return X, costs * random_state.uniform(1 - noise_width, 1 + noise_width, costs.shape)
