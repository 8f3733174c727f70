"""Known answers: 6 of 100 columns carry the target, most of them without linear correlation."""

from __future__ import annotations

import numpy as np
from selection_data import Dataset, Split

from skid.datasets import make_planted_subset

N_ROWS, N_COLUMNS, N_PLANTED = 2_000, 100, 6


def make_planted(task: str, *, seed: int) -> tuple[Dataset, Split, np.ndarray]:
    """Draw columns, target and the planted support of one seed.

    Four of the six columns have no linear correlation with the target: a square, an absolute
    value and the two factors of a product.
    """
    X, y, support = make_planted_subset(
        N_ROWS,
        N_COLUMNS,
        n_informative=N_PLANTED,
        n_redundant=0,
        classification=task == "classification",
        random_state=seed,
    )
    dataset = Dataset(f"planted {task}", X, y, task, (N_PLANTED,))
    return dataset, Split(X, X, y, y), np.flatnonzero(support)
