"""Perfect matchings of least cost in any graph: Edmonds' blossoms, one tree at a time.

All arithmetic is on integers, so that comparisons are exact. The potential of a vertex is the sum
of its dual variable and those of all blossoms that contain it. The slack of an edge between
different outer nodes is its cost minus the potentials of its ends.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from skid.solvers.kernels.blossoms import EVEN, FREE, ODD, augment, expand, reset, shrink
from skid.solvers.kernels.compilation import inner, kernel


class Heap(NamedTuple):
    """Arcs, each at most once, sorted by the total dual step at which they may become tight."""

    keys: np.ndarray
    arcs: np.ndarray
    queued: np.ndarray


def new_heap(n_edges: int) -> Heap:
    """Allocate a heap for all arcs."""
    return Heap(
        np.empty(2 * n_edges, np.int64),
        np.empty(2 * n_edges, np.int64),
        np.zeros(2 * n_edges, np.bool_),
    )


@kernel
def match(costs, graph, nodes, heap, matched):
    """Set the edges of the cheapest perfect matchings to one in ``matched``, an array of zeros.

    ``costs`` and ``matched`` have shape (n, m), float64. The graph has no loops, and the heap is
    empty. Returns False if an instance has no perfect matching.
    """
    n_vertices = len(graph.offsets) - 1
    cost = np.empty(costs.shape[1], np.int64)
    for i in range(len(costs)):
        _to_integers(costs[i], n_vertices, cost)
        reset(nodes)
        _match_greedily(graph, cost, nodes)
        for vertex in range(n_vertices):
            if nodes.mate[vertex] < 0 and not _grow_tree(vertex, graph, cost, nodes, heap):
                return False
        for vertex in range(n_vertices):
            matched[i, nodes.mate[vertex] >> 1] = 1
    return True


@inner
def _to_integers(weights, n_vertices, cost):
    """Scale the costs by a power of two to even integers as large as potentials allow.

    Even costs make all steps of the duals integers. A potential is bounded by the cost of a path.
    """
    largest = 0.0
    for weight in weights:
        largest = max(largest, abs(weight))
    # frexp gives 2 ** (exponent - 1) <= x < 2 ** exponent.
    shift = 59 - math.frexp(largest)[1] - math.frexp(float(n_vertices))[1]
    for e in range(len(weights)):
        cost[e] = 2 * np.int64(math.ldexp(weights[e], shift))


@inner
def _match_greedily(graph, cost, nodes):
    """Give every vertex a tight edge, and match along tight edges between unmatched vertices."""
    ends, offsets, arcs = graph
    potential, mate = nodes.potential, nodes.mate
    for vertex in range(len(mate)):
        lowest = np.int64(0)
        for k in range(offsets[vertex], offsets[vertex + 1]):
            half = cost[arcs[k] >> 1] >> 1
            if k == offsets[vertex] or half < lowest:
                lowest = half
        potential[vertex] = lowest
    for vertex in range(len(mate)):
        if mate[vertex] >= 0:
            continue
        smallest, chosen = np.int64(-1), np.int64(-1)
        for k in range(offsets[vertex], offsets[vertex + 1]):
            arc = arcs[k]
            head = ends[arc ^ 1]
            slack = cost[arc >> 1] - potential[vertex] - potential[head]
            if smallest < 0 or slack < smallest:
                smallest, chosen = slack, np.int64(-1)
            if slack == smallest and chosen < 0 and mate[head] < 0:
                chosen = arc
        potential[vertex] += max(smallest, np.int64(0))
        if chosen >= 0:
            mate[vertex] = chosen
            mate[ends[chosen ^ 1]] = chosen ^ 1


@inner
def _grow_tree(root, graph, cost, nodes, heap):
    """Grow an alternating tree from an unmatched vertex until it reaches another one.

    Entries of the heap that are outdated are recognised when they reach the top.
    """
    ends = graph.ends
    nodes.label[:] = FREE
    nodes.scanned[:] = False
    nodes.label[nodes.outer[root]] = EVEN
    total, size = np.int64(0), np.int64(0)
    size = _scan(nodes.outer[root], total, graph, cost, nodes, heap, size)
    while True:
        size = _drop_outdated(total, graph, cost, nodes, heap, size)
        blossom = _smallest_odd_blossom(nodes)
        if size == 0 and blossom < 0:
            return False
        opens = blossom >= 0 and (size == 0 or nodes.dual[blossom] <= heap.keys[0] - total)
        step = nodes.dual[blossom] if opens else heap.keys[0] - total
        if step > 0:
            _shift_duals(step, nodes)
            total += step
        if opens:
            n_children = expand(blossom, ends, nodes)
            for k in range(n_children):
                child = nodes.children[blossom, k]
                if nodes.label[child] != ODD:
                    size = _scan(child, total, graph, cost, nodes, heap, size)
            continue
        arc = heap.arcs[0]
        size = _pop(heap, size)
        node = nodes.outer[ends[arc ^ 1]]
        if nodes.label[node] == EVEN:
            node = len(nodes.outer) + shrink(arc, ends, nodes)
            size = _scan(node, total, graph, cost, nodes, heap, size)
            continue
        partner_arc = nodes.mate[nodes.base[node]]
        if partner_arc < 0:
            augment(arc, ends, nodes)
            for k in range(size):
                heap.queued[heap.arcs[k]] = False
            return True
        nodes.label[node] = ODD
        nodes.entry[node] = arc
        partner = nodes.outer[ends[partner_arc ^ 1]]
        nodes.label[partner] = EVEN
        size = _scan(partner, total, graph, cost, nodes, heap, size)


@inner
def _drop_outdated(total, graph, cost, nodes, heap, size):
    """Remove outdated entries from the top of the heap."""
    while size > 0:
        arc = heap.arcs[0]
        key = _key(arc, total, graph, cost, nodes)
        if key == heap.keys[0]:
            break
        size = _pop(heap, size)
        if key >= 0:
            size = _push(heap, size, key, arc)
    return size


@inner
def _key(arc, total, graph, cost, nodes):
    """Total step at which an arc from an even node becomes tight; -1 if it is not needed."""
    tail, head = graph.ends[arc], graph.ends[arc ^ 1]
    label = nodes.label[nodes.outer[head]]
    if label == ODD or nodes.outer[tail] == nodes.outer[head]:
        return np.int64(-1)
    slack = cost[arc >> 1] - nodes.potential[tail] - nodes.potential[head]
    return total + (slack >> 1 if label == EVEN else slack)


@inner
def _scan(node, total, graph, cost, nodes, heap, size):
    """Queue the arcs from a new even node, or those from even nodes to a node that became free.

    The key of a queued arc may be too large only if its head has become even since; then the
    opposite arc is queued with the right key.
    """
    even = nodes.label[node] == EVEN
    n_vertices = len(nodes.outer)
    first, last = (node, node + 1) if node < n_vertices else (0, n_vertices)
    for vertex in range(first, last):
        if nodes.outer[vertex] != node or nodes.scanned[vertex]:
            continue
        nodes.scanned[vertex] = even
        for k in range(graph.offsets[vertex], graph.offsets[vertex + 1]):
            arc = graph.arcs[k] if even else graph.arcs[k] ^ 1
            if heap.queued[arc] or nodes.label[nodes.outer[graph.ends[arc]]] != EVEN:
                continue
            key = _key(arc, total, graph, cost, nodes)
            if key >= 0:
                size = _push(heap, size, key, arc)
    return size


@inner
def _smallest_odd_blossom(nodes):
    """Return the odd outer blossom of the smallest dual variable, or -1."""
    n_vertices = len(nodes.outer)
    smallest = -1
    for blossom in range(len(nodes.size)):
        node = n_vertices + blossom
        odd = nodes.size[blossom] > 0 and nodes.parent[node] < 0 and nodes.label[node] == ODD
        if odd and (smallest < 0 or nodes.dual[blossom] < nodes.dual[smallest]):
            smallest = blossom
    return smallest


@inner
def _shift_duals(step, nodes):
    n_vertices = len(nodes.outer)
    for vertex in range(n_vertices):
        label = nodes.label[nodes.outer[vertex]]
        if label == EVEN:
            nodes.potential[vertex] += step
        elif label == ODD:
            nodes.potential[vertex] -= step
    for blossom in range(len(nodes.size)):
        node = n_vertices + blossom
        if nodes.size[blossom] > 0 and nodes.parent[node] < 0:
            if nodes.label[node] == EVEN:
                nodes.dual[blossom] += step
            elif nodes.label[node] == ODD:
                nodes.dual[blossom] -= step


@inner
def _push(heap, size, key, arc):
    heap.queued[arc] = True
    position = size
    while position > 0:
        above = (position - 1) >> 1
        if heap.keys[above] <= key:
            break
        heap.keys[position], heap.arcs[position] = heap.keys[above], heap.arcs[above]
        position = above
    heap.keys[position], heap.arcs[position] = key, arc
    return size + 1


@inner
def _pop(heap, size):
    heap.queued[heap.arcs[0]] = False
    size -= 1
    key, arc = heap.keys[size], heap.arcs[size]
    position = 0
    while True:
        below = 2 * position + 1
        if below + 1 < size and heap.keys[below + 1] < heap.keys[below]:
            below += 1
        if below >= size or heap.keys[below] >= key:
            break
        heap.keys[position], heap.arcs[position] = heap.keys[below], heap.arcs[below]
        position = below
    heap.keys[position], heap.arcs[position] = key, arc
    return size
