"""Graded relevance as a sum of yes-or-no questions, each of which a ranking answers."""

from dataclasses import dataclass

import numpy as np

from skid.losses import RankingLoss
from skid.metrics.rankings import gains_of

MAXIMUM_LEVELS = 16
"""More grades than this are rounded down to as many of them."""


@dataclass
class Levels:
    """Grades, and what a document gains with each.

    The gain of a document is the sum of the ``gains`` of all ``grades`` that it reaches, hence the
    lost discounted gain of a list is a sum over the grades, with the documents that reach the
    grade relevant and the others not.

    Attributes
    ----------
    grades, gains : float array of shape (n_levels,)
    """

    grades: np.ndarray
    gains: np.ndarray

    @classmethod
    def of(cls, relevance: np.ndarray, loss: RankingLoss, gain: str) -> "Levels":
        """Levels of the documents of a training."""
        values = gains_of(relevance, gain if loss.graded else "linear")
        if not loss.graded:
            # The least relevance above 0: all that is relevant reaches it.
            least = relevance[relevance > 0].min(initial=np.inf)
            return cls(np.array([least]), np.ones(1))
        grades, first = np.unique(relevance, return_index=True)
        values = values[first]
        values, grades = values[grades > 0], grades[grades > 0]
        if len(grades) > MAXIMUM_LEVELS:
            kept = np.linspace(0, len(grades) - 1, MAXIMUM_LEVELS).round().astype(int)
            values, grades = values[kept], grades[kept]
        return cls(grades, np.diff(values, prepend=0.0))

    def best(self, relevance: np.ndarray, query: np.ndarray, loss: RankingLoss):
        """The most that the list of each query can gain, shape (n_queries,).

        Where the loss has no ideal sum, it is the number of relevant documents.
        """
        total = np.zeros(query.max() + 1)
        for grade, gain in zip(self.grades, self.gains, strict=True):
            counts = np.bincount(query[relevance >= grade], minlength=len(total))
            ideal = loss.ideal(counts.max())
            total += gain * (counts if ideal is None else ideal[counts])
        return total
