"""A fitted embedding: rows to vectors of unit length."""

from typing import Any

import numpy as np

from skid.networks import FittedNetwork
from skid.retrieval._objective import SMALLEST_NORM


class EmbeddingModel(FittedNetwork):
    """Unit vectors from rows."""

    def embed(self, X: np.ndarray) -> np.ndarray:
        """Unit vector of each row, shape (n, n_components)."""
        outputs = self.outputs(X)
        norms = np.linalg.norm(outputs, axis=1, keepdims=True)
        return outputs / np.maximum(norms, SMALLEST_NORM)

    def to_keras(self) -> Any:
        """Keras model from raw rows to unit vectors."""
        network = super().to_keras()
        import keras

        unit = keras.layers.UnitNormalization(axis=1, dtype=network.output.dtype)
        return keras.Model(network.input, unit(network.output))
