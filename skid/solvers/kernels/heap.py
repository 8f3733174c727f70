"""A heap with four children per node, the priority queue of the shortest-path kernels.

Sizes and positions are unsigned: numba checks signed indices for negative values, which takes a
third of the time here. The arrays of keys end with `SPARE` infinite keys, so that the four children
can be compared without checking which of them exist.
"""

import numpy as np

from skid.solvers.kernels.compilation import inner

SPARE = 5
_ONE, _TWO, _THREE = np.uint64(1), np.uint64(2), np.uint64(3)


@inner
def push(keys, items, size, key, item):
    """Add an item and return the new size."""
    node = size
    while node > 0:
        parent = (node - _ONE) >> _TWO
        if keys[parent] <= key:
            break
        keys[node] = keys[parent]
        items[node] = items[parent]
        node = parent
    keys[node] = key
    items[node] = item
    return size + _ONE


@inner
def remove_first(keys, items, size):
    """Remove the item with the smallest key, at position 0, and return the new size."""
    size -= _ONE
    key = keys[size]
    item = items[size]
    keys[size] = np.inf
    node = np.uint64(0)
    child = _ONE
    while child < size:
        smallest = child + np.uint64(keys[child + _ONE] < keys[child])
        other = child + _TWO + np.uint64(keys[child + _THREE] < keys[child + _TWO])
        if keys[other] < keys[smallest]:
            smallest = other
        if key <= keys[smallest]:
            break
        keys[node] = keys[smallest]
        items[node] = items[smallest]
        node = smallest
        child = (node << _TWO) + _ONE
    keys[node] = key
    items[node] = item
    return size
