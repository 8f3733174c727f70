"""Names of the weights of networks, their weight decay, and the shape of their inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from skid.networks.perceptron import MultilayerPerceptron


def is_kernel(name: str) -> bool:
    """Whether weight decay acts on a parameter of a network."""
    return name.startswith(("kernel", "weight"))


class DecayOfKernels:
    """Part of an objective: one learning rate for all parameters, weight decay for kernels only.

    ``prefixes`` are those of the parameters of its networks.
    """

    prefixes: tuple[str, ...] = ()
    compiled: bool = True

    def learning_rate(self, name: str) -> str:
        """Name of the control with the learning rate of a parameter."""
        return "rate"

    def decay(self, name: str, value: Any, constants: dict, control: dict) -> Any:
        """Decrease of a parameter by weight decay, divided by the learning rate, or None."""
        for prefix in self.prefixes:
            name = name.removeprefix(prefix)
        return control["decay"] * value if is_kernel(name) else None


def is_state(name: str) -> bool:
    """Whether a parameter of a network changes without a gradient, such as a running mean."""
    return name.startswith("state")


def part_of(parameters: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Parameters of the network with this prefix, by their names without it."""
    return {
        name.removeprefix(prefix): value
        for name, value in parameters.items()
        if name.startswith(prefix)
    }


def network_rows(network: Any, X: Any, xp: Any) -> Any:
    """Return rows of shape (n, ...) in the shape of the network's inputs, for a single network.

    ``xp`` is ``numpy`` or ``tensorflow``.
    """
    if isinstance(network, MultilayerPerceptron):
        return xp.reshape(X, (1, -1, network.layer_sizes[0]))
    return X[None]


def keras_outputs(network: Any, weights: dict[str, np.ndarray], rows: Any) -> Any:
    """Outputs of a network for a symbolic tensor of standardised rows, as Keras layers."""
    import keras

    if isinstance(network, MultilayerPerceptron) and len(rows.shape) > 2:
        rows = keras.layers.Flatten(dtype=rows.dtype)(rows)
    return network.to_keras(weights)(rows)
