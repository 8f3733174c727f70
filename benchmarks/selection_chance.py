"""What chance has to do with the gaps between `skid` and the univariate filters."""

from __future__ import annotations

import numpy as np
from scipy.stats import ttest_1samp

BAR = -0.02
SIGNIFICANCE = 0.05
DRAWS = 4_000

Gaps = dict[tuple, np.ndarray]
"""By (data, k, learner): score of `skid` less that of each filter, shape (n_splits, n_filters)."""


def gaps_to(results: list[dict], methods: tuple[str, ...], ours: str, learners: list[str]) -> Gaps:
    """Gaps to some methods on every split that all of them were run on."""
    scores: dict[tuple, dict[tuple, float]] = {}
    for row in results:
        for learner in learners:
            of_row = scores.setdefault((row["dataset"], row["size"], learner), {})
            of_row[row["seed"], row["method"]] = row[learner]
    gaps = {}
    for key, of_row in scores.items():
        seeds = sorted({seed for seed, _ in of_row})
        found = [
            [of_row[seed, ours] - of_row[seed, method] for method in methods]
            for seed in seeds
            if all((seed, method) in of_row for method in (ours, *methods))
        ]
        if found:
            gaps[key] = np.array(found)
    return gaps


def n_certainly_below(gaps: Gaps) -> int:
    """Rows below the bar by more than chance: one-sided t-tests over the splits, after Holm.

    Splits share rows, which makes the tests find too much rather than too little.
    """
    p_values = np.sort([_p_value(gap) for of_row in gaps.values() for gap in of_row.T])
    limits = SIGNIFICANCE / np.arange(len(p_values), 0, -1)
    rejected = p_values <= limits
    return len(p_values) if rejected.all() else int(rejected.argmin())


def share_of_passes(gaps: Gaps, n_splits: int) -> float:
    """How often a method that equals all filters in every row would stay above the bar in all.

    Its gaps are those found, less their means, on ``n_splits`` splits drawn at random.
    """
    random = np.random.default_rng(0)
    centred = {key: of_row - of_row.mean(axis=0) for key, of_row in gaps.items()}
    datasets = {key[0]: len(of_row) for key, of_row in gaps.items() if len(of_row) >= n_splits}
    passes = 0
    for _ in range(DRAWS):
        # With as many splits as there are, drawing without replacement would draw the same.
        drawn = {
            name: random.choice(count, n_splits, replace=n_splits > count // 2)
            for name, count in datasets.items()
        }
        passes += all(
            of_row[drawn[key[0]]].mean(axis=0).min() >= BAR
            for key, of_row in centred.items()
            if key[0] in drawn
        )
    return passes / DRAWS


def _p_value(gap: np.ndarray) -> float:
    if len(gap) < 2 or not gap.std():
        return float(gap.mean() >= BAR)
    return float(ttest_1samp(gap, BAR, alternative="less").pvalue)
