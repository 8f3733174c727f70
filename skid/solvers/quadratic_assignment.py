"""The quadratic assignment problem: match the nodes of two graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skid._parameter_checks import check_count, is_number
from skid.solvers.algorithms.graph_pairs import (
    Batch,
    Instance,
    checked_costs,
    checked_edges,
    checked_sizes,
    edge_array,
    padded,
    shared_edges,
)
from skid.solvers.algorithms.highs import check_time_limit, warn_of_time_limit
from skid.solvers.algorithms.quadratic_matching import (
    MOST_NODES_PROVEN,
    FoundMatching,
    find_matching,
    lower_bound,
)
from skid.solvers.algorithms.threads import solve_in_threads
from skid.solvers.base import Solver


class QuadraticAssignment(Solver):
    """Match the nodes of two graphs at the least total cost of pairs and of pairs of pairs.

    A matching x is a 0/1 matrix of shape (n, m) with at most one 1 in every row and column. Its
    cost is ``sum_ij c_ij x_ij + sum_ef d_ef x_ij x_kl`` over the edges e = (i, k) of graph a and
    f = (j, l) of graph b. With the products as further entries of the solution this is linear,
    ``y(w) = argmin <w, y>`` with ``w = (c, d)`` and ``y = (x, x x)``.

    Parameters
    ----------
    n : int
        Number of nodes of graph a, at least 1.
    m : int, default=None
        Number of nodes of graph b, at least 1; n if None.
    edges_a : array-like of shape (e_a, 2), int, or None, default=()
        Directed edges (i, k) of graph a, nodes numbered from 0. If None, every call of ``solve``
        has to pass the edges of each instance.
    edges_b : array-like of shape (e_b, 2), int, or None, default=()
        Directed edges (j, l) of graph b.
    unmatched_cost : float, default=None
        Cost of every node of either graph that is left unmatched, of any sign. If None, all nodes
        of the smaller graph are matched.
    n_proposals : int, default=16
        Number of local searches of one instance, at least 1. The time is proportional to it.
    max_search : int, default=None
        Number of nodes after which branch and bound gives up the proof of an instance whose larger
        graph has more than 8 nodes. If None, 2,000 for up to 12 nodes, 0 for more.
    time_limit : float, default=None
        Seconds for one instance, above 0; None for no limit. A first matching is found in any case.

    Notes
    -----
    An infinite node cost forbids the pair, an infinite edge cost the two pairs together. A loop
    ``(i, i)`` with ``(j, j)`` adds to the node cost of (i, j).

    *Exact* if the larger graph has up to 8 nodes and there is no time limit, and wherever branch
    and bound ends before ``max_search``. A matching may exceed the
    cheapest by 1e-10 of the largest cost.

    *Heuristic* otherwise. A dual solution of the Lagrangean decomposition into assignments, one for
    each pair of nodes and one for all [1]_, [2]_, is improved by block coordinate ascent. It gives
    a lower bound, and is rounded by assignment to a first matching. Proposals are grown by dual
    costs or shaken from the best matching, improved by tabu search over exchanges [3]_, and fused
    with the best one [4]_. The random numbers are the same for every instance.

    On graphs of 20 to 30 key points this takes 3 to 9 ms, and the costs are on average within 0.2 %
    of those after 300 proposals. On the 77 instances of QAPLIB with 12 to 30 nodes, where edges
    connect all nodes, the mean gap to the best known value is 1.3 %, the largest 24 %, and 53 % are
    best known; with ``n_proposals=256`` they are 0.07 %, 2.4 % and 90 %
    (``benchmarks/matching_solvers.py``).

    The numbers of matched pairs and of products may differ between solutions, so ``mean`` and
    ``std`` are not valid projections. The memory for the bound is ``8 e m^2 / 2`` bytes for e
    directed edges of the smaller graph and m nodes of the larger; above 1 GiB there is none. The
    solver releases the GIL; numba compiles it at the first call of a process.

    References
    ----------
    .. [1] P. Hahn, T. Grant: *Lower bounds for the quadratic assignment problem based upon a dual
       formulation*, Operations Research 46, 912-922, 1998.
    .. [2] Z. Zhang, Q. Shi, J. McAuley, W. Wei, Y. Zhang, A. van den Hengel: *Pairwise matching
       through max-weight bipartite belief propagation*, CVPR 2016.
    .. [3] E. Taillard: *Robust taboo search for the quadratic assignment problem*, Parallel
       Computing 17, 443-455, 1991.
    .. [4] L. Hutschenreiter, S. Haller, L. Feineis, C. Rother, D. Kainmueller, B. Savchynskyy:
       *Fusion moves for graph matching*, ICCV 2021.

    Examples
    --------
    Two paths of three nodes; edges should be matched to edges, and the first node to the last one:

    >>> import numpy as np
    >>> from skid.solvers import QuadraticAssignment
    >>> path = [(0, 1), (1, 2)]
    >>> solver = QuadraticAssignment(3, edges_a=path, edges_b=[(1, 0), (2, 1)])
    >>> node_costs = np.zeros((1, 3, 3))
    >>> node_costs[0, 0, 2] = -0.5
    >>> costs = solver.costs_of(node_costs, np.full((1, 2, 2), -1.0))
    >>> solutions = solver.solve(costs)
    >>> solver.matchings_of(solutions)
    array([[[0., 0., 1.],
            [0., 1., 0.],
            [1., 0., 0.]]])
    >>> solver.total_costs(costs, solutions), solver.lower_bounds(costs)
    (array([-2.5]), array([-2.5]))
    """

    projections = ("none", "norm")
    default_projection = "none"
    default_noise_scale = 0.25
    context = ("n_nodes", "edges_a", "edges_b")

    def __init__(
        self,
        n: int,
        m: int | None = None,
        edges_a: ArrayLike | None = (),
        edges_b: ArrayLike | None = (),
        *,
        unmatched_cost: float | None = None,
        n_proposals: int = 16,
        max_search: int | None = None,
        time_limit: float | None = None,
    ):
        self.n = n
        self.m = m
        self.edges_a = edges_a
        self.edges_b = edges_b
        self.unmatched_cost = unmatched_cost
        self.n_proposals = n_proposals
        self.max_search = max_search
        self.time_limit = time_limit

    @property
    def cost_shape(self) -> tuple[int | None]:  # type: ignore[override]  # Read-only here.
        """Node costs and edge costs; any number if the instances have their own edges."""
        if self.edges_a is None or self.edges_b is None:
            return (None,)
        n, m = self._sizes
        return (n * m + len(edge_array(self.edges_a)) * len(edge_array(self.edges_b)),)

    @property
    def binary(self) -> bool:  # type: ignore[override]  # Read-only here.
        """Whether the matchings are always proven to be the cheapest."""
        return max(self._sizes) <= MOST_NODES_PROVEN and self.time_limit is None

    @property
    def _sizes(self) -> tuple[int, int]:
        return (self.n, self.n if self.m is None else self.m)

    def solve(
        self,
        costs: np.ndarray,
        *,
        n_nodes: ArrayLike | None = None,
        edges_a: ArrayLike | None = None,
        edges_b: ArrayLike | None = None,
    ) -> np.ndarray:
        """Match the graphs of every instance.

        Parameters
        ----------
        costs : array-like of shape (n_instances, n * m + e_a * e_b), float
            Node costs row by row, then edge costs row by row, of any sign; see `costs_of`. ``inf``
            means never.
        n_nodes : array-like of shape (n_instances, 2), int, default=None
            Nodes of graphs a and b, the first ones of n and of m; all if None.
        edges_a : array-like of shape (n_instances, e_a, 2), int, default=None
            Edges of graph a of each instance, with rows of -1 after the last; those of the solver
            if None.
        edges_b : array-like of shape (n_instances, e_b, 2), int, default=None
            Edges of graph b of each instance.

        Returns
        -------
        ndarray of shape (n_instances, n * m + e_a * e_b), dtype of ``costs``
            1 for matched pairs of nodes and of edges, 0 otherwise.

        Raises
        ------
        ValueError
            If a parameter or a shape is wrong, a cost is NaN or -inf, an edge has an end that is
            not a node, or infinite costs leave no matching of an instance or none is found.

        Warns
        -----
        TimeLimitWarning
            If a search stopped at the time limit with a matching that may not be the cheapest. The
            message contains the instances and the largest remaining gap to the lower bound.
        """
        self._check_parameters()
        batch = self._batch(costs, n_nodes, edges_a, edges_b)
        solutions = np.zeros(batch.costs.shape, batch.costs.dtype)
        gaps = np.full(len(solutions), np.nan)

        def solve_rows(start: int, stop: int) -> None:
            for index in range(start, stop):
                instance = batch.instance(index)
                found = find_matching(
                    instance,
                    n_proposals=self.n_proposals,
                    max_search=self.max_search,
                    time_limit=self.time_limit,
                )
                _refuse_forbidden(found, index)
                solutions[index] = _solution(instance, found.column_of_row)
                if found.is_timed_out:
                    gaps[index] = _gap(found)

        solve_in_threads(solve_rows, len(solutions), smallest_chunk=1)
        warn_of_time_limit(gaps, self.time_limit)
        return solutions

    def lower_bounds(
        self,
        costs: np.ndarray,
        *,
        n_nodes: ArrayLike | None = None,
        edges_a: ArrayLike | None = None,
        edges_b: ArrayLike | None = None,
        n_sweeps: int = 50,
    ) -> np.ndarray:
        """Bound the total costs of all matchings of every instance from below.

        Parameters
        ----------
        costs, n_nodes, edges_a, edges_b
            As for `solve`.
        n_sweeps : int, default=50
            Passes of the block coordinate ascent, at least 1.

        Returns
        -------
        ndarray of shape (n_instances,), float64
            Bounds, to compare with `total_costs`; -inf if the memory does not suffice, inf if
            infinite costs are proven to leave no matching.
        """
        self._check_parameters()
        check_count("n_sweeps", n_sweeps)
        batch = self._batch(costs, n_nodes, edges_a, edges_b)
        bounds = np.empty(len(batch.costs))

        def bound_rows(start: int, stop: int) -> None:
            for index in range(start, stop):
                bounds[index] = lower_bound(batch.instance(index), n_sweeps=n_sweeps)

        solve_in_threads(bound_rows, len(bounds), smallest_chunk=1)
        return bounds

    def total_costs(
        self, costs: np.ndarray, solutions: np.ndarray, *, n_nodes: ArrayLike | None = None
    ) -> np.ndarray:
        """Add up the costs of each solution, with those of its unmatched nodes.

        Parameters
        ----------
        costs, solutions : array-like of shape (n_instances, n * m + e_a * e_b)
            Costs and solutions as of `solve`.
        n_nodes : array-like of shape (n_instances, 2), int, default=None
            As for `solve`.

        Returns
        -------
        ndarray of shape (n_instances,), float64
            Total costs.
        """
        costs, solutions = np.asarray(costs, np.float64), np.asarray(solutions)
        totals = (np.where(solutions > 0, costs, 0) * solutions).sum(axis=1)
        if self.unmatched_cost is None:
            return totals
        n_matched = self.matchings_of(solutions).sum(axis=(1, 2), dtype=np.float64)
        sizes = checked_sizes(n_nodes, self._sizes, len(costs))
        return totals + self.unmatched_cost * (sizes.sum(axis=1) - 2 * n_matched)

    @staticmethod
    def costs_of(node_costs: np.ndarray, edge_costs: np.ndarray) -> np.ndarray:
        """Join node costs and edge costs to the costs of `solve`.

        Parameters
        ----------
        node_costs : array-like of shape (n_instances, n, m)
            Cost of every pair of nodes.
        edge_costs : array-like of shape (n_instances, e_a, e_b)
            Cost of every pair of edges.

        Returns
        -------
        ndarray of shape (n_instances, n * m + e_a * e_b)
            The costs, one instance per row.
        """
        parts = [np.asarray(node_costs), np.asarray(edge_costs)]
        return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)

    def matchings_of(self, solutions: np.ndarray) -> np.ndarray:
        """Return the matchings in solutions, without the products.

        Parameters
        ----------
        solutions : array-like of shape (n_instances, n * m + e_a * e_b)
            Solutions of `solve`.

        Returns
        -------
        ndarray of shape (n_instances, n, m)
            1 for matched nodes, 0 otherwise.
        """
        n, m = self._sizes
        return np.asarray(solutions)[:, : n * m].reshape(-1, n, m)

    @staticmethod
    def pad(
        node_costs: Sequence[ArrayLike],
        edge_costs: Sequence[ArrayLike],
        edges_a: Sequence[ArrayLike],
        edges_b: Sequence[ArrayLike],
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Join instances of different sizes to one batch.

        Parameters
        ----------
        node_costs : sequence of array-like of shape (n_i, m_i)
            Node costs of each instance.
        edge_costs : sequence of array-like of shape (e_a_i, e_b_i)
            Edge costs of each instance.
        edges_a : sequence of array-like of shape (e_a_i, 2), int
            Edges of graph a of each instance.
        edges_b : sequence of array-like of shape (e_b_i, 2), int
            Edges of graph b of each instance.

        Returns
        -------
        costs : ndarray of shape (n_instances, n * m + e_a * e_b), float64
            Costs with zeros in the padding, for the largest of each size.
        context : dict of ndarrays
            The keywords ``n_nodes``, ``edges_a`` and ``edges_b`` of `solve`.

        Examples
        --------
        >>> import numpy as np
        >>> from skid.solvers import QuadraticAssignment
        >>> costs, context = QuadraticAssignment.pad(
        ...     [np.eye(2), [[1.0, 0.0, 2.0]]], [[[-3.0]], np.empty((0, 0))], [[(0, 1)], []],
        ...     [[(0, 1)], []],
        ... )
        >>> solver = QuadraticAssignment(2, 3, None, None)
        >>> solver.matchings_of(solver.solve(costs, **context))
        array([[[1., 0., 0.],
                [0., 1., 0.]],
        <BLANKLINE>
               [[0., 1., 0.],
                [0., 0., 0.]]])
        """
        ends = [[edge_array(edges) for edges in graphs] for graphs in (edges_a, edges_b)]
        context = {
            "n_nodes": np.array([np.shape(part) for part in node_costs]).reshape(-1, 2),
            "edges_a": padded(ends[0], (None, 2), -1),
            "edges_b": padded(ends[1], (None, 2), -1),
        }
        n, m = context["n_nodes"].max(axis=0, initial=0)
        pairs = [
            np.reshape(np.asarray(part, np.float64), (len(first), len(second)))
            for part, first, second in zip(edge_costs, *ends, strict=True)
        ]
        costs = QuadraticAssignment.costs_of(
            padded([np.asarray(part, np.float64) for part in node_costs], (n, m), 0.0),
            padded(pairs, (context["edges_a"].shape[1], context["edges_b"].shape[1]), 0.0),
        )
        return costs, context

    def _batch(self, costs: Any, n_nodes: Any, edges_a: Any, edges_b: Any) -> Batch:
        """Check the input of all instances."""
        costs = np.asarray(costs)
        n_instances = len(costs) if costs.ndim else 0
        sizes = checked_sizes(n_nodes, self._sizes, n_instances)
        edges = [
            shared_edges(name, own, sizes[:, side])
            if given is None
            else checked_edges(name, given, sizes[:, side])
            for side, (name, own, given) in enumerate(
                (("edges_a", self.edges_a, edges_a), ("edges_b", self.edges_b, edges_b))
            )
        ]
        n, m = self._sizes
        costs = checked_costs(costs, n * m + edges[0].shape[1] * edges[1].shape[1])
        unmatched_cost = None if self.unmatched_cost is None else float(self.unmatched_cost)
        return Batch(costs, (n, m), sizes, edges[0], edges[1], unmatched_cost)

    def _check_parameters(self) -> None:
        for name, size in zip(("n", "m"), self._sizes, strict=True):
            check_count(name, size)
        check_count("n_proposals", self.n_proposals)
        check_count("max_search", 0 if self.max_search is None else self.max_search, least=0)
        check_time_limit(self.time_limit)
        if not (self.unmatched_cost is None or is_number(self.unmatched_cost)):
            raise ValueError(
                f"unmatched_cost must be None or a finite number, got {self.unmatched_cost!r}"
            )


def _refuse_forbidden(found: FoundMatching, index: int) -> None:
    if found.cost < np.inf:
        return
    if found.bound == np.inf:
        raise ValueError(
            f"costs must allow a matching, got too many infinite costs in instance {index}"
        )
    raise ValueError(
        f"No matching without infinite costs was found in instance {index}, which may have none. "
        "Increase n_proposals or max_search"
    )


def _solution(instance: Instance, column_of_row: np.ndarray) -> np.ndarray:
    """The matching and its products; padding is 0."""
    n, m = instance.shape
    # The last entry is that of the ends of padded edges, -1, which equals no column.
    columns = np.full(n + 1, -2)
    columns[: len(column_of_row)] = np.where(column_of_row < 0, -2, column_of_row)
    matching = columns[:n, np.newaxis] == np.arange(m)
    tails = columns[instance.edges_a[:, 0], np.newaxis] == instance.edges_b[:, 0]
    heads = columns[instance.edges_a[:, 1], np.newaxis] == instance.edges_b[:, 1]
    return np.concatenate([matching.ravel(), (tails & heads).ravel()])


def _gap(found: FoundMatching) -> float:
    difference = found.cost - found.bound
    return difference / abs(found.cost) if found.cost else np.inf
