"""Dynamic programming over the capacities of a knapsack."""

import numpy as np

from skid.solvers.kernels.compilation import inner, kernel

_WORD = 64


@kernel
def fill_knapsacks(costs, weights, capacities, solutions):
    """Set the items of the best fillings to one in ``solutions``, an array of zeros.

    ``weights`` has one row for every instance, or a single row for all.

    Whether item i is taken at remaining capacity c is bit ``i % 64`` of ``taken[i // 64, c]``. The
    words have the width of the values, so that the loop over the capacities is vectorised.
    """
    n, n_items = costs.shape
    largest = 0
    for instance in range(n):
        largest = max(largest, capacities[instance])
    value = np.empty(largest + 1, np.float64)
    before = np.empty(largest + 1, np.float64)
    taken = np.empty(((n_items + _WORD - 1) // _WORD, largest + 1), np.uint64)
    for instance in range(n):
        weight = weights[instance if len(weights) > 1 else 0]
        capacity = capacities[instance]
        for room in range(capacity + 1):
            value[room] = 0
            for word in range(len(taken)):
                taken[word, room] = 0
        # An item is decided only at capacities that the items after it can still reach.
        remaining = 0
        for item in range(n_items):
            if costs[instance, item] < 0:
                remaining += weight[item]
        for item in range(n_items):
            gain = -costs[instance, item]
            if gain <= 0:
                continue
            remaining -= weight[item]
            lowest = max(weight[item], capacity - remaining)
            if lowest > capacity:
                continue
            _take_where_better(
                value[lowest : capacity + 1],
                value[lowest - weight[item] : capacity + 1 - weight[item]],
                before,
                taken[item // _WORD, lowest : capacity + 1],
                np.uint64(1) << np.uint64(item % _WORD),
                gain,
            )
        for item in range(n_items - 1, -1, -1):
            if (taken[item // _WORD, capacity] >> np.uint64(item % _WORD)) & np.uint64(1):
                solutions[instance, item] = 1
                capacity -= weight[item]


@inner
def _take_where_better(value, without, before, taken, bit, gain):
    """Take an item at the capacities where it increases ``value``.

    ``without`` are the values at the capacities that are left after the item.
    """
    # A copy, because the compiler does not vectorise a loop that reads and writes one array.
    for room in range(len(without)):
        before[room] = without[room]
    for room in range(len(value)):
        candidate = before[room] + gain
        best = value[room]
        word = taken[room]
        word_with_item = word | bit
        value[room] = candidate if candidate > best else best
        taken[room] = word_with_item if candidate > best else word
