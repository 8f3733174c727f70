"""Branch and bound for knapsacks of any weights and any number of constraints.

With multipliers ``u >= 0`` of the constraints, the Lagrangian bound of the value of a filling is
``sum_j u_j capacity_j + sum_i max(0, value_i - sum_j u_j weight_ji)``. When some items are decided,
it is computed for the remaining capacity and the other items, so that each node of the search
updates the bound of the node before.
"""

import numpy as np

from skid.solvers.kernels.compilation import inner, kernel
from skid.solvers.kernels.heap import SPARE, push, remove_first

_SUBGRADIENT_STEPS = 100
# Gains smaller than this, relative to the bound, are rounding errors of the sums.
_ROUNDING = 1e-13


@kernel
def search_fillings(costs, weights, limits, n_nodes, solutions, solved):
    """Set the items of the best fillings to one in ``solutions``, an array of zeros.

    ``weights`` has one matrix of shape (n_constraints, d) for every instance, or a single one for
    all; ``limits`` has shape (n, n_constraints). ``solved`` becomes False for the instances that
    need more than ``n_nodes`` nodes; their solutions are feasible, but may not be optimal.
    """
    n, n_items = costs.shape
    n_constraints = limits.shape[1]
    items = np.empty(n_items, np.int64)
    for instance in range(n):
        weight = weights[instance if len(weights) > 1 else 0]
        limit = limits[instance]
        n_open = _find_worthwhile(costs[instance], weight, limit, items)
        value = np.empty(n_open, np.float64)
        open_weight = np.empty((n_open, n_constraints), np.float64)
        for position in range(n_open):
            value[position] = -costs[instance, items[position]]
            for j in range(n_constraints):
                open_weight[position, j] = weight[j, items[position]]
        best = np.zeros(n_open, np.bool_)
        multipliers = np.zeros(n_constraints, np.float64)
        reduced = _set_multipliers(value, open_weight, limit, multipliers, best)
        solved[instance] = _search(value, open_weight, limit, multipliers, reduced, n_nodes, best)
        for position in range(n_open):
            if best[position]:
                solutions[instance, items[position]] = 1


@inner
def _find_worthwhile(cost, weight, limit, items):
    """List the items that have a value and fit into the knapsack; return their number."""
    n_open = 0
    for item in range(len(cost)):
        fits = cost[item] < 0
        for j in range(len(limit)):
            fits &= weight[j, item] <= limit[j]
        if fits:
            items[n_open] = item
            n_open += 1
    return n_open


@inner
def _descending(scores):
    """Return the indices of the scores from the largest to the smallest."""
    n = len(scores)
    keys = np.empty(n + SPARE, np.float64)
    queue = np.empty(n + SPARE, np.uint64)
    for position in range(n + SPARE):
        keys[position] = np.inf
    size = np.uint64(0)
    for position in range(n):
        size = push(keys, queue, size, -scores[position], np.uint64(position))
    order = np.empty(n, np.int64)
    for rank in range(n):
        order[rank] = queue[0]
        size = remove_first(keys, queue, size)
    return order


@inner
def _set_multipliers(value, weight, limit, multipliers, best):
    """Set the multipliers, and ``best`` to a filling in the order of efficiency.

    Returns the reduced value of every item: its value minus its weights times the multipliers.
    """
    n_items, n_constraints = weight.shape
    reduced = value.copy()
    for j in range(n_constraints):
        multipliers[j] = _line_minimum(reduced, weight, limit[j], j)
        for item in range(n_items):
            reduced[item] -= multipliers[j] * weight[item, j]
    filled = _fill_in_order(value, reduced, weight, limit, best)
    if n_constraints > 1:
        _descend(value, weight, limit, filled, multipliers)
        for item in range(n_items):
            reduced[item] = value[item]
            for j in range(n_constraints):
                reduced[item] -= multipliers[j] * weight[item, j]
    return reduced


@inner
def _line_minimum(reduced, weight, room, j):
    """Return the multiplier of one constraint that minimises the bound with the others fixed."""
    efficiency = np.zeros(len(reduced), np.float64)
    for item in range(len(reduced)):
        if weight[item, j] > 0:
            efficiency[item] = reduced[item] / weight[item, j]
    for item in _descending(efficiency):
        room -= weight[item, j]
        if room < 0:
            return max(0.0, efficiency[item])
    return 0.0


@inner
def _fill_in_order(value, reduced, weight, limit, best):
    """Take items in the order of their efficiency as long as they fit; return their value."""
    efficiency = np.empty(len(value), np.float64)
    for item in range(len(value)):
        price = value[item] - reduced[item]
        efficiency[item] = value[item] / price if price > 0 else np.inf
    room = limit.copy()
    total = 0.0
    for item in _descending(efficiency):
        fits = True
        for j in range(len(limit)):
            fits &= weight[item, j] <= room[j]
        if fits:
            best[item] = True
            total += value[item]
            for j in range(len(limit)):
                room[j] -= weight[item, j]
    return total


@inner
def _descend(value, weight, limit, filled, multipliers):
    """Lower the bound by subgradient steps of Polyak's length towards the value of a filling."""
    n_items, n_constraints = weight.shape
    trial = multipliers.copy()
    slope = np.empty(n_constraints, np.float64)
    lowest = np.inf
    for _ in range(_SUBGRADIENT_STEPS):
        bound = 0.0
        for j in range(n_constraints):
            slope[j] = limit[j]
            bound += trial[j] * limit[j]
        for item in range(n_items):
            gain = value[item]
            for j in range(n_constraints):
                gain -= trial[j] * weight[item, j]
            if gain > 0:
                bound += gain
                for j in range(n_constraints):
                    slope[j] -= weight[item, j]
        steepness = 0.0
        for j in range(n_constraints):
            steepness += slope[j] * slope[j]
            if bound < lowest:
                multipliers[j] = trial[j]
        lowest = min(lowest, bound)
        if steepness == 0 or bound <= filled:
            break
        for j in range(n_constraints):
            trial[j] = max(0.0, trial[j] - (bound - filled) / steepness * slope[j])


@inner
def _search(value, weight, limit, multipliers, reduced, n_nodes, best):
    """Improve ``best`` by depth-first search; return whether it is proven to be optimal."""
    n_items, n_constraints = weight.shape
    clearness = np.empty(n_items, np.float64)
    best_total = 0.0
    for item in range(n_items):
        clearness[item] = abs(reduced[item])
        if best[item]:
            best_total += value[item]
    # The clearest decisions come first, as the bound excludes their alternative at once.
    order = _descending(clearness)
    rest = np.zeros(n_items + 1, np.float64)
    for depth in range(n_items - 1, -1, -1):
        rest[depth] = rest[depth + 1] + max(0.0, reduced[order[depth]])
    room = np.empty((n_items + 1, n_constraints), np.float64)
    slack = rest[0]
    for j in range(n_constraints):
        room[0, j] = limit[j]
        slack += multipliers[j] * limit[j]
    slack *= _ROUNDING
    total = np.zeros(n_items + 1, np.float64)
    n_tried = np.zeros(n_items + 1, np.int64)
    taken = np.zeros(n_items, np.bool_)
    depth = 0
    nodes = 0
    while depth >= 0:
        if depth == n_items:
            if total[depth] > best_total:
                best_total = total[depth]
                for position in range(n_items):
                    best[order[position]] = taken[position]
            depth -= 1
        elif n_tried[depth] == 2:
            n_tried[depth] = 0
            depth -= 1
        elif nodes == n_nodes:
            return False
        else:
            nodes += 1
            item = order[depth]
            take = (reduced[item] > 0) != (n_tried[depth] == 1)
            n_tried[depth] += 1
            bound = rest[depth + 1]
            fits = True
            for j in range(n_constraints):
                left = room[depth, j] - (weight[item, j] if take else 0.0)
                fits &= left >= 0
                room[depth + 1, j] = left
                bound += multipliers[j] * left
            total[depth + 1] = total[depth] + (value[item] if take else 0.0)
            if fits and total[depth + 1] + bound > best_total + slack:
                taken[depth] = take
                depth += 1
    return True
