"""Multilayer perceptron, which is trained in TensorFlow and predicts in NumPy."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import expit

from skid.engine.backend import tensorflow

_IN_NUMPY = {
    "relu": lambda x: np.maximum(x, 0, out=x),
    "silu": lambda x: np.multiply(x, expit(x), out=x),
}


class MultilayerPerceptron:
    """Dense layers with an activation function after each hidden layer.

    Parameters
    ----------
    layer_sizes : tuple of int
        Number of inputs, of units in each hidden layer, and of outputs.
    activation : {"relu", "silu"}, default="relu"
        Activation function: ``max(x, 0)``, or the smooth ``x / (1 + exp(-x))`` (Elfwing et al.,
        Neural Networks 107, 2018).

    Examples
    --------
    >>> import numpy as np
    >>> from skid.networks import MultilayerPerceptron
    >>> network = MultilayerPerceptron((3, 8, 2))
    >>> weights = network.initial(5, np.random.RandomState(0), np.float32)
    >>> network.predict(weights, np.ones((4, 3), np.float32)).shape
    (4, 2)
    """

    def __init__(self, layer_sizes: tuple[int, ...], activation: str = "relu") -> None:
        self.layer_sizes = tuple(layer_sizes)
        self.activation = activation
        self.n_layers = len(layer_sizes) - 1
        self.key = ("perceptron", self.layer_sizes, activation)

    def initial(
        self, n_networks: int, random_state: np.random.RandomState, dtype: Any
    ) -> dict[str, np.ndarray]:
        """Random weights of variance 2 / n_inputs, in the last layer 1 / n_inputs (He et al.)."""
        weights = {}
        for layer, (n_in, n_out) in enumerate(pairwise(self.layer_sizes)):
            gain = 1.0 if layer == self.n_layers - 1 else 2.0
            kernel = random_state.normal(0.0, np.sqrt(gain / n_in), (n_networks, n_in, n_out))
            weights[f"kernel_{layer}"] = kernel.astype(dtype)
            weights[f"bias_{layer}"] = np.zeros((n_networks, 1, n_out), dtype)
        return weights

    def apply(self, weights: dict[str, Any], inputs: Any, column_mask: Any = None) -> Any:
        """Return the outputs of each network, a tensor of shape (n_networks, n, n_outputs).

        ``inputs`` have shape (n_networks, n, n_inputs), and their factors ``column_mask``
        (n_networks, n_inputs). These multiply the first kernel, which saves a matrix product in the
        backward pass.
        """
        tf = tensorflow()
        hidden = inputs
        for layer in range(self.n_layers):
            kernel = weights[f"kernel_{layer}"]
            if layer == 0 and column_mask is not None:
                kernel = column_mask[:, :, tf.newaxis] * kernel
            hidden = tf.matmul(hidden, kernel) + weights[f"bias_{layer}"]
            if layer < self.n_layers - 1:
                hidden = getattr(tf.nn, self.activation)(hidden)
        return hidden

    def train(
        self, weights: dict[str, Any], inputs: Any, column_mask: Any = None
    ) -> tuple[Any, dict[str, Any]]:
        """Outputs while training, and the state after the batch, which is empty."""
        return self.apply(weights, inputs, column_mask), {}

    def predict(self, weights: dict[str, np.ndarray], X: np.ndarray) -> np.ndarray:
        """Mean output of the networks in NumPy, shape (n, n_outputs)."""
        hidden = X
        for layer in range(self.n_layers):
            hidden = np.matmul(hidden, weights[f"kernel_{layer}"]) + weights[f"bias_{layer}"]
            if layer < self.n_layers - 1:
                hidden = _IN_NUMPY[self.activation](hidden)
        return hidden.mean(axis=0)

    def to_keras(self, weights: dict[str, np.ndarray]) -> Any:
        """Return one Keras model with the mean output of the networks."""
        tensorflow()
        import keras

        dtype = weights["kernel_0"].dtype.name
        inputs = keras.Input((self.layer_sizes[0],), dtype=dtype)
        outputs = []
        for network in range(len(weights["kernel_0"])):
            hidden = inputs
            for layer in range(self.n_layers):
                last = layer == self.n_layers - 1
                dense = keras.layers.Dense(
                    self.layer_sizes[layer + 1],
                    activation=None if last else self.activation,
                    dtype=dtype,
                )
                hidden = dense(hidden)
                dense.set_weights(
                    [weights[f"kernel_{layer}"][network], weights[f"bias_{layer}"][network, 0]]
                )
            outputs.append(hidden)
        mean = outputs[0] if len(outputs) == 1 else keras.layers.Average(dtype=dtype)(outputs)
        return keras.Model(inputs, mean)
