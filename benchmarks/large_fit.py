"""One fit of a memory-mapped file in a fresh process, with its peak memory.

Run as a script it fits and prints its measurements as JSON; `training_speed.py --large` starts it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

import numpy as np

N_ROWS, N_COLUMNS, CHUNK = 200_000, 500, 10_000
SUPPORT = (7, 77, 177, 277, 377, 477)


def write_data(folder: Path) -> None:
    """Write X (float32, `N_ROWS` x `N_COLUMNS`) and y chunk by chunk."""
    rng = np.random.default_rng(0)
    X = np.lib.format.open_memmap(
        folder / "X.npy", mode="w+", dtype=np.float32, shape=(N_ROWS, N_COLUMNS)
    )
    y = np.empty(N_ROWS, np.float32)
    for start in range(0, N_ROWS, CHUNK):
        block = rng.standard_normal((CHUNK, N_COLUMNS), dtype=np.float32)
        X[start : start + CHUNK] = block
        y[start : start + CHUNK] = _target(block, rng)
    X.flush()
    np.save(folder / "y.npy", y)


def run_in_fresh_process(folder: Path, n_rows: int) -> dict:
    """Fit the first rows of the file in a new interpreter and return its measurements."""
    command = [sys.executable, __file__, str(folder), str(n_rows)]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(finished.stdout.splitlines()[-1])


def fit(folder: Path, n_rows: int) -> dict:
    """Fit with untouched defaults; memory in MiB before and at its peak while fitting."""
    from skid import SubsetSelectorRegressor

    X = np.load(folder / "X.npy", mmap_mode="r")[:n_rows]
    y = np.load(folder / "y.npy")[:n_rows]
    _import_tensorflow()
    before = _memory()
    selector = SubsetSelectorRegressor(n_features_to_select=len(SUPPORT), random_state=0)
    with PeakMemory() as peak:
        start = time.perf_counter()
        selector.fit(X, y)
        seconds = time.perf_counter() - start
    return {
        "n_rows": n_rows,
        "n_columns": X.shape[1],
        "file_mib": X.nbytes / 2**20,
        "seconds": seconds,
        "anonymous_before": before["Anonymous"],
        "anonymous_peak": peak.largest["Anonymous"],
        "resident_before": before["Rss"],
        "resident_peak": peak.largest["Rss"],
        "found": len(set(selector.get_support(indices=True).tolist()) & set(SUPPORT)),
        "planted": len(SUPPORT),
    }


class PeakMemory:
    """Largest memory of this process while the context is open, read 20 times a second."""

    def __enter__(self) -> Self:
        """Start to watch."""
        self.largest = _memory()
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop to watch; `largest` holds the peaks."""
        self._finished.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._finished.wait(0.05):
            memory = _memory()
            self.largest = {name: max(memory[name], self.largest[name]) for name in memory}


def _memory() -> dict[str, float]:
    """MiB of resident and of anonymous memory: file pages of a memory map are not anonymous."""
    amounts = {}
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]:
        name, amount, *_ = line.replace(":", "").split()
        if name in ("Rss", "Anonymous"):
            amounts[name] = int(amount) / 1024
    return amounts


def _target(block: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    x1, x2, x3, x4, x5, x6 = block[:, SUPPORT].T
    signal = x1 + np.tanh(2 * x2) + (x3**2 - 1) / 2 + np.abs(x4) + x5 * x6
    return signal + 0.5 * rng.standard_normal(len(block))


def _import_tensorflow() -> None:
    """TensorFlow's own memory belongs to the state before the fit, not to the data."""
    import tensorflow

    tensorflow.zeros(1)


if __name__ == "__main__":
    print(json.dumps(fit(Path(sys.argv[1]), int(sys.argv[2]))))
