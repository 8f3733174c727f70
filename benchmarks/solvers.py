"""Microseconds an instance of every solver, beside the library one would otherwise call.

Run `python benchmarks/solvers.py`; see benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import environment
import numpy as np
import threadpoolctl
from report import markdown
from solver_problems import Problem, problems

from skid.solvers.algorithms.threads import solve_in_threads

SIZES = (1_000, 10_000, 100_000)
SLOWEST = 100
"""Microseconds an instance above which a solver is left out of the growing batches."""

PARTS = ("peers", "threads", "sizes")


def main() -> None:
    """Run the chosen parts and print their tables."""
    arguments = parse_arguments()
    # Neither TensorFlow nor PyTorch is needed, and OR-Tools crashes beside them.
    threadpoolctl.threadpool_limits(1)
    description = environment.describe(1)
    print(environment.header(description))
    chosen = available(problems(), arguments.problems)
    raw = {"environment": description}
    parts = {
        "peers": (measure_peers, peers_table),
        "threads": (measure_threads, threads_table),
        "sizes": (measure_sizes, sizes_table),
    }
    for name in arguments.parts:
        measure, table = parts[name]
        raw[name] = measure(chosen, arguments.repetitions)
        print(f"\n{table(raw[name])}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(raw))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--problems", nargs="+", help="names of solvers, such as Knapsack")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write every raw result to this file")
    return parser.parse_args()


def available(candidates: list[Problem], solvers: list[str] | None) -> list[Problem]:
    """Keep the problems asked for that `skid` has a solver for; name what is missing."""
    chosen = [problem for problem in candidates if solvers is None or problem.solver in solvers]
    for problem in chosen:
        if not problem.is_available:
            print(f"skipped {problem.name}: no {problem.solver}")
    chosen = [problem for problem in chosen if problem.is_available]
    libraries = {peer.library for problem in chosen for peer in problem.peers}
    for library in sorted(libraries):
        if not environment.is_installed(library):
            print(f"skipped {library}: not installed")
    return chosen


def measure_peers(chosen: list[Problem], repetitions: int) -> list[dict]:
    """Time every solver in one thread and its peers, and compare the costs of their solutions."""
    rows = []
    with threads(1):
        for problem in chosen:
            costs, solver = problem.costs(problem.n), problem.build()
            ours = seconds(partial(solver.solve, costs), repetitions)
            found = solver.solve(costs)
            row = {"problem": problem.name, "ours": [s / problem.n for s in ours], "peers": []}
            for peer in problem.peers:
                if not environment.is_installed(peer.library):
                    continue
                part, solve = costs[: peer.n], peer.build()
                theirs = seconds(partial(solve, part), repetitions)
                row["peers"].append(
                    {
                        "name": peer.name,
                        "seconds": [s / len(part) for s in theirs],
                        "same_costs": same_costs(part, found[: peer.n], solve(part)),
                    }
                )
            rows.append(row)
    return rows


def peers_table(rows: list[dict]) -> str:
    """Show medians, and the ratio of each peer to our solver."""
    lines = []
    for row in rows:
        ours = median(row["ours"])
        lines += [
            [
                row["problem"],
                f"{1e6 * ours:.1f}",
                peer["name"],
                f"{1e6 * median(peer['seconds']):.1f}",
                f"{median(peer['seconds']) / ours:.1f}",
                "yes" if peer["same_costs"] else "NO",
            ]
            for peer in row["peers"]
        ] or [[row["problem"], f"{1e6 * ours:.1f}", "-", "-", "-", "-"]]
    columns = [
        "one thread",
        "skid, microseconds an instance",
        "peer",
        "microseconds",
        "ratio",
        "same costs",
    ]
    return markdown(columns, lines)


def measure_threads(chosen: list[Problem], repetitions: int) -> list[dict]:
    """Time every solver with one and with two threads, in turn.

    The first row is no solver, but hashing outside the GIL: what the machine has to give.
    """
    works = {"control: 40 blocks of 1 MB hashed": hash_blocks}
    for problem in chosen:
        solver, costs = problem.build(), problem.costs(problem.n)
        works[problem.name] = partial(solver.solve, costs)
    rows = []
    for name, work in works.items():
        row = {"problem": name, "1": [], "2": []}
        for _ in range(repetitions):
            for n_threads in (1, 2):
                with threads(n_threads):
                    row[str(n_threads)] += seconds(work, 1)
        rows.append(row)
    return rows


def threads_table(rows: list[dict]) -> str:
    """Show medians, and how many times faster two threads are."""
    lines = [
        [
            row["problem"],
            f"{1e3 * median(row['1']):.2f}",
            f"{1e3 * median(row['2']):.2f}",
            f"{median(row['1']) / median(row['2']):.2f}",
        ]
        for row in rows
    ]
    columns = ["a batch", "1 thread, milliseconds", "2 threads", "times faster"]
    return markdown(columns, lines)


def measure_sizes(chosen: list[Problem], repetitions: int) -> list[dict]:
    """Time the fast solvers on batches of growing size, in one thread."""
    rows = []
    with threads(1):
        for problem in chosen:
            solver, costs = problem.build(), problem.costs(problem.n)
            if 1e6 * median(seconds(partial(solver.solve, costs), 1)) > SLOWEST * problem.n:
                continue
            row = {"problem": problem.name, "seconds": {}}
            for size in SIZES:
                timings = seconds(partial(solver.solve, problem.costs(size)), repetitions)
                row["seconds"][str(size)] = [s / size for s in timings]
            rows.append(row)
    return rows


def sizes_table(rows: list[dict]) -> str:
    """Show microseconds an instance by the size of the batch."""
    lines = [
        [row["problem"], *(f"{1e6 * median(row['seconds'][str(size)]):.1f}" for size in SIZES)]
        for row in rows
    ]
    return markdown(
        ["microseconds an instance, one thread", *(f"{size:,} instances" for size in SIZES)], lines
    )


@contextmanager
def threads(n_threads: int) -> Iterator[None]:
    """Set the number of threads that solvers use, for a while."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(n_threads)
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


def hash_blocks() -> None:
    """Hash 40 blocks in the threads that solvers use."""

    def hash_rows(start: int, stop: int) -> None:
        for _ in range(start, stop):
            hashlib.sha256(bytes(2**20)).digest()

    solve_in_threads(hash_rows, 40, smallest_chunk=1)


def seconds(action: Callable[[], object], repetitions: int) -> list[float]:
    """Time an action repeatedly, after one call that compiles."""
    action()
    timings = []
    for _ in range(repetitions):
        start = time.perf_counter()
        action()
        timings.append(time.perf_counter() - start)
    return timings


def same_costs(costs: np.ndarray, first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two batches of solutions cost the same, instance by instance."""
    n = len(costs)
    totals = [(costs * solutions).reshape(n, -1).sum(axis=1) for solutions in (first, second)]
    return bool(np.allclose(*totals, rtol=1e-6))


if __name__ == "__main__":
    main()
