"""Boruvka's algorithm for minimum spanning trees."""

import numpy as np

from skid.solvers.kernels.compilation import inner, kernel


@kernel
def mark_spanning_trees(costs, edges, tails, heads, n_vertices, solutions):
    """Set the edges of the minimum spanning trees to one in ``solutions``, an array of zeros.

    ``edges`` lists the edges to choose from, in ascending order, without loops; together they
    connect all vertices. Of equal costs the one with the lower index counts as smaller.

    In every round each tree of the forest takes the cheapest edge that leaves it, then connected
    trees are merged and the edges inside a tree are dropped. The number of trees at least halves in
    each round.
    """
    live = np.empty(len(edges), np.int64)
    tail = np.empty(len(edges), np.int64)
    head = np.empty(len(edges), np.int64)
    cheapest = np.empty(n_vertices, np.int64)
    least = np.empty(n_vertices, np.float64)
    joined = np.empty(n_vertices, np.int64)
    number = np.empty(n_vertices, np.int64)
    for instance in range(len(costs)):
        for position in range(len(edges)):
            live[position] = edges[position]
            tail[position] = tails[position]
            head[position] = heads[position]
        n_live = len(edges)
        n_trees = n_vertices
        while n_trees > 1:
            _find_cheapest(costs[instance], live, tail, head, n_live, cheapest, least, n_trees)
            for tree in range(n_trees):
                position = cheapest[tree]
                solutions[instance, live[position]] = 1
                joined[tree] = tail[position] + head[position] - tree
            n_trees = _number_joined(joined, n_trees, cheapest, number)
            n_live = _drop_inner(live, tail, head, n_live, number)


@inner
def _find_cheapest(cost, live, tail, head, n_live, cheapest, least, n_trees):
    """Find the position of the cheapest edge of every tree."""
    for tree in range(n_trees):
        least[tree] = np.inf
    for position in range(n_live):
        value = cost[live[position]]
        if value < least[tail[position]]:
            least[tail[position]] = value
            cheapest[tail[position]] = position
        if value < least[head[position]]:
            least[head[position]] = value
            cheapest[head[position]] = position


@inner
def _number_joined(joined, n_trees, cheapest, number):
    """Give connected trees a common number; return the number of merged trees.

    Two trees that chose the same edge point at each other; the lower one becomes the root.
    """
    for tree in range(n_trees):
        other = joined[tree]
        if cheapest[tree] == cheapest[other] and tree < other:
            joined[tree] = tree
    n_roots = 0
    for tree in range(n_trees):
        root = tree
        while joined[root] != root:
            root = joined[root]
        # Path compression.
        step = tree
        while joined[step] != root:
            following = joined[step]
            joined[step] = root
            step = following
        if root == tree:
            number[tree] = n_roots
            n_roots += 1
    for tree in range(n_trees):
        number[tree] = number[joined[tree]]
    return n_roots


@inner
def _drop_inner(live, tail, head, n_live, number):
    """Keep the edges between different trees, with the new numbers of the trees."""
    kept = 0
    for position in range(n_live):
        new_tail = number[tail[position]]
        new_head = number[head[position]]
        if new_tail != new_head:
            live[kept] = live[position]
            tail[kept] = new_tail
            head[kept] = new_head
            kept += 1
    return kept
