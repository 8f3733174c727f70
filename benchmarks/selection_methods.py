"""The selection methods side by side: each turns one training part into k columns for every k.

Methods whose single run serves every k (rankings, the LassoNet path) are timed once and that time
stands on every k; methods trained for one k are timed for each.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from selection_data import Dataset, Split
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.feature_selection import (
    RFE,
    f_classif,
    f_regression,
    mutual_info_classif,
    mutual_info_regression,
)
from sklearn.linear_model import LassoCV, LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler

MUTUAL_INFORMATION_ROWS = 2_000
LASSONET_SETTINGS_LARGE = {
    "batch_size": 512,
    "path_multiplier": 1.1,
    "n_iters": (100, 100),
    "patience": (10, 2),
}


@dataclass(frozen=True)
class Selection:
    """k columns, what they cost, and the score of the selector's own prediction if it has one."""

    size: int
    columns: np.ndarray
    seconds: float
    own_score: float | None = None


def select_all(dataset: Dataset, split: Split, *, seed: int) -> list[Selection]:
    """Keep every column: what selection gives up or gains is measured against it."""
    columns = np.arange(split.n_features)
    return [Selection(size, columns, 0.0) for size in dataset.sizes]


def select_by_f(dataset: Dataset, split: Split, *, seed: int) -> list[Selection]:
    """`SelectKBest` with the F test."""
    test = f_classif if dataset.task == "classification" else f_regression

    def score() -> np.ndarray:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return np.nan_to_num(test(split.X_train, split.y_train)[0], nan=-1.0)

    return _select_top(score, dataset.sizes)


def select_by_mutual_information(dataset: Dataset, split: Split, *, seed: int) -> list[Selection]:
    """`SelectKBest` with mutual information, on at most `MUTUAL_INFORMATION_ROWS` rows."""
    estimate = mutual_info_classif if dataset.task == "classification" else mutual_info_regression
    rows = np.random.default_rng(seed).permutation(len(split.y_train))[:MUTUAL_INFORMATION_ROWS]
    return _select_top(
        lambda: estimate(split.X_train[rows], split.y_train[rows], random_state=seed),
        dataset.sizes,
    )


def select_by_trees(dataset: Dataset, split: Split, *, seed: int) -> list[Selection]:
    """Rank by the impurity importances of extremely randomised trees."""
    forest = ExtraTreesClassifier if dataset.task == "classification" else ExtraTreesRegressor
    n_trees = 100 if dataset.is_large else 300
    return _select_top(
        lambda: (
            forest(n_trees, random_state=seed)
            .fit(split.X_train, split.y_train)
            .feature_importances_
        ),
        dataset.sizes,
    )


def select_by_l1(dataset: Dataset, split: Split, *, seed: int) -> list[Selection]:
    """Rank by the coefficients of an L1 model: one-vs-rest C = 0.1, in regression `LassoCV`."""
    X_train = StandardScaler().fit_transform(split.X_train)

    def score() -> np.ndarray:
        if dataset.task == "regression":
            return np.abs(LassoCV(random_state=seed).fit(X_train, split.y_train).coef_)
        model = OneVsRestClassifier(
            LogisticRegression(l1_ratio=1, C=0.1, solver="liblinear", random_state=seed)
        ).fit(X_train, split.y_train)
        return sum(np.abs(estimator.coef_[0]) for estimator in model.estimators_)

    return _select_top(score, dataset.sizes)


def select_by_elimination(dataset: Dataset, split: Split, *, seed: int) -> list[Selection]:
    """Eliminate with logistic regression or ridge, one column (large sets 5 %) a step."""
    X_train = StandardScaler().fit_transform(split.X_train)
    model = LogisticRegression() if dataset.task == "classification" else Ridge()
    selections = []
    for size in dataset.sizes:
        start = time.perf_counter()
        selector = RFE(model, n_features_to_select=size, step=0.05 if dataset.is_large else 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            selector.fit(X_train, split.y_train)
        seconds = time.perf_counter() - start
        selections.append(Selection(size, selector.get_support(indices=True), seconds))
    return selections


def select_by_lassonet(dataset: Dataset, split: Split, *, seed: int) -> list[Selection]:
    """Follow the LassoNet path to where it first holds at most k columns.

    Columns that left the path together in its last step before that point are ranked by the norm
    of their skip weights, so that exactly k are returned. Its own prediction is the model's at
    that point. Package defaults; `LASSONET_SETTINGS_LARGE` on the large sets.
    """
    from lassonet import LassoNetClassifier, LassoNetRegressor

    X_train, X_test = _scale_for_lassonet(dataset, split)
    is_classifier = dataset.task == "classification"
    y_mean, y_scale = (0, 1) if is_classifier else (split.y_train.mean(), split.y_train.std())
    y_train = split.y_train if is_classifier else (split.y_train - y_mean) / y_scale
    model = (LassoNetClassifier if is_classifier else LassoNetRegressor)(
        verbose=0,
        random_state=seed,
        torch_seed=seed,
        **(LASSONET_SETTINGS_LARGE if dataset.is_large else {}),
    )
    start = time.perf_counter()
    path = model.path(X_train, y_train, return_state_dicts=True, disable_lambda_warning=True)
    seconds = time.perf_counter() - start
    importances = model.feature_importances_.numpy()
    selections = []
    for size in dataset.sizes:
        position = next(i for i, step in enumerate(path) if step.selected.sum() <= size)
        model.load(path[position])
        prediction = model.predict(X_test).reshape(len(X_test)) * y_scale + y_mean
        own_score = _score(dataset.task, split.y_test, prediction)
        columns = _columns_on_path(path, position, importances, size)
        selections.append(Selection(size, columns, seconds, own_score))
    return selections


def select_by_skid(dataset: Dataset, split: Split, *, seed: int) -> list[Selection]:
    """Fit our selector with untouched defaults: only k and the seed are given."""
    from skid import SubsetSelectorClassifier, SubsetSelectorRegressor

    is_classifier = dataset.task == "classification"
    selector_class = SubsetSelectorClassifier if is_classifier else SubsetSelectorRegressor
    selections = []
    for size in dataset.sizes:
        selector = selector_class(n_features_to_select=size, random_state=seed)
        start = time.perf_counter()
        selector.fit(split.X_train, split.y_train)
        seconds = time.perf_counter() - start
        own_score = selector.score(split.X_test, split.y_test)
        columns = selector.get_support(indices=True)
        selections.append(Selection(size, columns, seconds, own_score))
    return selections


METHODS: dict[str, Callable[..., list[Selection]]] = {
    "skid": select_by_skid,
    "LassoNet": select_by_lassonet,
    "F": select_by_f,
    "MI": select_by_mutual_information,
    "RFE": select_by_elimination,
    "L1": select_by_l1,
    "trees": select_by_trees,
    "all": select_all,
}


def _select_top(score: Callable[[], np.ndarray], sizes: Sequence[int]) -> list[Selection]:
    start = time.perf_counter()
    order = np.argsort(-score(), kind="stable")
    seconds = time.perf_counter() - start
    return [Selection(size, np.sort(order[:size]), seconds) for size in sizes]


def _columns_on_path(path: list, position: int, importances: np.ndarray, size: int) -> np.ndarray:
    selected = path[position].selected.numpy()
    before = path[max(position - 1, 0)].state_dict["skip.weight"].norm(dim=0).numpy()
    order = np.lexsort((-before, -importances, ~selected))
    return np.sort(order[:size])


def _score(task: str, y_true: np.ndarray, prediction: np.ndarray) -> float:
    return (accuracy_score if task == "classification" else r2_score)(y_true, prediction)


def _scale_for_lassonet(dataset: Dataset, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Columns standardised; the pixels of large images by one mean and deviation for all."""
    if dataset.pixels and dataset.is_large:
        mean, scale = split.X_train.mean(), split.X_train.std()
        return (split.X_train - mean) / scale, (split.X_test - mean) / scale
    scaler = StandardScaler().fit(split.X_train)
    return scaler.transform(split.X_train), scaler.transform(split.X_test)
