"""Blossoms of an alternating tree: creation, expansion and augmentation.

A node is a vertex or, from ``n_vertices`` on, a blossom: an odd cycle of nodes that are all matched
except one, its base, the first of its children. An outer node is not inside a blossom. An arc
``a`` is one direction of edge ``a // 2`` and leads from ``ends[a]`` to ``ends[a ^ 1]``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skid.solvers.kernels.compilation import inner

FREE, EVEN, ODD = 0, 1, 2


class Nodes(NamedTuple):
    """The state of all vertices and blossoms.

    Arrays of vertices: ``mate`` (the arc to the partner, or -1), ``potential``, ``outer`` (the
    outer node that contains it) and ``scanned``. Arrays of all nodes: ``label``, ``entry`` (the
    arc by which an odd node was reached), ``base`` (a vertex), ``parent`` (the blossom that
    contains it, or -1) and ``mark``. Arrays of blossoms, numbered from 0: ``dual``, ``size`` (0 if
    unused), ``children`` and ``links`` (the arc from each child to the next).
    """

    mate: np.ndarray
    potential: np.ndarray
    outer: np.ndarray
    scanned: np.ndarray
    label: np.ndarray
    entry: np.ndarray
    base: np.ndarray
    parent: np.ndarray
    mark: np.ndarray
    dual: np.ndarray
    size: np.ndarray
    children: np.ndarray
    links: np.ndarray


def new_nodes(n_vertices: int) -> Nodes:
    """Allocate the state of a graph; at most half as many blossoms as vertices exist at once."""
    n = n_vertices
    n_blossoms = n // 2
    return Nodes(
        np.empty(n, np.int64),
        np.empty(n, np.int64),
        np.empty(n, np.int64),
        np.empty(n, np.bool_),
        np.empty(n + n_blossoms, np.int64),
        np.empty(n + n_blossoms, np.int64),
        np.empty(n + n_blossoms, np.int64),
        np.empty(n + n_blossoms, np.int64),
        np.empty(n + n_blossoms, np.bool_),
        np.empty(n_blossoms, np.int64),
        np.empty(n_blossoms, np.int64),
        np.empty((n_blossoms, n), np.int64),
        np.empty((n_blossoms, n), np.int64),
    )


@inner
def reset(nodes):
    """Remove all blossoms and the matching."""
    nodes.mate[:] = -1
    for vertex in range(len(nodes.outer)):
        nodes.outer[vertex] = vertex
        nodes.base[vertex] = vertex
    nodes.parent[:] = -1
    nodes.mark[:] = False
    nodes.size[:] = 0


@inner
def shrink(arc, ends, nodes):
    """Create a blossom from the cycle that a tight arc between two even nodes closes."""
    n_vertices = len(nodes.outer)
    blossom = 0
    while nodes.size[blossom] > 0:
        blossom += 1
    node = n_vertices + blossom
    children, links = nodes.children[blossom], nodes.links[blossom]
    tail, head = nodes.outer[ends[arc]], nodes.outer[ends[arc ^ 1]]
    top = _common_ancestor(tail, head, ends, nodes)

    # Up from the tail to the top, then reversed.
    last = 0
    current = tail
    children[0] = current
    while current != top:
        to_odd = nodes.mate[nodes.base[current]]
        odd = nodes.outer[ends[to_odd ^ 1]]
        current = nodes.outer[ends[nodes.entry[odd]]]
        links[last], links[last + 1] = to_odd ^ 1, nodes.entry[odd]
        children[last + 1], children[last + 2] = odd, current
        last += 2
    _reverse(children, last + 1)
    _reverse(links, last)
    # Along the arc, and up from the head to the top.
    links[last] = arc
    current = head
    while current != top:
        to_odd = nodes.mate[nodes.base[current]]
        odd = nodes.outer[ends[to_odd ^ 1]]
        children[last + 1], children[last + 2] = current, odd
        links[last + 1], links[last + 2] = to_odd, nodes.entry[odd] ^ 1
        current = nodes.outer[ends[nodes.entry[odd]]]
        last += 2

    nodes.size[blossom] = last + 1
    nodes.dual[blossom] = 0
    nodes.base[node] = nodes.base[top]
    nodes.label[node] = EVEN
    nodes.parent[node] = -1
    for k in range(last + 1):
        nodes.parent[children[k]] = node
    for vertex in range(n_vertices):
        if nodes.parent[nodes.outer[vertex]] == node:
            nodes.outer[vertex] = node
    return blossom


@inner
def _common_ancestor(first, second, ends, nodes):
    """Return the lowest even node above two even nodes of the tree."""
    current = first
    while True:
        nodes.mark[current] = True
        to_odd = nodes.mate[nodes.base[current]]
        if to_odd < 0:
            break
        current = nodes.outer[ends[nodes.entry[nodes.outer[ends[to_odd ^ 1]]]]]
    top = second
    while not nodes.mark[top]:
        odd = nodes.outer[ends[nodes.mate[nodes.base[top]] ^ 1]]
        top = nodes.outer[ends[nodes.entry[odd]]]
    nodes.mark[:] = False
    return top


@inner
def expand(blossom, ends, nodes):
    """Expand an odd blossom whose dual variable is zero; return its number of children.

    The children between the entry and the base replace the blossom in the tree, along the side of
    the cycle on which they are matched in pairs; the others become free.
    """
    node = len(nodes.outer) + blossom
    size = nodes.size[blossom]
    children, links = nodes.children[blossom], nodes.links[blossom]
    entry = nodes.entry[node]
    for k in range(size):
        nodes.parent[children[k]] = -1
        nodes.label[children[k]] = FREE
    for vertex in range(len(nodes.outer)):
        if nodes.outer[vertex] == node:
            nodes.outer[vertex] = _child_of(vertex, np.int64(-1), nodes)
    j = 0
    while children[j] != nodes.outer[ends[entry ^ 1]]:
        j += 1
    nodes.label[children[j]] = ODD
    nodes.entry[children[j]] = entry
    forwards = j % 2 == 1
    while j % size != 0:
        middle = j + 1 if forwards else j - 1
        following = (j + 2) % size if forwards else j - 2
        nodes.label[children[middle]] = EVEN
        nodes.label[children[following]] = ODD
        nodes.entry[children[following]] = links[middle] if forwards else links[following] ^ 1
        j = following
    nodes.size[blossom] = 0
    return size


@inner
def augment(arc, ends, nodes):
    """Match along an arc to an unmatched outer node, and along the tree up to its root."""
    vertex = ends[arc ^ 1]
    _change_base(nodes.outer[vertex], vertex, ends, nodes)
    nodes.mate[vertex] = arc ^ 1
    while True:
        vertex = ends[arc]
        node = nodes.outer[vertex]
        to_odd = nodes.mate[nodes.base[node]]
        _change_base(node, vertex, ends, nodes)
        nodes.mate[vertex] = arc
        if to_odd < 0:
            return
        odd = nodes.outer[ends[to_odd ^ 1]]
        arc = nodes.entry[odd]
        vertex = ends[arc ^ 1]
        _change_base(odd, vertex, ends, nodes)
        nodes.mate[vertex] = arc ^ 1


@inner
def _change_base(node, vertex, ends, nodes):
    """Make a vertex the base of its outer node, by changing the matching of the cycles inside."""
    n_vertices = len(nodes.outer)
    if node < n_vertices:
        return
    waiting = np.empty((2 * n_vertices, 2), np.int64)
    waiting[0, 0], waiting[0, 1] = node, vertex
    n_waiting = 1
    while n_waiting > 0:
        n_waiting -= 1
        node, vertex = waiting[n_waiting, 0], waiting[n_waiting, 1]
        if node < n_vertices:
            continue
        size = nodes.size[node - n_vertices]
        children = nodes.children[node - n_vertices]
        links = nodes.links[node - n_vertices]
        child = _child_of(vertex, node, nodes)
        waiting[n_waiting, 0], waiting[n_waiting, 1] = child, vertex
        n_waiting += 1
        j = 0
        while children[j] != child:
            j += 1
        # The even links from the base to the child of the new base, on the side where they match
        # all children in between.
        first, last = (0, j) if j % 2 == 0 else (j + 1, size)
        for k in range(first, last, 2):
            arc = links[k]
            nodes.mate[ends[arc]] = arc
            nodes.mate[ends[arc ^ 1]] = arc ^ 1
            waiting[n_waiting, 0], waiting[n_waiting, 1] = children[k], ends[arc]
            n_waiting += 1
            waiting[n_waiting, 0] = children[(k + 1) % size]
            waiting[n_waiting, 1] = ends[arc ^ 1]
            n_waiting += 1
        nodes.base[node] = vertex
        for array in (children, links):
            _reverse(array, j)
            _reverse(array[j:], size - j)
            _reverse(array, size)


@inner
def _child_of(vertex, node, nodes):
    """Return the child of a blossom that contains the vertex."""
    child = vertex
    while nodes.parent[child] != node:
        child = nodes.parent[child]
    return child


@inner
def _reverse(array, length):
    for k in range(length // 2):
        array[k], array[length - 1 - k] = array[length - 1 - k], array[k]
