"""How far every selection is from the best of all subsets, for learners that differ.

Every subset of a small table is judged on every split, so that a row of `selection.py` in which a
filter is ahead shows what it is: a worse choice of columns, or a learner with a taste of its own.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from itertools import combinations

import environment
import numpy as np
from joblib import Parallel, delayed
from report import markdown
from selection_data import Dataset, Split, load, split
from selection_learners import multilayer_perceptron, trees
from selection_methods import METHODS
from selection_tables import REFERENCE
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

SPLITS = 10
ROWS_OF_LEAF = 5


def trees_with_larger_leaves(dataset: Dataset, *, seed: int) -> BaseEstimator:
    """The trees of the other tables, without leaves of a single row."""
    return trees(dataset, seed=seed).set_params(min_samples_leaf=ROWS_OF_LEAF)


def support_vectors(dataset: Dataset, *, seed: int) -> BaseEstimator:
    """Scikit-learn's defaults on standardised columns (and target)."""
    if dataset.task == "classification":
        return make_pipeline(StandardScaler(), SVC())
    pipeline = make_pipeline(StandardScaler(), SVR())
    return TransformedTargetRegressor(pipeline, transformer=StandardScaler())


LEARNERS: dict[str, Callable[..., BaseEstimator]] = {
    "ExtraTrees": trees,
    f"ExtraTrees, leaves of {ROWS_OF_LEAF} rows": trees_with_larger_leaves,
    "SVM": support_vectors,
    "MLP": multilayer_perceptron,
}


def main() -> None:
    """Judge all subsets, run the methods, print where they stand."""
    arguments = parse_arguments()
    environment.limit_threads(1)
    print(environment.header(environment.describe(1)), flush=True)
    (dataset,) = load([arguments.dataset], folder=None)
    subsets = list(combinations(range(dataset.X.shape[1]), arguments.size))
    seeds = range(arguments.splits)
    scores = np.array(
        Parallel(arguments.n_jobs)(delayed(judge)(dataset, subsets, seed) for seed in seeds)
    )
    chosen = {
        method: [choose(dataset, method, arguments.size, seed) for seed in seeds]
        for method in arguments.methods
    }
    print(
        f"\n{dataset.name}, all {len(subsets)} subsets of {arguments.size}, {len(seeds)} splits\n"
    )
    print(table(scores, subsets, chosen))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", choices=("diabetes", "wine"), default="diabetes")
    parser.add_argument("--size", type=int, default=3)
    parser.add_argument("--splits", type=int, default=SPLITS)
    methods = [name for name in METHODS if name != REFERENCE]
    parser.add_argument("--methods", nargs="+", choices=methods, default=methods)
    parser.add_argument("--n-jobs", type=int, default=2)
    return parser.parse_args()


def judge(dataset: Dataset, subsets: list[tuple[int, ...]], seed: int) -> np.ndarray:
    """Test scores on one split, shape (n_learners, n_subsets)."""
    part = split(dataset, seed=seed)
    return np.array(
        [
            [score(build(dataset, seed=seed), part, list(subset)) for subset in subsets]
            for build in LEARNERS.values()
        ]
    )


def score(learner: BaseEstimator, part: Split, columns: list[int]) -> float:
    """Test accuracy (or R2) of a learner trained on the columns alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        learner.fit(part.X_train[:, columns], part.y_train)
    return learner.score(part.X_test[:, columns], part.y_test)


def choose(dataset: Dataset, method: str, size: int, seed: int) -> tuple[int, ...]:
    """The subset that a method takes on one split."""
    sized = Dataset(dataset.name, dataset.X, dataset.y, dataset.task, (size,))
    (selection,) = METHODS[method](sized, split(dataset, seed=seed), seed=seed)
    return tuple(selection.columns.tolist())


def table(scores: np.ndarray, subsets: list, chosen: dict[str, list]) -> str:
    """For every learner the best subset, and the mean score and the place of every method.

    A method's place is the number of subsets that are better than its choices, plus one.
    """
    rows = []
    for learner, of_learner in zip(LEARNERS, scores.swapaxes(0, 1), strict=True):
        means = of_learner.mean(axis=0)
        best = means.argmax()
        cells = [learner, f"{means[best]:.3f} {subsets[best]}"]
        for sets in chosen.values():
            own = np.mean([of_learner[i, subsets.index(one)] for i, one in enumerate(sets)])
            cells.append(f"{own:.3f}, {1 + (means > own + 1e-9).sum()}")
        rows.append(cells)
    return markdown(["learner", "best subset", *(f"{name}, place" for name in chosen)], rows)


if __name__ == "__main__":
    main()
