"""Networks that predict costs of a given shape, sign and scale."""

import math
from typing import Any

import numpy as np

from skid.engine.backend import tensorflow
from skid.networks import keras_outputs, network_of, network_rows

FLOOR = 1e-3
"""Smallest absolute value of costs of a fixed sign, so that no entry is free."""


class CostNetwork:
    """Costs of the items of each row.

    Parameters
    ----------
    network : MultilayerPerceptron or KerasNetwork
        From a row to all its costs, or, with ``itemwise``, from the features of an item to its
        cost.
    cost_shape : tuple of int
    sign : {-1, 0, 1}
        0 for any. Costs of a fixed sign are a softplus of the outputs.
    itemwise : bool
        Whether the network is applied to each item of rows of shape (*cost_shape, n_features).
    """

    def __init__(
        self, network: Any, cost_shape: tuple[int, ...], sign: int, itemwise: bool
    ) -> None:
        self.network = network
        self.cost_shape = tuple(cost_shape)
        self.sign = sign
        self.itemwise = itemwise
        self.key = (network.key, self.cost_shape, sign, itemwise)

    def initial(self, random_state: np.random.RandomState, dtype: Any) -> dict[str, np.ndarray]:
        """Weights of a fresh network."""
        return self.network.initial(1, random_state, dtype)

    def train(self, weights: dict, X: Any, constants: dict) -> tuple[Any, dict]:
        """Costs on tensors while training, and new values of weights without a gradient."""
        outputs, updates = self.network.train(weights, self._rows(X, tensorflow()))
        return self._costs_tf(outputs, constants), updates

    def apply(self, weights: dict, X: Any, constants: dict) -> Any:
        """Costs on tensors, shape (n, *cost_shape)."""
        outputs = self.network.apply(weights, self._rows(X, tensorflow()))
        return self._costs_tf(outputs, constants)

    def predict(self, weights: dict, X: np.ndarray, constants: dict) -> np.ndarray:
        """Costs of standardised rows, in NumPy for the default networks."""
        outputs = self.network.predict(weights, self._rows(X, np)[0])
        outputs = outputs.reshape(-1, *self.cost_shape)
        if self.sign:
            outputs = self.sign * (np.logaddexp(outputs, 0, dtype=outputs.dtype) + FLOOR)
        return (constants["location"] + constants["scale"] * outputs).astype(X.dtype, copy=False)

    def keras_costs(self, weights: dict, rows: Any, constants: dict) -> Any:
        """Keras layers from a symbolic tensor of standardised rows to costs."""
        import keras

        layers, dtype = keras.layers, rows.dtype
        if self.itemwise:
            items = layers.Reshape((-1, rows.shape[-1]), dtype=dtype)(rows)
            outputs = layers.TimeDistributed(self.network.to_keras(weights), dtype=dtype)(items)
        else:
            outputs = keras_outputs(self.network, weights, rows)
        costs = layers.Reshape(self.cost_shape, dtype=dtype)(outputs)
        if self.sign:
            costs = layers.Activation("softplus", dtype=dtype)(costs)
            costs = layers.Rescaling(self.sign, self.sign * FLOOR, dtype=dtype)(costs)
        scale, location = (constants[name] for name in ("scale", "location"))
        return layers.Rescaling(scale, location, dtype=dtype)(costs)

    def _rows(self, X: Any, xp: Any) -> Any:
        """Rows as the network takes them, with a first axis of one network."""
        if self.itemwise:
            return xp.reshape(X, (1, -1, X.shape[-1]))
        return network_rows(self.network, X, xp)

    def _costs_tf(self, outputs: Any, constants: dict) -> Any:
        tf = tensorflow()
        outputs = tf.reshape(outputs, (-1, *self.cost_shape))
        if self.sign:
            outputs = self.sign * (tf.nn.softplus(outputs) + FLOOR)
        return constants["location"] + constants["scale"] * outputs


def cost_network(
    build: Any,
    hidden_layer_sizes: tuple[int, ...],
    row_shape: tuple[int, ...],
    cost_shape: tuple[int, ...],
    sign: int,
) -> CostNetwork:
    """The user's network (of ``build``), or a perceptron for each item or the whole row."""
    itemwise = build is None and len(row_shape) > 1 and row_shape[:-1] == tuple(cost_shape)
    if itemwise:
        network = network_of(None, row_shape[-1:], hidden_layer_sizes, 1)
    else:
        network = network_of(build, row_shape, hidden_layer_sizes, math.prod(cost_shape))
    return CostNetwork(network, cost_shape, sign, itemwise)
