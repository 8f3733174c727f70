"""Learn to find the same stars in two photographs of the sky.

Run `python examples/match_points.py`. The second photograph is rotated, zoomed and blurred, and
each one shows a few specks of dust that the other has not. The matching is learnt from pairs whose
partners are known. Prints how many partners are right in photographs not seen before, beside an
assignment by the sorted distances to the other stars, and saves a picture of one pair: right
partners in blue, wrong ones in orange, specks of dust as rings.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from scipy.optimize import linear_sum_assignment

from skid import GraphMatcher
from skid.datasets import make_matching_pairs
from skid.metrics import matching_score

N_TRAIN, N_TEST = 200, 40
N_STARS, N_SPECKS = 14, 3
SECOND_LEFT = 1.3
SKY, PAPER, STAR, DUST = "#101a33", "#1b2949", "#fff6df", "#8d97b3"
RIGHT, WRONG = "#5fa8ff", "#ff8c2e"


def main() -> None:
    """Train, print the scores and save the picture."""
    plt.switch_backend("agg")  # draws to the file alone, with or without a display
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("match_points.png"))
    output = parser.parse_args().output
    X, y = make_matching_pairs(
        N_TRAIN + N_TEST, N_STARS, n_outliers=N_SPECKS, jitter=0.1, random_state=0
    )
    model = GraphMatcher(max_iter=15, random_state=0).fit(X[:N_TRAIN], y[:N_TRAIN])
    unseen, partners = X[N_TRAIN:], y[N_TRAIN:]
    found = {
        "learnt matching": model.predict(unseen),
        "assignment by distances": [assigned_by_distances(*pair) for pair in unseen],
    }
    for name, guesses in found.items():
        right = matching_score(partners, guesses)
        f1 = matching_score(partners, guesses, f1=True)
        print(f"{name}: right partners {right:.1%}, F1 {f1:.3f}")
    shown = usual_pair(partners, found["learnt matching"])
    save_picture(
        output,
        unseen[shown],
        partners[shown],
        {name: guesses[shown] for name, guesses in found.items()},
    )
    print(f"picture: {output}")


def assigned_by_distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Assign points whose sorted distances to all others are alike, in units of their mean."""
    profiles = []
    for points in (a, b):
        distances = np.linalg.norm(points[:, np.newaxis] - points, axis=-1)
        profiles.append(np.sort(distances / distances.mean(), axis=1))
    differences = np.abs(profiles[0][:, np.newaxis] - profiles[1]).sum(axis=-1)
    return linear_sum_assignment(differences)[1]


def usual_pair(partners: list, guesses: list) -> int:
    """Return the pair with the median number of right partners."""
    shares = [matching_score([one], [other]) for one, other in zip(partners, guesses, strict=True)]
    return int(np.argsort(shares, kind="stable")[len(shares) // 2])


def save_picture(output: Path, pair: tuple, partners: np.ndarray, found: dict) -> None:
    """Show both photographs side by side, once for each method, with lines between partners."""
    photographs = [
        in_frame(points, left) for points, left in zip(pair, (0.0, SECOND_LEFT), strict=True)
    ]
    figure, axes = plt.subplots(len(found), 1, figsize=(8, 7.6), facecolor=SKY)
    for axis, (name, guess) in zip(axes, found.items(), strict=True):
        for left in (0.0, SECOND_LEFT):
            axis.add_patch(Rectangle((left, 0), 1, 1, color=PAPER, zorder=0))
        for i in np.flatnonzero(guess >= 0):
            is_right = guess[i] == partners[i]
            axis.plot(
                *np.stack([photographs[0][i], photographs[1][guess[i]]]).T,
                color=RIGHT if is_right else WRONG,
                linewidth=1.3 if is_right else 1.0,
                alpha=0.85,
                zorder=1 + is_right,
            )
        draw_stars(axis, photographs[0], partners >= 0)
        draw_stars(axis, photographs[1], np.isin(np.arange(len(pair[1])), partners))
        n_right = np.sum((guess == partners) & (partners >= 0))
        n_wrong = np.sum(guess >= 0) - n_right
        title = f"{name}: {n_right} of {np.sum(partners >= 0)} stars right, wrong lines: {n_wrong}"
        axis.set_title(title, color=STAR, fontsize=12, loc="left")
        axis.set(xlim=(-0.02, SECOND_LEFT + 1.02), ylim=(-0.03, 1.03), aspect="equal")
        axis.axis("off")
    lines = [
        Line2D([], [], color=color, label=label)
        for color, label in ((RIGHT, "right"), (WRONG, "wrong"))
    ]
    ring = Line2D([], [], color="none", label="dust, without a partner")
    ring.set(marker="o", markerfacecolor=PAPER, markeredgecolor=DUST)
    figure.tight_layout(rect=(0, 0.04, 1, 1))
    figure.legend(
        handles=[*lines, ring], loc="lower center", ncols=3, frameon=False, labelcolor=STAR
    )
    figure.savefig(output, dpi=130, facecolor=SKY)


def in_frame(points: np.ndarray, left: float) -> np.ndarray:
    """Move and scale points into a square of side 1."""
    low, high = points.min(axis=0), points.max(axis=0)
    centred = (points - (low + high) / 2) / (high - low).max()
    return 0.5 + 0.88 * centred + [left, 0]


def draw_stars(axis, points: np.ndarray, is_star: np.ndarray) -> None:
    """Draw stars with a glow, and specks of dust as rings."""
    stars, specks = points[is_star], points[~is_star]
    for size, alpha in ((150, 0.08), (70, 0.18), (22, 1.0)):
        axis.scatter(*stars.T, size, STAR, alpha=alpha, linewidths=0, zorder=4)
    axis.scatter(*specks.T, 26, facecolors=PAPER, edgecolors=DUST, linewidths=1.2, zorder=4)


if __name__ == "__main__":
    main()
