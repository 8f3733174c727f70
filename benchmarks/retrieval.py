"""Recall@1 and mAP of `RankingRetriever` on unseen classes, beside ordinary losses; large search.

Run `python benchmarks/retrieval.py --data FOLDER`, with omniglot_small.npz and mnist.npz in it.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, stdev

import environment
import keras
import numpy as np
import psutil
from report import markdown
from retrieval_losses import RIVALS
from sklearn.utils import gen_batches

from skid import RankingRetriever
from skid.gradients import BlackBox
from skid.metrics import mean_average_precision

PARTS = ("losses", "search")
RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
TUNING_SEED = 100
TUNING_ROWS = 2000
BATCH_SIZE = 128
OURS = {
    "balanced recall": {},
    "balanced mAP": {"loss": "map"},
    "recall of the paper": {"loss": "recall_paper"},
    "black-box, lambda 1": {"gradient": BlackBox(1.0)},
    "black-box, lambda 10": {"gradient": BlackBox(10.0)},
}
ABLATION = {
    "balanced recall, none": {"projection": "none"},
    "balanced recall, mean": {"projection": "mean"},
    "balanced recall, norm": {"projection": "norm"},
    "recall of the paper, mean": {"loss": "recall_paper", "projection": "mean"},
    "recall of the paper, norm": {"loss": "recall_paper", "projection": "norm"},
}


def main() -> None:
    """Run the chosen parts and print their tables."""
    arguments = parse_arguments()
    environment.limit_threads(arguments.threads)
    description = environment.describe(arguments.threads)
    print(environment.header(description))
    raw = {"environment": description}
    if "losses" in arguments.parts:
        raw["losses"] = []
        for row in measure_losses(arguments):
            raw["losses"].append(row)
            print(json.dumps(row), flush=True)
        print(f"\n{losses_table(raw['losses'])}", flush=True)
    if "search" in arguments.parts:
        raw["search"] = measure_search(arguments.items)
        print(f"\n{markdown(['', 'value'], [[k, f'{v:.4g}'] for k, v in raw['search'].items()])}")
    if arguments.json:
        arguments.json.write_text(json.dumps(raw))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--data", type=Path, help="folder of the data")
    parser.add_argument("--datasets", nargs="+", choices=LOADERS, default=list(LOADERS))
    parser.add_argument("--methods", nargs="+", default=[*OURS, *RIVALS, *ABLATION])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rate", type=float, help="the same for all instead of a tuned one")
    parser.add_argument("--rates", nargs="+", type=float, default=RATES, help="to tune among")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write every raw result to this file")
    return parser.parse_args()


@dataclass
class Images:
    """Images of known classes, and of classes that no training sees.

    Attributes
    ----------
    known, unseen : tuple of two array
        Images and labels.
    held_out : sequence of int
        Known classes that learning rates are tuned on, after a training on the others.
    """

    known: tuple
    unseen: tuple
    held_out: Sequence[int]

    def for_tuning(self) -> Images:
        """A part of the known classes in the place of the unseen ones."""
        apart = np.isin(self.known[1], self.held_out)
        parts = (np.flatnonzero(~apart), np.flatnonzero(apart)[:TUNING_ROWS])
        return Images(*(tuple(values[rows] for values in self.known) for rows in parts), ())


def omniglot(folder: Path) -> Images:
    """Characters of five alphabets, and of three unseen ones; tuned on two of the five."""
    data = np.load(folder / "omniglot_small.npz")
    images, labels = data["images"][..., np.newaxis], data["character"]
    known, unseen = ((images[rows], labels[rows]) for rows in (data["split"] == k for k in (0, 1)))
    return Images(known, unseen, np.unique(labels[np.isin(data["alphabet"], (0, 4))]))


def mnist(folder: Path) -> Images:
    """Digits 0 to 4 for training, 3,000 test images of 5 to 9; tuned on digits 3 and 4."""
    data = np.load(folder / "mnist.npz")
    parts = []
    for part, digits, count in (("train", range(5), 15_000), ("test", range(5, 10), 3_000)):
        rows = np.flatnonzero(np.isin(data[f"y_{part}"], digits))[:count]
        parts.append((data[f"x_{part}"][rows].reshape(-1, 28, 28, 1), data[f"y_{part}"][rows]))
    return Images(*parts, (3, 4))


LOADERS = {"omniglot": omniglot, "mnist": mnist}


def convolutions(input_shape, n_outputs):
    """Three convolutions of stride 2 with batch normalisation."""
    layers = [keras.Input(input_shape)]
    for n_filters in (16, 32, 64):
        layers += [
            keras.layers.Conv2D(n_filters, 3, strides=2, padding="same", use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
        ]
    return keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dense(n_outputs)])


def measure_losses(arguments: argparse.Namespace) -> Iterator[dict]:
    """Every data set, method and seed, at a learning rate tuned on held-out known classes."""
    for name in arguments.datasets:
        images = LOADERS[name](arguments.data)
        rates = {}
        for method in arguments.methods:
            # The ablation takes the learning rate of what it is an ablation of.
            whole = method.split(", ")[0] if method in ABLATION else method
            if whole not in rates:
                rates[whole] = arguments.rate or tuned_rate(whole, images, arguments)
            for seed in arguments.seeds:
                row = {"data": name, "method": method, "rate": rates[whole], "seed": seed}
                yield row | measure(method, images, rates[whole], seed, arguments.steps)


def tuned_rate(method: str, images: Images, arguments: argparse.Namespace) -> float:
    """The learning rate with the best sum of Recall@1 and mAP, sought from the middle."""
    images, rates = images.for_tuning(), sorted(arguments.rates)
    scores: dict[float, float] = {}
    middle = (len(rates) - 1) // 2
    wanted = {*rates[middle : middle + 2]}
    while wanted:
        for rate in sorted(wanted):
            found = measure(method, images, rate, TUNING_SEED, arguments.steps)
            scores[rate] = found["recall"] + found["map"]
            print(json.dumps({"tuned": method, "rate": rate} | found), flush=True)
        best = rates.index(max(scores, key=scores.get))
        wanted = {*rates[max(best - 1, 0) : best + 2]} - {*scores}
    return rates[best]


def measure(method: str, images: Images, rate: float, seed: int, n_steps: int) -> dict:
    """Train on the known classes, and search among the unseen ones; in percent."""
    X, y = images.known
    model = RankingRetriever(
        network=convolutions,
        learning_rate_init=rate,
        max_iter=max(1, round(n_steps / np.ceil(len(X) / BATCH_SIZE))),
        random_state=seed,
        **(OURS | ABLATION | RIVALS)[method],
    )
    start = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - start
    X, y = images.unseen
    return {
        "recall": 100 * model.score(X, y),
        "map": 100 * precision(model.transform(X), y),
        "seconds": seconds,
    }


def precision(vectors: np.ndarray, labels: np.ndarray) -> float:
    """Mean average precision of each row's ranking of the others."""
    total = []
    for start in range(0, len(vectors), 500):
        rows = np.arange(start, min(start + 500, len(vectors)))
        scores = vectors[rows] @ vectors.T
        others = np.arange(len(vectors)) != rows[:, np.newaxis]
        query = np.broadcast_to(rows[:, np.newaxis], others.shape)[others]
        relevant = (labels[rows, np.newaxis] == labels)[others]
        total.append(len(rows) * mean_average_precision(relevant, scores[others], qid=query))
    return sum(total) / len(vectors)


def losses_table(results: list[dict]) -> str:
    """Mean and deviation over the seeds."""
    rows = []
    for key in dict.fromkeys((row["data"], row["method"]) for row in results):
        same = [row for row in results if (row["data"], row["method"]) == key]
        cells = []
        for name in ("recall", "map"):
            values = [row[name] for row in same]
            spread = f" +- {stdev(values):.1f}" if len(values) > 1 else ""
            cells.append(f"{mean(values):.1f}{spread}")
        seconds = f"{median(row['seconds'] for row in same):.0f}"
        rows.append([*key, *cells, f"{same[0]['rate']:g}", seconds])
    return markdown(["data", "method", "Recall@1", "mAP", "rate", "seconds"], rows)


def measure_search(n_items: int) -> dict[str, float]:
    """Set a gallery of clustered rows of 64 columns, and find the ten nearest of 1,000 queries."""
    random = np.random.RandomState(0)
    centres = random.normal(size=(max(1, n_items // 100), 64)).astype(np.float32)
    rows = centres[random.randint(len(centres), size=n_items)]
    for block in gen_batches(n_items, 100_000):
        rows[block] += 0.5 * random.normal(size=rows[block].shape)
    queries = rows[:1000] + 0.1 * random.normal(size=(1000, 64)).astype(np.float32)
    # A linear embedding, whatever it has learnt: the search is what is measured.
    model = RankingRetriever(hidden_layer_sizes=(), search="approximate", max_iter=1)
    model.fit(rows[:2000], np.arange(2000) % 20)
    process = psutil.Process()
    before = process.memory_info().rss
    start = time.perf_counter()
    model.set_gallery(rows)
    built = time.perf_counter()
    held = process.memory_info().rss - before
    found = model.kneighbors(queries, 10, return_distance=False)
    searched = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    exact = model.set_params(search="exact").set_gallery(rows)
    start_exact = time.perf_counter()
    true = exact.kneighbors(queries, 10, return_distance=False)
    ended = time.perf_counter()
    hits = [len({*a} & {*b}) for a, b in zip(found, true, strict=True)]
    return {
        "items": n_items,
        "set_gallery, s": built - start,
        "kneighbors of 1,000 queries, s": searched - built,
        "the same, exact, s": ended - start_exact,
        "recall@10": mean(hits) / 10,
        "memory of the gallery, MiB": held / 2**20,
        "peak memory of the process, MiB": peak,
    }


if __name__ == "__main__":
    main()
