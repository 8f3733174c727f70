"""Dijkstra's algorithm on grids whose vertices have costs."""

import numpy as np

from skid.solvers.kernels.compilation import kernel
from skid.solvers.kernels.heap import SPARE, push, remove_first

_BORDER, _UNVISITED = -2, -1


@kernel
def mark_cheapest_paths(costs, sources, targets, steps, solutions):
    """Set the vertices of the cheapest paths to one in ``solutions``, an array of zeros.

    The grid is padded by a border that counts as visited; ``sources``, ``targets`` and ``steps``
    are positions and differences of positions in the flattened padded grid.

    All steps into a vertex cost the same, so the first vertex that reaches it is its predecessor on
    a cheapest path: every vertex enters the queue once, and the search ends when the target does.
    """
    n, n_rows, n_columns = costs.shape
    width = n_columns + 2
    padded = np.zeros((n_rows + 2) * width)
    predecessor = np.full((n_rows + 2) * width, _BORDER)
    keys = np.empty(n_rows * n_columns + SPARE)
    queue = np.empty(n_rows * n_columns + SPARE, np.uint64)
    for instance in range(n):
        for row in range(n_rows):
            first = (row + 1) * width + 1
            for column in range(n_columns):
                padded[first + column] = costs[instance, row, column]
                predecessor[first + column] = _UNVISITED
        source = sources[instance]
        target = targets[instance]
        predecessor[source] = source
        keys[:] = np.inf
        size = push(keys, queue, np.uint64(0), padded[source], np.uint64(source))
        while predecessor[target] == _UNVISITED:
            distance = keys[0]
            vertex = queue[0]
            size = remove_first(keys, queue, size)
            for step in steps:
                neighbour = vertex + step
                if predecessor[neighbour] == _UNVISITED:
                    predecessor[neighbour] = vertex
                    size = push(keys, queue, size, distance + padded[neighbour], neighbour)
        vertex = target
        while True:
            solutions[instance, vertex // width - 1, vertex % width - 1] = 1
            if vertex == source:
                break
            vertex = predecessor[vertex]
