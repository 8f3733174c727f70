"""Shortest tours by integer programs, with the constraints against subtours added as needed.

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

# A set of cities that the relaxed solution leaves less often than twice, by more than this.
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
    """Find the shortest tour along given edges.

    Constraints are found first for the linear relaxation, by minimum cuts, and then for the tours
    in parts that the integer program returns, until it returns one in a piece.

    Parameters
    ----------
    cost : ndarray of shape (m,), float64
    edges : ndarray of shape (m, 2), int64
        Two cities each. They hold at least one tour.
    required : ndarray of shape (m,), bool
        Edges that the tour has to use.
    n_cities : int
    instance : int
        Number of the instance, for messages.
    time_limit : float or None
        Seconds.

    Returns
    -------
    Answer or None
        1 for the edges in the tour, and the relative gap that was left, NaN if there is none. None
        if no tour was found within the time limit.
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
    """Two edges at every city."""
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
    """Require that a tour leaves every group of cities, and comes back."""
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
    """Return groups of cities that the solution leaves too rarely, as rows of booleans."""
    from skid.solvers.kernels.min_cut import cut_edges

    used = np.flatnonzero(solution > 1e-9)
    graph = csr_array(
        (np.ones(len(used)), (edges[used, 0], edges[used, 1])), shape=(n_cities, n_cities)
    )
    n_parts, part = connected_components(graph, directed=False)
    if n_parts > 1:
        return part == np.arange(n_parts)[:, np.newaxis]
    if not relaxed:
        return np.empty((0, n_cities), bool)
    targets = np.arange(1, n_cities)
    capacities = np.tile(solution[used], (len(targets), 1))
    cuts = np.empty_like(capacities)
    # In this thread: it may be one of the pool, in which a job must not wait for another.
    cut_edges(
        capacities,
        0,
        len(targets),
        np.zeros_like(targets),
        targets,
        arcs_by_vertex(edges[used], n_cities),
        False,
        cuts,
    )
    values = np.einsum("ij,ij->i", cuts, capacities)
    groups = []
    for index in np.argsort(values, kind="stable"):
        if values[index] >= 2 - _VIOLATION or len(groups) == _MOST_CUTS:
            break
        kept = used[cuts[index] == 0]
        graph = csr_array(
            (np.ones(len(kept)), (edges[kept, 0], edges[kept, 1])), shape=(n_cities, n_cities)
        )
        part = connected_components(graph, directed=False)[1]
        groups.append(part == part[targets[index]])
    return np.unique(np.array(groups).reshape(-1, n_cities), axis=0)
