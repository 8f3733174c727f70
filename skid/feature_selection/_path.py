"""How many features: a path of sizes, and the rule that picks one."""

import numpy as np

from skid.engine.training import warn_of_interruption

LARGEST_PATH = 8
"""Number of sizes that are tried at most when the size is to be found."""


def sizes_to_try(n_units: int, n_always: int) -> list[int]:
    """Sizes from few units to all of them, in about equal ratios.

    Examples
    --------
    >>> from skid.feature_selection._path import sizes_to_try
    >>> sizes_to_try(30, 0)
    [1, 2, 3, 4, 7, 11, 18, 30]
    """
    sizes = np.geomspace(max(1, n_always), n_units, LARGEST_PATH)
    return np.unique(np.round(sizes).astype(int)).tolist()


def choose_size(fit, sizes: list[int]) -> tuple[list[dict], object, bool]:
    """Smallest size whose held-out loss is within one standard error of the best one.

    This is the one-standard-error rule of Breiman et al., *Classification and Regression Trees*
    (1984), section 3.4.3. An interruption by the user ends the path, and the rule chooses among
    the sizes that were finished by then. Before the first has taken a step it is raised.

    Parameters
    ----------
    fit : callable
        Gives a candidate of a size, with its ``held_out_losses`` and ``held_out_weights``.
    sizes : list of int
        In rising order.

    Returns
    -------
    path : list of dict
        For each size that was finished: ``n_features``, ``loss`` and ``standard_error``.
    candidate : object
        The one of the chosen size; the interrupted one if none was finished.
    complete : bool
        Whether every size was finished.
    """
    path, candidates = [], {}
    for size in sizes:
        try:
            candidate = fit(size)
        except KeyboardInterrupt:
            if not path:
                raise
            warn_of_interruption(f"before the first step with {size} features")
            break
        if candidate.interrupted:
            break
        loss, standard_error = _mean_and_error(
            candidate.held_out_losses, candidate.held_out_weights
        )
        path.append({"n_features": size, "loss": loss, "standard_error": standard_error})
        candidates[size] = candidate
    if path:
        best = min(path, key=lambda entry: entry["loss"])
        limit = best["loss"] + best["standard_error"]
        candidate = candidates[min(entry["n_features"] for entry in path if entry["loss"] <= limit)]
    return path, candidate, len(path) == len(sizes)


def _mean_and_error(losses: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Weighted mean of the losses of rows, and the standard error of this mean."""
    mean = np.average(losses, weights=weights)
    variance = np.average(np.square(losses - mean), weights=weights)
    effective_rows = weights.sum() ** 2 / np.square(weights).sum()
    return float(mean), float(np.sqrt(variance / effective_rows))
