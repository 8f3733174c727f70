"""A fitted model: a network that compares graphs, and the solver that matches them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from skid.matching._data import PaddedSizes, Pair, padded_arrays
from skid.matching._network import MatchingNetwork
from skid.solvers import QuadraticAssignment

PAIRS_AT_A_TIME = 64
_TINY = 1e-30
"""A mass that counts as 0."""


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

    def best_temperature(self, pairs: Sequence[Pair], partners: Sequence[np.ndarray]) -> float:
        """The temperature under which known matchings are the most probable."""
        affinities = self.affinities(pairs)
        largest = max((float(np.abs(values).max()) for values in affinities), default=0.0)
        if not largest:
            return 1.0
        is_partial = self.unmatched_cost is not None
        temperatures = largest * np.logspace(-3, 1, 17)
        losses = np.zeros(len(temperatures))
        for values, match in zip(affinities, partners, strict=True):
            scores = values / temperatures[:, np.newaxis, np.newaxis]
            found = relaxed_matching(scores, is_partial, 30)
            rows = np.flatnonzero(match >= 0)
            losses -= _log(found[:, rows, match[rows]]).sum(axis=1)
            if is_partial:
                losses -= _log(1 - found[:, match < 0].sum(axis=2)).sum(axis=1)
        return float(temperatures[losses.argmin()])

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


def relaxed_matching(
    scores: np.ndarray, may_be_unmatched: bool, n_iterations: int = 100
) -> np.ndarray:
    """The matrix P of matching probabilities that maximises ``<scores, P> + H(P)``.

    As in `SinkhornCrossEntropy`. The scores have shape (..., n_a, n_b).

    Examples
    --------
    >>> import numpy as np
    >>> from skid.matching._model import relaxed_matching
    >>> relaxed_matching(np.array([[9.0, 0.0], [0.0, 9.0]]), False).round(2)
    array([[1., 0.],
           [0., 1.]])
    """
    *others, n_a, n_b = scores.shape
    spare = (n_b, n_a) if may_be_unmatched else (max(n_b - n_a, 0), max(n_a - n_b, 0))
    rows, columns = np.ones((n_a + 1, 1)), np.ones(n_b + 1)
    rows[-1], columns[-1] = spare
    padded = np.zeros((*others, n_a + 1, n_b + 1))
    padded[..., :-1, :-1] = scores
    log_rows, log_columns = np.log(np.maximum(rows, _TINY)), np.log(np.maximum(columns, _TINY))
    for _ in range(n_iterations):
        padded += log_rows - _log_sum(padded, axis=-1)
        padded += log_columns - _log_sum(padded, axis=-2)
    plan = np.exp(padded[..., :-1, :-1])
    # After the last step the sums of the columns are right, those of the rows only nearly.
    return (plan / np.maximum(plan.sum(axis=-1, keepdims=True), 1)).astype(scores.dtype)


def _log_sum(values: np.ndarray, axis: int) -> np.ndarray:
    """Logarithm of the sum of exponentials."""
    largest = values.max(axis=axis, keepdims=True)
    return largest + np.log(np.exp(values - largest).sum(axis=axis, keepdims=True))


def _log(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.clip(probabilities, 1e-12, 1))


def _of_nodes(entries: np.ndarray, sizes: PaddedSizes) -> np.ndarray:
    n_a, n_b = sizes.n_nodes
    return entries[: n_a * n_b].reshape(n_a, n_b)
