"""Lower bounds of tours by 1-trees, and conclusions about single edges.

A 1-tree is a spanning tree of all cities except the first, with two more edges at the first. Every
tour is a 1-tree, so the cheapest 1-tree is at most as long as the shortest tour. As a tour has two
edges at every city, this remains true if the price of each city is added to the costs of its edges
and twice the sum of the prices is subtracted.

M. Held, R. M. Karp: *The traveling-salesman problem and minimum spanning trees*, part I, Operations
Research 18, 1138-1162, 1970; part II, Mathematical Programming 1, 6-25, 1971.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skid.solvers.kernels.compilation import inner

# Cost of required edges, which come before all others.
REQUIRED = -1e300
_REMEMBERED = 0.5


class OneTree(NamedTuple):
    """A 1-tree and its prices.

    ``order`` lists all cities except the first in the order in which they joined the tree, and
    ``parent`` their parents; ``ends`` are the other ends of the two edges at the first city, and
    ``degree`` the numbers of edges at the cities. ``nearest`` and ``waiting`` are buffers.
    """

    order: np.ndarray
    parent: np.ndarray
    ends: np.ndarray
    degree: np.ndarray
    price: np.ndarray
    nearest: np.ndarray
    waiting: np.ndarray


@inner
def new_one_tree(n):
    """Allocate the 1-tree of n cities."""
    return OneTree(
        np.empty(n - 1, np.int64),
        np.zeros(n, np.int64),
        np.empty(2, np.int64),
        np.empty(n, np.int64),
        np.zeros(n),
        np.empty(n),
        np.empty(n - 1, np.int64),
    )


@inner
def cheapest_one_tree(cost, usable, tree):
    """Build the cheapest 1-tree with all required edges; return its bound.

    ``cost`` and ``usable``, of shape (n, n), are the costs of the edges; ``usable`` is infinite for
    excluded edges and `REQUIRED` for required ones. The bound is infinite if there is no 1-tree.
    """
    n = len(cost)
    price, nearest, parent, waiting = tree.price, tree.nearest, tree.parent, tree.waiting
    tree.degree[:] = 0
    for k in range(n - 1):
        waiting[k] = k + 1
        nearest[k + 1] = np.inf
    total = 0.0
    place = 0
    for step in range(n - 1):
        city = waiting[place]
        waiting[place] = waiting[n - 2 - step]
        tree.order[step] = city
        if step > 0:
            if nearest[city] == np.inf:
                return np.inf
            above = parent[city]
            tree.degree[city] += 1
            tree.degree[above] += 1
            total += cost[city, above] + price[city] + price[above]
        here = price[city]
        least = np.inf
        place = 0
        for k in range(n - 2 - step):
            other = waiting[k]
            candidate = usable[city, other] + here + price[other]
            if candidate < nearest[other]:
                nearest[other] = candidate
                parent[other] = city
            if nearest[other] < least:
                least = nearest[other]
                place = k
    total += _join_first_city(cost, usable, tree)
    for city in range(n):
        total -= 2.0 * price[city]
    return total


@inner
def _join_first_city(cost, usable, tree):
    """Add the two cheapest edges at the first city; return their cost."""
    first, second = -1, -1
    least, next_least = np.inf, np.inf
    for city in range(1, len(cost)):
        candidate = usable[0, city] + tree.price[city]
        if candidate < least:
            second, next_least = first, least
            first, least = city, candidate
        elif candidate < next_least:
            second, next_least = city, candidate
    if second < 0:
        return np.inf
    tree.ends[0], tree.ends[1] = first, second
    tree.degree[0] = 2
    tree.degree[first] += 1
    tree.degree[second] += 1
    price = tree.price
    return cost[0, first] + cost[0, second] + 2 * price[0] + price[first] + price[second]


@inner
def is_tour(tree):
    """Whether every city has two edges."""
    n_even = 0
    for degree in tree.degree:
        n_even += degree == 2
    return n_even == len(tree.degree)


@inner
def raise_bound(cost, usable, tree, limit, n_steps, step_size, decay, best_price, slope):
    """Raise the bound by subgradient steps in the prices; return the best bound.

    The steps start at the prices of the tree. They stop if the bound reaches ``limit``, the length
    of the shortest known tour, or the 1-tree is a tour, which then is the shortest. The factor of
    Polyak's step length is ``step_size``, and is multiplied by ``decay`` after each step. The
    prices of the best bound are written to ``best_price``; ``slope`` is a buffer. Both have shape
    (n,).
    """
    n = len(cost)
    best = -np.inf
    slope[:] = 0.0
    for step in range(n_steps):
        bound = cheapest_one_tree(cost, usable, tree)
        if bound > best:
            best = bound
            for city in range(n):
                best_price[city] = tree.price[city]
        if bound >= limit or is_tour(tree):
            break
        norm = 0.0
        for city in range(n):
            excess = tree.degree[city] - 2.0
            slope[city] = excess if step == 0 else excess + _REMEMBERED * (slope[city] - excess)
            norm += slope[city] * slope[city]
        length = step_size * (limit - bound) / max(norm, 1.0)
        step_size *= decay
        for city in range(n):
            tree.price[city] += length * slope[city]
    return best


@inner
def fix_edges(cost, usable, tree, gap, steepest, saving):
    """Exclude edges that no better tour has, and require edges that every better tour has.

    An edge enters the 1-tree in exchange for the most expensive edge of the cycle that it closes,
    if that is not required; an edge leaves it in exchange for the cheapest edge that connects both
    parts again. If this raises the bound by ``gap``, the gap to the shortest known tour, no better
    tour allows the exchange. The edges are fixed in ``usable``; returns their number.

    The increase of the bound without the edge between a city and its parent, 0 if that edge is
    required, is written to ``saving`` of shape (n,). ``steepest`` of shape (n, n) is a buffer.
    """
    n = len(cost)
    price, parent = tree.price, tree.parent
    changes = _fix_edges_of_first_city(cost, usable, tree, gap)
    for city in range(n):
        saving[city] = np.inf
    for step in range(1, n - 1):
        city = tree.order[step]
        above = parent[city]
        length = cost[city, above] + price[city] + price[above]
        if usable[city, above] == REQUIRED:
            length = -np.inf
        for k in range(step):
            other = tree.order[k]
            largest = length if other == above else max(length, steepest[above, other])
            steepest[city, other] = largest
            steepest[other, city] = largest
            if other == above or usable[city, other] in (np.inf, REQUIRED):
                continue
            if cost[city, other] + price[city] + price[other] - largest >= gap:
                usable[city, other] = np.inf
                usable[other, city] = np.inf
                changes += 1
    _find_replacements(cost, usable, tree, saving)
    for step in range(1, n - 1):
        city = tree.order[step]
        above = parent[city]
        if usable[city, above] == REQUIRED:
            saving[city] = 0.0
            continue
        saving[city] -= cost[city, above] + price[city] + price[above]
        if saving[city] >= gap:
            usable[city, above] = REQUIRED
            usable[above, city] = REQUIRED
            saving[city] = 0.0
            changes += 1
    return changes


@inner
def _fix_edges_of_first_city(cost, usable, tree, gap):
    price = tree.price
    first, second = tree.ends[0], tree.ends[1]
    # Required edges come first: if the second is required, neither edge can be exchanged.
    highest = -np.inf
    if usable[0, second] != REQUIRED:
        highest = cost[0, second] + price[second]
    changes = 0
    third = np.inf
    for city in range(1, len(cost)):
        if city in (first, second) or usable[0, city] in (np.inf, REQUIRED):
            continue
        joined = cost[0, city] + price[city]
        if joined - highest >= gap:
            usable[0, city] = np.inf
            usable[city, 0] = np.inf
            changes += 1
        else:
            third = min(third, joined)
    for city in (first, second):
        if usable[0, city] != REQUIRED and third - cost[0, city] - price[city] >= gap:
            usable[0, city] = REQUIRED
            usable[city, 0] = REQUIRED
            changes += 1
    return changes


@inner
def _find_replacements(cost, usable, tree, replacement):
    """Find the cheapest edge between the two parts of the tree without each of its edges."""
    n = len(cost)
    price, parent = tree.price, tree.parent
    # The place of a city in the order of the tree: a parent comes before its children.
    place = tree.waiting
    for step in range(n - 1):
        place[tree.order[step] - 1] = step
    for city in range(1, n):
        for other in range(1, city):
            if usable[city, other] in (np.inf, REQUIRED):
                continue
            if place[city - 1] > place[other - 1]:
                below, above = city, other
            else:
                below, above = other, city
            if parent[below] == above:
                continue
            length = cost[city, other] + price[city] + price[other]
            while below != above:
                if place[below - 1] < place[above - 1]:
                    below, above = above, below
                replacement[below] = min(replacement[below], length)
                below = parent[below]
