"""Losses of embeddings without a ranking, such as a triplet loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class EmbeddingBatch:
    """Inputs of a loss for a batch of n rows, each of which is a query among m items.

    The items are the rows of the batch, followed by those of the memory.

    Parameters
    ----------
    scores : float tensor of shape (n, m)
        Cosines of queries and items.
    relevant : bool tensor of shape (n, m)
        Items with the label of the query.
    mask : bool tensor of shape (n, m)
        Items of the query: all but itself and empty places of the memory.
    vectors : float tensor of shape (n, n_components)
        Embeddings of the rows, of unit length.
    labels : int32 tensor of shape (n,)
        Labels of the rows as codes from 0 to n_classes - 1.
    parameters : dict of str to tensor, optional
        Trainable parameters of the loss by name.
    """

    scores: Any
    relevant: Any
    mask: Any
    vectors: Any
    labels: Any
    parameters: dict[str, Any] = field(default_factory=dict)


class EmbeddingLoss(ABC):
    """Base class of the losses of embeddings, which are differentiated as usual.

    A subclass is a frozen dataclass, whose fields are its parameters.
    """

    @abstractmethod
    def __call__(self, batch: EmbeddingBatch) -> tf.Tensor:
        """Loss of each query, of shape (n,), or of the whole batch, of shape ().

        The training minimises the mean over the queries with a relevant item. The losses of other
        queries must also be finite.
        """

    def initial(
        self, n_classes: int, n_components: int, random_state: np.random.RandomState
    ) -> dict[str, np.ndarray]:
        """Initial values of parameters that are trained with the network; none by default.

        They do not decay, and are not a part of the fitted model. A warm start continues with
        them if the classes are the same, and otherwise with new ones.
        """
        return {}
