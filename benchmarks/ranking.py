"""NDCG of `QueryRanker` beside LightGBM's lambdarank.

Run `python benchmarks/ranking.py`; `--letor FOLDER` adds a data set in the LETOR format.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean, median

import environment
import numpy as np
from ranking_data import best_order, documents_like_letor, letor, synthetic, write_letor
from report import markdown

from skid import QueryRanker
from skid.metrics import mean_ndcg

CUT_OFF = 10
TREES = (100, 200, 400)
OURS = {
    "QueryRanker": {},
    "loss=map": {"loss": "map"},
    "loss=recall": {"loss": "recall"},
    "projection=std": {"projection": "std"},
    "gradient=blackbox": {"gradient": "blackbox"},
}
LAMBDARANK = {
    f"lambdarank, {n_trees} trees": {"n_estimators": n_trees, "learning_rate": 0.05}
    for n_trees in TREES
}
LAMBDARANK["lambdarank, LightGBM's example"] = {
    "n_estimators": 100,
    "learning_rate": 0.1,
    "min_child_samples": 50,
    "min_child_weight": 5.0,
    "subsample": 0.9,
    "subsample_freq": 1,
}


def main() -> None:
    """Run the chosen methods and print a table."""
    arguments = parse_arguments()
    environment.limit_threads(arguments.threads)
    description = environment.describe(arguments.threads)
    print(environment.header(description))
    results = []
    for row in measure(arguments):
        results.append(row)
        print(json.dumps(row), flush=True)
    print(f"\n{table(results)}", flush=True)
    if arguments.json:
        raw = {"environment": description, "data": results}
        arguments.json.write_text(json.dumps(raw))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--letor", type=Path, help="folder with train.txt and test.txt")
    parser.add_argument("--queries", type=int, default=400, help="queries of the generated data")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--methods", nargs="+", default=[*OURS, *LAMBDARANK])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write every raw result to this file")
    return parser.parse_args()


def data_sets(arguments: argparse.Namespace, seed: int) -> dict[str, dict]:
    """Documents to learn from, documents to judge by, and the scores of their best order."""
    n_queries, other = arguments.queries, seed + 1000
    sets = {
        "synthetic": {
            "train": synthetic(n_queries, seed),
            "test": synthetic(n_queries, other),
            "best": best_order(n_queries, other),
        }
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_letor(folder, "train", documents_like_letor(n_queries, seed))
        write_letor(folder, "test", documents_like_letor(n_queries, other))
        sets["like LETOR"] = {part: letor(folder, part) for part in ("train", "test")}
    if arguments.letor:
        parts = ("train", "test")
        sets[str(arguments.letor.name)] = {part: letor(arguments.letor, part) for part in parts}
    return sets


def fit_ours(seed: int, **parameters) -> Callable:
    """A fit that returns the scores of other documents."""

    def fit(X, relevance, query):
        model = QueryRanker(k=CUT_OFF, random_state=seed, **parameters)
        return model.fit(X, relevance, qid=query).predict

    return fit


def fit_lightgbm(seed: int, n_threads: int, **parameters) -> Callable:
    """The same with LightGBM, which wants its documents sorted by query."""

    def fit(X, relevance, query):
        import lightgbm

        order = np.argsort(query, kind="stable")
        model = lightgbm.LGBMRanker(n_jobs=n_threads, random_state=seed, verbose=-1, **parameters)
        lengths = np.unique(query, return_counts=True)[1]
        return model.fit(X[order], relevance[order], group=lengths).predict

    return fit


def methods(arguments: argparse.Namespace, seed: int) -> dict[str, Callable]:
    """Fits by name."""
    fits = {}
    for name in arguments.methods:
        if name in OURS:
            fits[name] = fit_ours(seed, **OURS[name])
        elif environment.is_installed("lightgbm"):
            fits[name] = fit_lightgbm(seed, arguments.threads, **LAMBDARANK[name])
        else:
            print(f"skipped {name}: lightgbm is not installed")
    return fits


def measure(arguments: argparse.Namespace) -> Iterator[dict]:
    """NDCG and seconds of every method, data set and seed."""
    for seed in arguments.seeds:
        for name, documents in data_sets(arguments, seed).items():
            X, relevance, query = documents["test"]
            row = {"data": name, "seed": seed}
            if "best" in documents:
                ndcg = mean_ndcg(relevance, documents["best"], qid=query, k=CUT_OFF)
                yield row | {"method": "best order", "ndcg": ndcg, "seconds": 0.0}
            for method, fit in methods(arguments, seed).items():
                start = time.perf_counter()
                predict = fit(*documents["train"])
                seconds = time.perf_counter() - start
                ndcg = mean_ndcg(relevance, predict(X), qid=query, k=CUT_OFF)
                yield row | {"method": method, "ndcg": ndcg, "seconds": seconds}


def table(results: list[dict]) -> str:
    """Mean NDCG and median seconds over the seeds."""
    rows = []
    for key in dict.fromkeys((row["data"], row["method"]) for row in results):
        same = [row for row in results if (row["data"], row["method"]) == key]
        ndcg = mean(row["ndcg"] for row in same)
        rows.append([*key, f"{ndcg:.4f}", f"{median(row['seconds'] for row in same):.1f}"])
    return markdown(["data", "method", f"NDCG@{CUT_OFF}", "seconds"], rows)


if __name__ == "__main__":
    main()
