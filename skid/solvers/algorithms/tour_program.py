"""Shortest tours by integer programs, with constraints against subtours added when violated.

G. B. Dantzig, D. R. Fulkerson, S. M. Johnson: *Solution of a large-scale traveling-salesman
problem*, Operations Research 2, 393-410, 1954.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from scipy.sparse import csc_array, csr_array, vstack
from scipy.sparse.csgraph import connected_components

from skid.solvers.algorithms.edges import arcs_by_vertex
from skid.solvers.algorithms.highs import Answer, NoSolutionInTimeError, Program, minimise

# Smallest violation of a constraint against a subtour that is added.
_VIOLATION = 1e-4
_MOST_CUTS = 60


def solve_tour_program(
    cost: np.ndarray,
    edges: np.ndarray,
    required: np.ndarray,
    n_cities: int,
    *,
    instance: int,
    time_limit: float | None,
) -> Answer | None:
    """Find the shortest tour along some edges; return None if none is found in the time limit.

    Constraints are found by minimum cuts for the linear relaxation first, and then for the subtours
    that the integer program returns, until it returns a tour. ``edges`` of shape (m, 2) contain at
    least one tour; ``cost`` and ``required`` have shape (m,).
    """
    deadline = np.inf if time_limit is None else time.monotonic() + time_limit
    program = _degree_program(edges, required, n_cities)
    integers = np.ones(len(cost), np.uint8)
    relaxed = True
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        stage = program if relaxed else replace(program, integrality=integers)
        limit = None if time_limit is None else left
        try:
            answer = minimise(cost, stage, instance=instance, time_limit=limit)
        except NoSolutionInTimeError:
            return None
        groups = _separate(answer.solution, edges, n_cities, relaxed=relaxed)
        if len(groups):
            program = _with_cuts(program, edges, groups)
        elif relaxed:
            relaxed = False
        else:
            return answer


def _degree_program(edges: np.ndarray, required: np.ndarray, n_cities: int) -> Program:
    """Require two edges at every city."""
    m = len(edges)
    columns = np.repeat(np.arange(m), 2)
    degrees = csc_array((np.ones(2 * m), (edges.ravel(), columns)), shape=(n_cities, m))
    two = np.full(n_cities, 2.0)
    return Program(
        matrix=degrees,
        row_lower=two,
        row_upper=two,
        lower=required.astype(float),
        upper=np.ones(m),
        integrality=np.zeros(m, np.uint8),
    )


def _with_cuts(program: Program, edges: np.ndarray, groups: np.ndarray) -> Program:
    """Require at least two edges that leave each group of cities."""
    leaving = groups[:, edges[:, 0]] != groups[:, edges[:, 1]]
    return replace(
        program,
        matrix=csc_array(vstack([program.matrix, csc_array(leaving.astype(float))], format="csc")),
        row_lower=np.concatenate([program.row_lower, np.full(len(groups), 2.0)]),
        row_upper=np.concatenate([program.row_upper, np.full(len(groups), np.inf)]),
    )


def _separate(
    solution: np.ndarray, edges: np.ndarray, n_cities: int, *, relaxed: bool
) -> np.ndarray:
    """Return groups of cities that fewer than two edges leave, as rows of booleans."""
    from skid.solvers.kernels.min_cut import cut_edges

    used = np.flatnonzero(solution > 1e-9)
    component = _components(edges[used], n_cities)
    if component.any():
        return component == np.unique(component)[:, np.newaxis]
    if not relaxed:
        return np.empty((0, n_cities), bool)
    targets = np.arange(1, n_cities)
    capacities = np.tile(solution[used], (len(targets), 1))
    cuts = np.empty_like(capacities)
    # Solved in this thread, which may be one of the pool: a job must not wait for another one.
    graph = arcs_by_vertex(edges[used], n_cities)
    cut_edges(capacities, np.zeros_like(targets), targets, graph, False, cuts)
    values = np.einsum("ij,ij->i", cuts, capacities)
    groups: list[np.ndarray] = []
    for index in np.argsort(values, kind="stable"):
        if values[index] >= 2 - _VIOLATION or len(groups) == _MOST_CUTS:
            break
        component = _components(edges[used[cuts[index] == 0]], n_cities)
        groups.append(component == component[targets[index]])
    return np.unique(np.array(groups).reshape(-1, n_cities), axis=0)


def _components(edges: np.ndarray, n_cities: int) -> np.ndarray:
    """Number the connected components of the cities, that of the first city 0."""
    graph = csr_array((np.ones(len(edges)), edges.T), shape=(n_cities, n_cities))
    return connected_components(graph, directed=False)[1]
