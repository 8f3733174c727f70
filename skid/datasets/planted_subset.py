"""Tables whose target depends on a known subset of the columns."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_params

from skid.datasets._constraints import AT_LEAST_ONE, FRACTION, NOT_NEGATIVE


@validate_params(
    {
        "n_samples": [Interval(Integral, 2, None, closed="left")],
        "n_features": [AT_LEAST_ONE],
        "n_informative": [AT_LEAST_ONE],
        "n_redundant": [Interval(Integral, 0, None, closed="left")],
        "redundancy": [FRACTION],
        "noise": [NOT_NEGATIVE],
        "classification": ["boolean"],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_planted_subset(
    n_samples: int = 1000,
    n_features: int = 50,
    *,
    n_informative: int = 5,
    n_redundant: int = 5,
    redundancy: float = 0.7,
    noise: float = 0.1,
    classification: bool = False,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Generate a table whose target depends on a known subset of the columns.

    The target is a sum of terms of unit variance plus noise. The terms use one informative column
    after the other, all of them standard normal and independent, in this order: ``x``,
    ``tanh(2 x)``, ``x ** 2``, ``x * x'`` of two columns, ``abs(x)``, then again ``x``; if only one
    column is left for a product, the term is ``x``. Columns of squares, products and absolute
    values have no linear correlation with the target. A redundant column is correlated with an
    informative one, but contains no further information about the target. All other columns are
    independent of the target.

    Parameters
    ----------
    n_samples : int, default=1000
    n_features : int, default=50
        Total number of columns.
    n_informative : int, default=5
        Number of columns on which the target depends.
    n_redundant : int, default=5
        Number of redundant columns, which are correlated with the informative columns in turn.
    redundancy : float, default=0.7
        Correlation of a redundant column with its informative column.
    noise : float, default=0.1
        Ratio of the variance of the noise to that of the sum of terms.
    classification : bool, default=False
        Whether y is the class 0, 1 or 2, the tercile of the target.
    random_state : int, RandomState or None, default=None
        Random numbers of the data, including the support.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        Columns of unit variance, in random order.
    y : ndarray of shape (n_samples,)
        Target, or classes as integers.
    support : ndarray of shape (n_features,), bool
        The informative columns.

    Raises
    ------
    ValueError
        If a parameter is outside its range, or there are fewer features than informative and
        redundant ones.

    Examples
    --------
    >>> from skid.datasets import make_planted_subset
    >>> X, y, support = make_planted_subset(200, 20, n_informative=3, random_state=0)
    >>> X.shape, y.shape, support.sum()
    ((200, 20), (200,), np.int64(3))
    """
    if n_informative + n_redundant > n_features:
        raise ValueError(
            f"n_informative + n_redundant must be at most n_features={n_features}, "
            f"got {n_informative} + {n_redundant}"
        )
    generator: np.random.RandomState = check_random_state(random_state)
    X = generator.normal(size=(n_samples, n_features))
    informative = X[:, :n_informative]
    redundant = X[:, n_informative : n_informative + n_redundant]
    redundant *= np.sqrt(1 - redundancy**2)
    redundant += redundancy * informative[:, np.arange(n_redundant) % n_informative]
    signal = _sum_of_terms(informative)
    y = signal + np.sqrt(noise) * signal.std() * generator.normal(size=n_samples)
    if classification:
        y = np.digitize(y, np.quantile(y, [1 / 3, 2 / 3]))
    order = generator.permutation(n_features)
    return X[:, order], y, order < n_informative


def _sum_of_terms(informative: np.ndarray) -> np.ndarray:
    columns = list(informative.T)
    kinds = [
        lambda: columns.pop(),
        lambda: np.tanh(2 * columns.pop()),
        lambda: columns.pop() ** 2,
        lambda: columns.pop() * columns.pop() if len(columns) > 1 else columns.pop(),
        lambda: np.abs(columns.pop()),
    ]
    terms: list[np.ndarray] = []
    while columns:
        terms.append(kinds[len(terms) % len(kinds)]())
    return sum((term - term.mean()) / term.std() for term in terms)
