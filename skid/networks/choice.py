"""Choice of the network, and whether XLA compiles it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from skid.networks.keras_network import KerasNetwork
from skid.networks.perceptron import MultilayerPerceptron


def network_of(
    build: Callable[[tuple[int | None, ...], int], Any] | None,
    row_shape: tuple[int, ...],
    hidden_layer_sizes: tuple[int, ...],
    n_outputs: int,
    activation: str = "relu",
) -> MultilayerPerceptron | KerasNetwork:
    """Return the network that ``build`` makes, or a perceptron on all entries of a row if None."""
    if build is not None:
        return KerasNetwork(build, row_shape, n_outputs)
    return MultilayerPerceptron((math.prod(row_shape), *hidden_layer_sizes, n_outputs), activation)


def gains_by_xla(device: str, *networks: Any) -> bool:
    """Whether XLA makes the networks faster; its convolutions on a CPU are slow."""
    return "GPU" in device or not any(_convolves(network) for network in networks)


def _convolves(network: Any) -> bool:
    return isinstance(network, KerasNetwork) and network.convolves
