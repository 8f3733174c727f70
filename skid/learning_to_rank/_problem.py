"""What a fit works on."""

from dataclasses import dataclass

import numpy as np

from skid.learning_to_rank._features import DocumentInputs
from skid.learning_to_rank._relevance import Levels
from skid.learning_to_rank._settings import GAIN, training_loss


@dataclass
class Problem:
    """What a fit works on.

    Attributes
    ----------
    X : array of shape (n_documents, ...)
        May be a memory-mapped file.
    relevance : float array of shape (n_documents,)
    query : int32 array of shape (n_documents,)
        Number of the query of each document.
    levels : Levels
    best : float array of shape (n_queries,)
        The most that each list can gain.
    inputs : DocumentInputs
    device : str
        Name of a TensorFlow device.
    """

    X: np.ndarray
    relevance: np.ndarray
    query: np.ndarray
    levels: Levels
    best: np.ndarray
    inputs: DocumentInputs
    device: str

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays with one entry for each document."""
        dtype = self.inputs.dtype
        shares = np.divide(1.0, self.best, where=self.best > 0, out=np.zeros_like(self.best))
        return {
            "X": self.X,
            "relevance": self.relevance.astype(dtype),
            "query": self.query,
            "share": shares[self.query].astype(dtype),
            "row": np.arange(len(self.X), dtype=np.int32),
        }

    @property
    def teaches(self) -> np.ndarray:
        """Documents of lists that can be in a wrong order, bool of shape (n_documents,)."""
        n_queries = len(self.best)
        largest = np.full(n_queries, -np.inf)
        smallest = np.full(n_queries, np.inf)
        np.maximum.at(largest, self.query, self.relevance)
        np.minimum.at(smallest, self.query, self.relevance)
        return ((largest > smallest) & (self.best > 0))[self.query]

    def prepare(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Rows as they are sent to the program."""
        return {"X": self.inputs.apply(X)}


def problem_of(estimator, X, relevance, query, device: str) -> Problem:
    """The data of a fit of an estimator.

    Raises
    ------
    ValueError
        If no list can be in a wrong order.
    """
    loss = training_loss(estimator)
    levels = Levels.of(relevance, loss, GAIN)
    best = levels.best(relevance, query, loss)
    inputs = DocumentInputs(estimator.standardize).fit(X, np.ones(len(X)))
    problem = Problem(X, relevance, query, levels, best, inputs, device)
    if not problem.teaches.any():
        raise ValueError(
            "no query has documents of different relevance: y has 1 class only within each list"
        )
    return problem
