"""Parameters in addition to the network's weights: scales of its inputs, and running averages.

With a decay of their own, the scales shrink the inputs that do not affect the order. The running
averages of all weights are what the fitted estimator keeps: they rank better than the last weights,
and change little from one step to the next.
"""

import numpy as np

from skid.networks import MultilayerPerceptron, is_state

SCALE = "scale"
MEAN = "mean_"
AVERAGED_FRACTION = 0.1
"""A running average covers about this fraction of the steps so far, the last ones."""


def initial_parameters(network, n_networks: int, random_state, dtype) -> dict[str, np.ndarray]:
    """Parameters of fresh networks; the inputs of perceptrons have scales."""
    weights = network.initial(n_networks, random_state, dtype)
    if isinstance(network, MultilayerPerceptron):
        weights[SCALE] = np.ones((n_networks, network.layer_sizes[0]), dtype)
    averages = {MEAN + name: value for name, value in weights.items() if not is_state(name)}
    return weights | averages


def split_parameters(parameters: dict) -> tuple[dict, object]:
    """Weights of the networks, and scales of their inputs or None."""
    weights = {name: value for name, value in parameters.items() if not name.startswith(MEAN)}
    scale = weights.pop(SCALE, None)
    return weights, scale


def updated_averages(parameters: dict, weight) -> dict:
    """The running averages a step later; ``weight`` is that of the present weights."""
    return {
        name: average + weight * (parameters[name.removeprefix(MEAN)] - average)
        for name, average in parameters.items()
        if name.startswith(MEAN)
    }


def weights_of_averages(n_steps: int) -> np.ndarray:
    """Weight of the present weights in the running averages at each step.

    With ``c / (c + t)`` at step t an average covers about the last ``t / c`` steps, and the start
    is soon forgotten: Shamir and Zhang, *Stochastic Gradient Descent for Non-smooth Optimization*,
    ICML 2013, section 4.

    Examples
    --------
    >>> from skid.learning_to_rank._parameters import weights_of_averages
    >>> weights_of_averages(91)[[0, 10, 90]].tolist()
    [1.0, 0.5, 0.1]
    """
    return 1.0 / (1.0 + AVERAGED_FRACTION * np.arange(n_steps))


def averaged_weights(parameters: dict) -> dict[str, np.ndarray]:
    """Running averages as weights of networks that read the inputs without scales."""
    latest, scale = split_parameters(parameters)
    weights = {name: np.asarray(parameters.get(MEAN + name, latest[name])) for name in latest}
    if scale is not None:
        scale = np.asarray(parameters[MEAN + SCALE])
        weights["kernel_0"] = scale[:, :, np.newaxis] * weights["kernel_0"]
    return weights
