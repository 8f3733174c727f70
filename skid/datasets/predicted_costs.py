"""Features and costs for predict-then-optimise, as in the PyEPO benchmarks."""

from __future__ import annotations

from numbers import Real

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_params

from skid._parameter_checks import checked_grid_shape
from skid.datasets._constraints import AT_LEAST_ONE, FRACTION


@validate_params(
    {
        "n_samples": [AT_LEAST_ONE],
        "n_features": [AT_LEAST_ONE],
        "grid": [tuple, list],
        "degree": [AT_LEAST_ONE],
        "noise_width": [FRACTION],
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
    random_state: int | np.random.RandomState | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Generate features and edge costs of paths on a grid that lead east and south only.

    With features ``x ~ N(0, I)`` of p entries, a fixed matrix B of entries 0 and 1 with probability
    1/2, and noise ``e_j`` uniform in ``[1 - noise_width, 1 + noise_width]``, the cost of edge j
    is::

        c_j = (((B x)_j / sqrt(p) + 3) ** degree + 1) / 3.5 ** degree * e_j

    Parameters
    ----------
    n_samples : int, default=1000
    n_features : int, default=5
        The number p of features.
    grid : tuple of (int, int), default=(5, 5)
        Rows and columns of vertices, at least two vertices in total.
    degree : int, default=4
        Degree of the polynomial. The higher it is, the larger is the error of a linear model.
    noise_width : float, default=0.5
        Half the width of the distribution of the noise, from 0 to 1.
    random_state : int, RandomState or None, default=None
        Random numbers of the data, including B: split the data of one call into training and test
        data.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
    costs : ndarray of shape (n_samples, n_edges)
        Costs of the edges. They are positive for an even ``degree``; for an odd one a few may
        not be.
    edges : ndarray of shape (n_edges, 2), int
        Tail and head of every edge, as vertices numbered row by row. Paths lead from vertex 0 to
        vertex ``rows * columns - 1``.

    Raises
    ------
    ValueError
        If a parameter is outside its range.

    Notes
    -----
    This is the generator of the PyEPO benchmarks. For the same seed X equals that of
    ``pyepo.data.shortestpath.genData`` of PyEPO 2.2.7 bit for bit, the costs do after rounding to
    float32, and the edges are in the same order.

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
    grid = checked_grid_shape("grid", grid)
    if max(grid) < 2:
        raise ValueError(f"grid must have at least two vertices, got {grid}")
    edges = _east_and_south_edges(*grid)
    generator: np.random.RandomState = check_random_state(random_state)
    X, costs = _polynomial_costs(
        n_samples, n_features, len(edges), degree, noise_width, 1.0, generator
    )
    return X, costs, edges


@validate_params(
    {
        "n_samples": [AT_LEAST_ONE],
        "n_features": [AT_LEAST_ONE],
        "n_items": [AT_LEAST_ONE],
        "n_dimensions": [AT_LEAST_ONE],
        "capacity_share": [Interval(Real, 0, 1, closed="right")],
        "degree": [AT_LEAST_ONE],
        "noise_width": [FRACTION],
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
    random_state: int | np.random.RandomState | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Generate features and costs of knapsacks with the same weights and capacities.

    Weights are drawn from 3.00, 3.01, ..., 7.99. Values are integers, with p, B, x and ``e_j`` as
    in `make_shortest_path`::

        v_j = ceil(5 (((B x)_j / sqrt(p) + 3) ** degree + 1) / 3.5 ** degree * e_j)

    Parameters
    ----------
    n_samples : int, default=1000
    n_features : int, default=5
        The number p of features.
    n_items : int, default=16
    n_dimensions : int, default=1
        Number of constraints, each with a capacity.
    capacity_share : float, default=0.25
        Ratio of a capacity to the total weight of all items, above 0 and up to 1.
    degree : int, default=4
        Degree of the polynomial.
    noise_width : float, default=0.5
        Half the width of the distribution of the noise, from 0 to 1.
    random_state : int, RandomState or None, default=None
        Random numbers of the data, including weights and B: split the data of one call into
        training and test data.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
    costs : ndarray of shape (n_samples, n_items)
        Negative values of the items.
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
    This is the generator of the PyEPO benchmarks. For the same seed X, values and weights / 100
    equal those of ``pyepo.data.knapsack.genData`` of PyEPO 2.2.7 bit for bit. PyEPO does not
    generate capacities; 20 is common there.

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
    generator: np.random.RandomState = check_random_state(random_state)
    weights = generator.choice(range(300, 800), size=(n_dimensions, n_items))
    X, values = _polynomial_costs(
        n_samples, n_features, n_items, degree, noise_width, 5.0, generator
    )
    capacity = np.floor(capacity_share * weights.sum(axis=1)).astype(weights.dtype)
    return X, -np.ceil(values), weights, capacity


def _east_and_south_edges(rows: int, columns: int) -> np.ndarray:
    """Edges row by row: first those along a row of vertices, then those to the next row."""
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
    # The order of the draws and of the operations is that of PyEPO, for bit-identical results.
    mixing = random_state.binomial(1, 0.5, (n_costs, n_features))
    X = random_state.normal(0, 1, (n_samples, n_features))
    costs = (X @ mixing.T / np.sqrt(n_features) + 3) ** degree + 1
    costs = costs * scale / 3.5**degree
    return X, costs * random_state.uniform(1 - noise_width, 1 + noise_width, costs.shape)
