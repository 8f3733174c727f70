"""Projections crossed with gradient rules, judged on validation parts of the training data.

No row of a test part of the selection benchmark is read here, so the defaults may be chosen by it.
"""

from __future__ import annotations

import time
from itertools import product
from statistics import mean

from report import markdown
from selection_data import Dataset, validation_split
from selection_learners import downstream_scores
from selection_tables import stability

PROJECTIONS = ("none", "mean", "norm", "std")
GRADIENTS = ("identity", "blackbox", "imle", "straight_through")


def run_projection_study(datasets: list[Dataset], seeds: list[int]) -> str:
    """Return a markdown table: mean validation scores at the smallest k of every data set."""
    rows = []
    for dataset in datasets:
        for projection, gradient in product(PROJECTIONS, GRADIENTS):
            fits = [_fit(dataset, projection, gradient, seed=seed) for seed in seeds]
            rows.append(
                [
                    dataset.name,
                    str(dataset.sizes[0]),
                    gradient,
                    projection,
                    *(f"{mean(fit[name] for fit in fits):.3f}" for name in ("own", "ExtraTrees")),
                    f"{stability(fits):.2f}",
                    f"{mean(fit['seconds'] for fit in fits):.2f}",
                ]
            )
    columns = [
        "data",
        "k",
        "gradient",
        "projection",
        "own",
        "ExtraTrees",
        "Jaccard",
        "seconds",
    ]
    return markdown(columns, rows)


def _fit(dataset: Dataset, projection: str, gradient: str, *, seed: int) -> dict:
    from skid import SubsetSelectorClassifier, SubsetSelectorRegressor

    is_classifier = dataset.task == "classification"
    part = validation_split(dataset, seed=seed)
    selector = (SubsetSelectorClassifier if is_classifier else SubsetSelectorRegressor)(
        n_features_to_select=dataset.sizes[0],
        projection=projection,
        gradient=gradient,
        random_state=seed,
    )
    start = time.perf_counter()
    selector.fit(part.X_train, part.y_train)
    seconds = time.perf_counter() - start
    columns = selector.get_support(indices=True)
    return {
        "seconds": seconds,
        "own": selector.score(part.X_test, part.y_test),
        "columns": columns.tolist(),
        **downstream_scores(dataset, part, columns, seed=seed),
    }
