"""Which network is trained: the user's or a perceptron, and whether XLA compiles it."""

import math

from skid.networks.keras_network import KerasNetwork
from skid.networks.perceptron import MultilayerPerceptron


def network_of(
    build,
    row_shape: tuple[int, ...],
    hidden_layer_sizes: tuple[int, ...],
    n_outputs: int,
    activation: str = "relu",
) -> MultilayerPerceptron | KerasNetwork:
    """The user's network where ``build`` makes one, else a perceptron on all entries of a row."""
    if build is not None:
        return KerasNetwork(build, row_shape, n_outputs)
    return MultilayerPerceptron((math.prod(row_shape), *hidden_layer_sizes, n_outputs), activation)


def gains_by_xla(device: str, *networks) -> bool:
    """Whether XLA makes networks faster: for the processor, it has slow convolutions."""
    return "GPU" in device or not any(_convolves(network) for network in networks)


def _convolves(network) -> bool:
    return isinstance(network, KerasNetwork) and network.convolves
