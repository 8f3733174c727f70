"""Accuracy after feature selection: `skid` beside LassoNet, filters, elimination, L1 and trees.

Run `python benchmarks/selection.py --data FOLDER`; see benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import environment
import numpy as np
import selection_tables as tables
from planted_support import make_planted
from projection_study import run_projection_study
from selection_data import LOADERS, Dataset, load, split
from selection_learners import LEARNERS, downstream_scores
from selection_methods import LASSONET_SETTINGS_LARGE, METHODS

SPLITS, SPLITS_LARGE, SPLITS_QUICK = 25, 5, 2
PLANTED_SEEDS = 10
PLANTED_PATHS = 3
QUICK_DATASETS = ("wine", "diabetes", "breast", "friedman1", "digits")


def main() -> None:
    """Run the methods and print the tables."""
    arguments = parse_arguments()
    if arguments.tables:
        print_tables(join([json.loads(path.read_text()) for path in arguments.tables]))
        return
    environment.limit_threads(arguments.threads)
    methods = available(arguments.methods)
    description = environment.describe(arguments.threads)
    print(environment.header(description), flush=True)
    datasets = load(arguments.datasets, folder=arguments.data)
    if arguments.projections:
        print(run_projection_study(datasets, arguments.seeds or range(SPLITS_LARGE)))
        return
    start = time.perf_counter()
    results = run_selections(datasets, methods, arguments.seeds)
    planted = run_planted(methods, arguments.planted_seeds)
    raw = {"environment": description, "results": results, "planted": planted}
    raw["seconds"] = time.perf_counter() - start
    if arguments.json:
        arguments.json.write_text(json.dumps(raw))
    if arguments.beside:
        merge(raw, json.loads(arguments.beside.read_text()))
        print(f"methods not run now are taken from {arguments.beside}")
    print_tables(raw)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder of mnist.npz and mice_protein.csv")
    parser.add_argument("--datasets", nargs="+", choices=LOADERS, default=None)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seeds", nargs="+", type=int, default=None)
    parser.add_argument("--planted-seeds", nargs="*", type=int, default=None)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write every raw result to this file")
    parser.add_argument("--beside", type=Path, help="raw results of methods not run now")
    parser.add_argument(
        "--tables",
        type=Path,
        nargs="+",
        help="run nothing: print the tables of earlier runs, of a part of the data each",
    )
    parser.add_argument("--quick", action="store_true", help="small bundled data, two seeds")
    parser.add_argument(
        "--projections",
        action="store_true",
        help="only the table of projections and gradients",
    )
    arguments = parser.parse_args()
    arguments.datasets = arguments.datasets or list(QUICK_DATASETS if arguments.quick else LOADERS)
    if arguments.quick:
        arguments.seeds = arguments.seeds or list(range(SPLITS_QUICK))
    if arguments.planted_seeds is None:
        arguments.planted_seeds = list(range(SPLITS_QUICK if arguments.quick else PLANTED_SEEDS))
    return arguments


def available(methods: list[str]) -> list[str]:
    """Keep the methods whose package is installed; name the others in a printed line."""
    missing = [name for name in methods if not environment.is_installed(name.lower())]
    missing = [name for name in missing if name in (tables.OURS, tables.PEER)]
    for name in missing:
        print(f"skipped {name}: not installed")
    return [name for name in methods if name not in missing]


def run_selections(
    datasets: list[Dataset], methods: list[str], seeds: list[int] | None
) -> list[dict]:
    """Every method on every split: the raw rows of all tables.

    Without seeds, small sets are split more often: their test parts are small as well.
    """
    results = []
    for dataset in datasets:
        start = time.perf_counter()
        for seed in seeds or range(SPLITS_LARGE if dataset.is_large else SPLITS):
            for method in methods:
                results += run_method(dataset, method, seed)
        print(f"{dataset.name}: {time.perf_counter() - start:.0f} s", flush=True)
    return results


def run_method(dataset: Dataset, method: str, seed: int) -> list[dict]:
    """One method on one split: a row for every k."""
    part = split(dataset, seed=seed)
    rows = []
    for selection in METHODS[method](dataset, part, seed=seed):
        is_repeated = rows and np.array_equal(rows[-1]["columns"], selection.columns)
        scores = (
            {name: rows[-1][name] for name in LEARNERS}
            if is_repeated
            else downstream_scores(dataset, part, selection.columns, seed=seed)
        )
        rows.append(
            {
                "dataset": dataset.name,
                "seed": seed,
                "method": method,
                "size": selection.size,
                "columns": selection.columns.tolist(),
                "seconds": selection.seconds,
                "own": selection.own_score,
                **scores,
            }
        )
    return rows


def run_planted(methods: list[str], seeds: list[int]) -> list[dict]:
    """How many planted columns every method finds."""
    results = []
    for task in ("regression", "classification"):
        for seed in seeds:
            dataset, part, support = make_planted(task, seed=seed)
            for method in methods:
                if method == tables.REFERENCE or is_capped(method, seed):
                    continue
                (selection,) = METHODS[method](dataset, part, seed=seed)
                results.append(
                    {
                        "task": task,
                        "seed": seed,
                        "method": method,
                        "found": len(set(support) & set(selection.columns.tolist())),
                        "planted": len(support),
                        "seconds": selection.seconds,
                    }
                )
    return results


def is_capped(method: str, seed: int) -> bool:
    """Whether a method is left out of a planted seed to save time."""
    return method == tables.PEER and seed >= PLANTED_PATHS


def merge(raw: dict, other: dict) -> None:
    """Add the rows of methods that only the other run holds, on the splits run now."""
    for field, split_fields in (("results", ("dataset", "seed")), ("planted", ("task", "seed"))):
        methods = tables.unique(raw[field], "method")
        splits = {tuple(row[name] for name in split_fields) for row in raw[field]}
        raw[field] += [
            row
            for row in other[field]
            if row["method"] not in methods and tuple(row[name] for name in split_fields) in splits
        ]


def join(runs: list[dict]) -> dict:
    """The raw results of runs on different data sets as if of one."""
    joined = dict(runs[0])
    for field in ("results", "planted"):
        joined[field] = [row for run in runs for row in run[field]]
    joined["seconds"] = sum(run["seconds"] for run in runs)
    return joined


def print_tables(raw: dict) -> None:
    """Print every table and the score card of the raw results."""
    results, learners = raw["results"], list(LEARNERS)
    print("\n## Test accuracy (R2 in regression) after selection\n")
    print(f"Mean of {tables.splits(results)}.\n")
    print(tables.accuracy_table(results, learners))
    print("\n## Test accuracy (R2) of the selector's own prediction\n")
    print(tables.own_score_table(results))
    print("\n## Median seconds of one selection\n")
    print(f"LassoNet: package defaults, on MNIST {LASSONET_SETTINGS_LARGE}. One path, every k.\n")
    print(tables.seconds_table(results))
    print("\n## Stability: mean Jaccard index of the sets over splits\n")
    print(tables.stability_table(results))
    if raw["planted"]:
        print("\n## Planted support: columns found, and seeds in which all were\n")
        print(tables.planted_table(raw["planted"]))
    print("\n## Score card\n")
    print(tables.score_card(results, learners))
    print(f"\n{raw['seconds'] / 60:.1f} minutes")


if __name__ == "__main__":
    warnings.simplefilter("ignore", FutureWarning)
    main()
