"""The data of a fit: documents, their relevance, and the queries that they belong to."""

from dataclasses import dataclass, field

import numpy as np

from skid.learning_to_rank._defaults import GAIN, documents_of_batch, training_loss
from skid.learning_to_rank._features import DocumentInputs
from skid.learning_to_rank._relevance import Levels


@dataclass
class TrainingData:
    """What the trainings of a fit have in common.

    Attributes
    ----------
    X : array of shape (n_documents, ...)
        May be a memory-mapped file.
    relevance : float array of shape (n_documents,)
    query : int32 array of shape (n_documents,)
        Number of the query of each document.
    levels : Levels
    best : float array of shape (n_queries,)
        The largest gain that each list can have.
    inputs : DocumentInputs
    batch_size : int
        Documents of a batch.
    n_documents : int
        Documents of an epoch: of lists longer than a batch only a part is drawn.
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
    def of(cls, estimator, X, relevance, query) -> "TrainingData":
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
        data = cls(X, relevance, query, levels, best, inputs)
        if not data.informative.any():
            raise ValueError(
                "y must differ between the documents of at least one query; "
                "within each query it has 1 class only"
            )
        return data

    def set_batch_size(self, estimator, used: np.ndarray) -> None:
        """Choose the size of the batches for the documents of a mask."""
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
            "share": weights[self.query].astype(dtype),
            "row": np.arange(len(self.X), dtype=np.int32),
        }

    @property
    def informative(self) -> np.ndarray:
        """Documents of lists that can be in a wrong order, bool of shape (n_documents,)."""
        n_queries = len(self.best)
        largest = np.full(n_queries, -np.inf)
        smallest = np.full(n_queries, np.inf)
        np.maximum.at(largest, self.query, self.relevance)
        np.minimum.at(smallest, self.query, self.relevance)
        return ((largest > smallest) & (self.best > 0))[self.query]
