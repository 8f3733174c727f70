"""Tours of TSPLIB: what the exact solver proves in how long, and how near the heuristic comes.

Run `python benchmarks/tours.py --data FOLDER` with the instances (`*.tsp`) and a file `solutions`
of lines `name : length of the shortest tour`; see benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from pathlib import Path
from statistics import mean

import environment
import numpy as np
from report import markdown

from skid.exceptions import TimeLimitWarning
from skid.solvers import TravelingSalesman


def main() -> None:
    """Solve every instance that is small enough and print the tables."""
    arguments = parse_arguments()
    environment.limit_threads(1)
    # One instance at a time is solved by one thread anyway.
    os.environ["OMP_NUM_THREADS"] = "1"
    description = environment.describe(1)
    print(environment.header(description))
    instances = load_instances(arguments.data, arguments.largest_heuristic)
    compile_kernels()
    exact = [
        measure_exact(*instance, arguments.time_limit)
        for instance in instances
        if len(instance[1]) <= arguments.largest
    ]
    print(f"\n{exact_table(exact)}\n\n{exact_summary(exact)}", flush=True)
    heuristic = [measure_heuristic(*instance, arguments.kicks) for instance in instances]
    print(f"\n{heuristic_table(heuristic)}\n\n{heuristic_summary(heuristic)}")
    if arguments.json:
        raw = {"environment": description, "exact": exact, "heuristic": heuristic}
        arguments.json.write_text(json.dumps(raw))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of TSPLIB instances")
    parser.add_argument("--largest", type=int, default=100, help="cities, exact solver")
    parser.add_argument("--largest-heuristic", type=int, default=500, help="cities, heuristic")
    parser.add_argument("--time-limit", type=float, default=60, help="seconds for one proof")
    parser.add_argument(
        "--kicks", type=int, nargs="+", default=[0, 1, 10, 50], help="for every city"
    )
    parser.add_argument("--json", type=Path, help="write every raw result to this file")
    return parser.parse_args()


def load_instances(folder: Path, largest: int) -> list[tuple[str, np.ndarray, float]]:
    """Names, distances and known shortest lengths, small instances first."""
    lengths = {}
    for line in (folder / "solutions").read_text(encoding="utf-8").splitlines():
        if ":" in line:
            name, length = line.split(":")
            lengths[name.strip()] = float(length.split()[0])
    instances = []
    for path in folder.glob("*.tsp"):
        distances = read_distances(path)
        if path.stem not in lengths or distances is None or len(distances) > largest:
            print(f"{path.stem} is left out: its kind or its size is not covered here.")
            continue
        instances.append((path.stem, distances, lengths[path.stem]))
    return sorted(instances, key=lambda instance: (len(instance[1]), instance[0]))


def read_distances(path: Path) -> np.ndarray | None:
    """Read an instance in TSPLIB's format; None for kinds other than EUC_2D, GEO, EXPLICIT."""
    header, numbers, section = {}, [], None
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.replace(":", " : ").split()
        if not words or words == ["EOF"]:
            continue
        if words[0][0].isalpha():
            section = words[0] if ":" not in words else None
            if ":" in words:
                header[words[0]] = " ".join(words[2:])
        elif section in ("NODE_COORD_SECTION", "EDGE_WEIGHT_SECTION"):
            numbers.extend(map(float, words))
    n = int(header["DIMENSION"])
    kind = header["EDGE_WEIGHT_TYPE"]
    if kind == "EXPLICIT":
        return explicit_distances(np.array(numbers), n, header["EDGE_WEIGHT_FORMAT"])
    coordinates = np.array(numbers).reshape(n, 3)[:, 1:]
    if kind == "EUC_2D":
        return np.floor(np.linalg.norm(coordinates[:, None] - coordinates, axis=2) + 0.5)
    return geographical_distances(coordinates) if kind == "GEO" else None


def explicit_distances(numbers: np.ndarray, n: int, layout: str) -> np.ndarray:
    """Fill a symmetric matrix from a list."""
    if layout == "FULL_MATRIX":
        return numbers.reshape(n, n)
    rows, columns = {
        "UPPER_ROW": lambda: np.triu_indices(n, 1),
        "UPPER_DIAG_ROW": lambda: np.triu_indices(n),
        "LOWER_DIAG_ROW": lambda: np.tril_indices(n),
    }[layout]()
    distances = np.zeros((n, n))
    distances[rows, columns] = numbers
    distances[columns, rows] = numbers
    return distances


def geographical_distances(coordinates: np.ndarray) -> np.ndarray:
    """Kilometres between degrees and minutes, with TSPLIB's own value of pi."""
    degrees = np.trunc(coordinates)
    radians = 3.141592 * (degrees + 5 * (coordinates - degrees) / 3) / 180
    latitude, longitude = radians.T
    q1 = np.cos(longitude[:, None] - longitude)
    q2 = np.cos(latitude[:, None] - latitude)
    q3 = np.cos(latitude[:, None] + latitude)
    angle = np.arccos(np.clip(((1 + q1) * q2 - (1 - q1) * q3) / 2, -1, 1))
    distances = np.trunc(6378.388 * angle + 1)
    np.fill_diagonal(distances, 0)
    return distances


def compile_kernels() -> None:
    """Compile before anything is timed."""
    points = np.random.default_rng(0).random((40, 2))
    distances = np.linalg.norm(points[:, None] - points, axis=2)
    TravelingSalesman(40).solve(distances[None])


def measure_exact(name: str, distances: np.ndarray, shortest: float, time_limit: float) -> dict:
    """Length, seconds and whether the proof was finished."""
    solver = TravelingSalesman(len(distances), time_limit=time_limit)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", TimeLimitWarning)
        length, seconds = _length_and_seconds(solver, distances)
    proven = not any(issubclass(warning.category, TimeLimitWarning) for warning in caught)
    return {
        "name": name,
        "n": len(distances),
        "shortest": shortest,
        "length": length,
        "seconds": seconds,
        "proven": proven,
    }


def exact_table(rows: list[dict]) -> str:
    """Length, whether it is the known shortest, and the time it took."""
    lines = [
        [
            row["name"],
            str(row["n"]),
            f"{row['shortest']:.0f}",
            f"{row['length']:.0f}",
            "yes" if row["proven"] else "time limit",
            f"{1e3 * row['seconds']:.1f}",
        ]
        for row in rows
    ]
    return markdown(["instance", "cities", "known", "found", "proven", "ms"], lines)


def exact_summary(rows: list[dict]) -> str:
    """Say how many lengths are those known, and whether any proof contradicts them."""
    right = sum(row["length"] == row["shortest"] for row in rows)
    proven = [row for row in rows if row["proven"]]
    wrong = sum(row["length"] != row["shortest"] for row in proven)
    return (
        f"{right} of {len(rows)} found, {len(proven)} proven within the time limit, "
        f"{wrong} proofs of another length than the known one."
    )


def measure_heuristic(name: str, distances: np.ndarray, shortest: float, kicks: list[int]) -> dict:
    """Relative gaps to the shortest tour, and seconds, by the number of kicks for every city."""
    n = len(distances)
    runs = {}
    for factor in kicks:
        solver = TravelingSalesman(n, heuristic=True, n_kicks=factor * n)
        length, seconds = _length_and_seconds(solver, distances)
        runs[str(factor)] = {"gap": length / shortest - 1, "seconds": seconds}
    return {"name": name, "n": n, "runs": runs}


def heuristic_table(rows: list[dict]) -> str:
    """Gap and milliseconds of every instance."""
    factors = list(rows[0]["runs"])
    header = [text for factor in factors for text in (f"gap %, {factor} n", "ms")]
    lines = [
        [row["name"], str(row["n"])]
        + [
            text
            for run in row["runs"].values()
            for text in (f"{100 * run['gap']:.2f}", f"{1e3 * run['seconds']:.1f}")
        ]
        for row in rows
    ]
    return markdown(["instance", "cities", *header], lines)


def heuristic_summary(rows: list[dict]) -> str:
    """Mean and largest gap and the share of shortest tours, by the number of kicks."""
    lines = []
    for factor in rows[0]["runs"]:
        gaps = [row["runs"][factor]["gap"] for row in rows]
        found = mean(gap == 0 for gap in gaps)
        lines.append(
            [f"{factor} n", f"{100 * mean(gaps):.2f}", f"{100 * max(gaps):.2f}", f"{found:.0%}"]
        )
    return markdown(["kicks", "mean gap %", "largest gap %", "shortest found"], lines)


def _length_and_seconds(solver: TravelingSalesman, distances: np.ndarray) -> tuple[float, float]:
    start = time.perf_counter()
    solutions = solver.solve(distances[None])
    seconds = time.perf_counter() - start
    return float((solutions[0] * distances).sum() / 2), seconds


if __name__ == "__main__":
    main()
