"""Losses of an embedding that rank nothing: of scores, of vectors, or of proxies of the classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class EmbeddingBatch:
    """What a loss sees of a batch of n rows, each of which is a query among m items.

    The items are the rows of the batch, and behind them those of the memory.

    Parameters
    ----------
    scores : float tensor of shape (n, m)
        Cosines of queries and items.
    relevant : bool tensor of shape (n, m)
        Items of the class of the query.
    mask : bool tensor of shape (n, m)
        Items that count for the query: itself and empty places of the memory do not.
    vectors : float tensor of shape (n, n_components)
        Embeddings of the rows, of unit length.
    labels : int32 tensor of shape (n,)
        Classes of the rows, from 0 to n_classes - 1.
    parameters : dict of str to tensor, optional
        The loss's own trainable parameters by name.
    """

    scores: Any
    relevant: Any
    mask: Any
    vectors: Any
    labels: Any
    parameters: dict[str, Any] = field(default_factory=dict)


class EmbeddingLoss(ABC):
    """What an embedding of the rows of a batch costs, with the true gradient.

    A subclass is a frozen dataclass: its fields are its parameters.
    """

    @abstractmethod
    def __call__(self, batch: EmbeddingBatch) -> tf.Tensor:
        """Loss of the queries, or of the batch.

        Parameters
        ----------
        batch : EmbeddingBatch

        Returns
        -------
        float tensor of shape (n,) or ()
            One loss per query, whose mean over those with a relevant item is trained, and which
            must be finite for the others, too; or the loss of the whole batch.
        """

    def initial(
        self, n_classes: int, n_components: int, random_state: np.random.RandomState
    ) -> dict[str, np.ndarray]:
        """Parameters of its own, trained with the network, as they are at the start.

        They do not decay, and are no part of the fitted model. A warm start continues with them
        where the classes are those of the fit before, and else starts them anew.

        Parameters
        ----------
        n_classes, n_components : int
        random_state : numpy.random.RandomState

        Returns
        -------
        dict of str to float array
            None by default.
        """
        return {}
