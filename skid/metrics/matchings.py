"""Metrics of matchings of nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skid.metrics._weights import checked_weights


def matching_score(
    partners: Sequence[Any],
    predicted: Sequence[Any],
    *,
    f1: bool = False,
    sample_weight: Any = None,
) -> float:
    """Share of the nodes whose partners are right, over all pairs of graphs.

    Parameters
    ----------
    partners : sequence of int array-like of shape (n_i,)
        For each pair of graphs the right partner of each node of graph a, or -1.
    predicted : sequence of int array-like of shape (n_i,)
        Predicted partners, or -1.
    f1 : bool, default=False
        Whether to return the F1 score of the matched pairs of nodes, which counts wrong partners
        of nodes that have none, instead of the recall.
    sample_weight : array-like of shape (n_pairs,), default=None
        Weights of the pairs of graphs.

    Returns
    -------
    float
        1 if every partner is right. NaN for the recall of no partner.

    Raises
    ------
    ValueError
        If the lengths differ, or weights are negative or all zero.

    Examples
    --------
    >>> from skid.metrics import matching_score
    >>> matching_score([[1, 0, -1]], [[1, 2, 0]])
    0.5
    >>> matching_score([[1, 0, -1]], [[1, 2, 0]], f1=True)
    0.4
    """
    if len(partners) != len(predicted) or any(
        np.shape(one) != np.shape(other) for one, other in zip(partners, predicted, strict=True)
    ):
        raise ValueError(
            "predicted must have the lengths of partners, got "
            f"{[len(one) for one in predicted]} instead of {[len(one) for one in partners]}"
        )
    weights = checked_weights(sample_weight, len(partners))
    counts = np.array(
        [
            [
                np.sum((np.asarray(right) == found) & (np.asarray(right) >= 0)),
                np.sum(np.asarray(right) >= 0),
                np.sum(np.asarray(found) >= 0),
            ]
            for right, found in zip(partners, predicted, strict=True)
        ],
        np.float64,
    )
    n_right, n_true, n_predicted = weights @ counts
    if f1:
        total = n_true + n_predicted
        return float(2 * n_right / total) if total else 1.0
    return float(n_right / n_true) if n_true else np.nan
