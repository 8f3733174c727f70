"""How many features: a path of sizes, and the rule that picks one."""

import numpy as np

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


def choose_candidate(candidates: list):
    """Smallest subset whose held-out loss is within one standard error of the best one.

    This is the one-standard-error rule of Breiman et al., *Classification and Regression Trees*
    (1984), section 3.4.3.

    Returns
    -------
    chosen : Candidate
    path : list of dict
        For each size: ``n_features``, ``loss`` and ``standard_error``.
    """
    losses = np.stack([candidate.held_out_losses for candidate in candidates])
    weights = candidates[0].held_out_weights
    means = np.average(losses, axis=1, weights=weights)
    best = int(np.argmin(means))
    effective_rows = weights.sum() ** 2 / np.square(weights).sum()
    path, chosen = [], candidates[best]
    for candidate, mean, row_losses in zip(candidates, means, losses, strict=True):
        variance = np.average(np.square(row_losses - mean), weights=weights)
        path.append(
            {
                "n_features": candidate.size,
                "loss": float(mean),
                "standard_error": float(np.sqrt(variance / effective_rows)),
            }
        )
    limit = path[best]["loss"] + path[best]["standard_error"]
    for candidate, entry in zip(candidates, path, strict=True):
        if entry["loss"] <= limit and candidate.size < chosen.size:
            chosen = candidate
    return chosen, path
