"""Share of right partners of `GraphMatcher`, beside matchings without learning and its rivals.

Run `python benchmarks/matching.py --data FOLDER`, with cmu_keypoints.npz in it; see
benchmarks/README.md. `matching_solvers.py` measures the solver alone.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import mean, median

import environment
import matching_data as data
import matching_peers as peers
import numpy as np
from matching_data import Pairs
from report import markdown

from skid import GraphMatcher
from skid.datasets import make_matching_pairs
from skid.gradients import IMLE, BlackBox
from skid.solvers import QuadraticAssignment

PARTS = ("house", "hotel", "outliers", "jitter", "rules", "time")
LEARNT = {"GraphMatcher": {}, "GraphMatcher, node costs only": {"solver": "assignment"}}
UPRIGHT = {"GraphMatcher, upright": {"invariances": ("translation", "scale")}}
"""For frames that are not rotated, which places, vectors and shape contexts know as well."""
LIMITS = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Candidates for the distance from which on a point counts as missed."""
CONTEXT_LIMITS = (0.3, 0.4, 0.5, 0.6)
N_TUNING = 20
"""Training pairs on which the settings of the methods without learning are chosen."""
N_POINTS = (10, 60)
JITTERS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
NOISES = (0.0, 0.1, 0.5, 1.0)
STEPS = (1.0, 10.0, 80.0)
"""Candidates for lambda of black-box differentiation and I-MLE."""
COLORS = ("#c0272d", "#e8a0a2", "#3f74a8", "#8fb3d4", "#6a9f58", "#888888")


def main() -> None:
    """Run the chosen parts and print their tables."""
    arguments = parse_arguments()
    environment.limit_threads(arguments.threads)
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)  # read by the solver
    description = environment.describe(arguments.threads)
    print(environment.header(description), flush=True)
    raw: dict = {"environment": description}
    frames = data.load(arguments.data)
    images = []
    if {*arguments.parts} & {"house", "hotel"}:
        images = list(measure_images(arguments, frames))
    for part, measured, table in (
        ("house", images, images_table),
        ("hotel", images, images_table),
        ("outliers", measure_outliers(arguments, frames["house"]), outliers_table),
        ("jitter", measure_jitter(arguments), jitter_table),
        ("rules", measure_rules(arguments), rules_table),
        ("time", measure_time(arguments, frames["house"]), time_table),
    ):
        if part not in arguments.parts:
            continue
        measured = list(measured)
        raw[part] = [row for row in measured if row["part"] == part]
        print(f"\n**{part}**\n\n{table(raw[part])}", flush=True)
    if arguments.picture and "jitter" in arguments.parts:
        save_picture(arguments.picture, raw["jitter"])
    if arguments.json:
        arguments.json.write_text(json.dumps(raw))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1], help="splits and trainings")
    parser.add_argument("--training-pairs", type=int, default=300)
    parser.add_argument("--test-pairs", type=int, default=20, help="in every row")
    parser.add_argument("--epochs", type=int, help="of every training")
    parser.add_argument("--repetitions", type=int, default=3, help="epochs that are timed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--picture", type=Path, help="save the curves of jitter to this file")
    parser.add_argument("--quick", action="store_true", help="few pairs and one epoch")
    parser.add_argument("--json", type=Path, help="write every raw result to this file")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.training_pairs, arguments.test_pairs, arguments.epochs = 40, 4, 1
        arguments.repetitions = 1
    return arguments


def matcher(arguments: argparse.Namespace, seed: int, **parameters) -> GraphMatcher:
    """The estimator, with its defaults but for what is being compared."""
    if arguments.epochs:
        parameters["max_iter"] = arguments.epochs
    return GraphMatcher(random_state=seed, **parameters)


def learnt(model: GraphMatcher, pairs: Pairs) -> dict[str, float]:
    """What `matching_peers.judged` says of a method without learning."""
    start = time.perf_counter()
    found = model.predict(pairs.X)
    seconds = (time.perf_counter() - start) / len(found)
    return peers.scores_of(pairs, found) | {"seconds": seconds}


def measure_images(arguments: argparse.Namespace, frames: dict) -> Iterator[dict]:
    """Learn on frames of the house, and judge on its other frames and on the hotel."""
    for seed in arguments.seeds:
        house = frames["house"]
        known, unseen = data.split_frames(len(house), seed)
        training = data.training_pairs(house[known], arguments.training_pairs, seed)
        random = np.random.default_rng(seed)
        numbers = {"house": unseen, "hotel": np.arange(len(frames["hotel"]))}
        tests = {}
        for part in [part for part in numbers if part in arguments.parts]:
            for baseline in data.BASELINES:
                chosen = data.test_frames(numbers[part], baseline, arguments.test_pairs)
                for n in data.SIZES:
                    pairs = data.draw(frames[part], chosen, n, 30, random)
                    tests[part, f"{n} of 30, {baseline} frames"] = pairs
        for name, parameters in (UPRIGHT | LEARNT).items():
            model = matcher(arguments, seed, **parameters).fit(*training)
            for (part, row), pairs in tests.items():
                yield {"part": part, "row": row, "method": name} | learnt(model, pairs)
        for name, match in methods_for_images(tuning_part(training)).items():
            for (part, row), pairs in tests.items():
                yield {"part": part, "row": row, "method": name} | peers.judged(match, pairs)


def tuning_part(training: Pairs) -> Pairs:
    """Some of the training pairs, of all kinds."""
    places = np.linspace(0, len(training.X) - 1, min(N_TUNING, len(training.X))).astype(int)
    return Pairs([training.X[place] for place in places], [training.y[place] for place in places])


def methods_for_images(tuning: Pairs) -> dict[str, peers.Match]:
    """Methods without learning where every point of the first frame has a partner."""
    registration = partial(peers.by_registration, partial=False)
    limit = best_limit(tuning, registration)
    affinity = peers.best_affinity(tuning, is_moved=False)
    print(f"best affinity: {affinity}; registration: limit={limit}", flush=True)
    context = partial(peers.by_shape_context, angles="axis")
    solvers = peers.solvers_by_hand()
    return {
        "nearest shape context": partial(context, nearest=True),
        "assignment of shape contexts": context,
        "assignment of places": peers.by_places,
        "registration, limit chosen": partial(registration, limit=limit),
        **{
            f"{name}, edge lengths": partial(solver, affinity=peers.HAND_MADE)
            for name, solver in solvers.items()
        },
        **{
            f"{name}, chosen affinity": partial(solver, affinity=affinity)
            for name, solver in solvers.items()
            if name in ("pylibmgm", "RRWM")
        },
    }


def best_limit(tuning: Pairs, registration: Callable) -> float:
    """The limit of the registration with the best score on training pairs."""
    return peers.best_on(tuning, LIMITS, lambda limit: partial(registration, limit=limit))


def images_table(rows: list[dict]) -> str:
    """Share of right partners by row and method, and seconds a pair."""
    names = list(dict.fromkeys(row["row"] for row in rows))
    lines = []
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        shares = [spread([row["share"] for row in own if row["row"] == name]) for name in names]
        lines.append([method, *shares, f"{1e3 * mean(row['seconds'] for row in own):.1f}"])
    return markdown(["method", *names, "ms a pair"], lines)


def spread(values: list[float]) -> str:
    """Mean, and the range where there are several values."""
    if len(values) < 2:
        return f"{values[0]:.3f}"
    return f"{mean(values):.3f} ({min(values):.2f} to {max(values):.2f})"


def measure_outliers(arguments: argparse.Namespace, house: np.ndarray) -> Iterator[dict]:
    """20 common points, outliers, rotation and scale: F1 of the pairs of nodes."""
    for seed in arguments.seeds:
        known, unseen = data.split_frames(len(house), seed)
        training = data.training_pairs_with_outliers(house[known], arguments.training_pairs, seed)
        random = np.random.default_rng(seed)
        tests = {}
        for baseline in data.BASELINES:
            chosen = data.test_frames(unseen, baseline, arguments.test_pairs)
            pairs = data.draw(house, chosen, 20, 20, random, data.N_OUTLIERS, is_moved=True)
            tests[f"{baseline} frames"] = pairs
        for name, parameters in LEARNT.items():
            model = matcher(arguments, seed, **parameters).fit(*training)
            for row, pairs in tests.items():
                yield {"part": "outliers", "row": row, "method": name} | learnt(model, pairs)
        for name, match in methods_for_moved_points(tuning_part(training)).items():
            for row, pairs in tests.items():
                yield {"part": "outliers", "row": row, "method": name} | peers.judged(match, pairs)


def methods_for_moved_points(tuning: Pairs) -> dict[str, peers.Match]:
    """Methods without learning for rotated and scaled points with outliers."""
    context = peers.best_on(
        tuning,
        [
            partial(peers.by_shape_context, angles=angles, limit=limit)
            for angles in ("centre", "none")
            for limit in CONTEXT_LIMITS
        ],
        lambda match: match,
    )
    registration = partial(peers.by_registration, partial=True)
    limit = best_limit(tuning, registration)
    affinity = peers.best_affinity(tuning, is_moved=True)
    print(f"best affinity: {affinity}; registration: limit={limit}; {context.keywords}", flush=True)
    solvers = peers.solvers_by_hand()
    return {
        "nearest shape context": partial(context, nearest=True),
        "assignment of shape contexts": context,
        "registration, limit chosen": partial(registration, limit=limit),
        **{
            f"{name}, chosen affinity": partial(solvers[name], affinity=affinity)
            for name in ("QuadraticAssignment", "pylibmgm")
            if name in solvers
        },
    }


def outliers_table(rows: list[dict]) -> str:
    """F1 by row and method, and milliseconds a pair."""
    renamed = [row | {"share": row["f1"]} for row in rows]
    return images_table(renamed)


def measure_jitter(arguments: argparse.Namespace) -> Iterator[dict]:
    """Learn on made pairs of any jitter, and judge at one jitter after the other."""
    for seed in arguments.seeds:
        settings = {"n_points": N_POINTS, "n_outliers": 3}
        training = made_pairs(100 if not arguments.quick else 12, seed, **settings)
        tests = {
            jitter: Pairs(
                *make_matching_pairs(
                    arguments.test_pairs, jitter=jitter, random_state=1000 + seed, **settings
                )
            )
            for jitter in JITTERS
        }
        for name, parameters in LEARNT.items():
            model = matcher(arguments, seed, **parameters).fit(*training)
            for jitter, pairs in tests.items():
                yield {"part": "jitter", "row": jitter, "method": name} | learnt(model, pairs)
        methods = methods_for_moved_points(tuning_part(training))
        for name in [name for name in methods if not name.startswith("QuadraticAssignment")]:
            for jitter, pairs in tests.items():
                row = {"part": "jitter", "row": jitter, "method": name}
                yield row | peers.judged(methods[name], pairs)


def made_pairs(n_pairs: int, seed: int, **settings) -> Pairs:
    """Pairs for learning, a share of them at every jitter."""
    X, y = [], []
    for place, jitter in enumerate(JITTERS):
        count = len(range(place, n_pairs, len(JITTERS)))
        part = make_matching_pairs(
            count, jitter=jitter, random_state=len(JITTERS) * seed + place, **settings
        )
        X += part[0]
        y += part[1]
    return Pairs(X, y)


def jitter_table(rows: list[dict]) -> str:
    """F1 by jitter and method."""
    return outliers_table([row | {"row": f"{row['row']:g}"} for row in rows])


def save_picture(path: Path, rows: list[dict]) -> None:
    """Draw the curves of F1 against the jitter."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    figure, axis = plt.subplots(figsize=(6.4, 4))
    for color, method in zip(COLORS, dict.fromkeys(row["method"] for row in rows), strict=False):
        own = [row for row in rows if row["method"] == method]
        jitters = sorted({row["row"] for row in own})
        means = [mean(row["f1"] for row in own if row["row"] == jitter) for jitter in jitters]
        is_learnt = method in LEARNT
        axis.plot(jitters, means, "o-" if is_learnt else "o--", color=color, label=method)
    axis.set(xlabel="jitter, in distances of neighbours", ylabel="F1 of the partners", ylim=(0, 1))
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=140)
    print(f"picture: {path}")


def measure_rules(arguments: argparse.Namespace) -> Iterator[dict]:
    """Train with every gradient, noise and projection on the same made pairs."""
    settings = {"n_points": 12, "n_outliers": 3, "jitter": 0.3}
    n_pairs = 100 if not arguments.quick else 12
    for seed in arguments.seeds:
        training = Pairs(*make_matching_pairs(n_pairs, random_state=seed, **settings))
        test = Pairs(*make_matching_pairs(100, random_state=1000 + seed, **settings))
        steps = {
            rule: best_step(arguments, training, rule, seed, parameters)
            for rule, parameters in ((BlackBox, {}), (IMLE, {"noise": "gumbel"}))
        }
        print(f"lambda: {[f'{rule.__name__} {step:g}' for rule, step in steps.items()]}")
        black_box = BlackBox(steps[BlackBox])
        cases = [
            (name, projection, noise, {"gradient": gradient})
            for name, gradient in (("Identity", "identity"), ("black-box", black_box))
            for projection in ("none", "norm")
            for noise in NOISES
        ]
        imle = {"gradient": IMLE(steps[IMLE]), "noise": "gumbel"}
        cases += [("I-MLE, Gumbel noise", "none", noise, imle) for noise in NOISES[1:]]
        cases += [("perturbed Fenchel-Young", "none", 1.0, {"loss": "fenchel_young"})]
        for name, projection, noise, parameters in cases:
            model = short_matcher(
                arguments, seed, projection=projection, noise_scale=noise, **parameters
            ).fit(*training)
            row = {"part": "rules", "method": name, "projection": projection, "noise": noise}
            yield row | learnt(model, test)
        model = short_matcher(arguments, seed, loss="sinkhorn").fit(*training)
        row = {"part": "rules", "method": "Sinkhorn, node costs only", "projection": "-"}
        yield row | {"noise": None} | learnt(model, test)
        model = short_matcher(arguments, seed, solver="assignment").fit(*training)
        row = {"part": "rules", "method": "Identity, node costs only", "projection": "none"}
        yield row | {"noise": 0.5} | learnt(model, test)


def short_matcher(arguments: argparse.Namespace, seed: int, **parameters) -> GraphMatcher:
    """The estimator with 40 epochs."""
    return matcher(arguments, seed, **({"max_iter": 40} | parameters))


def best_step(
    arguments: argparse.Namespace, training: Pairs, rule: type, seed: int, parameters: dict
) -> float:
    """The lambda with the best score on a quarter of the training pairs."""
    n_known = len(training.X) * 3 // 4
    scores = {}
    for step in STEPS:
        model = short_matcher(arguments, seed, gradient=rule(step), **parameters)
        model.fit(training.X[:n_known], training.y[:n_known])
        scores[step] = model.score(training.X[n_known:], training.y[n_known:])
    return max(scores, key=scores.__getitem__)


def rules_table(rows: list[dict]) -> str:
    """F1 by rule and projection, with one column for each noise."""
    noises = [f"noise {noise:g}" for noise in NOISES]
    lines = []
    for key in dict.fromkeys((row["method"], row["projection"]) for row in rows):
        own = [row for row in rows if (row["method"], row["projection"]) == key]
        cells = []
        for noise in NOISES:
            found = [row["f1"] for row in own if row["noise"] == noise]
            cells.append(spread(found) if found else "-")
        without = [row["f1"] for row in own if row["noise"] is None]
        cells[0] = spread(without) if without else cells[0]
        lines.append([*key, *cells])
    return markdown(["gradient", "projection", *noises], lines)


def measure_time(arguments: argparse.Namespace, house: np.ndarray) -> Iterator[dict]:
    """Seconds of an epoch over 300 pairs of 25 + 25 points, and those in the solver."""
    random = np.random.default_rng(0)
    chosen = [tuple(random.integers(len(house), size=2)) for _ in range(300)]
    pairs = data.draw(house, chosen, 25, 25, random)
    for name, parameters in LEARNT.items():
        epochs, shares = [], []
        for repetition in range(arguments.repetitions + 1):
            (one, solving_one), (three, solving_three) = (
                timed_fit(pairs, n_epochs, parameters) for n_epochs in (1, 3)
            )
            if repetition:  # the first one compiles
                epochs.append((three - one) / 2)
                shares.append((solving_three - solving_one) / (three - one))
        row = {"part": "time", "method": name}
        yield row | {"seconds": median(epochs), "share": median(shares)}


def timed_fit(pairs: Pairs, n_epochs: int, parameters: dict) -> tuple[float, float]:
    """Seconds of a training, and those inside the solver."""
    solve = QuadraticAssignment.solve
    inside = 0.0

    def clocked(solver: QuadraticAssignment, *arguments, **context) -> np.ndarray:
        nonlocal inside
        start = time.perf_counter()
        solutions = solve(solver, *arguments, **context)
        inside += time.perf_counter() - start
        return solutions

    QuadraticAssignment.solve = clocked
    try:
        start = time.perf_counter()
        GraphMatcher(max_iter=n_epochs, random_state=0, **parameters).fit(*pairs)
        return time.perf_counter() - start, inside
    finally:
        QuadraticAssignment.solve = solve


def time_table(rows: list[dict]) -> str:
    """Seconds of an epoch and the share of the solver."""
    return markdown(
        ["300 pairs of 25 + 25 points", "seconds an epoch", "solver %"],
        [[row["method"], f"{row['seconds']:.2f}", f"{100 * row['share']:.0f}"] for row in rows],
    )


if __name__ == "__main__":
    main()
