"""Shortest tours through a few cities, by dynamic programming over sets of cities."""

from __future__ import annotations

import numpy as np

from skid.solvers.kernels.compilation import inner, kernel


@kernel
def shortest_tours(costs, tours):
    """Find the shortest tour of every instance.

    ``length[S, j]`` is that of the shortest path from the last city through all of S to j in S;
    M. Held, R. M. Karp: *A dynamic programming approach to sequencing problems*, Journal of the
    Society for Industrial and Applied Mathematics 10, 196-210, 1962.

    ``costs`` of shape (n, n_cities, n_cities) are symmetric, for at least three cities. The cities
    in the order of the tour are written to ``tours`` of shape (n, n_cities), int64.
    """
    n = costs.shape[1] - 1
    length = np.empty((1 << n, n))
    for i in range(len(costs)):
        cost = costs[i]
        for chosen in range(1, 1 << n):
            for j in range(n):
                if not (chosen >> j) & 1:
                    length[chosen, j] = np.inf
                    continue
                before = chosen & ~(1 << j)
                shortest = np.inf if before else cost[n, j]
                for k in range(n):
                    candidate = length[before, k] + cost[j, k]
                    if before and candidate < shortest:
                        shortest = candidate
                length[chosen, j] = shortest
        _trace_back(cost, length, tours[i])


@inner
def _trace_back(cost, length, tour):
    """Follow the shortest paths back from the last city; of equal paths the first is taken."""
    n = len(tour) - 1
    chosen = (1 << n) - 1
    city = n
    tour[n] = n
    for position in range(n - 1, -1, -1):
        best, shortest = -1, np.inf
        for k in range(n):
            if not (chosen >> k) & 1:
                continue
            candidate = length[chosen, k] + cost[city, k]
            if best < 0 or candidate < shortest:
                best, shortest = k, candidate
        tour[position] = best
        chosen &= ~(1 << best)
        city = best
