"""Maximum flows by blocking flows, and the minimum cuts that they define."""

from __future__ import annotations

import numpy as np

from skid.solvers.kernels.compilation import inner, kernel

# A residual capacity below this fraction of the largest is a rounding error.
_ROUNDING = 1e-13


@kernel
def cut_edges(costs, sources, targets, graph, directed, solutions):
    """Set ``solutions`` to 1 for the edges of a minimum cut of every instance, to 0 otherwise.

    ``costs`` of at least 0 and ``solutions`` have shape (n, m), ``sources`` and ``targets`` (n,).
    """
    ends, offsets, arcs = graph
    n_vertices = len(offsets) - 1
    m = costs.shape[1]
    residual = np.empty(2 * m)
    largest = np.empty(2 * m)
    level = np.empty(n_vertices, np.int64)
    following = np.empty(n_vertices, np.int64)
    order = np.empty(n_vertices, np.int64)
    for i in range(len(costs)):
        source, target = sources[i], targets[i]
        # No flow exceeds the bound, so larger capacities are clipped: their sums could overflow.
        bound = _trivial_bound(costs[i], source, target, ends, directed)
        limit = 2 * bound if bound > 0.0 else np.inf
        for e in range(m):
            capacity = min(costs[i, e], limit)
            residual[2 * e] = capacity
            residual[2 * e + 1] = 0.0 if directed else capacity
            largest[2 * e], largest[2 * e + 1] = residual[2 * e], residual[2 * e + 1]
        while _label(source, target, ends, offsets, arcs, residual, largest, level, order):
            for vertex in range(n_vertices):
                following[vertex] = offsets[vertex]
            _block(source, target, ends, offsets, arcs, residual, largest, level, following, order)
        for e in range(m):
            tail_inside = level[ends[2 * e]] >= 0
            head_inside = level[ends[2 * e + 1]] >= 0
            inside = tail_inside and not head_inside
            if not directed:
                inside = tail_inside != head_inside
            solutions[i, e] = 1.0 if inside else 0.0


@inner
def _trivial_bound(cost, source, target, ends, directed):
    """Return the lower cost of the cut around the source and the cut around the target."""
    out, into = 0.0, 0.0
    for e in range(len(cost)):
        tail, head = ends[2 * e], ends[2 * e + 1]
        if tail == head:
            continue
        if tail == source or (head == source and not directed):
            out += cost[e]
        if head == target or (tail == target and not directed):
            into += cost[e]
    return min(out, into)


@inner
def _label(source, target, ends, offsets, arcs, residual, largest, level, order):
    """Set the distances from the source; return whether the target can be reached."""
    level[:] = -1
    level[source] = 0
    order[0] = source
    n_seen = 1
    position = 0
    while position < n_seen:
        vertex = order[position]
        position += 1
        for k in range(offsets[vertex], offsets[vertex + 1]):
            arc = arcs[k]
            head = ends[arc ^ 1]
            if level[head] < 0 and residual[arc] > _ROUNDING * largest[arc]:
                level[head] = level[vertex] + 1
                if head == target:
                    return True
                order[n_seen] = head
                n_seen += 1
    return False


@inner
def _block(source, target, ends, offsets, arcs, residual, largest, level, following, path):
    """Augment along paths of growing level until none is left."""
    depth = 0
    vertex = source
    while True:
        if vertex == target:
            depth = _push(path, depth, residual, largest)
            vertex = ends[path[depth]]
        advanced = False
        while following[vertex] < offsets[vertex + 1]:
            arc = arcs[following[vertex]]
            head = ends[arc ^ 1]
            if level[head] == level[vertex] + 1 and residual[arc] > _ROUNDING * largest[arc]:
                path[depth] = arc
                depth += 1
                vertex = head
                advanced = True
                break
            following[vertex] += 1
        if not advanced:
            if depth == 0:
                return
            depth -= 1
            vertex = ends[path[depth]]
            following[vertex] += 1


@inner
def _push(path, depth, residual, largest):
    """Saturate the path; return the depth of its first saturated arc."""
    amount = np.inf
    for k in range(depth):
        amount = min(amount, residual[path[k]])
    saturated = depth
    for k in range(depth):
        arc = path[k]
        residual[arc] -= amount
        residual[arc ^ 1] += amount
        largest[arc ^ 1] = max(largest[arc ^ 1], residual[arc ^ 1])
        if saturated == depth and residual[arc] <= 0.0:
            saturated = k
    return saturated
