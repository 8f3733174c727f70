"""Graded relevance as a sum of binary relevances."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from skid.losses import RankingLoss
from skid.metrics.rankings import gains_of

MAXIMUM_LEVELS = 16
"""More grades than this are rounded down to this number of grades."""


@dataclass
class Levels:
    """Grades of relevance, and the additional gain of each, both of shape (n_levels,).

    The gain of a document is the sum of the ``gains`` of all ``grades`` that it reaches. Hence the
    loss of a list is a sum over the grades, in which the documents that reach the grade are
    relevant.
    """

    grades: np.ndarray
    gains: np.ndarray

    @classmethod
    def of(cls, relevance: np.ndarray, loss: RankingLoss, gain: str) -> Self:
        """Levels of the documents of a training."""
        values = gains_of(relevance, gain if loss.graded else "linear")
        if not loss.graded:
            # All relevant documents reach the smallest relevance above 0.
            least = relevance[relevance > 0].min(initial=np.inf)
            return cls(np.array([least]), np.ones(1))
        grades, first = np.unique(relevance, return_index=True)
        values = values[first]
        values, grades = values[grades > 0], grades[grades > 0]
        if len(grades) > MAXIMUM_LEVELS:
            kept = np.linspace(0, len(grades) - 1, MAXIMUM_LEVELS).round().astype(int)
            values, grades = values[kept], grades[kept]
        return cls(grades, np.diff(values, prepend=0.0))

    def best(self, relevance: np.ndarray, query: np.ndarray, loss: RankingLoss) -> np.ndarray:
        """Largest gain of each query, or number of its relevant documents, shape (n_queries,)."""
        total = np.zeros(query.max() + 1)
        for grade, gain in zip(self.grades, self.gains, strict=True):
            counts = np.bincount(query[relevance >= grade], minlength=len(total))
            ideal = loss.ideal(counts.max())
            total += gain * (counts if ideal is None else ideal[counts])
        return total
