"""A fitted model: a network that compares graphs, and the solver that matches them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from skid.matching._data import PaddedSizes, Pair, padded_arrays
from skid.matching._network import MatchingNetwork
from skid.solvers import QuadraticAssignment

PAIRS_AT_A_TIME = 64
_ITERATIONS = 100


@dataclass
class MatchingModel:
    """Costs and matchings of checked pairs of graphs.

    ``n_proposals`` is the number of local searches of a matching, ``unmatched_cost`` that of the
    solver, and ``temperature`` the unit of the costs for `probabilities`.
    """

    network: MatchingNetwork
    weights: dict[str, np.ndarray]
    constants: dict[str, np.ndarray]
    unmatched_cost: float | None
    n_proposals: int
    dtype: np.dtype
    temperature: float = 1.0

    def affinities(self, pairs: Sequence[Pair]) -> list[np.ndarray]:
        """Minus the node costs of each pair, shape (n_a, n_b)."""
        return [
            -_of_nodes(costs, sizes)[: a.n_nodes, : b.n_nodes]
            for part, sizes, _, rows in self._parts(pairs)
            for costs, (a, b) in zip(rows, part, strict=True)
        ]

    def partners(self, pairs: Sequence[Pair]) -> list[np.ndarray]:
        """Partner in b of each node of a, or -1."""
        found = []
        for part, sizes, arrays, costs in self._parts(pairs):
            context = {"n_nodes": arrays["n_nodes"]}
            if self.network.with_edges:
                context |= {name: arrays[name] for name in ("edges_a", "edges_b")}
            solutions = self._solver(sizes).solve(costs, **context)
            for solution, (a, b) in zip(solutions, part, strict=True):
                matched = _of_nodes(solution, sizes)[: a.n_nodes, : b.n_nodes]
                found.append(np.where(matched.any(axis=1), matched.argmax(axis=1), -1))
        return found

    def probabilities(self, pairs: Sequence[Pair]) -> list[np.ndarray]:
        """Probability of each pair of nodes, shape (n_a, n_b), by Sinkhorn's iteration."""
        return [
            relaxed_matching(values / self.temperature, self.unmatched_cost is not None)
            for values in self.affinities(pairs)
        ]

    def _solver(self, sizes: PaddedSizes) -> QuadraticAssignment:
        return matching_solver(
            sizes, self.network.with_edges, self.unmatched_cost, self.n_proposals
        )

    def _parts(self, pairs: Sequence[Pair]) -> Iterator[tuple]:
        """Some pairs at a time, with their padded sizes, arrays and costs."""
        for start in range(0, len(pairs), PAIRS_AT_A_TIME):
            part = pairs[start : start + PAIRS_AT_A_TIME]
            sizes = PaddedSizes.of(part)
            arrays = padded_arrays(part, sizes, self.dtype, self.network.shape)
            yield part, sizes, arrays, self.network.predict(self.weights, arrays, self.constants)


def matching_solver(
    sizes: PaddedSizes, with_edges: bool, unmatched_cost: float | None, n_proposals: int
) -> QuadraticAssignment:
    """The solver of pairs that are padded to some sizes."""
    edges = None if with_edges else ()
    return QuadraticAssignment(
        *sizes.n_nodes, edges, edges, unmatched_cost=unmatched_cost, n_proposals=n_proposals
    )


def relaxed_matching(scores: np.ndarray, may_be_unmatched: bool) -> np.ndarray:
    """The matrix P of matching probabilities that maximises ``<scores, P> + H(P)``.

    As in `SinkhornCrossEntropy`, for one pair.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.matching._model import relaxed_matching
    >>> relaxed_matching(np.array([[9.0, 0.0], [0.0, 9.0]]), False).round(2)
    array([[1., 0.],
           [0., 1.]])
    """
    n_a, n_b = scores.shape
    spare = (n_b, n_a) if may_be_unmatched else (max(n_b - n_a, 0), max(n_a - n_b, 0))
    rows, columns = np.ones(n_a + 1), np.ones(n_b + 1)
    rows[-1], columns[-1] = spare
    padded = np.zeros((n_a + 1, n_b + 1))
    padded[:-1, :-1] = scores
    with np.errstate(divide="ignore"):
        log_rows, log_columns = np.log(rows), np.log(columns)
    u, v = np.zeros_like(rows), np.zeros_like(columns)
    for _ in range(_ITERATIONS):
        u = log_rows - logsumexp(padded + v, axis=1)
        v = log_columns - logsumexp(padded + u[:, np.newaxis], axis=0)
    return np.exp(padded + u[:, np.newaxis] + v)[:-1, :-1].astype(scores.dtype)


def _of_nodes(entries: np.ndarray, sizes: PaddedSizes) -> np.ndarray:
    n_a, n_b = sizes.n_nodes
    return entries[: n_a * n_b].reshape(n_a, n_b)
