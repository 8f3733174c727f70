"""Codes of a few ones for digits, and what a decoder makes of them.

Run `python examples/discrete_codes_of_digits.py`. On the digits that scikit-learn ships, 8 x 8
pixels, an autoencoder learns codes of 12 groups with 3 ones among 8 entries each: 70 bits. Unseen
digits are encoded and decoded, and a logistic regression tells them apart by their codes alone.
Prints the numbers and saves a picture.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import comb
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from skid import DiscreteAutoencoder

N_GROUPS, GROUP_SIZE, K = 12, 8, 3
SHOWN = 10


def main() -> None:
    """Print how well codes keep the digits, and save the picture."""
    plt.switch_backend("agg")  # draws to the file alone, with or without a display
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("discrete_codes_of_digits.png"))
    output = parser.parse_args().output
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    model = DiscreteAutoencoder(
        N_GROUPS,
        group_size=GROUP_SIZE,
        k=K,
        hidden_layer_sizes=(128, 64),
        learning_rate_init=3e-3,
        random_state=0,
    ).fit(X_train)
    codes = model.transform(X_test)
    decoded = model.inverse_transform(codes)
    kept = 1 - np.mean((X_test - decoded) ** 2) / np.mean((X_test - X_train.mean(axis=0)) ** 2)
    with threadpool_limits(1):
        learner = LogisticRegression(max_iter=1000).fit(model.transform(X_train), y_train)
        pixels = LogisticRegression(max_iter=1000).fit(X_train, y_train)
    bits = N_GROUPS * np.log2(comb(GROUP_SIZE, K))
    print(f"unseen digits: {kept:.0%} of the variance in {bits:.0f} bits, bound "
          f"{model.score(X_test):.2f} nats")  # fmt: skip
    print(
        f"accuracy of a logistic regression: codes {learner.score(codes, y_test):.3f}, "
        f"pixels {pixels.score(X_test, y_test):.3f}"
    )
    first = [int(np.flatnonzero(y_test == digit)[0]) for digit in range(SHOWN)]
    save_picture(output, X_test[first], codes[first], decoded[first])
    print(f"picture: {output}")


def save_picture(output: Path, X: np.ndarray, codes: np.ndarray, decoded: np.ndarray) -> None:
    """Save originals, their codes with one row a group, and the decoded images."""
    figure, axes = plt.subplots(
        3, len(X), figsize=(12, 4.6), height_ratios=(1, 1.5, 1), layout="constrained"
    )
    rows = (
        ("original", X.reshape(-1, 8, 8), "Greys"),
        ("code", codes.reshape(-1, N_GROUPS, GROUP_SIZE), "Reds"),
        ("decoded", decoded.reshape(-1, 8, 8), "Greys"),
    )
    for line, (name, images, colors) in zip(axes, rows, strict=True):
        for place, image in zip(line, images, strict=True):
            place.imshow(image, cmap=colors, vmin=0, vmax=1)
            place.set(xticks=[], yticks=[])
            place.spines[:].set_color("0.85")
        line[0].set_ylabel(name)
    figure.suptitle(
        f"Unseen digits as {N_GROUPS} groups of {K} ones among {GROUP_SIZE} entries, and back"
    )
    figure.savefig(output, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main()
