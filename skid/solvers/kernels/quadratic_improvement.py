"""Matchings of low quadratic cost: tabu search, and fusion of the matchings that it finds.

E. Taillard: *Robust taboo search for the quadratic assignment problem*, Parallel Computing 17,
443-455, 1991; L. Hutschenreiter, S. Haller, L. Feineis, C. Rother, D. Kainmueller, B. Savchynskyy:
*Fusion moves for graph matching*, ICCV 2021.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from skid.solvers.kernels.compilation import inner, kernel
from skid.solvers.kernels.quadratic_costs import ROUNDING, pair_cost, total_cost
from skid.solvers.kernels.random_numbers import random_below

_MOST_FUSED = 10


class Matching(NamedTuple):
    """A matching, and what each pair would cost.

    ``marginal[i, j]`` is the cost of matching row i to column j while the other rows stay where
    they are. The column of an unmatched row and the row of a free column are -1.
    """

    column_of_row: np.ndarray
    row_of_column: np.ndarray
    marginal: np.ndarray


@inner
def _new_matching(problem):
    """Return the empty matching."""
    n, m = problem.node_costs.shape
    matching = Matching(np.empty(n, np.int64), np.empty(m, np.int64), np.empty((n, m)))
    _clear(problem, matching)
    return matching


@inner
def _clear(problem, matching):
    """Make all rows unmatched."""
    n, m = problem.node_costs.shape
    for j in range(m):
        matching.row_of_column[j] = -1
    for i in range(n):
        matching.column_of_row[i] = -1
        for j in range(m):
            matching.marginal[i, j] = problem.node_costs[i, j]


@inner
def _leave(problem, matching, i):
    """Make row i unmatched."""
    j = matching.column_of_row[i]
    if j >= 0:
        _add_pair(problem, matching.marginal, i, j, -1.0)
        matching.row_of_column[j] = -1
        matching.column_of_row[i] = -1


@inner
def _place(problem, matching, i, j):
    """Match the unmatched row i to the free column j; -1 for no column."""
    if j >= 0:
        _add_pair(problem, matching.marginal, i, j, 1.0)
        matching.row_of_column[j] = i
        matching.column_of_row[i] = j


@inner
def _add_pair(problem, marginal, i, j, sign):
    rows, columns = problem.rows, problem.columns
    start, stop = columns.offsets[j], columns.offsets[j + 1]
    for r in range(rows.offsets[i], rows.offsets[i + 1]):
        neighbour = rows.heads[r]
        for q in range(start, stop):
            marginal[neighbour, columns.heads[q]] += sign * problem.pair_costs[r, q]


@inner
def _load(problem, matching, column_of_row):
    _clear(problem, matching)
    for i in range(len(column_of_row)):
        if column_of_row[i] >= 0:
            _place(problem, matching, i, column_of_row[i])


@inner
def _grow(problem, matching, lookahead, state):
    """Match the rows one by one, neighbours of matched rows first, to their cheapest columns."""
    n, m = problem.node_costs.shape
    _clear(problem, matching)
    reached = np.zeros(n, np.bool_)
    for _ in range(n):
        row, best = -1, -1
        for i in range(n):
            if matching.column_of_row[i] < 0 and not reached[i]:
                n_matched = random_below(state, 4)
                for r in range(problem.rows.offsets[i], problem.rows.offsets[i + 1]):
                    if reached[problem.rows.heads[r]]:
                        n_matched += 4
                if n_matched > best:
                    row, best = i, n_matched
        reached[row] = True
        column, cheapest = -1, np.inf
        if problem.partial:
            cheapest = 0.0
        for j in range(m):
            if matching.row_of_column[j] < 0:
                cost = matching.marginal[row, j] + lookahead[row, j]
                if cost < cheapest:
                    column, cheapest = j, cost
        _place(problem, matching, row, column)


@inner
def _shake(problem, matching, n_shaken, state):
    """Move rows to random columns, and their rows back."""
    n, m = problem.node_costs.shape
    for _ in range(n_shaken):
        i, j = random_below(state, n), random_below(state, m)
        k, old = matching.row_of_column[j], matching.column_of_row[i]
        if k != i:
            _exchange(problem, matching, i, j, k, old)


@inner
def _exchange(problem, matching, i, j, k, h):
    """Match row i to column j and row k to column h; -1 for no row and for no column."""
    _leave(problem, matching, i)
    if k >= 0:
        _leave(problem, matching, k)
        _place(problem, matching, k, h)
    _place(problem, matching, i, j)


@inner
def _tabu_search(problem, matching, total, n_steps, target, tabu, state, best):
    """Make the best moves that are not tabu; write the best matching to ``best``, return its cost.

    A move exchanges the columns of two rows, takes the column of another row, or takes or leaves a
    free column. ``tabu`` of shape (n, m + 1) is overwritten; its last column stands for no column.
    The search ends at a cost of ``target``.
    """
    n, m = problem.node_costs.shape
    column_of_row, row_of_column, marginal = matching
    for i in range(n):
        best[i] = column_of_row[i]
        for j in range(m + 1):
            tabu[i, j] = -1
    current = np.empty(n)
    lowest = total
    for step in range(n_steps):
        if lowest <= target:
            break
        least, row, column, other, other_column = np.inf, -1, -1, -1, -1
        aspired = lowest - ROUNDING - total
        for i in range(n):
            current[i] = marginal[i, column_of_row[i]] if column_of_row[i] >= 0 else 0.0
        for i in range(n):
            old = column_of_row[i]
            left = current[i]
            if problem.partial and old >= 0:
                change = -left
                if change < least and (tabu[i, m] < step or change < aspired):
                    least, row, column, other, other_column = change, i, -1, -1, -1
            if n < m or problem.partial:
                for j in range(m):
                    change = marginal[i, j] - left
                    if row_of_column[j] >= 0 or change >= least:
                        continue
                    if tabu[i, j] < step or change < aspired:
                        least, row, column, other, other_column = change, i, j, -1, -1
            for k in range(i + 1, n):
                j = column_of_row[k]
                taken = marginal[i, j] if j >= 0 else 0.0
                given = marginal[k, old] if old >= 0 else 0.0
                base = -left - current[k]
                change = base + taken + given
                r = problem.rows.of_pair[i, k]
                if r >= 0 and old >= 0 and j >= 0:
                    q = problem.columns.of_pair[old, j]
                    if q >= 0:
                        together = problem.pair_costs[r, q]
                        back = problem.pair_costs[r, problem.columns.reverse[q]]
                        base += together
                        change += together + back
                if change < least and (old >= 0 or j >= 0):
                    is_free = tabu[i, j if j >= 0 else m] < step
                    if is_free or tabu[k, old if old >= 0 else m] < step or change < aspired:
                        least, row, column, other, other_column = change, i, j, k, old
                if problem.partial and old >= 0 and j >= 0:
                    change = base + taken
                    if change < least:
                        is_free = tabu[i, j] < step and tabu[k, m] < step
                        if is_free or change < aspired:
                            least, row, column, other, other_column = change, i, j, k, -1
                    change = base + given
                    if change < least:
                        is_free = tabu[k, old] < step and tabu[i, m] < step
                        if is_free or change < aspired:
                            least, row, column, other, other_column = change, k, old, i, -1
        if row < 0:
            continue
        until = step + 1 + n * 9 // 10 + random_below(state, 2 + n // 5)
        tabu[row, column_of_row[row]] = until
        if other >= 0:
            tabu[other, column_of_row[other]] = until
        _exchange(problem, matching, row, column, other, other_column)
        total += least
        if total < lowest - ROUNDING:
            lowest = total
            for i in range(n):
                best[i] = column_of_row[i]
    return total_cost(problem, best)


@kernel
def improve(problem, lookahead, best, limits, state, first, n_proposals, n_steps):
    """Improve the matching ``best`` by ``n_proposals`` tabu searches.

    The first proposal is ``best``, unless its cost is infinite; later ones are grown, or shaken
    from it. Each is searched for
    ``n_steps`` moves and fused with the best matching. ``limits`` are the cost of ``best``, which
    is updated, and the cost at which the search stops; ``state`` is that of the random numbers.
    """
    n, m = problem.node_costs.shape
    matching = _new_matching(problem)
    tabu = np.empty((n, m + 1), np.int64)
    found = np.empty(n, np.int64)
    for proposal in range(first, first + n_proposals):
        if limits[0] <= limits[1]:
            return
        if proposal % 2 or limits[0] == np.inf:
            _grow(problem, matching, lookahead, state)
        else:
            _load(problem, matching, best)
            if proposal:
                _shake(problem, matching, max(2, n // 4), state)
        total = total_cost(problem, matching.column_of_row)
        total = _tabu_search(problem, matching, total, n_steps, limits[1], tabu, state, found)
        if proposal and limits[1] < total and limits[0] < np.inf:
            total = _fuse(problem, best, found, total)
        if total < limits[0] - ROUNDING:
            limits[0] = total
            for i in range(n):
                best[i] = found[i]


@inner
def _fuse(problem, first, second, total):
    """Take each part in which two matchings differ from the better one; return the total cost.

    Parts are rows linked by columns that they exchange, so that every choice is a matching. The
    result, never worse than ``second`` of cost ``total``, is written to ``second``.
    """
    n, m = problem.node_costs.shape
    part = np.full(n, -1)
    first_row = np.full(m, -1)
    for i in range(n):
        if first[i] >= 0:
            first_row[first[i]] = i
    for i in range(n):
        if first[i] != second[i]:
            part[i] = i
    # Rows are linked in chains, so the smallest label spreads in a few rounds.
    changed = True
    while changed:
        changed = False
        for i in range(n):
            if part[i] < 0 or second[i] < 0:
                continue
            other = first_row[second[i]]
            if other >= 0 and part[other] >= 0 and part[other] != part[i]:
                label = min(part[i], part[other])
                part[i] = label
                part[other] = label
                changed = True
    labels = np.empty(n, np.int64)
    n_parts = 0
    for i in range(n):
        if part[i] == i:
            labels[i] = n_parts
            n_parts += 1
    if n_parts < 2:
        return total
    gain = np.zeros((n_parts, n_parts))
    for i in range(n):
        part[i] = labels[part[i]] if part[i] >= 0 else -1
    for i in range(n):
        if part[i] < 0:
            continue
        p = part[i]
        # Costs of taking the first matching in part p, while the others keep the second.
        gain[p, p] += _node(problem, i, first[i]) - _node(problem, i, second[i])
        for r in range(problem.rows.offsets[i], problem.rows.offsets[i + 1]):
            k = problem.rows.heads[r]
            kept = pair_cost(problem, i, second[i], k, second[k])
            if part[k] == p:
                if k < i:
                    gain[p, p] += pair_cost(problem, i, first[i], k, first[k]) - kept
            else:
                alone = pair_cost(problem, i, first[i], k, second[k])
                gain[p, p] += alone - kept
                if part[k] >= 0:
                    both = pair_cost(problem, i, first[i], k, first[k])
                    other = pair_cost(problem, i, second[i], k, first[k])
                    gain[p, part[k]] += both - alone - other + kept
    taken = np.zeros(n_parts, np.bool_)
    best_taken = np.zeros(n_parts, np.bool_)
    change, lowest = 0.0, -ROUNDING
    if n_parts <= _MOST_FUSED:
        # Gray code: all choices, each differs from the one before in one part.
        for code in range(1, 1 << n_parts):
            p = 0
            while not (code >> p) & 1:
                p += 1
            change += _flip(gain, taken, p)
            if change < lowest:
                lowest = change
                for k in range(n_parts):
                    best_taken[k] = taken[k]
    else:
        improved = True
        while improved:
            improved = False
            for p in range(n_parts):
                step = _flip(gain, taken, p)
                if step < -ROUNDING:
                    improved = True
                else:
                    _flip(gain, taken, p)
        for k in range(n_parts):
            best_taken[k] = taken[k]
    for i in range(n):
        if part[i] >= 0 and best_taken[part[i]]:
            second[i] = first[i]
    return total_cost(problem, second)


@inner
def _flip(gain, taken, p):
    step = gain[p, p]
    for k in range(len(taken)):
        if taken[k] and k != p:
            step += gain[p, k]
    taken[p] = not taken[p]
    return step if taken[p] else -step


@inner
def _node(problem, i, j):
    return problem.node_costs[i, j] if j >= 0 else 0.0
