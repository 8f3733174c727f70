"""Bound, time and use of the codes of `DiscreteAutoencoder` on MNIST, beside its rivals.

Run `python benchmarks/discrete_codes.py --data FOLDER`, with mnist.npz in it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import environment
import numpy as np
from report import markdown
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, ShuffleSplit

from skid import DiscreteAutoencoder
from skid.gradients import BlackBox, RelaxedTopK
from skid.noise import Gumbel

PARTS = ("bound", "time", "codes")
NOISES = ("code", "paper")
BATCH_SIZE = 100
PAPER = {"radius": 1.0, "logit_bound": None, "learning_rate": "constant"}
# The released I-MLE divides the difference of its two solutions by lambda = 10 and steps along the
# gradient of the mean over 100 rows; in terms of the loss of a row that is black-box
# differentiation with lambda = 10 / 100.
RELEASED_IMLE = {"gradient": BlackBox(10 / BATCH_SIZE), "projection": "none", **PAPER}
METHODS = {
    "skid": {},
    "Identity, std": {"projection": "std", **PAPER},
    "Identity, norm": {"projection": "norm", **PAPER},
    "Identity, mean": {"projection": "mean", **PAPER},
    "Identity, none": {"projection": "none", **PAPER},
    "I-MLE": RELEASED_IMLE,
}
GUMBEL_SOFTMAX = {
    "k": 1,
    "noise": Gumbel(),
    "temperature": float(np.pi / np.sqrt(6)),
    "gradient": RelaxedTopK(1, temperature=0.5),
    "projection": "none",
}
REGULARISATIONS = (0.01, 0.03, 0.1, 1.0, 10.0)


def main() -> None:
    """Run the chosen parts and print their tables."""
    arguments = parse_arguments()
    environment.limit_threads(arguments.threads)
    description = environment.describe(arguments.threads)
    print(environment.header(description), flush=True)
    raw = {"environment": description, "arguments": vars(arguments) | {"data": None, "json": None}}
    data = mnist(arguments)
    if "bound" in arguments.parts:
        raw["bound"] = []
        for row in measure_bounds(arguments, *data[::2]):
            raw["bound"].append(row)
            print(json.dumps(row), flush=True)
        print(f"\n{bound_table(raw['bound'])}", flush=True)
    if "time" in arguments.parts:
        raw["time"] = measure_time(data[0], arguments.repetitions)
        print(f"\n{time_table(raw['time'])}", flush=True)
    if "codes" in arguments.parts:
        raw["codes"] = list(measure_codes(arguments, *data))
        print(f"\n{codes_table(raw['codes'])}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(raw))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--noises", nargs="+", choices=NOISES, default=list(NOISES))
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--every", type=int, default=5, help="epochs from one test to the next")
    parser.add_argument("--rows", type=int, default=60_000, help="training rows")
    parser.add_argument("--validate", action="store_true", help="test on the last training rows")
    parser.add_argument("--repetitions", type=int, default=3, help="epochs that are timed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="2,000 rows and two epochs")
    parser.add_argument("--json", type=Path, help="write every raw result to this file")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rows, arguments.epochs, arguments.repetitions = 2_000, 2, 1
    return arguments


def mnist(arguments: argparse.Namespace) -> tuple[np.ndarray, ...]:
    """Images in [0, 1] and labels to learn from, then to test on."""
    with np.load(arguments.data / "mnist.npz") as file:
        X, X_test = (
            file[name].reshape(len(file[name]), -1).astype(np.float32) / 255
            for name in ("x_train", "x_test")
        )
        y, y_test = file["y_train"], file["y_test"]
    if arguments.validate:
        X, X_test, y, y_test = X[:50_000], X[50_000:], y[:50_000], y[50_000:]
    return X[: arguments.rows], y[: arguments.rows], X_test, y_test


def measure_bounds(
    arguments: argparse.Namespace, X: np.ndarray, X_test: np.ndarray
) -> Iterator[dict]:
    """Train every method with every noise, and test the sampled bound as it goes.

    A learning rate that falls knows its end: such a method is tested after its last epoch only.
    """
    for noise in arguments.noises:
        for method in arguments.methods:
            model = DiscreteAutoencoder(
                noise=noise, temperature=10.0, random_state=arguments.seed, **METHODS[method]
            )
            start = time.perf_counter()
            curve = []
            if model.learning_rate == "constant":
                for epoch in range(1, arguments.epochs + 1):
                    model.partial_fit(X)
                    if epoch % arguments.every == 0 or epoch == arguments.epochs:
                        curve.append((epoch, *tested(model, X_test)))
            else:
                model.set_params(max_iter=arguments.epochs).fit(X)
                curve.append((arguments.epochs, *tested(model, X_test)))
            seconds = time.perf_counter() - start
            yield {"noise": noise, "method": method, "curve": curve, "seconds": seconds}


def tested(model: DiscreteAutoencoder, X: np.ndarray) -> tuple[float, ...]:
    """Mean reconstruction loss, and divergences by both names, in nats."""
    reconstruction, marginal = model.negative_bound(X, kl="marginal")
    subset = model.negative_bound(X, kl="subset")[1]
    return tuple(float(term.mean()) for term in (reconstruction, marginal, subset))


def bound_table(results: list[dict]) -> str:
    """The negative bound with the paper's divergence, at some epochs and at the last."""
    epochs = sorted({point[0] for row in results for point in row["curve"]})
    shown = [epoch for epoch in epochs if epoch in (5, 10, 20, 50) or epoch == epochs[-1]]
    rows = []
    for row in results:
        totals = {point[0]: point[1] + point[2] for point in row["curve"]}
        cells = [f"{totals[epoch]:.1f}" if epoch in totals else "-" for epoch in shown]
        reconstruction, marginal, subset = row["curve"][-1][1:]
        terms = [f"{reconstruction:.1f}", f"{marginal:.1f}", f"{subset:.1f}"]
        rows.append([row["noise"], row["method"], *cells, *terms])
    header = [f"epoch {epoch}" for epoch in shown]
    return markdown(
        ["noise", "method", *header, "reconstruction", "marginal KL", "subset KL"], rows
    )


def measure_time(X: np.ndarray, repetitions: int) -> dict:
    """Seconds of an epoch, the authors' and ours in turn."""
    from discrete_codes_peers import seconds_of_an_epoch

    model = DiscreteAutoencoder(warm_start=True, max_iter=1, random_state=0).fit(X)
    ours = []
    theirs = []
    for _ in range(repetitions):
        start = time.perf_counter()
        model.fit(X)
        ours.append(time.perf_counter() - start)
        theirs += seconds_of_an_epoch(X, BATCH_SIZE, 1)
    return {"skid": ours, "authors' layer": theirs}


def time_table(seconds: dict) -> str:
    """Median seconds of an epoch and the ratio."""
    ours = median(seconds["skid"])
    rows = [
        [name, f"{median(values):.1f}", f"{median(values) / ours:.2f}"]
        for name, values in seconds.items()
    ]
    return markdown(["", "seconds an epoch", "ratio"], rows)


def measure_codes(
    arguments: argparse.Namespace,
    X: np.ndarray,
    y: np.ndarray,
    X_test: np.ndarray,
    y_test: np.ndarray,
) -> Iterator[dict]:
    """Test accuracy of a logistic regression on codes of 400 numbers.

    Its regularisation is chosen for each kind of code, on a fifth of the training rows.
    """
    seed, epochs = arguments.seed, arguments.epochs
    n_codes = 400
    autoencoders = {
        "skid, k = 10 of 20": {},
        "skid, k = 5 of 20, temperature 5": {"k": 5, "temperature": 5.0},
        "skid, k = 1 of 20": {"k": 1},
        "Gumbel-softmax, 1 of 20": GUMBEL_SOFTMAX,
    }
    codes = {}
    for name, parameters in autoencoders.items():
        model = DiscreteAutoencoder(max_iter=epochs, random_state=seed, **parameters).fit(X)
        codes[name] = model.transform(X), model.transform(X_test)
    pca = PCA(n_codes, random_state=seed).fit(X)
    projected = pca.transform(X), pca.transform(X_test)
    codes["PCA, 400 numbers"] = projected
    codes["PCA, 400 signs"] = tuple((part > 0).astype(np.float32) for part in projected)
    means = KMeans(n_codes, n_init=1, random_state=seed).fit(X)
    codes["k-means, 1 of 400"] = tuple(
        np.eye(n_codes, dtype=np.float32)[means.predict(part)] for part in (X, X_test)
    )
    codes["pixels"] = X, X_test
    for name, (known, unseen) in codes.items():
        learner = GridSearchCV(
            LogisticRegression(max_iter=200),
            {"C": REGULARISATIONS},
            cv=ShuffleSplit(1, test_size=0.2, random_state=seed),
        ).fit(known, y)
        accuracy = learner.score(unseen, y_test)
        yield {"codes": name, "accuracy": accuracy, "C": learner.best_params_["C"]}


def codes_table(results: list[dict]) -> str:
    """Accuracy by kind of code."""
    return markdown(
        ["codes", "test accuracy", "C"],
        [[row["codes"], f"{row['accuracy']:.4f}", f"{row['C']:g}"] for row in results],
    )


if __name__ == "__main__":
    main()
