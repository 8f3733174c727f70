"""Choose features with `skid` and with scikit-learn's own selectors, and compare.

Run `python examples/select_features.py`. On digits (8 x 8 pixels) and breast cancer, both shipped
with scikit-learn, every method chooses k columns from the training rows; the same support vector
machine then learns on these columns alone and is scored on unseen rows, in two splits.
Prints a table for each data set and saves a picture.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from joblib import Parallel, delayed
from matplotlib.figure import SubFigure
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_selection import RFE, f_classif, mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from skid import SubsetSelectorClassifier

DATA = {
    "digits": (load_digits, (4, 6, 8, 12, 16)),
    "breast cancer": (load_breast_cancer, (2, 4, 8)),
}
SPLITS = (0, 1)
SHOWN_SIZE = 8
COLORS = {
    "skid": "#c0272d",
    "F test": "#8a8a8a",
    "mutual information": "#3f74a8",
    "RFE": "#4d8a3d",
    "tree importances": "#a8782a",
}

# Each gives a score to every column. `SelectKBest`, `RFE` and `SelectFromModel` with `max_features`
# keep the k columns of the largest scores, so one fit serves every k.
RIVALS = {
    "F test": lambda X, y: f_classif(X, y)[0],
    "mutual information": lambda X, y: mutual_info_classif(X, y, random_state=0),
    "RFE": lambda X, y: (
        -RFE(LogisticRegression(), n_features_to_select=1)
        .fit(StandardScaler().fit_transform(X), y)
        .ranking_
    ),
    "tree importances": lambda X, y: (
        ExtraTreesClassifier(200, random_state=0).fit(X, y).feature_importances_
    ),
}


def main() -> None:
    """Print the tables and the headline, save the picture."""
    plt.switch_backend("agg")  # draws to the file alone, with or without a display
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("select_features.png"))
    output = parser.parse_args().output
    accuracies = {}
    for name, (load, sizes) in DATA.items():
        X, y = load(return_X_y=True)
        # On matrices this small the threads of linear algebra only wait for each other.
        with threadpool_limits(1):
            accuracies[name] = compare(X, y, sizes)
        print_table(name, X.shape[1], sizes, accuracies[name])
    means = {method: np.mean(values) for method, values in accuracies["digits"].items()}
    ours, everything = means.pop("skid"), means.pop("all columns")
    best = max(means, key=lambda method: means[method])
    print(
        f"digits, mean over k: skid {ours:.3f}, best of scikit-learn's selectors "
        f"{means[best]:.3f} ({best}), all 64 pixels {everything:.3f}"
    )
    save_picture(output, accuracies["digits"])
    print(f"picture: {output}")


def compare(X: np.ndarray, y: np.ndarray, sizes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Return the test accuracy for each k, by method: the mean over the splits."""
    methods = ("skid", *RIVALS, "all columns")
    accuracies: dict[str, list[list[float]]] = {method: [] for method in methods}
    for seed in SPLITS:
        X_train, X_test, y_train, y_test = split(X, y, seed)
        # A fit spends its time in compiled code, which lets other threads go on.
        fits = (delayed(choose)(X_train, y_train, k) for k in sizes)
        chosen = {"skid": Parallel(n_jobs=-1, prefer="threads")(fits)}
        for method, score in RIVALS.items():
            order = np.argsort(-scores(score, X_train, y_train), kind="stable")
            chosen[method] = [order[:k] for k in sizes]
        chosen["all columns"] = [np.arange(X.shape[1])] * len(sizes)
        for method, subsets in chosen.items():
            learners = [
                make_pipeline(StandardScaler(), SVC(C=10)).fit(X_train[:, columns], y_train)
                for columns in subsets
            ]
            accuracies[method].append(
                [
                    learner.score(X_test[:, columns], y_test)
                    for learner, columns in zip(learners, subsets, strict=True)
                ]
            )
    return {method: np.mean(values, axis=0) for method, values in accuracies.items()}


def split(X: np.ndarray, y: np.ndarray, seed: int) -> list[np.ndarray]:
    """Return training and test rows of X, then of y."""
    return train_test_split(X, y, test_size=0.25, stratify=y, random_state=seed)


def choose(X: np.ndarray, y: np.ndarray, k: int) -> np.ndarray:
    """Return the indices of the k columns that skid chooses."""
    return SubsetSelectorClassifier(k, random_state=0).fit(X, y).get_support(indices=True)


def scores(score: Callable, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Score the columns by a rival; constant columns, which some cannot judge, come last."""
    varied = X.min(axis=0) < X.max(axis=0)
    result = np.full(X.shape[1], -np.inf)
    result[varied] = score(X[:, varied], y)
    return result


def print_table(
    name: str, n_columns: int, sizes: tuple[int, ...], accuracies: dict[str, np.ndarray]
) -> None:
    """Print one line for each method, one column for each k."""
    print(f"\n{name}, {n_columns} columns: test accuracy, mean of {len(SPLITS)} splits")
    print(f"{'':20}" + "".join(f"{f'k={k}':>8}" for k in sizes) + f"{'mean':>8}")
    for method, values in accuracies.items():
        print(f"{method:20}" + "".join(f"{value:8.3f}" for value in [*values, values.mean()]))
    print(flush=True)


def save_picture(output: Path, accuracies: dict[str, np.ndarray]) -> None:
    """Save accuracy against k on digits, and the pixels that skid chooses."""
    X, y = load_digits(return_X_y=True)
    figure = plt.figure(figsize=(12.5, 4.2), layout="constrained")
    curves, pixels = figure.subfigures(1, 2, squeeze=False, width_ratios=(1, 1.15))[0]
    draw_curves(curves.subplots(), accuracies)
    X_train, _, y_train, _ = split(X, y, SPLITS[0])
    draw_pixels(pixels, X, y, choose(X_train, y_train, SHOWN_SIZE))
    figure.savefig(output, dpi=150)
    plt.close(figure)


def draw_curves(axes: plt.Axes, accuracies: dict[str, np.ndarray]) -> None:
    """Draw accuracy against k; every curve is named at its left end."""
    sizes = DATA["digits"][1]
    curves = {method: accuracies[method] for method in COLORS}
    heights = spread([values[0] for values in curves.values()], gap=0.028)
    for (method, values), height in zip(curves.items(), heights, strict=True):
        ours = method == "skid"
        style: dict[str, Any] = {"color": COLORS[method], "linewidth": 2.8 if ours else 1.6}
        axes.plot(sizes, values, marker="o", markersize=6 if ours else 4, **style, zorder=2 + ours)
        axes.annotate(
            method,
            (sizes[0], values[0]),
            (sizes[0] - 0.6, height),
            color=COLORS[method],
            fontweight="bold" if ours else "normal",
            ha="right",
            va="center",
            arrowprops={"arrowstyle": "-", "color": COLORS[method], "linewidth": 0.6},
        )
    ceiling = accuracies["all columns"][0]
    axes.axhline(ceiling, color="0.35", linewidth=1, linestyle=":")
    axes.text(sizes[-1], ceiling + 0.004, "all 64 pixels", color="0.35", ha="right", va="bottom")
    axes.set(xlim=(-1.4, sizes[-1] + 0.5), xticks=sizes, xlabel="number of chosen pixels k")
    axes.set_title("Digits: test accuracy of the same classifier", loc="left")
    axes.yaxis.set_major_formatter(lambda value, position: f"{value:.0%}")
    axes.grid(axis="y", color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def draw_pixels(figure: SubFigure, X: np.ndarray, y: np.ndarray, columns: np.ndarray) -> None:
    """Draw the mean image of each digit and frame the chosen pixels."""
    figure.suptitle(
        f"The {len(columns)} pixels that skid chooses, on the mean image of each digit",
        fontsize="large",
    )
    for digit, axes in enumerate(figure.subplots(2, 5).flat):
        axes.imshow(X[y == digit].mean(axis=0).reshape(8, 8), cmap="Greys", vmin=0, vmax=20)
        for row, column in zip(*divmod(columns, 8), strict=True):
            corner = (column - 0.5, row - 0.5)
            axes.add_patch(
                plt.Rectangle(corner, 1, 1, fill=False, ec=COLORS["skid"], lw=2, zorder=3)
            )
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_color("0.85")


def spread(values: list[float], *, gap: float) -> np.ndarray:
    """Return heights for labels: near their values, in their order, at least a gap apart."""
    order = np.argsort(values, kind="stable")
    steps = gap * np.arange(len(values))
    heights = np.empty(len(values))
    raised = np.maximum.accumulate(np.asarray(values)[order] - steps) + steps
    heights[order] = raised - (raised - np.asarray(values)[order]).mean()
    return heights


if __name__ == "__main__":
    main()
