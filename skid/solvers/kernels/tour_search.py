"""Shortest tours by branch and bound on 1-trees.

T. Volgenant, R. Jonker: *A branch and bound algorithm for the symmetric traveling salesman problem
based on the 1-tree relaxation*, European Journal of Operational Research 9, 83-89, 1982.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skid.solvers.kernels.compilation import inner, kernel
from skid.solvers.kernels.one_trees import (
    REQUIRED,
    cheapest_one_tree,
    fix_edges,
    is_tour,
    new_one_tree,
    raise_bound,
)

_ROOT_STEPS = 60
_ROOT_STEPS_PER_CITY = 8
_NODE_STEPS = 14
_NODE_DECAY = 0.88
_MOST_ROUNDS = 2
_EXCLUDED, _FREE, _CHOSEN = -1, 0, 1


class Search(NamedTuple):
    """Stack of open nodes, each with the states of the edges, prices and a bound.

    ``ends`` are the edges that are not fixed at the root, and ``states`` their states.
    ``counts[0]`` is the number of open nodes, ``limits[0]`` the length of the shortest known tour
    and ``tour`` that tour.
    """

    cost: np.ndarray
    usable: np.ndarray
    ends: np.ndarray
    states: np.ndarray
    prices: np.ndarray
    bounds: np.ndarray
    counts: np.ndarray
    limits: np.ndarray
    tour: np.ndarray


@kernel
def bound_at_root(cost, usable, limit, margin, price):
    """Return the bound at the root, or infinity if no better tour exists, and fix edges by it.

    ``cost`` of shape (n, n) is symmetric; ``usable`` is the same with an infinite diagonal, and
    edges are fixed in it. ``limit`` is the length of a known tour, and ``margin`` the smallest gain
    of a better one. The prices of the bound are written to ``price`` of shape (n,).
    """
    n = len(cost)
    tree = new_one_tree(n)
    n_steps = _ROOT_STEPS + _ROOT_STEPS_PER_CITY * n
    slope = np.empty(n)
    target = limit - margin
    decay = 0.01 ** (1.0 / n_steps)
    bound = raise_bound(cost, usable, tree, target, n_steps, 1.0, decay, price, slope)
    if bound >= target:
        return np.inf
    for city in range(n):
        tree.price[city] = price[city]
    cheapest_one_tree(cost, usable, tree)
    fix_edges(cost, usable, tree, target - bound, np.empty((n, n)), slope)
    return bound if _propagate(usable) else np.inf


@kernel
def search(state, margin, most_nodes):
    """Visit open nodes, deepest first, until none is left or ``most_nodes`` are visited.

    ``margin`` is the smallest gain of a better tour. Returns the number of visited nodes, or -1 if
    the stack is too small.
    """
    n = len(state.cost)
    tree = new_one_tree(n)
    steepest = np.empty((n, n))
    saving = np.empty(n)
    n_visited = 0
    while state.counts[0] > 0 and n_visited < most_nodes:
        if state.counts[0] + 2 > len(state.bounds):
            return -1
        node = state.counts[0] - 1
        state.counts[0] = node
        if state.bounds[node] >= state.limits[0] - margin:
            continue
        n_visited += 1
        _load(state, node, tree.price)
        bound = _bound_node(state, node, margin, tree, steepest, saving)
        if bound < state.limits[0] - margin:
            _branch(state, bound, tree, saving)
    return n_visited


@inner
def _load(state, node, price):
    for k in range(len(state.ends)):
        city, other = state.ends[k, 0], state.ends[k, 1]
        value = state.cost[city, other]
        if state.states[node, k] == _EXCLUDED:
            value = np.inf
        elif state.states[node, k] == _CHOSEN:
            value = REQUIRED
        state.usable[city, other] = value
        state.usable[other, city] = value
    for city in range(len(price)):
        price[city] = state.prices[node, city]


@inner
def _bound_node(state, node, margin, tree, steepest, saving):
    """Raise the bound of a node and fix edges alternately; infinite if no better tour exists."""
    cost, usable = state.cost, state.usable
    price = state.prices[node]
    bound = -np.inf
    for _ in range(_MOST_ROUNDS):
        if not _propagate(usable):
            return np.inf
        target = state.limits[0] - margin
        # Numba would compile the function again for a constant.
        n_steps = np.int64(_NODE_STEPS)
        bound = raise_bound(cost, usable, tree, target, n_steps, 1.0, _NODE_DECAY, price, saving)
        if bound >= target:
            return np.inf
        for city in range(len(price)):
            tree.price[city] = price[city]
        cheapest_one_tree(cost, usable, tree)
        if is_tour(tree):
            _keep(state, tree)
            return np.inf
        if fix_edges(cost, usable, tree, target - bound, steepest, saving) == 0:
            break
    return bound


@inner
def _propagate(usable):
    """Fix the edges at cities with two required edges or only two usable ones.

    Returns False if a city has more required or fewer usable edges.
    """
    n = len(usable)
    changed = True
    while changed:
        changed = False
        for city in range(n):
            n_required, n_usable = 0, 0
            for other in range(n):
                value = usable[city, other]
                if value < np.inf:
                    n_usable += 1
                if value == REQUIRED:
                    n_required += 1
            if n_required > 2 or n_usable < 2:
                return False
            if n_usable == 2 and n_required == 2:
                continue
            if n_required == 2 or n_usable == 2:
                changed = True
                value = np.inf if n_required == 2 else REQUIRED
                for other in range(n):
                    if usable[city, other] not in (np.inf, REQUIRED):
                        usable[city, other] = value
                        usable[other, city] = value
    return True


@inner
def _keep(state, tree):
    """Store a 1-tree that is a tour if it is shorter than the known tour."""
    n = len(state.cost)
    neighbours = np.empty((n, 2), np.int64)
    n_found = np.zeros(n, np.int64)
    for step in range(n):
        if step < n - 2:
            city = tree.order[step + 1]
            other = tree.parent[city]
        else:
            city, other = 0, tree.ends[step - (n - 2)]
        neighbours[city, n_found[city]] = other
        neighbours[other, n_found[other]] = city
        n_found[city] += 1
        n_found[other] += 1
    length = 0.0
    previous, city = -1, 0
    order = n_found
    for step in range(n):
        order[step] = city
        following = neighbours[city, 0]
        if following == previous:
            following = neighbours[city, 1]
        length += state.cost[city, following]
        previous, city = city, following
    if length < state.limits[0]:
        state.limits[0] = length
        for step in range(n):
            state.tour[step] = order[step]


@inner
def _branch(state, bound, tree, saving):
    """Open a node without and a node with an edge of a city that has too many edges.

    The edge is that whose exclusion raises the bound most; the node with it is visited first.
    """
    n = len(state.cost)
    chosen, most = -1, -np.inf
    for step in range(1, n - 1):
        city = tree.order[step]
        above = tree.parent[city]
        has_excess = tree.degree[city] > 2 or tree.degree[above] > 2
        free = state.usable[city, above] not in (np.inf, REQUIRED)
        if has_excess and free and saving[city] > most:
            chosen, most = city, saving[city]
    if chosen < 0:
        return
    above = tree.parent[chosen]
    for value in (np.inf, REQUIRED):
        state.usable[chosen, above] = value
        state.usable[above, chosen] = value
        node = state.counts[0]
        for k in range(len(state.ends)):
            usable = state.usable[state.ends[k, 0], state.ends[k, 1]]
            state.states[node, k] = _FREE
            if usable == np.inf:
                state.states[node, k] = _EXCLUDED
            elif usable == REQUIRED:
                state.states[node, k] = _CHOSEN
        for city in range(n):
            state.prices[node, city] = tree.price[city]
        state.bounds[node] = bound + (most if value == np.inf else 0.0)
        state.counts[0] = node + 1
