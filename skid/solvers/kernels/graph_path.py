"""Shortest paths in graphs: a sweep in topological order, and Dijkstra's algorithm."""

import numpy as np

from skid.solvers.kernels.compilation import kernel
from skid.solvers.kernels.heap import SPARE, push, remove_first

_NONE = -1


@kernel
def sweep_cheapest_paths(costs, first_in, in_edges, in_tails, sources, targets, solutions):
    """Set the edges of the cheapest paths to one in ``solutions``, an array of zeros.

    Vertices are numbered in a topological order; the edges into vertex v are
    ``in_edges[first_in[v] : first_in[v + 1]]``. Of equally cheap edges into a vertex the first is
    taken.

    Returns the first instance whose target cannot be reached, or -1.
    """
    n_vertices = len(first_in) - 1
    distance = np.empty(n_vertices)
    chosen = np.empty(n_vertices, np.int64)
    for instance in range(len(costs)):
        source = sources[instance]
        target = targets[instance]
        distance[: source + 1] = np.inf
        distance[source] = 0
        for vertex in range(source + 1, target + 1):
            best = np.inf
            best_entry = _NONE
            for entry in range(first_in[vertex], first_in[vertex + 1]):
                candidate = distance[in_tails[entry]] + costs[instance, in_edges[entry]]
                if candidate < best:
                    best = candidate
                    best_entry = entry
            distance[vertex] = best
            chosen[vertex] = best_entry
        if target < source or distance[target] == np.inf:
            return instance
        vertex = target
        while vertex != source:
            entry = chosen[vertex]
            solutions[instance, in_edges[entry]] = 1
            vertex = in_tails[entry]
    return _NONE


@kernel
def search_cheapest_paths(
    costs, first_out, out_edges, out_tails, out_heads, sources, targets, solutions
):
    """Set the edges of the cheapest paths to one in ``solutions``, an array of zeros.

    The edges out of vertex v are the entries from ``first_out[v]`` to ``first_out[v + 1]``; an
    undirected edge has two entries.

    Returns the first instance whose target cannot be reached, or -1.
    """
    n_vertices = len(first_out) - 1
    distance = np.empty(n_vertices)
    chosen = np.empty(n_vertices, np.int64)
    keys = np.full(len(out_edges) + 1 + SPARE, np.inf)
    queue = np.empty(len(out_edges) + 1 + SPARE, np.uint64)
    for instance in range(len(costs)):
        source = sources[instance]
        target = targets[instance]
        distance[:] = np.inf
        distance[source] = 0
        size = push(keys, queue, np.uint64(0), 0.0, np.uint64(source))
        vertex = np.int64(_NONE)
        while size > 0 and vertex != target:
            reached = keys[0]
            vertex = np.int64(queue[0])
            size = remove_first(keys, queue, size)
            # A vertex is queued again whenever a cheaper path to it is found.
            if reached > distance[vertex]:
                continue
            for entry in range(first_out[vertex], first_out[vertex + 1]):
                head = out_heads[entry]
                candidate = reached + costs[instance, out_edges[entry]]
                if candidate < distance[head]:
                    distance[head] = candidate
                    chosen[head] = entry
                    size = push(keys, queue, size, candidate, np.uint64(head))
        if vertex != target:
            return instance
        keys[: int(size)] = np.inf
        while vertex != source:
            solutions[instance, out_edges[chosen[vertex]]] = 1
            vertex = out_tails[chosen[vertex]]
    return _NONE
