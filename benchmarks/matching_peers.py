"""Matchings without learning: affinities by hand, solvers of other libraries, simple rivals."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import NamedTuple

import environment
import numpy as np
from matching_data import Pairs
from matching_solvers import delaunay_edges
from scipy.optimize import linear_sum_assignment

from skid.metrics import matching_score
from skid.solvers import QuadraticAssignment

N_RADII, N_ANGLES = 5, 12
"""Bins of a shape context."""
N_HYPOTHESES = 2000
PYGMTOOLS = ("rrwm", "ipfp", "sm")

Match = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Maps two point sets to the partners of the points of the first."""


@dataclass(frozen=True)
class Affinity:
    """Costs of nodes and edges by hand.

    An edge of a and an edge of b attract each other by ``exp(-d ** 2 / width ** 2)``, with d the
    difference of their lengths, or of their vectors. Nodes are compared by shape contexts, whose
    angles are measured from the x-axis, from the direction to the centre of the points, or not at
    all. ``threshold`` is the cost of every matched pair of nodes: a pair that gains less is left
    out. Without it all nodes of the smaller set are matched.
    """

    width: float = 50.0
    compares: str = "lengths"
    unit: str = "pixels"
    node_weight: float = 0.0
    angles: str = "axis"
    threshold: float | None = None


HAND_MADE = Affinity()
"""The affinity of the published comparisons, exp(-(d_a - d_b)^2 / 2500)."""


class Problem(NamedTuple):
    """A quadratic assignment problem; ``edge_costs`` has shape (e_a, e_b)."""

    edges_a: np.ndarray
    edges_b: np.ndarray
    node_costs: np.ndarray
    edge_costs: np.ndarray
    is_partial: bool


def problem(a: np.ndarray, b: np.ndarray, affinity: Affinity) -> Problem:
    """Costs of a pair, with Delaunay edges in both directions."""
    if affinity.unit == "radius":
        a, b = (points / _radius(points) for points in (a, b))
    edges = [delaunay_edges(points) for points in (a, b)]
    vectors = [
        points[ends[:, 1]] - points[ends[:, 0]] for points, ends in zip((a, b), edges, strict=True)
    ]
    if affinity.compares == "lengths":
        vectors = [np.linalg.norm(values, axis=1, keepdims=True) for values in vectors]
    squares = ((vectors[0][:, np.newaxis] - vectors[1]) ** 2).sum(axis=-1)
    node_costs = np.zeros((len(a), len(b)))
    if affinity.node_weight:
        # Negative costs: pylibmgm leaves nodes unmatched where a match has a price.
        node_costs -= affinity.node_weight * (1 - context_distances(a, b, affinity.angles))
    if affinity.threshold is not None:
        node_costs += affinity.threshold
    edge_costs = -np.exp(-squares / affinity.width**2)
    return Problem(*edges, node_costs, edge_costs, affinity.threshold is not None)


def context_distances(a: np.ndarray, b: np.ndarray, angles: str) -> np.ndarray:
    """Chi-square distances of the shape contexts, from 0 to 1."""
    first, second = shape_contexts(a, angles)[:, np.newaxis], shape_contexts(b, angles)
    total = np.maximum(first + second, 1e-12)
    return ((first - second) ** 2 / total).sum(axis=-1) / 2


def shape_contexts(points: np.ndarray, angles: str) -> np.ndarray:
    """Shares of the other points by distance and direction (Belongie et al., 2002)."""
    moves = points - points[:, np.newaxis]
    others = ~np.eye(len(points), dtype=bool)
    distances = np.linalg.norm(moves, axis=-1)
    distances = distances / distances[others].mean()
    radii = np.geomspace(0.125, 2, N_RADII)[:-1]
    places = np.searchsorted(radii, distances) * N_ANGLES
    if angles != "none":
        directions = np.arctan2(moves[..., 1], moves[..., 0])
        if angles == "centre":
            inward = points.mean(axis=0) - points
            directions = directions - np.arctan2(inward[:, 1], inward[:, 0])[:, np.newaxis]
        places += np.floor(directions / (2 * np.pi) * N_ANGLES).astype(int) % N_ANGLES
    histograms = np.zeros((len(points), N_RADII * N_ANGLES))
    rows, columns = np.nonzero(others)
    np.add.at(histograms, (rows, places[rows, columns]), 1)
    return histograms / (len(points) - 1)


def by_skid(a: np.ndarray, b: np.ndarray, affinity: Affinity) -> np.ndarray:
    """Our solver on an affinity by hand."""
    costs = problem(a, b, affinity)
    solver = QuadraticAssignment(
        len(a),
        len(b),
        costs.edges_a,
        costs.edges_b,
        unmatched_cost=0.0 if costs.is_partial else None,
    )
    parts = costs.node_costs[np.newaxis], costs.edge_costs[np.newaxis]
    return partners_of(solver.matchings_of(solver.solve(solver.costs_of(*parts)))[0])


def by_libmgm(a: np.ndarray, b: np.ndarray, affinity: Affinity) -> np.ndarray:
    """Fusion moves, then dual block coordinate ascent, by pylibmgm."""
    import pylibmgm
    from pylibmgm import solver

    costs = problem(a, b, affinity)
    pylibmgm.omp_set_num_threads(1)
    model = pylibmgm.GmModel(pylibmgm.Graph(0, len(a)), pylibmgm.Graph(1, len(b)))
    for (i, j), cost in np.ndenumerate(costs.node_costs):
        model.add_assignment(i, j, cost)
    edge_costs: dict[tuple[int, ...], float] = {}
    for (i, k), row in zip(costs.edges_a.tolist(), costs.edge_costs.tolist(), strict=True):
        for (j, h), cost in zip(costs.edges_b.tolist(), row, strict=True):
            key = (i, j, k, h) if i < k else (k, h, i, j)
            edge_costs[key] = edge_costs.get(key, 0.0) + cost
    for key, cost in edge_costs.items():
        model.add_edge(*key, cost)
    found = solver.solve_gm(model).to_list_with_none()
    return np.array([-1 if partner is None else partner for partner in found])


def by_pygmtools(a: np.ndarray, b: np.ndarray, affinity: Affinity, *, method: str) -> np.ndarray:
    """A relaxation of pygmtools, rounded by the Hungarian method."""
    import pygmtools

    pygmtools.set_backend("numpy")
    costs = problem(a, b, affinity)
    n, m = costs.node_costs.shape
    affinities = np.diag(-costs.node_costs.T.ravel())
    tails = costs.edges_b[:, 0] * n + costs.edges_a[:, :1]
    heads = costs.edges_b[:, 1] * n + costs.edges_a[:, 1:]
    np.add.at(affinities, (tails, heads), -costs.edge_costs)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        relaxed = getattr(pygmtools, method)(affinities, n, m)
        return partners_of(pygmtools.hungarian(relaxed))


def by_shape_context(
    a: np.ndarray, b: np.ndarray, *, angles: str, nearest: bool = False, limit: float = np.inf
) -> np.ndarray:
    """Assignment by shape contexts alone, or the nearest one of every node."""
    return matched_below(context_distances(a, b, angles), limit, nearest=nearest)


def by_places(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Assignment of the points after the centres and the radii are made equal."""
    a, b = ((points - points.mean(axis=0)) / _radius(points) for points in (a, b))
    return matched_below(np.linalg.norm(a[:, np.newaxis] - b, axis=-1) ** 2, np.inf)


def by_registration(a: np.ndarray, b: np.ndarray, *, limit: float, partial: bool) -> np.ndarray:
    """The best of many rotations with a scale, each from one edge of a laid on one edge of b.

    An affine map is then fitted to the pairs found, five times. ``limit`` is the distance, in
    units of the radius of the points, from which on a point counts as missed.
    """
    random = np.random.default_rng(0)
    a, b = ((points - points.mean(axis=0)) / _radius(points) for points in (a, b))
    ends = []
    for points in (a, b):
        edges = delaunay_edges(points)
        ends.append((points @ [1, 1j])[edges[random.integers(len(edges), size=N_HYPOTHESES)]])
    factors = (ends[1][:, 1] - ends[1][:, 0]) / (ends[0][:, 1] - ends[0][:, 0])
    shifts = ends[1][:, 0] - factors * ends[0][:, 0]
    moved = factors[:, np.newaxis] * (a @ [1, 1j]) + shifts[:, np.newaxis]
    gaps = np.abs(moved[:, :, np.newaxis] - b @ [1, 1j])
    losses = sum(np.minimum(gaps.min(axis=axis), limit).sum(axis=1) for axis in (1, 2))
    # A map that shrinks everything to a point would be near to some point of b.
    losses[(np.abs(factors) < 0.3) | (np.abs(factors) > 3)] = np.inf
    best = moved[losses.argmin()]
    placed = np.stack([best.real, best.imag], axis=1)
    homogeneous = np.column_stack([a, np.ones(len(a))])
    for _ in range(5):
        distances = np.linalg.norm(placed[:, np.newaxis] - b, axis=-1)
        partners = matched_below(np.minimum(distances, limit) ** 2, limit**2)
        known = partners >= 0
        if known.sum() < 6:
            break
        placed = homogeneous @ np.linalg.lstsq(homogeneous[known], b[partners[known]])[0]
    distances = np.minimum(np.linalg.norm(placed[:, np.newaxis] - b, axis=-1), 10 * limit)
    return matched_below(distances, limit if partial else np.inf)


def matched_below(distances: np.ndarray, limit: float, *, nearest: bool = False) -> np.ndarray:
    """Assignment by distances, or the nearest one; pairs from a distance on are left out."""
    if nearest:
        # Each node of b keeps the nearest of those that chose it, as one is right at most.
        columns = distances.argmin(axis=1)
        least = distances.min(axis=1)
        kept = [
            i == min(np.flatnonzero(columns == columns[i]), key=least.__getitem__)
            for i in range(len(distances))
        ]
        return np.where(kept & (least < limit), columns, -1)
    rows, columns = linear_sum_assignment(distances)
    partners = np.full(len(distances), -1)
    kept = distances[rows, columns] < limit
    partners[rows[kept]] = columns[kept]
    return partners


def partners_of(matching: np.ndarray) -> np.ndarray:
    """Partner of each row of a 0/1 matrix, or -1."""
    return np.where(matching.any(axis=1), matching.argmax(axis=1), -1)


def best_affinity(pairs: Pairs, *, is_moved: bool) -> Affinity:
    """The affinity with the best score on training pairs.

    Our solver judges all candidates, as it finds the energies of the best peer in less time.
    """
    units = [Affinity(width, "lengths", "radius") for width in (0.1, 0.2, 0.4)]
    weights = (0, 3, 9, 27)
    if is_moved:
        angles, thresholds = ("centre", "none"), (1.0, 2.0, 3.0, 5.0)
    else:
        units += [Affinity(width) for width in (15.0, 50.0)]
        units += [replace(unit, compares="vectors") for unit in units[:3]]
        angles, thresholds = ("axis",), (None,)
    candidates = [
        replace(unit, node_weight=float(weight), angles=angle, threshold=threshold)
        for unit, weight, angle, threshold in product(units, weights, angles, thresholds)
        if weight or angle == angles[0]
    ]
    return best_on(pairs, candidates, lambda affinity: partial(by_skid, affinity=affinity))


def best_on(pairs: Pairs, candidates: Iterable, method_of: Callable) -> object:
    """The candidate whose method has the best F1 score on pairs."""
    return max(candidates, key=lambda one: judged(method_of(one), pairs)["f1"])


def judged(match: Match, pairs: Pairs) -> dict[str, float]:
    """Share of right partners, F1 score, and seconds a pair."""
    start = time.perf_counter()
    found = [match(*pair) for pair in pairs.X]
    seconds = (time.perf_counter() - start) / len(found)
    return scores_of(pairs, found) | {"seconds": seconds}


def scores_of(pairs: Pairs, found: list[np.ndarray]) -> dict[str, float]:
    """Share of right partners and F1 score."""
    return {
        "share": matching_score(pairs.y, found),
        "f1": matching_score(pairs.y, found, f1=True),
    }


def solvers_by_hand() -> dict[str, Callable]:
    """Solvers of an affinity by name; libraries that are missing are skipped with a line."""
    methods: dict[str, Callable] = {"QuadraticAssignment": by_skid}
    for library in ("pylibmgm", "pygmtools"):
        if not environment.is_installed(library):
            print(f"skipped {library}: not installed")
        elif library == "pylibmgm":
            methods["pylibmgm"] = by_libmgm
        else:
            methods |= {name.upper(): partial(by_pygmtools, method=name) for name in PYGMTOOLS}
    return methods


def _radius(points: np.ndarray) -> float:
    """Root mean squared distance from the centre."""
    return float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()))
