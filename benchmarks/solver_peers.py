"""What one would otherwise call for the problems that `skid.solvers` solves.

A peer takes the costs of a batch and returns the solutions in the form that the solver returns:
instance by instance, with all that does not depend on the costs prepared beforehand.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.optimize
import scipy.sparse
import scipy.stats
from scipy.sparse import csgraph

Peer = Callable[[np.ndarray], np.ndarray]


def each(solve: Callable[[np.ndarray], np.ndarray]) -> Peer:
    """The loop over instances that the user of a library writes."""
    return lambda costs: np.stack([solve(cost) for cost in costs])


def numpy_argpartition(k: int) -> Peer:
    def solve(costs: np.ndarray) -> np.ndarray:
        solutions = np.zeros_like(costs)
        np.put_along_axis(solutions, np.argpartition(costs, k, axis=1)[:, :k], 1, axis=1)
        return solutions

    return solve


def scipy_rankdata() -> Peer:
    return lambda costs: scipy.stats.rankdata(-costs, method="ordinal", axis=1)


class _CostedGraph:
    """A sparse matrix whose entries are the costs of the edges of an instance."""

    def __init__(self, edges: np.ndarray, n_vertices: int):
        self.order = np.lexsort((edges[:, 1], edges[:, 0]))
        self.edge_between = {tuple(edge): i for i, edge in enumerate(edges.tolist())}
        self.matrix = scipy.sparse.csr_array(
            (np.ones(len(edges)), tuple(edges[self.order].T)), shape=(n_vertices, n_vertices)
        )

    def with_costs(self, cost: np.ndarray) -> scipy.sparse.csr_array:
        self.matrix.data = cost[self.order]
        return self.matrix


def csgraph_path(edges: np.ndarray, source: int, target: int) -> Peer:
    graph = _CostedGraph(edges, edges.max() + 1)

    def solve(cost: np.ndarray) -> np.ndarray:
        _, before = csgraph.dijkstra(
            graph.with_costs(cost), indices=source, return_predecessors=True
        )
        solution, vertex = np.zeros_like(cost), target
        while vertex != source:
            solution[graph.edge_between[before[vertex], vertex]] = 1
            vertex = before[vertex]
        return solution

    return each(solve)


def csgraph_cells(side: int) -> Peer:
    cells = np.indices((side, side)).reshape(2, -1).T
    apart = np.abs(cells[:, np.newaxis] - cells).max(axis=2)
    steps = scipy.sparse.csr_array((apart == 1).astype(float))

    def solve(cost: np.ndarray) -> np.ndarray:
        steps.data = cost.ravel()[steps.indices]
        _, before = csgraph.dijkstra(steps, indices=0, return_predecessors=True)
        solution, vertex = np.zeros(cost.size), cost.size - 1
        while vertex >= 0:
            solution[vertex] = 1
            vertex = before[vertex]
        return solution.reshape(cost.shape)

    return each(solve)


def csgraph_tree(edges: np.ndarray) -> Peer:
    graph = _CostedGraph(edges, edges.max() + 1)

    def solve(cost: np.ndarray) -> np.ndarray:
        tree = csgraph.minimum_spanning_tree(graph.with_costs(cost)).tocoo()
        solution = np.zeros_like(cost)
        for edge in zip(tree.row.tolist(), tree.col.tolist(), strict=True):
            solution[graph.edge_between[edge]] = 1
        return solution

    return each(solve)


def csgraph_cut(edges: np.ndarray, source: int, target: int) -> Peer:
    graph = _CostedGraph(edges, edges.max() + 1)

    def solve(cost: np.ndarray) -> np.ndarray:
        capacity = graph.with_costs(cost).astype(np.int32)
        residual = capacity - csgraph.maximum_flow(capacity, source, target).flow
        residual.eliminate_zeros()
        near = csgraph.breadth_first_order(residual, source, return_predecessors=False)
        return _cut_edges(edges, near)

    return each(solve)


def scipy_assignment() -> Peer:
    def solve(cost: np.ndarray) -> np.ndarray:
        solution = np.zeros_like(cost)
        solution[scipy.optimize.linear_sum_assignment(cost)] = 1
        return solution

    return each(solve)


def scipy_milp(rows: np.ndarray, limits: Any) -> Peer:
    settings = {
        "constraints": scipy.optimize.LinearConstraint(rows.astype(float), ub=limits),
        "bounds": scipy.optimize.Bounds(0, 1),
        "integrality": np.ones(rows.shape[1]),
        "options": {"mip_rel_gap": 0.0},
    }
    return each(lambda cost: np.round(scipy.optimize.milp(cost, **settings).x))


def scipy_linprog(rows: np.ndarray, limits: Any) -> Peer:
    return each(lambda cost: scipy.optimize.linprog(cost, rows, limits, bounds=(0, 1)).x)


class _NetworkxGraph:
    """A networkx graph whose edges carry the costs of an instance."""

    def __init__(self, edges: np.ndarray, *, directed: bool):
        import networkx

        self.graph = networkx.DiGraph() if directed else networkx.Graph()
        self.graph.add_edges_from(edges.tolist())
        self.attributes = [self.graph.edges[tuple(edge)] for edge in edges.tolist()]
        self.edge_between = {tuple(edge): i for i, edge in enumerate(edges.tolist())}

    def with_costs(self, cost: np.ndarray):
        for attributes, value in zip(self.attributes, cost.tolist(), strict=True):
            attributes["weight"] = value
        return self.graph

    def solution(self, chosen, n_edges: int) -> np.ndarray:
        solution = np.zeros(n_edges)
        for a, b in chosen:
            edge = self.edge_between.get((a, b))
            solution[self.edge_between[b, a] if edge is None else edge] = 1
        return solution


def networkx_path(edges: np.ndarray, source: int, target: int) -> Peer:
    import networkx

    graph = _NetworkxGraph(edges, directed=True)

    def solve(cost: np.ndarray) -> np.ndarray:
        path = networkx.shortest_path(graph.with_costs(cost), source, target, weight="weight")
        return graph.solution(pairwise(path), len(edges))

    return each(solve)


def networkx_tree(edges: np.ndarray) -> Peer:
    import networkx

    graph = _NetworkxGraph(edges, directed=False)

    def solve(cost: np.ndarray) -> np.ndarray:
        tree = networkx.minimum_spanning_edges(graph.with_costs(cost), data=False)
        return graph.solution(tree, len(edges))

    return each(solve)


def networkx_matching(edges: np.ndarray) -> Peer:
    import networkx

    graph = _NetworkxGraph(edges, directed=False)

    def solve(cost: np.ndarray) -> np.ndarray:
        return graph.solution(networkx.min_weight_matching(graph.with_costs(cost)), len(edges))

    return each(solve)


def networkx_cut(edges: np.ndarray, source: int, target: int) -> Peer:
    import networkx

    graph = _NetworkxGraph(edges, directed=True)

    def solve(cost: np.ndarray) -> np.ndarray:
        _, (near, _) = networkx.minimum_cut(
            graph.with_costs(cost), source, target, capacity="weight"
        )
        return _cut_edges(edges, list(near))

    return each(solve)


def ortools_min_cost_flow(edges: np.ndarray, source: int, target: int) -> Peer:
    from ortools.graph.python import min_cost_flow

    ones, supplies = np.ones(len(edges), np.int64), np.zeros(edges.max() + 1, np.int64)
    supplies[[source, target]] = 1, -1

    def solve(cost: np.ndarray) -> np.ndarray:
        flow = min_cost_flow.SimpleMinCostFlow()
        arcs = flow.add_arcs_with_capacity_and_unit_cost(*edges.T, ones, cost.astype(np.int64))
        flow.set_nodes_supplies(np.arange(len(supplies)), supplies)
        flow.solve()
        return flow.flows(arcs)

    return each(solve)


def ortools_assignment(n: int) -> Peer:
    from ortools.graph.python import linear_sum_assignment

    rows, columns = np.indices((n, n)).reshape(2, -1)

    def solve(cost: np.ndarray) -> np.ndarray:
        assignment = linear_sum_assignment.SimpleLinearSumAssignment()
        assignment.add_arcs_with_cost(rows, columns, cost.ravel().astype(np.int64))
        assignment.solve()
        solution = np.zeros_like(cost)
        solution[np.arange(n), [assignment.right_mate(row) for row in range(n)]] = 1
        return solution

    return each(solve)


def ortools_knapsack(weights: np.ndarray, capacity: int) -> Peer:
    from ortools.algorithms.python import knapsack_solver

    kind = knapsack_solver.SolverType.KNAPSACK_DYNAMIC_PROGRAMMING_SOLVER

    def solve(cost: np.ndarray) -> np.ndarray:
        knapsack = knapsack_solver.KnapsackSolver(kind, "values")
        knapsack.init((-cost).astype(int).tolist(), [weights.tolist()], [capacity])
        knapsack.solve()
        return np.array([knapsack.best_solution_contains(i) for i in range(len(cost))], float)

    return each(solve)


def ortools_cut(edges: np.ndarray, source: int, target: int) -> Peer:
    from ortools.graph.python import max_flow

    def solve(cost: np.ndarray) -> np.ndarray:
        flow = max_flow.SimpleMaxFlow()
        flow.add_arcs_with_capacity(*edges.T, cost.astype(np.int64))
        flow.solve(source, target)
        return _cut_edges(edges, flow.get_source_side_min_cut())

    return each(solve)


def ortools_tour(n: int) -> Peer:
    from ortools.sat.python import cp_model

    def solve(cost: np.ndarray) -> np.ndarray:
        model = cp_model.CpModel()
        arcs = [(i, j, model.new_bool_var("")) for i in range(n) for j in range(n) if i != j]
        model.add_circuit(arcs)
        model.minimize(sum(int(cost[i, j]) * used for i, j, used in arcs))
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.solve(model)
        solution = np.zeros_like(cost)
        for i, j, used in arcs:
            if solver.value(used):
                solution[i, j] = solution[j, i] = 1
        return solution

    return each(solve)


def _cut_edges(edges: np.ndarray, near: Any) -> np.ndarray:
    """Edges that lead from the near side to the far one."""
    is_near = np.zeros(edges.max() + 1, bool)
    is_near[near] = True
    return (is_near[edges[:, 0]] & ~is_near[edges[:, 1]]).astype(float)
