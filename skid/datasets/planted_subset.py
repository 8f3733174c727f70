"""Tables of which a known subset of columns matters."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_params

_at_least_one = Interval(Integral, 1, None, closed="left")
_share = Interval(Real, 0, 1, closed="both")
_not_negative = Interval(Real, 0, None, closed="left")


@validate_params(
    {
        "n_samples": [Interval(Integral, 2, None, closed="left")],
        "n_features": [_at_least_one],
        "n_informative": [_at_least_one],
        "n_redundant": [Interval(Integral, 0, None, closed="left")],
        "redundancy": [_share],
        "noise": [_not_negative],
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
    random_state: Any = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A table of which a known subset of columns carries the target.

    The target is the sum of terms of unit variance, and noise. Each term takes the next of the
    informative columns, all of them standard normal and independent: ``x``, ``tanh(2 x)``,
    ``x ** 2``, ``x * x'`` of two columns, ``abs(x)``, and then from the start; a column that is
    left over for a product enters as ``x``. Squares, products and absolute values have no
    linear correlation with the target. A redundant column is a decoy: it is correlated with an
    informative one, but says nothing beyond it. All other columns are independent of the target.

    Parameters
    ----------
    n_samples : int, default=1000
    n_features : int, default=50
        Number of columns in all.
    n_informative : int, default=5
        Number of columns that carry the target.
    n_redundant : int, default=5
        Number of decoys; the informative columns are imitated in turn.
    redundancy : float, default=0.7
        Correlation of a decoy with the column it imitates.
    noise : float, default=0.1
        Variance of the noise over that of the sum of terms.
    classification : bool, default=False
        Whether y is the class 0, 1 or 2: the tercile of the target.
    random_state : int, RandomState or None, default=None
        Source of all draws, the support included.

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
            f"n_informative={n_informative} and n_redundant={n_redundant} are together more than "
            f"n_features={n_features}."
        )
    random_state = check_random_state(random_state)
    X = random_state.normal(size=(n_samples, n_features))
    informative = X[:, :n_informative]
    decoys = X[:, n_informative : n_informative + n_redundant]
    imitated = informative[:, np.arange(n_redundant) % n_informative]
    decoys *= np.sqrt(1 - redundancy**2)
    decoys += redundancy * imitated
    signal = _sum_of_terms(informative)
    y = signal + np.sqrt(noise) * signal.std() * random_state.normal(size=n_samples)
    if classification:
        y = np.digitize(y, np.quantile(y, [1 / 3, 2 / 3]))
    order = random_state.permutation(n_features)
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
    terms = []
    while columns:
        terms.append(kinds[len(terms) % len(kinds)]())
    return sum((term - term.mean()) / term.std() for term in terms)
