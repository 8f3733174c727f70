"""Learn an embedding that ranks images of the same handwritten digit first.

Run `python examples/retrieve_digits.py`. The embedding is trained through the ranking of 900
images, and searches among the others. Prints how many of the first ten neighbours show the digit
of the query and the mean average precision of whole rankings, beside plain pixels, and saves a
picture of queries with their first ten neighbours: right ones framed in blue, wrong in orange.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors

from skid import RankingRetriever
from skid.metrics import mean_average_precision

N_TRAIN = 900
N_NEIGHBORS = 10
RIGHT, WRONG = "#2a6fbb", "#e07b00"


def main() -> None:
    """Train, print the scores and save the picture."""
    plt.switch_backend("agg")  # draws to the file alone, with or without a display
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("retrieve_digits.png"))
    output = parser.parse_args().output
    X, y = load_digits(return_X_y=True)
    model = RankingRetriever(max_iter=40, random_state=0).fit(X[:N_TRAIN], y[:N_TRAIN])
    unseen, labels = X[N_TRAIN:], y[N_TRAIN:]
    found = model.set_gallery(unseen).kneighbors(n_neighbors=N_NEIGHBORS, return_distance=False)
    for name, vectors in (("learnt ranking", model.transform(unseen)), ("pixels", unseen)):
        nearest = NearestNeighbors(n_neighbors=len(labels) - 1).fit(vectors).kneighbors()[1]
        right = labels[nearest] == labels[:, np.newaxis]
        query, place = np.indices(right.shape).reshape(2, -1)
        precision = mean_average_precision(right.ravel(), -place, qid=query)
        first = right[:, :N_NEIGHBORS].mean()
        print(f"{name}: first ten right {first:.1%}, mean average precision {precision:.3f}")
    save_picture(output, unseen, labels, found)
    print(f"picture: {output}")


def save_picture(output: Path, images, labels, found) -> None:
    """Show two queries of each digit: a usual one, and the one with most wrong neighbours."""
    n_wrong = (labels[found] != labels[:, np.newaxis]).sum(axis=1)
    queries = []
    for digit in np.unique(labels):
        rows = np.flatnonzero(labels == digit)
        queries += [rows[0], rows[n_wrong[rows].argmax()]]
    n_columns = N_NEIGHBORS + 2
    figure, axes = plt.subplots(
        len(queries), n_columns, figsize=(0.62 * n_columns, 0.64 * len(queries))
    )
    for row, query in zip(axes, queries, strict=True):
        for axis in row:
            axis.set(xticks=[], yticks=[])
        row[1].set_visible(False)
        draw_image(row[0], images[query], "black", 1)
        for axis, item in zip(row[2:], found[query], strict=True):
            draw_image(axis, images[item], RIGHT if labels[item] == labels[query] else WRONG, 2.5)
    axes[0, 0].set_title("query", fontsize=9)
    axes[0, 2].set_title(
        "the ten nearest images that the training has not seen", fontsize=9, loc="left"
    )
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.96, wspace=0.12, hspace=0.12)
    figure.savefig(output, dpi=110)


def draw_image(axis, image, color: str, width: float) -> None:
    """Draw an image of 8 x 8 pixels in a frame."""
    axis.imshow(image.reshape(8, 8), cmap="gray_r")
    axis.spines[:].set(color=color, linewidth=width)


if __name__ == "__main__":
    main()
