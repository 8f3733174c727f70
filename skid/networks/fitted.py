"""A trained network that answers rows: NumPy arrays, a block of rows at a time."""

from dataclasses import dataclass

import numpy as np

from skid.engine.backend import tensorflow
from skid.engine.feed import row_blocks
from skid.inputs import Inputs
from skid.networks.conventions import keras_outputs, network_rows
from skid.networks.keras_network import KerasNetwork
from skid.networks.perceptron import MultilayerPerceptron

ROWS_AT_A_TIME = 2048
"""Hidden layers of several networks, or of one for images, take many times the memory of a row."""


@dataclass
class FittedNetwork:
    """Outputs from rows.

    Attributes
    ----------
    inputs : Inputs
    network : MultilayerPerceptron or KerasNetwork
    weights : dict of str to array
    """

    inputs: Inputs
    network: MultilayerPerceptron | KerasNetwork
    weights: dict

    def outputs(self, X: np.ndarray) -> np.ndarray:
        """Outputs for each row of an array that may be larger than memory, shape (n, n_outputs)."""
        blocks = [self._block(X[rows]) for rows in row_blocks(X, ROWS_AT_A_TIME)]
        return np.concatenate(blocks)

    def to_keras(self):
        """Keras model from raw rows to outputs of shape (n, n_outputs)."""
        tensorflow()
        import keras

        rows = keras.Input(self.inputs.row_shape, dtype=self.inputs.dtype.name)
        outputs = keras_outputs(self.network, self.weights, self.inputs.to_keras(rows))
        return keras.Model(rows, outputs)

    def _block(self, X: np.ndarray) -> np.ndarray:
        rows = network_rows(self.network, self.inputs.apply(np.asarray(X)), np)[0]
        return self.network.predict(self.weights, rows)
