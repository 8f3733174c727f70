"""The shortest tour of one instance, by branch and bound and integer programming."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skid.solvers.algorithms.tour_program import solve_tour_program

if TYPE_CHECKING:
    from skid.solvers.kernels.tour_search import Search

# Visited nodes times the number of cities after which an integer program is faster.
_MOST_CITY_NODES = 500_000
# Nodes between two checks of the time limit.
_NODES_PER_CHECK = 200
_LARGEST_STACK = 1_000
# Smallest gain of a better tour, relative to the largest cost.
_ROUNDING = 1e-10


class FoundTour(NamedTuple):
    """The cities in order, and the relative gap, NaN if the tour is proven to be the shortest."""

    cities: np.ndarray
    gap: float


def find_shortest_tour(
    cost: np.ndarray, tour: np.ndarray, *, instance: int, time_limit: float | None
) -> FoundTour:
    """Improve a tour until it is proven to be the shortest, or the time limit is reached.

    If branch and bound on 1-trees takes too long, an integer program over the edges that are not
    excluded follows. ``cost`` of shape (n, n) is symmetric with a zero diagonal, and ``tour`` of
    shape (n,) a short tour of at least 4 cities; ``instance`` is quoted in messages.
    """
    from skid.solvers.kernels.tour_search import bound_at_root, search

    start = time.monotonic()
    n = len(cost)
    length = tour_length(cost, tour)
    margin = _smallest_gain(cost)
    usable = cost.copy()
    np.fill_diagonal(usable, np.inf)
    prices = np.empty(n)
    bound = bound_at_root(cost, usable, length, margin, prices)
    if bound == np.inf:
        return FoundTour(tour, np.nan)
    state = _open_root(cost, usable.copy(), prices, bound, length, tour)
    most_nodes = _MOST_CITY_NODES // n
    chunk = most_nodes if time_limit is None else _NODES_PER_CHECK
    n_visited = 0
    while state.counts[0] and n_visited < most_nodes:
        if time_limit is not None and time.monotonic() - start > time_limit:
            bound = max(bound, state.bounds[: state.counts[0]].min())
            return FoundTour(state.tour, _gap(state.limits[0], bound))
        visited = search(state, margin, chunk)
        if visited < 0:
            break
        n_visited += visited
    if not state.counts[0]:
        return FoundTour(state.tour, np.nan)
    bound = max(bound, state.bounds[: state.counts[0]].min())
    left = None if time_limit is None else time_limit - (time.monotonic() - start)
    return _solve_program(cost, usable, state.tour, bound, instance=instance, time_limit=left)


def tour_length(cost: np.ndarray, tour: np.ndarray) -> float:
    """Sum the costs between neighbours in the tour."""
    return float(cost[tour, np.roll(tour, -1)].sum())


def _smallest_gain(cost: np.ndarray) -> float:
    """Smallest difference to the length of a better tour, with a margin for rounding."""
    largest = float(np.abs(cost).max())
    for unit in (1.0, 0.5):
        if largest < 1e9 and np.array_equal(cost / unit, np.round(cost / unit)):
            return 0.999 * unit
    return _ROUNDING * largest


def _open_root(
    cost: np.ndarray,
    usable: np.ndarray,
    prices: np.ndarray,
    bound: float,
    length: float,
    tour: np.ndarray,
) -> Search:
    from skid.solvers.kernels.one_trees import REQUIRED
    from skid.solvers.kernels.tour_search import Search

    rows, columns = np.triu_indices(len(cost), 1)
    values = usable[rows, columns]
    open_edges = np.isfinite(values) & (values != REQUIRED)
    ends = np.stack([rows[open_edges], columns[open_edges]], axis=1)
    # Every level of the search fixes an edge, and adds one node.
    depth = min(_LARGEST_STACK, len(ends) + 3)
    state = Search(
        cost=cost,
        usable=usable,
        ends=ends,
        states=np.empty((depth, len(ends)), np.int8),
        prices=np.empty((depth, len(cost))),
        bounds=np.empty(depth),
        counts=np.ones(1, np.int64),
        limits=np.array([length]),
        tour=tour.copy(),
    )
    state.states[0] = 0
    state.prices[0] = prices
    state.bounds[0] = bound
    return state


def _solve_program(
    cost: np.ndarray,
    usable: np.ndarray,
    tour: np.ndarray,
    bound: float,
    *,
    instance: int,
    time_limit: float | None,
) -> FoundTour:
    """Solve an integer program over the edges of the best tour and those not excluded."""
    from skid.solvers.kernels.one_trees import REQUIRED

    n = len(cost)
    known = np.zeros((n, n), bool)
    known[tour, np.roll(tour, -1)] = True
    known |= known.T
    edges = np.argwhere(np.triu(np.isfinite(usable) | known, 1))
    rows, columns = edges.T
    answer = solve_tour_program(
        cost[rows, columns],
        edges,
        (usable[rows, columns] == REQUIRED) & known[rows, columns],
        n,
        instance=instance,
        time_limit=time_limit,
    )
    length = tour_length(cost, tour)
    if answer is None:
        return FoundTour(tour, _gap(length, bound))
    found = _in_order(edges[answer.solution == 1], n)
    if np.isnan(answer.gap):
        return FoundTour(found, np.nan)
    best = min(found, tour, key=lambda cities: tour_length(cost, cities))
    return FoundTour(best, _gap(tour_length(cost, best), bound))


def _gap(length: float, bound: float) -> float:
    return (length - bound) / abs(length) if length else np.inf


def _in_order(edges: np.ndarray, n: int) -> np.ndarray:
    """Follow the edges of a tour from the first city."""
    neighbours = np.argsort(edges.ravel(), kind="stable").reshape(n, 2)
    neighbours = edges.ravel()[neighbours ^ 1]
    tour = np.zeros(n, np.int64)
    tour[1] = neighbours[0, 0]
    for step in range(2, n):
        first, second = neighbours[tour[step - 1]]
        tour[step] = second if first == tour[step - 2] else first
    return tour
