"""What the time of an epoch of `SolverPredictor` goes into: solver, network, overhead.

Run `python benchmarks/epoch_shares.py`. Of two fits on the same rows with the same network and
batches, one learns from decisions through the solver and one regresses the costs without it. The
seconds inside the solver are measured, those of the regression count as the network's, and what is
left (calls of the host, noise, projection, copies) is overhead. Compilation is done before. Solvers
that run in the graph, such as paths through small networks of roads, are part of one compiled step
and cannot be told apart.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import decision_tasks as tasks
import environment
import numpy as np
from decisions import Clock, timed
from report import markdown

from skid import SolverPredictor
from skid.datasets import make_knapsack, make_terrain_paths
from skid.solvers import GridShortestPath, Knapsack


def main() -> None:
    """Measure every case and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    environment.limit_threads(arguments.threads)
    print(environment.header(environment.describe(arguments.threads)), flush=True)
    rows = []
    for name, (X, costs, solver, settings) in cases(arguments.rows).items():
        total, solving, network = measure(X, costs, solver, settings, arguments)
        overhead = total - solving - network
        shares = [f"{100 * part / total:.1f}" for part in (solving, network, overhead)]
        rows.append([name, f"{1000 * total:.1f}", *shares])
    print(markdown(["task", "ms an epoch", "solver %", "network %", "overhead %"], rows))


def cases(n: int) -> dict:
    """Rows, true costs, solver and network of each task."""
    images, terrain, _ = make_terrain_paths(n, dtype=np.uint8, random_state=0)
    maps = {"network": tasks.terrain_network, "batch_size": 50}
    packing = make_knapsack(n, random_state=0)
    return {
        "maps of 12 x 12 cells, CNN": (images, terrain, GridShortestPath((12, 12)), maps),
        "knapsack, linear": (*packing[:2], Knapsack(packing[2], packing[3]), {}),
    }


def measure(X, costs, solver, settings: dict, arguments) -> tuple[float, float, float]:
    """Median seconds of an epoch through the solver, inside it, and of a regression."""
    clocked = timed(solver)
    decisions = solver.solve(costs)
    through = {"solver": clocked, **settings}
    regression = {"solver": solver, "target": "costs", "loss": "squared_costs", **settings}
    totals, inside, without = [], [], []
    for repetition in range(arguments.repetitions + 1):
        Clock.seconds = 0.0
        seconds = seconds_of(through, X, decisions, arguments.epochs)
        solving = Clock.seconds
        alone = seconds_of(regression, X, costs, arguments.epochs)
        if repetition:
            totals.append(seconds)
            inside.append(solving)
            without.append(alone)
    return tuple(median(times) / arguments.epochs for times in (totals, inside, without))


def seconds_of(parameters: dict, X, y, n_epochs: int) -> float:
    """Seconds of one fit."""
    started = time.perf_counter()
    SolverPredictor(max_iter=n_epochs, random_state=0, **parameters).fit(X, y)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
