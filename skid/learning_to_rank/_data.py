"""The data of a fit: documents, their relevance, and their queries."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from skid.learning_to_rank._defaults import GAIN, documents_of_batch, training_loss
from skid.learning_to_rank._features import DocumentInputs
from skid.learning_to_rank._relevance import Levels


@dataclass
class TrainingData:
    """The common data of the trainings of a fit.

    ``query`` is the number of the query of each document, int32 of shape (n_documents,); ``best``
    the largest gain of each query, of shape (n_queries,). An epoch has ``n_documents``: lists
    longer than a batch are sampled.
    """

    X: np.ndarray
    relevance: np.ndarray
    query: np.ndarray
    levels: Levels
    best: np.ndarray
    inputs: DocumentInputs
    batch_size: int = field(default=0, init=False)
    n_documents: int = field(default=0, init=False)

    @classmethod
    def of(cls, estimator, X: np.ndarray, relevance: np.ndarray, query: np.ndarray) -> Self:
        """The data of a fit of an estimator."""
        loss = training_loss(estimator)
        levels = Levels.of(relevance, loss, GAIN)
        best = levels.best(relevance, query, loss)
        inputs = DocumentInputs(estimator.standardize).fit(X)
        data = cls(X, relevance, query, levels, best, inputs)
        if not data.informative.any():
            raise ValueError(
                "y must hold different relevance for documents of at least one query, got only 1 "
                "class in each query"
            )
        return data

    def set_batch_size(self, estimator, used: np.ndarray) -> None:
        """Set the size of the batches for the documents that are ``used``, a bool array."""
        lengths = np.bincount(self.query[used])
        self.batch_size = documents_of_batch(estimator, lengths)
        self.n_documents = int(np.minimum(lengths, self.batch_size).sum())

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays with one entry for each document."""
        dtype = self.inputs.dtype
        weights = np.divide(1.0, self.best, where=self.best > 0, out=np.zeros_like(self.best))
        return {
            "X": self.X,
            "relevance": self.relevance.astype(dtype),
            "query": self.query,
            "weight": weights[self.query].astype(dtype),
            "row": np.arange(len(self.X), dtype=np.int32),
        }

    @property
    def informative(self) -> np.ndarray:
        """Documents of queries that can be ranked wrongly, bool of shape (n_documents,)."""
        n_queries = len(self.best)
        largest = np.full(n_queries, -np.inf)
        smallest = np.full(n_queries, np.inf)
        np.maximum.at(largest, self.query, self.relevance)
        np.minimum.at(smallest, self.query, self.relevance)
        return ((largest > smallest) & (self.best > 0))[self.query]
