"""Short tours by local search: 2-opt and Or-opt moves to near neighbours, and random kicks.

J. L. Bentley: *Fast algorithms for geometric traveling salesman problems*, ORSA Journal on
Computing 4, 387-411, 1992; O. Martin, S. W. Otto, E. W. Felten: *Large-step Markov chains for the
traveling salesman problem*, Complex Systems 5, 299-326, 1991.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skid.solvers.kernels.compilation import inner, kernel
from skid.solvers.kernels.random_numbers import random_below

N_NEIGHBOURS = 10
_LONGEST_SEGMENT = 3
_KICK_WIDTH = 30
# Smaller gains, relative to the largest cost, are rounding errors.
_ROUNDING = 1e-12


class Tour(NamedTuple):
    """A tour: its cities in order, the position of every city, and a buffer for a new order."""

    cities: np.ndarray
    position: np.ndarray
    other: np.ndarray


class Queue(NamedTuple):
    """Ring buffer of the cities whose moves have to be tried, each at most once."""

    ring: np.ndarray
    waiting: np.ndarray
    ends: np.ndarray


@kernel
def improved_tours(costs, n_kicks, seed, tours):
    """Find a short tour of every instance, and kick and improve it again ``n_kicks`` times.

    ``costs`` of shape (n, n_cities, n_cities) are symmetric. The random numbers, by the uint64
    ``seed``, are the same for every instance. The cities in the order of the tour are written to
    ``tours`` of shape (n, n_cities), int64.
    """
    n = costs.shape[1]
    near = np.empty((n, min(N_NEIGHBOURS, n - 1)), np.int64)
    tour = Tour(np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64))
    queue = Queue(np.empty(n, np.int64), np.zeros(n, np.bool_), np.zeros(2, np.int64))
    state = np.empty(1, np.uint64)
    for i in range(len(costs)):
        cost = costs[i]
        state[0] = seed
        _find_neighbours(cost, near)
        smallest_gain = _ROUNDING * _largest(cost)
        _visit_nearest(cost, near, tour)
        for position in range(n):
            _enqueue(queue, tour.cities[position])
        _improve(cost, near, tour, queue, smallest_gain)
        best = tours[i]
        _copy(tour.cities, best)
        for _ in range(n_kicks if n >= 8 else 0):
            gain = _kick(cost, tour, queue, state)
            gain += _improve(cost, near, tour, queue, smallest_gain)
            if gain > smallest_gain:
                _copy(tour.cities, best)
            elif gain < 0.0:
                _copy(best, tour.cities)
                for position in range(n):
                    tour.position[best[position]] = position


@inner
def _copy(source, target):
    # A loop, as an assignment of whole arrays takes seconds to compile.
    for k in range(len(source)):
        target[k] = source[k]


@inner
def _largest(cost):
    largest = 0.0
    for row in cost:
        for entry in row:
            largest = max(largest, abs(entry))
    return largest


@inner
def _find_neighbours(cost, near):
    """List the nearest cities of every city, the nearest first."""
    n, k = near.shape
    for city in range(n):
        n_found = 0
        for other in range(n):
            if other == city:
                continue
            place = n_found if n_found < k else k
            while place > 0 and cost[city, near[city, place - 1]] > cost[city, other]:
                if place < k:
                    near[city, place] = near[city, place - 1]
                place -= 1
            if place < k:
                near[city, place] = other
            n_found = min(n_found + 1, k)


@inner
def _visit_nearest(cost, near, tour):
    """Build a tour that always goes to the nearest unvisited city."""
    n = len(tour.cities)
    tour.position[:] = -1
    city = 0
    for step in range(n):
        tour.cities[step] = city
        tour.position[city] = step
        following = -1
        for k in range(near.shape[1]):
            if tour.position[near[city, k]] < 0:
                following = near[city, k]
                break
        if following < 0:
            for other in range(n):
                unvisited = tour.position[other] < 0
                if unvisited and (following < 0 or cost[city, other] < cost[city, following]):
                    following = other
        city = following


@inner
def _enqueue(queue, city):
    if not queue.waiting[city]:
        queue.waiting[city] = True
        queue.ring[queue.ends[1] % len(queue.ring)] = city
        queue.ends[1] += 1


@inner
def _improve(cost, near, tour, queue, smallest_gain):
    """Apply moves that shorten the tour until the queue is empty; return the total gain."""
    total = 0.0
    while queue.ends[0] < queue.ends[1]:
        city = queue.ring[queue.ends[0] % len(queue.ring)]
        queue.ends[0] += 1
        queue.waiting[city] = False
        gain = 1.0
        while gain > 0.0:
            gain = _exchange(cost, near, tour, queue, smallest_gain, city)
            if gain == 0.0:
                gain = _insert(cost, near, tour, queue, smallest_gain, city)
            total += gain
    return total


@inner
def _next(tour, city, step):
    position = tour.position[city] + step
    n = len(tour.cities)
    if position >= n:
        position -= n
    elif position < 0:
        position += n
    return tour.cities[position]


@inner
def _exchange(cost, near, tour, queue, smallest_gain, city):
    """Apply the first 2-opt move that connects the city to a near one and shortens the tour."""
    for step in (1, -1):
        end = _next(tour, city, step)
        for k in range(near.shape[1]):
            other = near[city, k]
            closer = cost[city, end] - cost[city, other]
            if closer <= smallest_gain:
                break
            other_end = _next(tour, other, step)
            gain = closer + cost[other, other_end] - cost[end, other_end]
            if gain > smallest_gain:
                if step == 1:
                    _reverse(tour, tour.position[end], tour.position[other])
                else:
                    _reverse(tour, tour.position[city], tour.position[other_end])
                _enqueue(queue, city)
                _enqueue(queue, end)
                _enqueue(queue, other)
                _enqueue(queue, other_end)
                return gain
    return 0.0


@inner
def _reverse(tour, first, last):
    """Reverse the cities between two positions, or all others, which gives the same tour."""
    n = len(tour.cities)
    length = last - first + 1
    if length <= 0:
        length += n
    if 2 * length > n:
        first, last, length = last + 1, first - 1, n - length
        if first == n:
            first = 0
        if last < 0:
            last += n
    for _ in range(length // 2):
        front, back = tour.cities[last], tour.cities[first]
        tour.cities[first], tour.cities[last] = front, back
        tour.position[front], tour.position[back] = first, last
        first = first + 1 if first + 1 < n else 0
        last = last - 1 if last > 0 else n - 1


@inner
def _insert(cost, near, tour, queue, smallest_gain, city):
    """Apply the first Or-opt move of a segment from the city to a near one that has a gain."""
    n = len(tour.cities)
    for step in (1, -1):
        end = city
        before = _next(tour, city, -step)
        for length in range(1, min(_LONGEST_SEGMENT, n - 3) + 1):
            if length > 1:
                end = _next(tour, end, step)
            after = _next(tour, end, step)
            removed = cost[before, city] + cost[end, after] - cost[before, after]
            for k in range(near.shape[1]):
                other = near[city, k]
                closer = removed - cost[city, other]
                if closer <= smallest_gain:
                    break
                offset = (tour.position[other] - tour.position[city]) * step
                if 0 <= offset < length or offset + n < length:
                    continue
                for side in (1, -1):
                    neighbour = _next(tour, other, side)
                    if neighbour in (city, end):
                        continue
                    gain = closer + cost[other, neighbour] - cost[end, neighbour]
                    if gain > smallest_gain:
                        _move(tour, city, length, step, other, neighbour)
                        for moved in (before, after, city, end, other, neighbour):
                            _enqueue(queue, moved)
                        return gain
    return 0.0


@inner
def _move(tour, city, length, step, other, neighbour):
    """Insert a segment between two neighbours, with its first city next to ``other``."""
    n = len(tour.cities)
    position = tour.position[city]
    n_written = 0
    for offset in range(length, n):
        here = tour.cities[(position + step * offset) % n]
        following = tour.cities[(position + step * (offset + 1)) % n]
        tour.other[n_written] = here
        n_written += 1
        forwards = here == other and following == neighbour
        if forwards or (here == neighbour and following == other):
            for k in range(length):
                place = k if forwards else length - 1 - k
                tour.other[n_written] = tour.cities[(position + step * place) % n]
                n_written += 1
    for k in range(n):
        tour.cities[k] = tour.other[k]
        tour.position[tour.other[k]] = k


@inner
def _kick(cost, tour, queue, state):
    """Swap two neighbouring segments of random lengths; return the gain."""
    n = len(tour.cities)
    first = random_below(state, n)
    width = min(_KICK_WIDTH, n - 2)
    left = 1 + random_below(state, width - 1)
    right = 1 + random_below(state, width - left)
    cities = tour.cities
    for k in range(left + right + 2):
        tour.other[k] = cities[(first + k) % n]
    a, b = tour.other[0], tour.other[1]
    c, d = tour.other[left], tour.other[left + 1]
    e, f = tour.other[left + right], tour.other[left + right + 1]
    for k in range(left + right):
        source = left + 1 + k if k < right else 1 + k - right
        place = (first + 1 + k) % n
        cities[place] = tour.other[source]
        tour.position[cities[place]] = place
    for city in (a, b, c, d, e, f):
        _enqueue(queue, city)
    return cost[a, b] + cost[c, d] + cost[e, f] - cost[a, d] - cost[e, b] - cost[c, f]
