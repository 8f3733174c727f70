"""NDCG of `QueryRanker` beside LightGBM's lambdarank, and microseconds of a ranking with gradient.

Run `python benchmarks/ranking.py`; `--letor FOLDER` adds data in the LETOR format.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median

import environment
import numpy as np
from selection_tables import markdown
from sklearn.datasets import load_svmlight_file

from skid import QueryRanker
from skid.metrics import mean_ndcg

PARTS = ("data", "layer")
CUT_OFF = 10
FEATURES = 20


def main() -> None:
    """Run the chosen parts and print their tables."""
    arguments = parse_arguments()
    environment.limit_threads(arguments.threads)
    description = environment.describe(arguments.threads)
    print(environment.header(description))
    raw = {"environment": description}
    if "data" in arguments.parts:
        raw["data"] = measure_data(arguments)
        print(f"\n{data_table(raw['data'])}", flush=True)
    if "layer" in arguments.parts:
        raw["layer"] = measure_layer(arguments.rows, arguments.items, arguments.repetitions)
        print(f"\n{layer_table(raw['layer'])}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(raw))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--letor", type=Path, help="folder with train.txt and test.txt")
    parser.add_argument("--queries", type=int, default=400, help="training queries, synthetic")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--items", type=int, default=512)
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write every raw result to this file")
    return parser.parse_args()


def synthetic(n_queries: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Documents of queries of 1 to 1,000 documents, graded 0 to 4 by a noisy merit.

    The merit is not linear, and what all documents of a query share says nothing of their order.
    """
    random = np.random.RandomState(seed)
    lengths = np.clip(np.exp(random.normal(3.5, 1.0, n_queries)), 1, 1000).astype(int)
    query = np.repeat(np.arange(n_queries), lengths)
    X = random.normal(size=(len(query), FEATURES))
    X += 0.5 * random.normal(size=(n_queries, FEATURES))[query]
    merit = X[:, 0] + X[:, 1] * X[:, 2] + np.sin(2 * X[:, 3]) + np.abs(X[:, 4])
    merit -= 0.5 * np.square(X[:, 5]) * (X[:, 6] > 0)
    merit += 0.7 * random.normal(size=len(query)) + random.normal(size=n_queries)[query]
    return X.astype(np.float32), np.digitize(merit, [1.0, 2.2, 3.4, 4.6]), query


def letor(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Documents of a file in the LETOR format."""
    X, relevance, query = load_svmlight_file(
        str(folder / f"{part}.txt"), dtype=np.float32, query_id=True
    )
    return X.toarray(), relevance.astype(int), query


def fit_ours(seed: int, **parameters) -> Callable:
    """A fit that returns the scores of other documents."""

    def fit(X, relevance, query):
        model = QueryRanker(k=CUT_OFF, random_state=seed, **parameters)
        return model.fit(X, relevance, qid=query).predict

    return fit


def fit_lightgbm(seed: int, n_trees: int, n_threads: int) -> Callable:
    """The same with LightGBM, which wants its documents sorted by query."""

    def fit(X, relevance, query):
        import lightgbm

        order = np.argsort(query, kind="stable")
        model = lightgbm.LGBMRanker(
            n_estimators=n_trees,
            learning_rate=0.05,
            n_jobs=n_threads,
            random_state=seed,
            verbose=-1,
        )
        lengths = np.unique(query, return_counts=True)[1]
        return model.fit(X[order], relevance[order], group=lengths).predict

    return fit


def methods(seed: int, n_threads: int) -> dict[str, Callable]:
    """Fits by name."""
    ours = {
        "QueryRanker": {},
        "loss=map": {"loss": "map"},
        "loss=recall": {"loss": "recall"},
        "projection=std": {"projection": "std"},
        "gradient=blackbox": {"gradient": "blackbox"},
    }
    fits = {name: fit_ours(seed, **parameters) for name, parameters in ours.items()}
    if environment.is_installed("lightgbm"):
        for n_trees in (200, 400):
            fits[f"lambdarank, {n_trees} trees"] = fit_lightgbm(seed, n_trees, n_threads)
    else:
        print("skipped lambdarank: lightgbm is not installed")
    return fits


def measure_data(arguments: argparse.Namespace) -> list[dict]:
    """NDCG and seconds of every method, data set and seed."""
    results = []
    for seed in arguments.seeds:
        n_queries = arguments.queries
        sets = {"synthetic": (synthetic(n_queries, seed), synthetic(n_queries, seed + 1000))}
        if arguments.letor:
            sets["letor"] = tuple(letor(arguments.letor, part) for part in ("train", "test"))
        for name, (training, (X, relevance, query)) in sets.items():
            for method, fit in methods(seed, arguments.threads).items():
                start = time.perf_counter()
                predict = fit(*training)
                seconds = time.perf_counter() - start
                ndcg = mean_ndcg(relevance, predict(X), qid=query, k=CUT_OFF)
                results.append({"data": name, "method": method, "ndcg": ndcg, "seconds": seconds})
    return results


def data_table(results: list[dict]) -> str:
    """Mean NDCG and median seconds over the seeds."""
    rows = []
    for key in dict.fromkeys((row["data"], row["method"]) for row in results):
        same = [row for row in results if (row["data"], row["method"]) == key]
        ndcg = mean(row["ndcg"] for row in same)
        rows.append([*key, f"{ndcg:.4f}", f"{median(row['seconds'] for row in same):.1f}"])
    return markdown(["data", "method", f"NDCG@{CUT_OFF}", "seconds"], rows)


def measure_layer(n_rows: int, n_items: int, repetitions: int) -> dict[str, float]:
    """Microseconds of the loss of a batch of rankings and its gradient."""
    import tensorflow as tf

    from skid.gradients import BlackBox, Identity
    from skid.rank_losses import rank_loss

    random = np.random.RandomState(0)
    scores = tf.constant(random.normal(size=(n_rows, n_items)).astype(np.float32))
    relevance = tf.constant((random.random_sample((n_rows, n_items)) < 0.05).astype(np.int32))
    times = {}
    for name, gradient in (("balanced Identity", Identity()), ("black-box", BlackBox())):
        for loss in ("recall", "map", "ndcg"):

            @tf.function(jit_compile=True, autograph=False)
            def step(scores, gradient=gradient, loss=loss):
                with tf.GradientTape() as tape:
                    tape.watch(scores)
                    losses = rank_loss(scores, relevance, loss=loss, gradient=gradient)
                return tape.gradient(losses, scores)

            step(scores).numpy()
            taken = []
            for _ in range(repetitions):
                start = time.perf_counter()
                step(scores).numpy()
                taken.append(1e6 * (time.perf_counter() - start))
            times[f"{name}, {loss}"] = median(taken)
    return times


def layer_table(times: dict[str, float]) -> str:
    """Microseconds by rule and loss."""
    return markdown(["ranking", "us"], [[name, f"{value:.0f}"] for name, value in times.items()])


if __name__ == "__main__":
    main()
