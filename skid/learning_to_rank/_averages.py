"""Additional parameters of the networks: scales of their inputs, and running averages.

The scales have a separate weight decay, which shrinks the inputs that do not affect the order. The
fitted estimator has the running averages of all weights: they rank better than the last weights,
and change little from one step to the next.
"""

from typing import Any

import numpy as np

from skid.networks import MultilayerPerceptron, is_state

SCALE = "scale"
MEAN = "mean_"
AVERAGED_FRACTION = 0.1
"""A running average covers about this fraction of the steps so far, the most recent ones."""


def initial_parameters(network, n_networks: int, random_state, dtype) -> dict[str, np.ndarray]:
    """Initial parameters of networks, with scales of the inputs for perceptrons."""
    weights = network.initial(n_networks, random_state, dtype)
    if isinstance(network, MultilayerPerceptron):
        weights[SCALE] = np.ones((n_networks, network.layer_sizes[0]), dtype)
    averages = {MEAN + name: value for name, value in weights.items() if not is_state(name)}
    return weights | averages


def split_parameters(parameters: dict) -> tuple[dict, Any]:
    """Weights of the networks, and scales of their inputs or None."""
    weights = {name: value for name, value in parameters.items() if not name.startswith(MEAN)}
    scale = weights.pop(SCALE, None)
    return weights, scale


def updated_averages(parameters: dict, weight) -> dict:
    """Running averages after a step, in which the current weights have the given weight."""
    return {
        name: average + weight * (parameters[name.removeprefix(MEAN)] - average)
        for name, average in parameters.items()
        if name.startswith(MEAN)
    }


def weights_of_averages(n_steps: int) -> np.ndarray:
    """Weight of the current weights in the running averages at each step.

    With ``c / (c + t)`` at step t an average covers about the last ``t / c`` steps: Shamir and
    Zhang, *Stochastic Gradient Descent for Non-smooth Optimization*, ICML 2013, section 4.

    Examples
    --------
    >>> from skid.learning_to_rank._averages import weights_of_averages
    >>> weights_of_averages(91)[[0, 10, 90]].tolist()
    [1.0, 0.5, 0.1]
    """
    return 1.0 / (1.0 + AVERAGED_FRACTION * np.arange(n_steps))


def averaged_weights(parameters: dict) -> dict[str, np.ndarray]:
    """Running averages as weights of networks without scales of the inputs."""
    last, scale = split_parameters(parameters)
    weights = {name: np.asarray(parameters.get(MEAN + name, last[name])) for name in last}
    if scale is not None:
        scale = np.asarray(parameters[MEAN + SCALE])
        weights["kernel_0"] = scale[:, :, np.newaxis] * weights["kernel_0"]
    return weights
