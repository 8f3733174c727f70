"""How much each column says about the target on its own: where the logits start."""

import numpy as np

MAXIMUM_BINS = 8
MAXIMUM_ROWS = 5_000
"""At most so many rows are looked at: the score only needs a rough value."""


def association(X: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Adjusted correlation ratio of the target over quantile bins of each column.

    ``eta^2 = (variance between bins) / (total variance)``, summed over the outputs, minus what it
    is expected to be by chance. Unlike a correlation it sees any dependence of the mean of
    the target, such as a parabola; unlike the solver it looks at one column at a time.

    Parameters
    ----------
    X : float array of shape (n, d)
    targets : float array of shape (n, n_outputs)
        For classes, their indicators.
    weights : float array of shape (n,)

    Returns
    -------
    float array of shape (d,)
        The square root of the ratio, from 0 to 1.

    References
    ----------
    Kelley, "An unbiased correlation ratio measure", PNAS 21 (1935).

    Examples
    --------
    >>> import numpy as np
    >>> from skid.feature_selection._association import association
    >>> X = np.random.RandomState(0).normal(size=(1000, 2))
    >>> association(X, X[:, :1] ** 2, np.ones(1000)).round(1).tolist()
    [0.8, 0.0]
    """
    n_rows, n_columns = X.shape
    n_bins = int(np.clip(n_rows // 20, 2, MAXIMUM_BINS))
    edges = np.quantile(X, np.linspace(0, 1, n_bins + 1)[1:-1], axis=0)
    targets = targets - np.average(targets, axis=0, weights=weights)
    total = (weights @ np.square(targets)).sum()
    if total == 0:
        return np.zeros(n_columns)
    weighted = targets * weights[:, np.newaxis]
    rows_behind = weights.sum() ** 2 / np.square(weights).sum()
    ratios = np.zeros(n_columns)
    for column in range(n_columns):
        bins = _bins(X[:, column], np.unique(edges[:, column]), n_bins)
        mass = np.bincount(bins, weights=weights)
        used = mass > 0
        indicator = bins == np.arange(len(mass))[used, np.newaxis]
        sums = indicator.astype(weighted.dtype) @ weighted
        ratio = (np.square(sums) / mass[used, np.newaxis]).sum() / total
        by_chance = (used.sum() - 1) / max(rows_behind - 1, 1)
        ratios[column] = max(0.0, ratio - by_chance * (1 - ratio))
    return np.sqrt(ratios)


def _bins(values: np.ndarray, edges: np.ndarray, n_bins: int) -> np.ndarray:
    """Bin of each value; one that stands in more rows than a bin should have is a bin of its own.

    Else the ones among many zeros would share the bin of the zeros.
    """
    frequent = edges[[np.mean(values == edge) > 1 / n_bins for edge in edges]]
    return np.searchsorted(edges, values, side="right") + np.searchsorted(frequent, values)
