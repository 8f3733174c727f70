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
    Kelley, "An unbiased correlation ratio measure", PNAS 21 (1935), with Kish's effective number
    of rows where weights differ.

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
    rows_behind = weights.sum() ** 2 / np.square(weights).sum()
    ratios = np.zeros(n_columns)
    for column in range(n_columns):
        bins = _bins(X[:, column], weights, n_bins)
        mass = np.bincount(bins, weights=weights)
        used = mass > 0
        indicator = bins == np.arange(len(mass))[used, np.newaxis]
        sums = indicator.astype(weighted.dtype) @ weighted
        ratio = (np.square(sums) / mass[used, np.newaxis]).sum() / total
        ratios[column] = _without_chance(ratio, used.sum(), rows_behind)
    return np.sqrt(ratios)


def separation(X: np.ndarray, classes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Adjusted correlation ratio of each column over the classes: how far apart their means lie.

    It orders columns as the F test does. Where there are many classes it sees more than
    :func:`association`, which finds them mixed in each bin; it does not see a class that lies on
    both sides of another.

    Parameters
    ----------
    X : float array of shape (n, d)
        With the mean of each column near zero, in units of its deviation.
    classes : float array of shape (n, n_classes)
        Indicators.
    weights : float array of shape (n,)

    Returns
    -------
    float array of shape (d,)
        The square root of the ratio, from 0 to 1.

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
    # What is left of a constant column are rounding errors.
    ratio = np.where(varies, between, 0.0) / np.where(total > 0, total, 1.0)
    rows_behind = weights.sum() ** 2 / np.square(weights).sum()
    return np.sqrt(_without_chance(ratio, used.sum(), rows_behind))


def _relative(weights: np.ndarray) -> np.ndarray:
    """Squares of very large or small weights would not be finite in single precision."""
    return weights / weights.mean(dtype=np.float64)


def _without_chance(ratio, n_groups: int, n_rows: float):
    """The ratio less what groups that have nothing to do with the values are expected to reach."""
    by_chance = (n_groups - 1) / max(n_rows - n_groups, 1)
    return np.maximum(0.0, ratio - by_chance * (1 - ratio))


def _bins(values: np.ndarray, weights: np.ndarray, n_bins: int) -> np.ndarray:
    """Bin of each value; one that has more weight than a bin should have is a bin of its own.

    Else the ones among many zeros would share the bin of the zeros.
    """
    order = np.argsort(values, kind="stable")
    weight_up_to = np.cumsum(weights[order])
    shares = np.arange(1, n_bins) / n_bins
    edges = np.unique(values[order][np.searchsorted(weight_up_to, shares * weight_up_to[-1])])
    is_frequent = [n_bins * weights[values == edge].sum() > weight_up_to[-1] for edge in edges]
    own_bins = np.searchsorted(edges[is_frequent], values)
    return np.searchsorted(edges, values, side="right") + own_bins
