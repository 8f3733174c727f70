"""The problems of the solver benchmark: costs to draw, a solver, and its peers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import solver_peers as peers

import skid.solvers
from skid.datasets import make_shortest_path


@dataclass(frozen=True)
class PeerSettings:
    """A peer, built only when it is timed, and the number of instances it is given."""

    library: str
    name: str
    build: Callable[[], peers.Peer]
    n: int


@dataclass(frozen=True)
class Problem:
    """Whole-number costs, so that libraries which know only integers solve the same instances."""

    name: str
    solver: str
    parameters: dict[str, Any]
    shape: tuple[int, ...]
    peers: tuple[PeerSettings, ...]
    n: int = 1000
    sign: int = 1

    def costs(self, n: int) -> np.ndarray:
        """Draw the costs of n instances."""
        rng = np.random.default_rng(0)
        costs = rng.integers(1, 10_000, size=(n, *self.shape)).astype(np.float64)
        if self.solver == "TravelingSalesman":
            costs = np.triu(costs, 1) + np.triu(costs, 1).transpose(0, 2, 1)
        return self.sign * costs

    def build(self) -> skid.solvers.Solver:
        """Build the solver."""
        return getattr(skid.solvers, self.solver)(**self.parameters)

    @property
    def is_available(self) -> bool:
        """Whether `skid` has the solver."""
        return hasattr(skid.solvers, self.solver)


def problems() -> list[Problem]:
    """All problems."""
    return [*_order_problems(), *_path_problems(), *_graph_problems(), *_packing_problems()]


def _order_problems() -> list[Problem]:
    argpartition = PeerSettings(
        "numpy", "numpy argpartition", lambda: peers.numpy_argpartition(10), 1000
    )
    rankdata = PeerSettings("scipy", "scipy rankdata", peers.scipy_rankdata, 1000)
    assignment = (
        PeerSettings("scipy", "scipy, loop", peers.scipy_assignment, 1000),
        PeerSettings("ortools", "OR-Tools", lambda: peers.ortools_assignment(20), 200),
    )
    return [
        Problem("10 of 200 items", "TopK", {"k": 10}, (200,), (argpartition,)),
        Problem("ranks of 100 items", "Ranking", {}, (100,), (rankdata,)),
        Problem("assignment, 20 x 20", "Assignment", {"n": 20}, (20, 20), assignment),
    ]


def _path_problems() -> list[Problem]:
    _, _, edges = make_shortest_path(1, grid=(5, 5), random_state=0)
    ends = {"source": 0, "target": 24}
    path = (
        PeerSettings("scipy", "scipy csgraph", lambda: peers.csgraph_path(edges, **ends), 1000),
        PeerSettings("networkx", "networkx", lambda: peers.networkx_path(edges, **ends), 100),
        PeerSettings(
            "ortools",
            "OR-Tools min-cost flow",
            lambda: peers.ortools_min_cost_flow(edges, **ends),
            1000,
        ),
    )
    grids = [
        Problem(
            f"path, {side} x {side} cells, 8 neighbours",
            "GridShortestPath",
            {"shape": (side, side)},
            (side, side),
            (PeerSettings("scipy", "scipy csgraph", partial(peers.csgraph_cells, side), 200),),
        )
        for side in (12, 30)
    ]
    parameters = {"edges": edges, **ends}
    return [
        Problem("path, 5 x 5 grid of edges", "ShortestPath", parameters, (len(edges),), path),
        *grids,
    ]


def _graph_problems() -> list[Problem]:
    dense = np.array(list(combinations(range(30), 2)))
    grid = _neighbours(6, 6)
    pixels, ends = _segmentation_edges(grid), {"source": 36, "target": 37}
    tree = (
        PeerSettings("scipy", "scipy csgraph", lambda: peers.csgraph_tree(dense), 500),
        PeerSettings("networkx", "networkx", lambda: peers.networkx_tree(dense), 50),
    )
    cut = (
        PeerSettings("scipy", "scipy csgraph", lambda: peers.csgraph_cut(pixels, **ends), 200),
        PeerSettings("networkx", "networkx", lambda: peers.networkx_cut(pixels, **ends), 20),
        PeerSettings("ortools", "OR-Tools", lambda: peers.ortools_cut(pixels, **ends), 500),
    )
    matching = PeerSettings("networkx", "networkx", lambda: peers.networkx_matching(grid), 10)
    tour = PeerSettings("ortools", "OR-Tools CP-SAT", lambda: peers.ortools_tour(10), 10)
    return [
        Problem(
            "spanning tree, 30 vertices, all edges",
            "SpanningTree",
            {"edges": dense},
            (len(dense),),
            tree,
        ),
        Problem(
            "minimum cut, 6 x 6 pixels",
            "MinCut",
            {"edges": pixels, **ends},
            (len(pixels),),
            cut,
        ),
        Problem(
            "perfect matching, 6 x 6 grid",
            "PerfectMatching",
            {"edges": grid},
            (len(grid),),
            (matching,),
            n=200,
        ),
        Problem("tour, 10 cities", "TravelingSalesman", {"n": 10}, (10, 10), (tour,), n=200),
    ]


def _packing_problems() -> list[Problem]:
    rng = np.random.default_rng(0)
    weights = rng.integers(3, 8, size=48)
    rows = rng.integers(1, 10, size=(3, 20))
    limits = rows.sum(axis=1) // 3
    packing = {"A_ub": rows.astype(float), "b_ub": limits.astype(float)}
    knapsack = (
        PeerSettings("ortools", "OR-Tools", lambda: peers.ortools_knapsack(weights, 80), 200),
        PeerSettings(
            "scipy", "scipy milp", lambda: peers.scipy_milp(weights[np.newaxis], [80]), 20
        ),
    )
    milp = PeerSettings("scipy", "scipy milp", lambda: peers.scipy_milp(rows, limits), 20)
    linprog = PeerSettings("scipy", "scipy linprog", lambda: peers.scipy_linprog(rows, limits), 50)
    return [
        Problem(
            "knapsack, 48 items, capacity 80",
            "Knapsack",
            {"weights": weights, "capacity": 80},
            (48,),
            knapsack,
            sign=-1,
        ),
        Problem(
            "integer program, 20 variables, 3 rows",
            "IntegerProgram",
            packing,
            (20,),
            (milp,),
            n=20,
            sign=-1,
        ),
        Problem(
            "linear program, 20 variables, 3 rows",
            "LinearProgram",
            packing,
            (20,),
            (linprog,),
            n=200,
            sign=-1,
        ),
    ]


def _segmentation_edges(neighbours: np.ndarray) -> np.ndarray:
    """Neighbours linked both ways, and every cell to a source and a target."""
    cells = np.unique(neighbours)
    source, target = len(cells), len(cells) + 1
    from_source = np.stack([np.full_like(cells, source), cells], axis=1)
    to_target = np.stack([cells, np.full_like(cells, target)], axis=1)
    return np.concatenate([neighbours, neighbours[:, ::-1], from_source, to_target])


def _neighbours(rows: int, columns: int) -> np.ndarray:
    """Pairs of neighbouring cells of a grid, each once."""
    cells = np.arange(rows * columns).reshape(rows, columns)
    across = np.stack([cells[:, :-1].ravel(), cells[:, 1:].ravel()], axis=1)
    down = np.stack([cells[:-1].ravel(), cells[1:].ravel()], axis=1)
    return np.concatenate([across, down])
