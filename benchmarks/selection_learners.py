"""The two downstream learners every selection is judged by, the same for all methods."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from selection_data import Dataset, Split
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def trees(dataset: Dataset, *, seed: int) -> BaseEstimator:
    """Extremely randomised trees: 200, on large sets 100."""
    forest = ExtraTreesClassifier if dataset.task == "classification" else ExtraTreesRegressor
    return forest(100 if dataset.is_large else 200, random_state=seed)


def multilayer_perceptron(dataset: Dataset, *, seed: int) -> BaseEstimator:
    """64 hidden units on standardised columns, at most 150 (large sets 40) epochs."""
    is_classifier = dataset.task == "classification"
    network = (MLPClassifier if is_classifier else MLPRegressor)(
        hidden_layer_sizes=(64,),
        learning_rate_init=3e-3,
        max_iter=40 if dataset.is_large else 150,
        random_state=seed,
    )
    pipeline = make_pipeline(StandardScaler(), network)
    if is_classifier:
        return pipeline
    return TransformedTargetRegressor(pipeline, transformer=StandardScaler())


LEARNERS: dict[str, Callable[..., BaseEstimator]] = {
    "ExtraTrees": trees,
    "MLP": multilayer_perceptron,
}


def downstream_scores(
    dataset: Dataset, split: Split, columns: np.ndarray, *, seed: int
) -> dict[str, float]:
    """Test accuracy (or R2) of every learner trained on the chosen columns alone."""
    scores = {}
    for name, build in LEARNERS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            learner = build(dataset, seed=seed).fit(split.X_train[:, columns], split.y_train)
        scores[name] = float(learner.score(split.X_test[:, columns], split.y_test))
    return scores
