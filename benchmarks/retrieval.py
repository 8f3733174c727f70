"""Recall@1 and mAP of `RankingRetriever` on unseen classes, beside ordinary losses; large search.

Run `python benchmarks/retrieval.py --data FOLDER`, with omniglot_small.npz and mnist.npz in it.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from contextlib import nullcontext
from pathlib import Path
from statistics import mean, stdev

import environment
import keras
import numpy as np
from retrieval_losses import RIVALS, trained_with
from selection_tables import markdown

from skid import RankingRetriever
from skid.metrics import mean_average_precision
from skid.retrieval._gallery import Gallery

PARTS = ("losses", "search")
RATES = (1e-3, 3e-3, 1e-2)
OURS = {
    "balanced recall": {},
    "balanced mAP": {"loss": "map"},
    "balanced NDCG": {"loss": "ndcg"},
    "recall of the paper": {"loss": "recall_paper"},
    "black-box": {"gradient": "blackbox"},
    "projection none": {"projection": "none"},
    "projection mean": {"projection": "mean"},
    "projection norm": {"projection": "norm"},
}


def main() -> None:
    """Run the chosen parts and print their tables."""
    arguments = parse_arguments()
    environment.limit_threads(arguments.threads)
    description = environment.describe(arguments.threads)
    print(environment.header(description))
    raw = {"environment": description}
    if "losses" in arguments.parts:
        raw["losses"] = measure_losses(arguments)
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
    parser.add_argument("--methods", nargs="+", default=[*OURS, *RIVALS])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rates", nargs="+", type=float, default=list(RATES))
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write every raw result to this file")
    return parser.parse_args()


def omniglot(folder: Path) -> tuple:
    """Characters of known alphabets, and of unseen ones."""
    data = np.load(folder / "omniglot_small.npz")
    known = data["split"] == 0
    images, labels = data["images"][..., np.newaxis], data["character"]
    unseen = data["split"] == 1
    return images[known], labels[known], images[unseen], labels[unseen]


def mnist(folder: Path) -> tuple:
    """Digits 0 to 4 for training; 3,000 test images of 5 to 9."""
    data = np.load(folder / "mnist.npz")
    parts = []
    for part, digits, count in (("train", range(5), 15_000), ("test", range(5, 10), 3_000)):
        rows = np.flatnonzero(np.isin(data[f"y_{part}"], digits))[:count]
        parts += [data[f"x_{part}"][rows].reshape(-1, 28, 28, 1), data[f"y_{part}"][rows]]
    return tuple(parts)


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


def measure_losses(arguments: argparse.Namespace) -> list[dict]:
    """Every method, data set, learning rate and seed."""
    results = []
    for name in arguments.datasets:
        X, y, unseen, labels = LOADERS[name](arguments.data)
        for method in arguments.methods:
            for rate in arguments.rates:
                for seed in arguments.seeds:
                    model = RankingRetriever(
                        network=convolutions,
                        learning_rate_init=rate,
                        max_iter=max(1, round(arguments.steps * 128 / len(X))),
                        random_state=seed,
                        **OURS.get(method, {}),
                    )
                    rival = trained_with(RIVALS[method]) if method in RIVALS else nullcontext()
                    start = time.perf_counter()
                    with rival:
                        model.fit(X, y)
                    results.append(
                        {
                            "data": name,
                            "method": method,
                            "rate": rate,
                            "seed": seed,
                            "recall": 100 * model.score(unseen, labels),
                            "map": 100 * precision(model.transform(unseen), labels),
                            "seconds": time.perf_counter() - start,
                        }
                    )
    return results


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
    """Mean and deviation over the seeds, at the learning rate with the best Recall@1."""
    rows = []
    for key in dict.fromkeys((row["data"], row["method"]) for row in results):
        same = [row for row in results if (row["data"], row["method"]) == key]
        by_rate = {
            rate: [row for row in same if row["rate"] == rate] for rate in {r["rate"] for r in same}
        }
        rate, best = max(by_rate.items(), key=lambda item: mean(r["recall"] for r in item[1]))
        cells = []
        for measure in ("recall", "map"):
            values = [row[measure] for row in best]
            spread = f" +- {stdev(values):.1f}" if len(values) > 1 else ""
            cells.append(f"{mean(values):.1f}{spread}")
        rows.append([*key, *cells, f"{rate:g}", f"{mean(row['seconds'] for row in best):.0f}"])
    return markdown(["data", "method", "Recall@1", "mAP", "rate", "seconds"], rows)


def measure_search(n_items: int) -> dict[str, float]:
    """Build and search an index of clustered unit vectors of 64 entries."""
    random = np.random.RandomState(0)
    centres = random.normal(size=(max(1, n_items // 100), 64))
    vectors = centres[random.randint(len(centres), size=n_items)]
    vectors = (vectors + 0.5 * random.normal(size=vectors.shape)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = vectors[:1000] + 0.02 * random.normal(size=(1000, 64)).astype(np.float32)
    start = time.perf_counter()
    gallery = Gallery(vectors, None, "approximate", 0)
    built = time.perf_counter()
    _, found = gallery.nearest(queries, 10)
    searched = time.perf_counter()
    _, true = Gallery(vectors, None, "exact", 0).nearest(queries, 10)
    ended = time.perf_counter()
    hits = [len({*a} & {*b}) for a, b in zip(found, true, strict=True)]
    return {
        "items": n_items,
        "seconds to build": built - start,
        "ms a query": searched - built,
        "ms a query, exact": ended - searched,
        "recall@10": mean(hits) / 10,
        "peak memory, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


if __name__ == "__main__":
    main()
