"""Microseconds of a ranking, forward and backward, by rule, beside a soft ranking and the host.

Run `python benchmarks/ranking_layer.py`. Soft rankings are those of difftopk, and of torchsort,
which wants a C++ compiler to install, each in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import environment
import numpy as np
from report import markdown

SEED = 0
RELEVANT = 0.05
PEER_REPETITIONS = 3
"""A call of a peer can take a second."""


def main() -> None:
    """Print the table, or, as the child process, the times of a soft ranking."""
    arguments = parse_arguments()
    if arguments.soft_ranking:
        print(json.dumps(soft_ranking_times(arguments)))
        return
    environment.limit_threads(arguments.threads)
    description = environment.describe(arguments.threads)
    print(environment.header(description))
    rows = measure(arguments)
    rows += peers_in_children(arguments)
    base = rows[0]["both"]
    cells = [
        [
            row["ranking"],
            f"{row['forward']:.0f}",
            f"{row['both']:.0f}",
            f"{row['both'] / base:.2f}",
            row["host calls"],
        ]
        for row in rows
    ]
    head = ["ranking", "forward, us", "forward and backward, us", "ratio", "host calls"]
    print(f"\n{arguments.rows} lists of {arguments.items} items\n\n{markdown(head, cells)}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"environment": description, "rows": rows}))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--items", type=int, default=512)
    parser.add_argument("--repetitions", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--json", type=Path, help="write every raw result to this file")
    parser.add_argument("--soft-ranking", help=argparse.SUPPRESS)
    return parser.parse_args()


def scores_and_upstream(arguments: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Normal scores and a normal gradient of the ranks."""
    random = np.random.RandomState(SEED)
    shape = (2, arguments.rows, arguments.items)
    return tuple(random.normal(size=shape).astype(np.float32))


def as_arrays(values: object) -> list[np.ndarray]:
    """One tensor or several, once they are computed."""
    return [value.numpy() for value in (values if isinstance(values, tuple) else (values,))]


def microseconds(call: Callable[[], object], repetitions: int) -> float:
    """The least over calls, the first of which compiles and does not count."""
    call()
    taken = []
    for _ in range(repetitions):
        start = time.perf_counter()
        call()
        taken.append(1e6 * (time.perf_counter() - start))
    return min(taken)


def measure(arguments: argparse.Namespace) -> list[dict]:
    """Every ranking of this package, compiled where it calls no host."""
    import tensorflow as tf

    scores, upstream = (tf.constant(values) for values in scores_and_upstream(arguments))
    rows = []
    for name, ranking in rankings(scores).items():
        layer, compiles = ranking

        def forward(scores, layer=layer):
            return layer(scores)

        def both(scores, layer=layer):
            with tf.GradientTape() as tape:
                tape.watch(scores)
                values = layer(scores)
                loss = tf.reduce_sum(values * upstream if values.shape.rank == 2 else values)
            # Without the values a compiler leaves the ranking out where the gradient is constant.
            return tape.gradient(loss, scores), values

        options = {"autograph": False, "jit_compile": compiles or None}
        functions = [tf.function(function, **options) for function in (forward, both)]
        nodes = functions[1].get_concrete_function(scores).graph.as_graph_def()
        operations = [*nodes.node, *(node for f in nodes.library.function for node in f.node_def)]
        times = [
            microseconds(lambda f=function: as_arrays(f(scores)), arguments.repetitions)
            for function in functions
        ]
        rows.append(
            {
                "ranking": name,
                "forward": times[0],
                "both": times[1],
                "host calls": str(sum("PyFunc" in node.op for node in operations)),
            }
        )
    return rows


def rankings(scores) -> dict[str, tuple[Callable, bool]]:
    """Functions of scores, and whether they can be compiled."""
    import tensorflow as tf

    from skid.gradients import BlackBox
    from skid.layers import RankingLayer, SolverLayer
    from skid.losses import rank_loss
    from skid.noise import TwoPoint
    from skid.solvers import Ranking

    random = np.random.RandomState(SEED + 1)
    relevance = tf.constant((random.random_sample(scores.shape) < RELEVANT).astype(np.int32))
    identity, black_box = RankingLayer(), RankingLayer(gradient="blackbox")
    on_host = SolverLayer(Ranking().solve, projection="std")

    def loss(scores, name="recall", gradient="identity", noisy=False):
        noise = None
        if noisy:
            noise = TwoPoint().sample_tf(scores.shape, seed=tf.constant([0, 1]))
        return rank_loss(scores, relevance, loss=name, gradient=gradient, noise=noise)

    return {
        "RankingLayer, Identity": (identity, True),
        "RankingLayer, Identity, with noise": (lambda s: identity(s, training=True), True),
        "RankingLayer, black-box (two rankings)": (black_box, True),
        "ranking on the host, Identity": (on_host, False),
        "recall loss, balanced Identity": (loss, True),
        "recall loss, balanced Identity, with noise": (lambda s: loss(s, noisy=True), True),
        "recall loss, black-box": (lambda s: loss(s, gradient=BlackBox()), True),
        "map loss, balanced Identity": (lambda s: loss(s, "map"), True),
        "ndcg loss, balanced Identity": (lambda s: loss(s, "ndcg"), True),
    }


def peers_in_children(arguments: argparse.Namespace) -> list[dict]:
    """Times of soft rankings: PyTorch's backward pass crashes beside compiled TensorFlow."""
    rows = []
    for name in SOFT_RANKINGS:
        command = [arguments.python, __file__, "--soft-ranking", name]
        command += ["--rows", str(arguments.rows), "--items", str(arguments.items)]
        command += ["--threads", str(arguments.threads)]
        command += ["--repetitions", str(arguments.repetitions)]
        finished = subprocess.run(command, capture_output=True, text=True)
        if finished.returncode:
            reason = finished.stderr.strip().splitlines()[-1:]
            print(f"skipped {name}: {' '.join(reason)}")
        else:
            rows.append(json.loads(finished.stdout.splitlines()[-1]))
    return rows


def torchsort_ranks() -> Callable:
    """Projections onto the permutahedron (Blondel et al., ICML 2020)."""
    import torchsort

    return torchsort.soft_rank


def relaxed_ranks(name: str) -> Callable:
    """Expected places under the relaxed permutation matrices of a class of difftopk."""
    import difftopk
    import torch

    relaxed = getattr(difftopk, name)()

    def ranks(scores):
        places = torch.arange(1.0, scores.shape[1] + 1)
        return torch.einsum("i,bij->bj", places, relaxed(scores))

    return ranks


SOFT_RANKINGS = {
    "torchsort, soft_rank": torchsort_ranks,
    "difftopk, SoftSort": partial(relaxed_ranks, "SoftSort"),
    "difftopk, NeuralSort": partial(relaxed_ranks, "NeuralSort"),
}


def soft_ranking_times(arguments: argparse.Namespace) -> dict:
    """Forward, and forward with backward, of a soft ranking in PyTorch."""
    import torch

    torch.set_num_threads(arguments.threads)
    ranks = SOFT_RANKINGS[arguments.soft_ranking]()
    scores, upstream = (torch.from_numpy(values) for values in scores_and_upstream(arguments))

    def forward() -> np.ndarray:
        with torch.no_grad():
            return ranks(scores).numpy()

    def both() -> np.ndarray:
        tracked = scores.clone().requires_grad_()
        (ranks(tracked) * upstream).sum().backward()
        return tracked.grad.numpy()

    return {
        "ranking": f"{arguments.soft_ranking} (torch)",
        "forward": microseconds(forward, min(arguments.repetitions, PEER_REPETITIONS)),
        "both": microseconds(both, min(arguments.repetitions, PEER_REPETITIONS)),
        "host calls": "",
    }


if __name__ == "__main__":
    main()
