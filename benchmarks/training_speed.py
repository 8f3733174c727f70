"""Seconds, traces and memory of training: `skid` beside Keras `Model.fit` doing the same.

Run `python benchmarks/training_speed.py`, with `--large` for the memory-mapped file; see
benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import gc
import json
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import environment
import large_fit
import numpy as np
import psutil
from report import markdown

BATCH_SIZE = 32


def main() -> None:
    """Run the chosen parts and print their tables."""
    arguments = parse_arguments()
    environment.limit_threads(arguments.threads)
    description = environment.describe(arguments.threads)
    print(environment.header(description))
    raw = {"environment": description}
    parts = {
        "small_fit": (measure_small_fit, small_fit_table),
        "step": (measure_step, step_table),
        "grid": (measure_grid_search, grid_table),
        "large": (measure_large_fit, large_table),
    }
    for name in arguments.parts:
        measure, table = parts[name]
        raw[name] = measure(arguments.repetitions)
        print(f"\n{table(raw[name])}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(raw))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--parts", nargs="+", choices=["small_fit", "step", "grid", "large"])
    parser.add_argument("--large", action="store_true", help="also 200,000 x 500 from a file")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write every raw result to this file")
    arguments = parser.parse_args()
    if arguments.parts is None:
        arguments.parts = ["small_fit", "step", "grid"] + ["large"] * arguments.large
    return arguments


def measure_small_fit(repetitions: int, *, n_memory_fits: int = 50) -> dict:
    """One fit of 1000 x 50 in 10 epochs: seconds, traces and memory growth a fit."""
    import keras_peer

    from skid.engine import trace_count

    X, y = _regression_data(1_000, 50)
    settings = {"epochs": 10, "batch_size": BATCH_SIZE}
    kept = keras_peer.build_model(50, k=5)
    fits = {
        "skid, new estimator": lambda: _fit_selector(X, y, max_iter=10),
        "Keras, new model": lambda: keras_peer.fit(
            keras_peer.build_model(50, k=5), X, y, **settings
        ),
        "Keras, same model again": lambda: keras_peer.fit(kept, X, y, **settings),
    }
    rows = {}
    for name, fit in fits.items():
        first = _seconds(fit)
        later = [_seconds(fit) for _ in range(repetitions)]
        rows[name] = {"first": first, "later": later}
        n_fits = n_memory_fits if name.startswith("skid") else repetitions
        traces = trace_count()
        rows[name] |= {"n_memory_fits": n_fits, "growth": _memory_growth(fit, n_fits)}
        rows[name]["traces"] = (trace_count() - traces) if name.startswith("skid") else None
    return rows


def small_fit_table(rows: dict) -> str:
    """Show medians, and ratios to the later fits of `skid`."""
    ours = median(rows["skid, new estimator"]["later"])
    lines = [
        [
            name,
            f"{row['first']:.3f}",
            f"{median(row['later']):.4f}",
            f"{median(row['later']) / ours:.1f}",
            "-" if row["traces"] is None else f"{row['traces']}",
            f"{row['growth']:.3f} ({row['n_memory_fits']} fits)",
        ]
        for name, row in rows.items()
    ]
    columns = [
        "1000 x 50, 10 epochs",
        "first s",
        "later s",
        "ratio",
        "new traces",
        "MiB a fit",
    ]
    return markdown(columns, lines)


def measure_step(repetitions: int) -> dict:
    """Seconds of one training step of 2000 x 100, MLP(64), batch 32.

    The difference of a long and a short fit over the difference of their steps, so that neither
    building, compiling nor validating the input is counted. A fit of `skid` chooses and then trains
    a predictor for as many steps: a step stands for one of each.
    """
    import keras_peer

    X, y = _regression_data(2_000, 100)
    rows = {
        "skid, selection and network": _selector_steps(X, y, repetitions, n_networks=1),
        "skid with several networks as by default, selection and network": _selector_steps(
            X, y, repetitions
        ),
        "skid, network alone": _network_steps(X, y, repetitions),
    }
    for k, what in ((6, "selection and network"), (None, "network alone")):
        for jit_compile in ("auto", True):
            model = keras_peer.build_model(100, k=k, jit_compile=jit_compile)

            def fit(epochs: int, model=model) -> None:
                keras_peer.fit(model, X, y, epochs=epochs, batch_size=BATCH_SIZE)

            name = f"Keras, {what}, jit_compile={jit_compile}"
            rows[name] = _seconds_per_step(fit, len(y), repetitions, epochs=(2, 12))
    return rows


def step_table(rows: dict) -> str:
    """Show medians, and ratios to the step of `skid` that does the same."""
    ours = {
        what: median(rows[f"skid, {what}"]) for what in ("selection and network", "network alone")
    }
    lines = [
        [name, f"{1e6 * median(row):.1f}", f"{median(row) / ours[name.split(', ')[1]]:.1f}"]
        for name, row in rows.items()
    ]
    return markdown(["2000 x 100, MLP(64), batch 32", "microseconds a step", "ratio"], lines)


def measure_grid_search(repetitions: int) -> dict:
    """20 candidates, 3 folds, over a Pipeline with one and with two processes."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from skid import SubsetSelectorClassifier

    X, y = load_breast_cancer(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), SubsetSelectorClassifier(random_state=0))
    prefix = "subsetselectorclassifier__"
    grid = {
        f"{prefix}n_features_to_select": [2, 4, 6, 8, 10],
        f"{prefix}learning_rate_init": [1e-3, 3e-3],
        f"{prefix}alpha": [0.0, 1e-2],
    }
    rows = {}
    for n_jobs in (1, 2):
        search = GridSearchCV(pipeline, grid, cv=3, n_jobs=n_jobs)
        seconds = _seconds(lambda search=search: search.fit(X, y))
        scores = search.cv_results_["mean_test_score"].tolist()
        rows[str(n_jobs)] = {
            "seconds": seconds,
            "best": search.best_score_,
            "scores": scores,
        }
    return rows


def grid_table(rows: dict) -> str:
    """Show seconds, and whether both runs gave the same scores."""
    same = rows["1"]["scores"] == rows["2"]["scores"]
    lines = [
        [
            n_jobs,
            str(len(row["scores"])),
            f"{row['seconds']:.1f}",
            f"{row['best']:.4f}",
            str(same),
        ]
        for n_jobs, row in rows.items()
    ]
    columns = [
        "GridSearchCV, n_jobs",
        "candidates",
        "seconds",
        "best score",
        "same 20 scores",
    ]
    return markdown(columns, lines)


def measure_large_fit(repetitions: int) -> list[dict]:
    """Fit a quarter and all rows of a memory-mapped file, each in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        large_fit.write_data(Path(folder))
        return [
            large_fit.run_in_fresh_process(Path(folder), n_rows)
            for n_rows in (large_fit.N_ROWS // 4, large_fit.N_ROWS)
        ]


def large_table(rows: list[dict]) -> str:
    """Show seconds, memory and the support found."""
    lines = [
        [
            f"{row['n_rows']:,} x {row['n_columns']}",
            f"{row['file_mib']:.0f}",
            f"{row['seconds']:.1f}",
            f"{row['anonymous_before']:.0f}",
            f"{row['anonymous_peak'] - row['anonymous_before']:.0f}",
            f"{row['resident_peak']:.0f}",
            f"{row['found']} of {row['planted']}",
        ]
        for row in rows
    ]
    columns = [
        "memory-mapped float32",
        "file MiB",
        "seconds",
        "anonymous MiB before",
        "anonymous MiB added",
        "peak RSS MiB (with file pages)",
        "planted columns found",
    ]
    return markdown(columns, lines)


def _regression_data(n_rows: int, n_columns: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, n_columns)).astype(np.float32)
    return X, (X[:, 0] + X[:, 1] ** 2 + np.sin(2 * X[:, 2])).astype(np.float32)


def _fit_selector(
    X: np.ndarray, y: np.ndarray, *, max_iter: int, k: int = 5, n_networks: int | str = "auto"
):
    from skid import SubsetSelectorRegressor

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return SubsetSelectorRegressor(
            k,
            max_iter=max_iter,
            batch_size=BATCH_SIZE,
            early_stopping=False,
            n_networks=n_networks,
            random_state=0,
        ).fit(X, y)


def _selector_steps(
    X: np.ndarray, y: np.ndarray, repetitions: int, *, n_networks: int | str = "auto"
) -> list[float]:
    return _seconds_per_step(
        lambda epochs: _fit_selector(X, y, max_iter=epochs, k=6, n_networks=n_networks),
        len(y),
        repetitions,
        epochs=(20, 220),
    )


def _network_steps(X: np.ndarray, y: np.ndarray, repetitions: int) -> list[float]:
    """The perceptron that predictors are made of, on all columns, by the same engine."""
    from skid.engine import Program, train
    from skid.engine.feed import Feed, ShuffledRows
    from skid.feature_selection._objective import PredictorObjective
    from skid.networks import MultilayerPerceptron

    network = MultilayerPerceptron((X.shape[1], 64, 1))
    program = Program(PredictorObjective(network, 1, "squared", compiled=True))
    weights = network.initial(1, np.random.RandomState(0), X.dtype)
    arrays = {"X": X, "y": y.reshape(-1, 1), "weight": np.ones_like(y)}

    def fit(epochs: int) -> None:
        generator = np.random.RandomState(0)
        batches = ShuffledRows(
            [np.arange(len(X))], BATCH_SIZE, shuffle=True, random_state=generator
        )
        feed = Feed(arrays, batches.draw, lambda rows: rows)
        n_steps = epochs * -(-len(X) // BATCH_SIZE)
        controls = np.tile(np.array([[1e-3, 0.0]], X.dtype), (n_steps, 1))
        train(program, feed, weights, controls, rows_per_step=BATCH_SIZE, seed=0)

    return _seconds_per_step(fit, len(y), repetitions, epochs=(2, 62))


def _seconds_per_step(
    fit: Callable[[int], object],
    n_rows: int,
    repetitions: int,
    *,
    epochs: tuple[int, int],
) -> list[float]:
    short, long = epochs
    n_steps = (long - short) * -(-n_rows // BATCH_SIZE)
    fit(short)
    fit(long)
    return [
        (_seconds(lambda: fit(long)) - _seconds(lambda: fit(short))) / n_steps
        for _ in range(repetitions)
    ]


def _seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _memory_growth(fit: Callable[[], object], n_fits: int) -> float:
    process = psutil.Process()
    gc.collect()
    before = process.memory_info().rss
    for _ in range(n_fits):
        fit()
    gc.collect()
    return (process.memory_info().rss - before) / n_fits / 2**20


if __name__ == "__main__":
    main()
