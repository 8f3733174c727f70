"""Pairs of point sets whose partners are known."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_params

from skid.datasets._constraints import AT_LEAST_ONE, NOT_NEGATIVE


@validate_params(
    {
        "n_pairs": [AT_LEAST_ONE],
        "n_points": [AT_LEAST_ONE, tuple, list],
        "n_outliers": [Interval(Integral, 0, None, closed="left")],
        "n_dimensions": [Interval(Integral, 2, 3, closed="both")],
        "jitter": [NOT_NEGATIVE],
        "rotation": ["boolean"],
        "scale": [Interval(Real, 1, None, closed="left")],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_matching_pairs(
    n_pairs: int = 100,
    n_points: int | tuple[int, int] = 20,
    *,
    n_outliers: int = 0,
    n_dimensions: int = 2,
    jitter: float = 0.1,
    rotation: bool = True,
    scale: float = 1.5,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[np.ndarray]]:
    """Generate pairs of point sets whose partners are known.

    The first set of a pair holds points drawn uniformly from the unit square, or cube. The second
    set holds a copy of them: each is displaced by normal noise, outliers are added to both sets,
    and the whole second set is rotated around the centre of the square and scaled. The points of
    both sets are in random order. Every pair has points of its own.

    Parameters
    ----------
    n_pairs : int, default=100
        Number of pairs.
    n_points : int or (int, int), default=20
        Number of points with a partner, or the smallest and the largest number.
    n_outliers : int, default=0
        Number of further points of each set without a partner, uniform in the square.
    n_dimensions : int, default=2
        Number of coordinates, 2 or 3.
    jitter : float, default=0.1
        Standard deviation of the displacement of each coordinate. The unit is
        ``n_points ** (-1 / n_dimensions)``, about the distance of neighbours.
    rotation : bool, default=True
        Whether the second set is rotated, by a rotation drawn uniformly.
    scale : float, default=1.5
        The factor of the second set is drawn log-uniformly between ``1 / scale`` and ``scale``.
    random_state : int, RandomState or None, default=None
        Random numbers of the data.

    Returns
    -------
    X : list of pairs of ndarray of shape (n_points + n_outliers, n_dimensions)
        The two point sets of each pair.
    y : list of ndarray of shape (n_points + n_outliers,), int
        Partner in the second set of each point of the first set, or -1.

    Raises
    ------
    ValueError
        If a parameter is outside its range.

    Examples
    --------
    >>> from skid.datasets import make_matching_pairs
    >>> X, y = make_matching_pairs(3, 4, n_outliers=1, random_state=0)
    >>> len(X), X[0][0].shape, X[0][1].shape
    (3, (5, 2), (5, 2))
    >>> y[0]
    array([ 1, -1,  4,  0,  2])
    """
    fewest, most = _checked_range(n_points)
    generator: np.random.RandomState = check_random_state(random_state)
    X, y = [], []
    for _ in range(n_pairs):
        n = generator.randint(fewest, most + 1)
        common = generator.uniform(size=(n, n_dimensions))
        moved = common + jitter * n ** (-1 / n_dimensions) * generator.normal(size=common.shape)
        first, second = (
            np.concatenate([points, generator.uniform(size=(n_outliers, n_dimensions))])
            for points in (common, moved)
        )
        if rotation:
            second = (second - 0.5) @ _random_rotation(n_dimensions, generator) + 0.5
        second *= scale ** generator.uniform(-1, 1)
        order_a, order_b = (generator.permutation(n + n_outliers) for _ in range(2))
        partners = np.argsort(order_b)
        partners[n:] = -1
        X.append((first[order_a], second[order_b]))
        y.append(partners[order_a])
    return X, y


def _checked_range(n_points: int | tuple[int, int]) -> tuple[int, int]:
    if isinstance(n_points, Integral):
        return int(n_points), int(n_points)
    ends = list(n_points)  # type: ignore[arg-type]
    whole = all(isinstance(end, Integral) for end in ends)
    if not whole or len(ends) != 2 or not 1 <= ends[0] <= ends[1]:
        raise ValueError(
            "n_points must be a number, or the smallest and the largest number of points, both "
            f"at least 1, got {n_points!r}"
        )
    return int(ends[0]), int(ends[1])


def _random_rotation(n_dimensions: int, generator: np.random.RandomState) -> np.ndarray:
    """A rotation drawn uniformly: an orthogonal matrix of determinant 1."""
    matrix, triangle = np.linalg.qr(generator.normal(size=(n_dimensions, n_dimensions)))
    matrix *= np.sign(np.diag(triangle))
    matrix[:, 0] *= np.linalg.det(matrix)
    return matrix
