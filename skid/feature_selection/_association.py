"""Association of each column with the target, from which the logits start."""

import numpy as np

MAXIMUM_BINS = 8
MAXIMUM_ROWS = 5_000
"""Number of rows that are used at most, as a rough value will do."""


def association(X: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Adjusted correlation ratio of the target over quantile bins of each column.

    ``eta^2 = (variance between bins) / (total variance)``, summed over the outputs, minus its
    expected value by chance (Kelley, "An unbiased correlation ratio measure", PNAS 21, 1935, with
    Kish's effective number of rows where weights differ). Unlike a correlation it finds any
    dependence of the mean of the target, such as a parabola.

    X has shape (n, d) and targets (n, n_outputs), for classes their indicators. The result is the
    square root of the ratio, from 0 to 1, of shape (d,).

    Examples
    --------
    >>> import numpy as np
    >>> from skid.feature_selection._association import association
    >>> X = np.random.RandomState(0).normal(size=(1000, 2))
    >>> association(X, X[:, :1] ** 2, np.ones(1000)).round(1).tolist()
    [0.8, 0.0]
    """
    n_rows, n_columns = X.shape
    weights = _relative(weights)
    n_bins = int(np.clip(n_rows // 20, 2, MAXIMUM_BINS))
    targets = targets - np.average(targets, axis=0, weights=weights)
    total = (weights @ np.square(targets)).sum()
    if total == 0:
        return np.zeros(n_columns)
    weighted = targets * weights[:, np.newaxis]
    n_effective_rows = weights.sum() ** 2 / np.square(weights).sum()
    ratios = np.zeros(n_columns)
    for column in range(n_columns):
        bins = _bins(X[:, column], weights, n_bins)
        mass = np.bincount(bins, weights=weights)
        used = mass > 0
        indicator = bins == np.arange(len(mass))[used, np.newaxis]
        sums = indicator.astype(weighted.dtype) @ weighted
        ratio = (np.square(sums) / mass[used, np.newaxis]).sum() / total
        ratios[column] = _without_chance(ratio, used.sum(), n_effective_rows)
    return np.sqrt(ratios)


def separation(X: np.ndarray, classes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Adjusted correlation ratio of each standardised column over the classes.

    It orders columns as the F test does. With many classes it finds more than :func:`association`,
    whose bins then hold several classes, but it does not find a class on both sides of another.

    ``classes`` are indicators of shape (n, n_classes). The result is the square root of the ratio,
    from 0 to 1, of shape (d,).

    Examples
    --------
    >>> import numpy as np
    >>> from skid.feature_selection._association import separation
    >>> X, classes = np.array([[-1.0, 1.0], [-1.0, -1.0], [1.0, 1.0], [1.0, -1.0]]), np.eye(2)
    >>> separation(X, classes[[0, 0, 1, 1]], np.ones(4)).tolist()
    [1.0, 0.0]
    """
    weights = _relative(weights)
    varies = (X[0] != X).any(axis=0)
    X = X - np.average(X, axis=0, weights=weights)
    weighted = classes * weights[:, np.newaxis]
    mass = weighted.sum(axis=0)
    used = mass > 0
    sums = weighted[:, used].T @ X
    between = (np.square(sums) / mass[used, np.newaxis]).sum(axis=0)
    total = weights @ np.square(X)
    # The variance of a constant column consists of rounding errors.
    ratio = np.where(varies, between, 0.0) / np.where(total > 0, total, 1.0)
    n_effective_rows = weights.sum() ** 2 / np.square(weights).sum()
    return np.sqrt(_without_chance(ratio, used.sum(), n_effective_rows))


def _relative(weights: np.ndarray) -> np.ndarray:
    # Squares of very large or small weights would not be finite in single precision.
    return weights / weights.mean(dtype=np.float64)


def _without_chance(ratio, n_groups: int, n_rows: float):
    """The ratio minus its expected value for random groups."""
    by_chance = (n_groups - 1) / max(n_rows - n_groups, 1)
    return np.maximum(0.0, ratio - by_chance * (1 - ratio))


def _bins(values: np.ndarray, weights: np.ndarray, n_bins: int) -> np.ndarray:
    """Bin of each value; a value that has more weight than the average bin has its own one.

    Otherwise the ones among many zeros would be in the bin of the zeros.
    """
    order = np.argsort(values, kind="stable")
    weight_up_to = np.cumsum(weights[order])
    quantiles = np.arange(1, n_bins) / n_bins
    edges = np.unique(values[order][np.searchsorted(weight_up_to, quantiles * weight_up_to[-1])])
    is_frequent = [n_bins * weights[values == edge].sum() > weight_up_to[-1] for edge in edges]
    n_extra_bins = np.searchsorted(edges[is_frequent], values)
    return np.searchsorted(edges, values, side="right") + n_extra_bins
