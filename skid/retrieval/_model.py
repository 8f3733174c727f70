"""A fitted embedding: NumPy arrays that turn rows into vectors of unit length."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import gen_batches

from skid.engine.feed import BLOCK_BYTES
from skid.inputs import Inputs
from skid.networks import KerasNetwork, MultilayerPerceptron, network_rows
from skid.retrieval._objective import SMALLEST_NORM

ROWS_AT_A_TIME = 2048
"""Hidden layers of an image network take many times the memory of the image."""


@dataclass
class EmbeddingModel:
    """Unit vectors from rows.

    Attributes
    ----------
    inputs : Inputs
    network : MultilayerPerceptron or KerasNetwork
    weights : dict of str to array
    """

    inputs: Inputs
    network: MultilayerPerceptron | KerasNetwork
    weights: dict

    def embed(self, X: np.ndarray) -> np.ndarray:
        """Unit vector of each row, shape (n, n_components)."""
        n_rows = min(ROWS_AT_A_TIME, max(1, BLOCK_BYTES // max(1, X[:1].nbytes)))
        return np.concatenate([self._block(X[rows]) for rows in gen_batches(len(X), n_rows)])

    def _block(self, X: np.ndarray) -> np.ndarray:
        inputs = network_rows(self.network, self.inputs.apply(np.asarray(X)), np)[0]
        outputs = self.network.predict(self.weights, inputs)
        norms = np.linalg.norm(outputs, axis=1, keepdims=True)
        return outputs / np.maximum(norms, SMALLEST_NORM)
