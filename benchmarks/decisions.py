"""Decisions learnt through a solver: `skid` beside PyEPO, the two-stage method and black-box.

Run `python benchmarks/decisions.py --data FOLDER`; see benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import mean, stdev

import decision_tasks as tasks
import environment
import numpy as np
from decision_peers import METHODS, train_pyepo
from report import markdown

from skid import SolverPredictor
from skid.datasets import make_shortest_path, make_terrain_paths
from skid.gradients import BlackBox
from skid.metrics import cost_ratio, optimal_share, relative_regret
from skid.solvers import (
    GridShortestPath,
    Knapsack,
    PerfectMatching,
    ShortestPath,
    Solver,
    TravelingSalesman,
)

TASKS = ("paths", "terrain", "tours", "knapsack", "digits")
TOUR_SETTINGS = {"learning_rate_init": 3e-3, "standardize": "none"}
CITIES_IN_A_BATCH = 2500
TOUR_SEED = 1
"""The settings were chosen on tours of seed 0."""
MAP_SEED = 1
"""The defaults were chosen on maps of seed 0."""
TERRAIN_SETTINGS = {"batch_size": 50, "learning_rate_init": 1e-2}


def main() -> None:
    """Run the chosen tasks and print their tables."""
    arguments = parse_arguments()
    environment.limit_threads(arguments.threads)
    description = environment.describe(arguments.threads)
    print(environment.header(description), flush=True)
    raw = {"environment": description}
    for name in arguments.tasks:
        raw[name] = TASK_FUNCTIONS[name](arguments)
        print(f"\n## {name}\n\n{table(raw[name])}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(raw))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder of mnist, globe_tsp, energy_knapsack")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=5, help="number of repetitions")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--methods", nargs="+", help="parts of names (terrain, tours, digits)")
    parser.add_argument("--maps", nargs="+", type=int, default=[2000, 10_000])
    parser.add_argument("--sides", nargs="+", type=int, default=[12], help="sides of the maps")
    parser.add_argument("--terrain-epochs", type=int, default=12)
    parser.add_argument("--cities", nargs="+", type=int, default=[5, 10, 20])
    parser.add_argument("--tour-epochs", type=int, default=50)
    parser.add_argument("--tour-instances", type=int, default=10_000)
    parser.add_argument("--digit-sides", nargs="+", type=int, default=[4, 8])
    parser.add_argument("--json", type=Path, help="write every raw result to this file")
    arguments = parser.parse_args()
    if arguments.data is None:
        without = [name for name in arguments.tasks if name in ("paths", "terrain")]
        left_out = sorted(set(arguments.tasks) - set(without))
        if left_out:
            print(f"left out without --data: {', '.join(left_out)}")
        arguments.tasks = without
    return arguments


def run_paths(arguments: argparse.Namespace) -> list[dict]:
    """PyEPO's grid of 5 by 5 crossings, a linear model, 1,000 rows to learn and 1,000 to judge."""
    rows = []
    for degree in (4, 6):
        for seed in range(42, 42 + arguments.seeds):
            X, costs, edges = make_shortest_path(2000, 5, degree=degree, random_state=seed)
            solver = ShortestPath(edges, 0, 24)
            row = {"degree": degree, "seed": seed}
            for name, epochs, measured in path_methods(solver, X, costs, seed, arguments.threads):
                predicted, seconds = measured()
                decisions = solver.solve(np.asarray(predicted, np.float64))
                share = relative_regret(costs[1000:], decisions, solver=solver)
                rows.append(
                    row
                    | {
                        "method": name,
                        "epochs": epochs,
                        "regret %": 100 * share,
                        "ms an epoch": 1000 * seconds,
                    }
                )
    return averaged(rows, by=("degree", "method", "epochs"))


def path_methods(
    solver: Solver, X, costs, seed: int, n_threads: int
) -> list[tuple[str, object, Callable]]:
    """Name, epochs and function of each method; the function gives test costs and seconds."""
    decisions = solver.solve(costs)

    def ours(y, **parameters):
        model = SolverPredictor(solver, random_state=seed, **parameters)
        # The first fit compiles the program that all later ones of its shape use.
        model.fit(X[:1000], y[:1000])
        started = time.perf_counter()
        model.fit(X[:1000], y[:1000])
        seconds = (time.perf_counter() - started) / model.n_iter_
        return model.predict_costs(X[1000:]), seconds

    def peer(method):
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            return pool.submit(
                train_pyepo,
                method,
                (5, 5),
                X[:1000],
                costs[:1000],
                X[1000:],
                seed=seed,
                epochs=20,
                learning_rate=1e-2,
                n_threads=n_threads,
            ).result()

    found = [
        ("skid, decisions only", "auto", lambda: ours(decisions)),
        ("skid, decisions only", 20, lambda: ours(decisions, max_iter=20)),
        ("skid, spo+", "auto", lambda: ours(costs, target="costs", loss="spo+")),
        ("skid, two-stage", "auto", lambda: ours(costs, target="costs", loss="squared_costs")),
    ]
    if environment.is_installed("pyepo") and environment.is_installed("ortools"):
        found += [(f"PyEPO, {method}", 20, lambda m=method: peer(m)) for method in METHODS]
    return found


def run_terrain(arguments: argparse.Namespace) -> list[dict]:
    """Paths over images of maps, from paths alone and, two-stage, from the true costs."""
    rows = []
    for side in arguments.sides:
        for n in arguments.maps:
            images, costs, paths = make_terrain_paths(
                n + 1000, shape=(side, side), dtype=np.uint8, random_state=MAP_SEED
            )
            solver = timed(GridShortestPath((side, side)))
            methods = {
                "skid, paths only": (paths, {}),
                "skid, black-box": (paths, {"gradient": BlackBox(20.0)}),
                "two-stage": (costs, {"target": "costs", "loss": "squared_costs"}),
                "two-stage, positive": (
                    costs,
                    {"target": "costs", "loss": "squared_costs", "cost_sign": 1},
                ),
            }
            for name, (y, parameters) in chosen(methods, arguments).items():
                model = SolverPredictor(
                    solver,
                    network=tasks.terrain_network,
                    max_iter=arguments.terrain_epochs,
                    random_state=0,
                    **TERRAIN_SETTINGS,
                    **parameters,
                )
                Clock.seconds = 0.0
                started = time.perf_counter()
                model.fit(images[:n], y[:n])
                seconds = time.perf_counter() - started
                solving = Clock.seconds
                found, best, true = model.predict(images[n:]), paths[n:], costs[n:]
                rows.append(
                    {
                        "side": side,
                        "maps": n,
                        "method": name,
                        "optimal %": 100 * optimal_share(true, found, best=best),
                        "cost ratio": cost_ratio(true, found, best=best),
                        "s an epoch": seconds / model.n_iter_,
                        "solver %": 100 * solving / seconds,
                    }
                )
                print(rows[-1], flush=True)
    return rows


def run_tours(arguments: argparse.Namespace) -> list[dict]:
    """Round trips through capitals that are known by their flags."""
    flags, points = tasks.globe(arguments.data)
    rows = []
    for k in arguments.cities:
        task = tasks.tours(points, k, arguments.tour_instances, 1000, seed=TOUR_SEED)
        solver = timed(TravelingSalesman(k))
        methods = {
            "identity, default": {},
            "identity, no noise": {"noise_scale": 0.0},
            "identity, neither noise nor projection": {"noise_scale": 0.0, "projection": "none"},
            "black-box": {"gradient": BlackBox(20.0)},
        }
        for name, parameters in chosen(methods, arguments).items():
            model = SolverPredictor(
                solver,
                network=tasks.flag_network(flags),
                max_iter=arguments.tour_epochs,
                batch_size=CITIES_IN_A_BATCH // k,
                random_state=0,
                **TOUR_SETTINGS,
                **parameters,
            )
            Clock.seconds = 0.0
            started = time.perf_counter()
            model.fit(task.X[task.train], task.decisions[task.train])
            seconds = time.perf_counter() - started
            solving = Clock.seconds
            found, right = model.predict(task.X[task.test]), task.decisions[task.test]
            upper = np.triu_indices(k, 1)
            edges = (found == right)[:, *upper]
            rows.append(
                {
                    "cities": k,
                    "method": name,
                    "edges %": 100 * edges.mean(),
                    "tours %": 100 * edges.all(axis=1).mean(),
                    "s an epoch": seconds / model.n_iter_,
                    "solver %": 100 * solving / seconds,
                }
            )
            print(rows[-1], flush=True)
    return rows


def run_knapsack(arguments: argparse.Namespace) -> list[dict]:
    """Half-hours of energy under a capacity: relative regret on days not learnt from."""
    methods = {
        "skid, default": {},
        "SPO+": {"loss": "spo+"},
        "black-box, regret, 0.1": {
            "loss": "regret",
            "gradient": BlackBox(0.1),
            "projection": "none",
            "noise_scale": 0.0,
            "cost_sign": 0,
        },
        "black-box, Hamming, 1, norm": {"gradient": BlackBox(1.0), "noise_scale": 0.0},
        "two-stage": {"loss": "squared_costs"},
    }
    rows = []
    for with_weight in (False, True):
        for capacity in (60, 120, 180):
            for seed in range(arguments.seeds):
                task, weights = tasks.energy(arguments.data, seed, with_weight=with_weight)
                solver = Knapsack(weights, capacity)
                for name, parameters in methods.items():
                    model = SolverPredictor(solver, target="costs", random_state=seed, **parameters)
                    model.fit(task.X[task.train], task.costs[task.train])
                    found = model.predict(task.X[task.test])
                    share = relative_regret(task.costs[task.test], found, solver=solver)
                    rows.append(
                        {
                            "weight feature": with_weight,
                            "capacity": capacity,
                            "method": name,
                            "regret %": 100 * share,
                        }
                    )
    return averaged(rows, by=("weight feature", "capacity", "method"))


def run_digits(arguments: argparse.Namespace) -> list[dict]:
    """Perfect matchings of grids of handwritten digits."""
    rows = []
    for side in arguments.digit_sides:
        task = tasks.digit_matchings(arguments.data, side, 4000, 1000, seed=0)
        solver = PerfectMatching(tasks.digit_edges(side))
        methods = {"skid, default": {}, "black-box": {"gradient": BlackBox(10.0)}}
        for name, parameters in chosen(methods, arguments).items():
            model = SolverPredictor(
                solver,
                network=tasks.digit_network(side),
                max_iter=10,
                random_state=0,
                **parameters,
            )
            started = time.perf_counter()
            model.fit(task.X[task.train], task.decisions[task.train])
            seconds = time.perf_counter() - started
            found = model.predict(task.X[task.test])
            right = task.decisions[task.test]
            rows.append(
                {
                    "side": side,
                    "method": name,
                    "optimal %": 100 * optimal_share(task.costs[task.test], found, best=right),
                    "edges %": 100 * (found == right).mean(),
                    "s an epoch": seconds / model.n_iter_,
                }
            )
            print(rows[-1], flush=True)
    return rows


def chosen(methods: dict, arguments: argparse.Namespace) -> dict:
    """The methods asked for by a part of their names, or all."""
    parts = arguments.methods or [""]
    return {name: method for name, method in methods.items() if any(p in name for p in parts)}


class Clock:
    """Seconds that the timed solvers of this process have taken."""

    seconds = 0.0


def timed(solver: Solver) -> Solver:
    """The same solver, which adds the time of its calls to the clock."""

    class Timed(type(solver)):
        def solve(self, costs, **context):
            started = time.perf_counter()
            solutions = super().solve(costs, **context)
            Clock.seconds += time.perf_counter() - started
            return solutions

    return Timed(**solver.get_params(deep=False))


def averaged(rows: list[dict], *, by: tuple[str, ...]) -> list[dict]:
    """Mean and deviation of the numbers in rows that agree in the given columns."""
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in by), []).append(row)
    result = []
    for key, members in groups.items():
        entry = dict(zip(by, key, strict=True))
        for name in members[0]:
            if name in by or name == "seed":
                continue
            values = [member[name] for member in members]
            entry[name] = mean(values)
            if name.startswith("regret") and len(values) > 1:
                entry["deviation"] = stdev(values)
        result.append(entry)
    return result


def table(rows: list[dict]) -> str:
    """Markdown of rows with the same columns."""
    columns = list(rows[0])
    return markdown(columns, [[cell(row[name]) for name in columns] for row in rows])


def cell(value: object) -> str:
    """Format one value."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


TASK_FUNCTIONS = {
    "paths": run_paths,
    "terrain": run_terrain,
    "tours": run_tours,
    "knapsack": run_knapsack,
    "digits": run_digits,
}

if __name__ == "__main__":
    main()
