"""Energies and times of `QuadraticAssignment` beside the libraries one would otherwise call.

Run `python benchmarks/matching_solvers.py --data FOLDER` with `cmu_keypoints.npz` (key points of
the CMU house by frame) and a folder `qaplib` of instances; see benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import environment
import numpy as np
import threadpoolctl
from report import markdown
from scipy.optimize import quadratic_assignment
from scipy.spatial import Delaunay

from skid.solvers import QuadraticAssignment

PARTS = ("house", "batch", "qaplib")
BASELINES = (60, 90)
N_POINTS = (20, 30)
N_PAIRS = 15
SCALE = 2500.0
"""Square pixels over which the affinity of two edges decays with the difference of lengths."""
SLACK = 1e-6
"""Energies that differ by less are counted as equal."""


class Pair(NamedTuple):
    """Two graphs without node costs; ``edge_costs`` has shape (e_a, e_b)."""

    n: int
    m: int
    edges_a: np.ndarray
    edges_b: np.ndarray
    edge_costs: np.ndarray


Peer = Callable[[Pair], tuple[np.ndarray, float]]
"""Columns of the rows, and seconds without what only prepares the input of the library."""


def main() -> None:
    """Run the chosen parts and print their tables."""
    arguments = parse_arguments()
    threadpoolctl.threadpool_limits(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    description = environment.describe(1)
    print(environment.header(description))
    raw = {"environment": description}
    compile_kernels()
    points = np.load(arguments.data / "cmu_keypoints.npz")["house"]
    if "house" in arguments.parts:
        raw["house"] = measure_house(points, arguments.repetitions)
        print(f"\n{house_table(raw['house'])}", flush=True)
    if "batch" in arguments.parts:
        raw["batch"] = measure_batch(points, arguments.batch, arguments.repetitions)
        print(f"\n{batch_table(raw['batch'])}", flush=True)
    if "qaplib" in arguments.parts:
        instances = load_qaplib(arguments.data / "qaplib", arguments.largest)
        raw["qaplib"] = [
            measure_qaplib(*instance, arguments.proposals, arguments.restarts)
            for instance in instances
        ]
        print(f"\n{qaplib_table(raw['qaplib'])}\n\n{qaplib_summary(raw['qaplib'])}")
    if arguments.json:
        arguments.json.write_text(json.dumps(raw))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--batch", type=int, default=64, help="pairs in one call")
    parser.add_argument("--largest", type=int, default=30, help="nodes, QAPLIB")
    parser.add_argument("--proposals", type=int, default=256, help="n_proposals, QAPLIB")
    parser.add_argument("--restarts", type=int, default=100, help="of FAQ, QAPLIB")
    parser.add_argument("--json", type=Path, help="write every raw result to this file")
    return parser.parse_args()


def compile_kernels() -> None:
    """Compile before anything is timed."""
    edges = np.argwhere(~np.eye(5, dtype=bool))
    solver = QuadraticAssignment(5, 5, edges, edges)
    solver.solve(np.random.default_rng(0).normal(size=(1, *solver.cost_shape)))


def house_pairs(points: np.ndarray, baseline: int, n: int, n_pairs: int) -> list[Pair]:
    """Pairs of frames at a distance: ``n`` random points of one, all of the other, shuffled."""
    random = np.random.default_rng(0)
    frames = np.linspace(0, len(points) - 1 - baseline, n_pairs).astype(int)
    return [
        make_pair(
            points[frame][np.sort(random.permutation(points.shape[1])[:n])],
            points[frame + baseline][random.permutation(points.shape[1])],
        )
        for frame in frames
    ]


def make_pair(points_a: np.ndarray, points_b: np.ndarray) -> Pair:
    """Delaunay edges in both directions; edges of similar length attract each other."""
    edges_a, edges_b = delaunay_edges(points_a), delaunay_edges(points_b)
    lengths_a, lengths_b = edge_lengths(points_a, edges_a), edge_lengths(points_b, edges_b)
    affinities = np.exp(-((lengths_a[:, np.newaxis] - lengths_b) ** 2) / SCALE)
    return Pair(len(points_a), len(points_b), edges_a, edges_b, -affinities)


def delaunay_edges(points: np.ndarray) -> np.ndarray:
    """Directed edges of the triangulation, each in both directions."""
    corners = Delaunay(points).simplices
    edges = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [2, 0]]])
    return np.unique(np.concatenate([edges, edges[:, ::-1]]), axis=0)


def edge_lengths(points: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Distances between the ends of the edges."""
    return np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)


def energy(pair: Pair, columns: np.ndarray) -> float:
    """Sum of the costs of the matched edges."""
    tails = columns[pair.edges_a[:, 0], np.newaxis] == pair.edges_b[:, 0]
    heads = columns[pair.edges_a[:, 1], np.newaxis] == pair.edges_b[:, 1]
    return float(pair.edge_costs[tails & heads].sum())


def skid_columns(pair: Pair) -> tuple[np.ndarray, float]:
    """The solver with its defaults."""
    solver = QuadraticAssignment(pair.n, pair.m, pair.edges_a, pair.edges_b)
    costs = solver.costs_of(np.zeros((1, pair.n, pair.m)), pair.edge_costs[np.newaxis])
    start = time.perf_counter()
    solutions = solver.solve(costs)
    seconds = time.perf_counter() - start
    return solver.matchings_of(solutions)[0].argmax(axis=1), seconds


def lower_bound(pair: Pair) -> float:
    """The bound by message passing."""
    solver = QuadraticAssignment(pair.n, pair.m, pair.edges_a, pair.edges_b)
    costs = solver.costs_of(np.zeros((1, pair.n, pair.m)), pair.edge_costs[np.newaxis])
    return float(solver.lower_bounds(costs)[0])


def libmgm_columns(pair: Pair) -> tuple[np.ndarray, float]:
    """Fusion moves, then dual block coordinate ascent, by pylibmgm."""
    import pylibmgm
    from pylibmgm import solver

    pylibmgm.omp_set_num_threads(1)
    graphs = (pylibmgm.Graph(0, pair.n), pylibmgm.Graph(1, pair.m))
    model = pylibmgm.GmModel(*graphs)
    for i in range(pair.n):
        for j in range(pair.m):
            model.add_assignment(i, j, 0.0)
    costs: dict[tuple[int, ...], float] = {}
    for (i, k), row in zip(pair.edges_a.tolist(), pair.edge_costs.tolist(), strict=True):
        for (j, h), cost in zip(pair.edges_b.tolist(), row, strict=True):
            key = (i, j, k, h) if i < k else (k, h, i, j)
            costs[key] = costs.get(key, 0.0) + cost
    for key, cost in costs.items():
        model.add_edge(*key, cost)
    start = time.perf_counter()
    solution = solver.solve_gm(model)
    seconds = time.perf_counter() - start
    return np.array([-2 if j is None else j for j in solution.to_list_with_none()]), seconds


def pygmtools_columns(name: str) -> Peer:
    """A method of pygmtools in NumPy, and the Hungarian method to round its result."""

    def columns(pair: Pair) -> tuple[np.ndarray, float]:
        import pygmtools

        pygmtools.set_backend("numpy")
        affinities = np.zeros((pair.n * pair.m,) * 2)
        tails = pair.edges_b[:, 0] * pair.n + pair.edges_a[:, :1]
        heads = pair.edges_b[:, 1] * pair.n + pair.edges_a[:, 1:]
        np.add.at(affinities, (tails, heads), -pair.edge_costs)
        start = time.perf_counter()
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            soft = getattr(pygmtools, name)(affinities, pair.n, pair.m)
            matching = pygmtools.hungarian(soft)
        seconds = time.perf_counter() - start
        return matching.argmax(axis=1), seconds

    return columns


def peers() -> dict[str, Peer]:
    """Methods by name; libraries that are missing are skipped with a printed line."""
    methods: dict[str, Peer] = {"skid": skid_columns}
    for library in ("pylibmgm", "pygmtools"):
        if not environment.is_installed(library):
            print(f"skipped {library}: not installed")
        elif library == "pylibmgm":
            methods["pylibmgm"] = libmgm_columns
        else:
            methods |= {f"pygmtools {name}": pygmtools_columns(name) for name in METHODS}
    return methods


METHODS = ("rrwm", "ipfp", "sm")


def measure_house(points: np.ndarray, repetitions: int) -> list[dict]:
    """Energies and shortest seconds of every pair, by method, and lower bounds."""
    methods = peers()
    rows = []
    for baseline in BASELINES:
        for n in N_POINTS:
            pairs = house_pairs(points, baseline, n, N_PAIRS)
            results = {}
            for name, columns in methods.items():
                runs = [[columns(pair) for _ in range(repetitions)] for pair in pairs]
                results[name] = {
                    "energies": [
                        energy(pair, run[0][0]) for pair, run in zip(pairs, runs, strict=True)
                    ],
                    "seconds": [min(seconds for _, seconds in run) for run in runs],
                }
            bounds = [lower_bound(pair) for pair in pairs]
            rows.append({"baseline": baseline, "n": n, "results": results, "bounds": bounds})
    return rows


def house_table(rows: list[dict]) -> str:
    """Mean energy, in how many pairs another one is better or worse than ours, and time."""
    lines = []
    for row in rows:
        own = row["results"]["skid"]
        for name, result in row["results"].items():
            pairs = list(zip(result["energies"], own["energies"], strict=True))
            lines.append(
                [
                    f"{row['n']} of 30, {row['baseline']} frames",
                    name,
                    f"{mean(result['energies']):.2f}",
                    str(sum(theirs < ours - SLACK for theirs, ours in pairs)),
                    str(sum(theirs > ours + SLACK for theirs, ours in pairs)),
                    f"{1e3 * mean(result['seconds']):.1f}",
                    f"{mean(result['seconds']) / mean(own['seconds']):.1f}",
                ]
            )
        bound = f"{mean(row['bounds']):.2f}"
        lines.append([lines[-1][0], "lower bound of skid", bound, "", "", "", ""])
    header = ["points", "method", "energy", "better pairs", "worse pairs", "ms a pair", "ratio"]
    return markdown(header, lines)


def measure_batch(points: np.ndarray, n_pairs: int, repetitions: int) -> list[dict]:
    """Seconds of one call for all pairs, in one thread and in all, and of a loop of the peer."""
    random = np.random.default_rng(1)
    pairs = []
    for _ in range(n_pairs):
        frame = random.integers(len(points) - 90)
        chosen = [random.permutation(points.shape[1])[:25] for _ in range(2)]
        pairs.append(make_pair(points[frame][chosen[0]], points[frame + 90][chosen[1]]))
    costs, context = QuadraticAssignment.pad(
        [np.zeros((pair.n, pair.m)) for pair in pairs],
        [pair.edge_costs for pair in pairs],
        [pair.edges_a for pair in pairs],
        [pair.edges_b for pair in pairs],
    )
    solver = QuadraticAssignment(25, 25, None, None)
    rows = []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    for n_threads in sorted({1, cores or 1}):
        os.environ["OMP_NUM_THREADS"] = str(n_threads)
        seconds, solutions = min(
            (_timed(solver, costs, context) for _ in range(repetitions)), key=lambda run: run[0]
        )
        total = float(solver.total_costs(costs, solutions).mean())
        rows.append({"name": f"skid, threads: {n_threads}", "energy": total, "seconds": seconds})
    os.environ["OMP_NUM_THREADS"] = "1"
    if environment.is_installed("pylibmgm"):
        found = [libmgm_columns(pair) for pair in pairs]
        energies = [energy(pair, columns) for pair, (columns, _) in zip(pairs, found, strict=True)]
        seconds = sum(seconds for _, seconds in found)
        rows.append({"name": "pylibmgm, loop", "energy": mean(energies), "seconds": seconds})
    return [row | {"n": n_pairs} for row in rows]


def _timed(solver: QuadraticAssignment, costs: np.ndarray, context: dict) -> tuple:
    start = time.perf_counter()
    solutions = solver.solve(costs, **context)
    return time.perf_counter() - start, solutions


def batch_table(rows: list[dict]) -> str:
    """Mean energy and milliseconds a pair."""
    lines = [
        [
            row["name"],
            f"{row['energy']:.2f}",
            f"{1e3 * row['seconds'] / row['n']:.1f}",
            f"{row['seconds'] / rows[0]['seconds']:.2f}",
        ]
        for row in rows
    ]
    return markdown([f"{rows[0]['n']} pairs of 25 + 25 points", "energy", "ms", "ratio"], lines)


def load_qaplib(folder: Path, largest: int) -> list[tuple[str, np.ndarray, np.ndarray, float]]:
    """Names, the two matrices and the best known values; instances without one are left out."""
    instances = []
    for path in sorted(folder.glob("*.dat")):
        solution = path.with_suffix(".sln")
        n, *entries = path.read_text(encoding="utf-8").split()
        if not solution.exists() or int(n) > largest:
            print(f"{path.stem} is left out: its value is not known, or it is too large.")
            continue
        flows, distances = np.array(entries, float).reshape(2, int(n), int(n))
        known = float(solution.read_text(encoding="utf-8").split()[1])
        instances.append((path.stem, flows, distances, known))
    return instances


def measure_qaplib(
    name: str,
    flows: np.ndarray,
    distances: np.ndarray,
    known: float,
    n_proposals: int,
    n_restarts: int,
) -> dict:
    """Values and seconds of the solver by default, with more proposals, and of SciPy."""
    n = len(flows)
    i, k = edges = np.nonzero(~np.eye(n, dtype=bool))
    node_costs = np.outer(np.diag(flows), np.diag(distances))
    edge_costs = flows[i, k, np.newaxis] * distances[i, k]
    runs = {}
    for label, parameters in (
        ("skid", {"max_search": 0}),
        (f"skid, {n_proposals} proposals", {"max_search": 0, "n_proposals": n_proposals}),
    ):
        solver = QuadraticAssignment(n, n, np.transpose(edges), np.transpose(edges), **parameters)
        costs = solver.costs_of(node_costs[np.newaxis], edge_costs[np.newaxis])
        seconds, solutions = _timed(solver, costs, {})
        total = float(solver.total_costs(costs, solutions)[0])
        runs[label] = {"value": total, "seconds": seconds}
    if n_restarts:
        start = time.perf_counter()
        values = [faq_value(flows, distances, seed) for seed in range(n_restarts)]
        seconds = time.perf_counter() - start
        runs[f"FAQ + 2-opt, {n_restarts} restarts"] = {"value": min(values), "seconds": seconds}
    return {"name": name, "n": n, "known": known, "runs": runs}


def faq_value(flows: np.ndarray, distances: np.ndarray, seed: int) -> float:
    """Value of SciPy's FAQ from a random start, after 2-opt."""
    random = np.random.default_rng(seed)
    options = {"P0": "randomized", "rng": random}
    relaxed = quadratic_assignment(flows, distances, method="faq", options=options)
    start = np.stack([np.arange(len(flows)), relaxed.col_ind], axis=1)
    improved = quadratic_assignment(
        flows, distances, method="2opt", options={"partial_guess": start, "rng": random}
    )
    return float(min(relaxed.fun, improved.fun))


def gap(row: dict, label: str) -> float:
    """Relative difference to the best known value, absolute where that is 0."""
    return (row["runs"][label]["value"] - row["known"]) / (row["known"] or 1)


def qaplib_table(rows: list[dict]) -> str:
    """Gap and milliseconds of every instance."""
    labels = list(rows[0]["runs"])
    header = [text for label in labels for text in (f"{label}, gap %", "ms")]
    lines = [
        [row["name"], f"{row['known']:.0f}"]
        + [
            text
            for label in labels
            for text in (
                f"{100 * gap(row, label):.2f}",
                f"{1e3 * row['runs'][label]['seconds']:.0f}",
            )
        ]
        for row in rows
    ]
    return markdown(["instance", "known", *header], lines)


def qaplib_summary(rows: list[dict]) -> str:
    """Mean and largest gap, the share of best known values, and the mean time."""
    lines = []
    for label in rows[0]["runs"]:
        gaps = [gap(row, label) for row in rows]
        lines.append(
            [
                label,
                f"{100 * mean(gaps):.3f}",
                f"{100 * max(gaps):.2f}",
                f"{sum(value < SLACK for value in gaps)} of {len(gaps)}",
                f"{1e3 * mean(row['runs'][label]['seconds'] for row in rows):.0f}",
            ]
        )
    header = ["method", "mean gap %", "largest gap %", "best known", "mean ms"]
    return markdown(header, lines)


if __name__ == "__main__":
    main()
