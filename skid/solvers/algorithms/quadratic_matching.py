"""A matching of low quadratic cost for one instance, and the proof that it is the cheapest."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from skid.solvers.algorithms.graph_pairs import Instance

# Graphs of up to this number of nodes are always solved exactly, those of up to the second number
# if the search stays below a number of nodes of its own.
MOST_NODES_PROVEN = 8
_MOST_NODES_SEARCHED = 12
_SEARCH_OF_SMALL = 2_000
# Passes of the dual ascent before the local search, and before a search that the user asks for.
_SWEEPS = 2
_SWEEPS_BEFORE_SEARCH = 10
# Share of the reduced costs that a row returns to its stars; the rest tells what to round to.
_SPREAD = 0.9
# Moves of one tabu search for every node of the larger graph.
_STEPS_PER_NODE = 4
_NODES_PER_CHECK = 2_000
# Entries of the pair costs above which no bound is computed: 1 GiB.
_LARGEST_DUAL = 2**27
_SEED = np.uint64(0)
# No cost is scaled by more, which would not be a finite number.
_LARGEST_EXPONENT = 1000


class FoundMatching(NamedTuple):
    """The column of each row, -1 for none, the total cost and a lower bound of it.

    ``cost`` is infinite if the matching uses a forbidden pair; ``is_timed_out`` states that the
    time limit ended the search.
    """

    column_of_row: np.ndarray
    cost: float
    bound: float
    is_timed_out: bool


def find_matching(
    instance: Instance, *, n_proposals: int, max_search: int | None, time_limit: float | None
) -> FoundMatching:
    """Match by message passing, tabu search and, as far as ``max_search``, branch and bound."""
    state = _State(instance, time_limit)
    largest = max(instance.sizes)
    is_small = largest <= MOST_NODES_PROVEN
    state.ascend(_SWEEPS)
    state.improve(1 if is_small else n_proposals)
    if is_small:
        state.search(None)
    elif max_search:
        state.ascend(_SWEEPS_BEFORE_SEARCH)
        state.search(max_search)
    elif max_search is None and largest <= _MOST_NODES_SEARCHED:
        state.search(_SEARCH_OF_SMALL)
    return state.found(is_transposed=instance.sizes[0] > instance.sizes[1])


def lower_bound(instance: Instance, *, n_sweeps: int) -> float:
    """Bound the total cost of every matching from below; infinite if there is none."""
    state = _State(instance, None)
    state.ascend(n_sweeps)
    return state.found(is_transposed=False).bound


class _State:
    """The best matching and the best bound so far, in scaled costs."""

    def __init__(self, instance: Instance, time_limit: float | None):
        from skid.solvers.kernels.quadratic_costs import prepare

        self._deadline = None if time_limit is None else time.monotonic() + time_limit
        self.is_timed_out = False
        self._scale = _scale(instance)
        unmatched = instance.unmatched_cost
        self._constant = 0.0 if unmatched is None else unmatched * sum(instance.sizes)
        self._problem = prepare(
            instance.costs * self._scale,
            instance.shape,
            instance.sizes,
            instance.edges_a,
            instance.edges_b,
            0.0 if unmatched is None else unmatched * self._scale,
            unmatched is not None,
        )
        n_rows, n_columns = self._problem.node_costs.shape
        n_choices = n_columns + (unmatched is not None)
        self._lookahead = np.zeros((n_rows, n_columns))
        self._best = np.full(n_rows, -1)
        # The cost of the best matching, and that at which the local search stops.
        self._limits = np.array([np.inf, -np.inf])
        self._random_state = np.array([_SEED], np.uint64)
        n_edges = len(self._problem.rows.heads) // 2
        self._has_dual = n_edges * n_choices**2 <= _LARGEST_DUAL
        self._dual: Any = None
        self.bound = -np.inf

    def ascend(self, n_sweeps: int) -> None:
        """Raise the bound, and round it."""
        from skid.solvers.kernels.quadratic_bound import ascend, new_dual

        if not self._has_dual or self._is_proven():
            return
        if self._dual is None:
            self._dual = new_dual(self._problem)
        for n_at_once in self._portions(n_sweeps):
            ascend(self._problem, self._dual, n_at_once, _SPREAD, *self._primal())
        self._raise(self._dual.bound[0])

    def improve(self, n_proposals: int) -> None:
        """Improve the matching by local search."""
        from skid.solvers.kernels.quadratic_improvement import improve

        n_steps = _STEPS_PER_NODE * self._problem.node_costs.shape[1]
        first = 0
        for n_at_once in self._portions(n_proposals):
            improve(
                self._problem,
                self._lookahead,
                self._best,
                self._limits,
                self._random_state,
                first,
                n_at_once,
                n_steps,
            )
            first += n_at_once

    def search(self, max_search: int | None) -> None:
        """Improve matching and bound by branch and bound, until the proof or ``max_search``."""
        from skid.solvers.kernels.quadratic_bound import ascend, new_dual
        from skid.solvers.kernels.quadratic_search import FINISHED, new_search, visit

        if self._dual is None or self._is_proven():
            return
        # More passes, or costs returned to the stars, raise the bound of the root, but many more
        # nodes are visited.
        dual, search = new_dual(self._problem), new_search(self._problem)
        ascend(self._problem, dual, 1, 0.0, *self._primal())
        n_visited, lowest = 0, -np.inf
        while search.depth[0] != FINISHED and (max_search is None or n_visited < max_search):
            if self._is_too_late():
                break
            lowest = visit(self._problem, dual, search, self._best, self._limits, _NODES_PER_CHECK)
            n_visited += _NODES_PER_CHECK
        # Nodes that are left out cannot be cheaper than the best matching.
        self._raise(min(self._limits[0], np.inf if search.depth[0] == FINISHED else lowest))

    def found(self, *, is_transposed: bool) -> FoundMatching:
        """The best matching, by the nodes of graph a."""
        columns = self._best
        if is_transposed:
            columns = np.full(self._problem.node_costs.shape[1], -1)
            matched = self._best >= 0
            columns[self._best[matched]] = np.flatnonzero(matched)
        cost = self._limits[0]
        is_possible = cost < self._problem.forbidden / 2
        bound = self.bound if self.bound < self._problem.forbidden / 2 else np.inf
        return FoundMatching(
            columns,
            self.in_units(cost) if is_possible else np.inf,
            self.in_units(bound),
            self.is_timed_out and not self._is_proven(),
        )

    def in_units(self, cost: float) -> float:
        """The cost in units of the instance, with that of the unmatched nodes."""
        return cost / self._scale + self._constant

    def _primal(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self._best, self._limits, self._lookahead

    def _raise(self, bound: float) -> None:
        from skid.solvers.kernels.quadratic_costs import ROUNDING

        self.bound = max(self.bound, bound)
        self._limits[1] = self.bound + ROUNDING

    def _is_proven(self) -> bool:
        return self._limits[0] <= self._limits[1]

    def _is_too_late(self) -> bool:
        if self._deadline is not None and time.monotonic() > self._deadline:
            self.is_timed_out = True
        return self.is_timed_out

    def _portions(self, total: int) -> Iterator[int]:
        """Yield parts of ``total`` until the time limit; all at once if there is none."""
        if self._deadline is None:
            yield total
            return
        # The first part comes before any limit, so that there is a matching.
        for start in range(total):
            if start and self._is_too_late():
                return
            yield 1


def _scale(instance: Instance) -> float:
    """Power of two that brings the largest finite cost to at least 1 and below 2."""
    magnitudes = np.abs(instance.costs)
    largest = magnitudes.max(initial=0.0, where=np.isfinite(magnitudes))
    largest = max(largest, abs(instance.unmatched_cost or 0.0))
    exponent = np.frexp(largest)[1] - 1 if largest else 0
    return float(2.0 ** np.clip(-exponent, -_LARGEST_EXPONENT, _LARGEST_EXPONENT))
