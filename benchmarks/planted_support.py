"""Known answers: 6 of 100 columns carry the target, most of them without linear correlation."""

from __future__ import annotations

import numpy as np
from selection_data import Dataset, Split

N_ROWS, N_COLUMNS, N_PLANTED = 2_000, 100, 6


def make_planted(task: str, *, seed: int) -> tuple[Dataset, Split, np.ndarray]:
    """Draw columns, target and the planted support of one seed.

    The target adds five terms of unit variance and noise of a tenth of their variance:
    `x1`, `tanh(2 x2)` scaled, `x3 ** 2`, `abs(x4)` and the pure interaction `x5 * x6`; the last
    four columns have no linear correlation with it. A class is the tercile of the target.
    """
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N_ROWS, N_COLUMNS))
    support = np.sort(rng.choice(N_COLUMNS, N_PLANTED, replace=False))
    x1, x2, x3, x4, x5, x6 = X[:, rng.permutation(support)].T
    terms = [x1, np.tanh(2 * x2), x3**2, np.abs(x4), x5 * x6]
    signal = sum((term - term.mean()) / term.std() for term in terms)
    y = signal + np.sqrt(0.1) * signal.std() * rng.standard_normal(N_ROWS)
    if task == "classification":
        y = np.digitize(y, np.quantile(y, [1 / 3, 2 / 3]))
    dataset = Dataset(f"planted {task}", X, y, task, (N_PLANTED,))
    return dataset, Split(X, X, y, y), support
