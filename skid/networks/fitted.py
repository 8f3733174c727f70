"""A trained network that predicts in blocks of rows, on NumPy arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from skid.engine.backend import tensorflow
from skid.engine.feed import row_blocks
from skid.inputs import Inputs
from skid.networks.conventions import keras_outputs, network_rows
from skid.networks.keras_network import KerasNetwork
from skid.networks.perceptron import MultilayerPerceptron

ROWS_AT_A_TIME = 2048
"""Rows per block: hidden layers take much more memory than the rows themselves."""


@dataclass
class FittedNetwork:
    """A trained network with the standardisation of its inputs."""

    inputs: Inputs
    network: MultilayerPerceptron | KerasNetwork
    weights: dict[str, np.ndarray]

    def outputs(self, X: np.ndarray) -> np.ndarray:
        """Outputs of shape (n, n_outputs) for rows of an array that may be larger than memory."""
        blocks = [self._block(X[rows]) for rows in row_blocks(X, ROWS_AT_A_TIME)]
        return np.concatenate(blocks)

    def to_keras(self) -> Any:
        """Keras model from raw rows to outputs of shape (n, n_outputs)."""
        tensorflow()
        import keras

        rows = keras.Input(self.inputs.row_shape, dtype=self.inputs.dtype.name)
        outputs = keras_outputs(self.network, self.weights, self.inputs.to_keras(rows))
        return keras.Model(rows, outputs)

    def _block(self, X: np.ndarray) -> np.ndarray:
        rows = network_rows(self.network, self.inputs.apply(np.asarray(X)), np)[0]
        return self.network.predict(self.weights, rows)
