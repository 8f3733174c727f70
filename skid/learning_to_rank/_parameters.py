"""What is trained beside the weights of the network: scales of its inputs, and running means.

With a decay of their own, the scales shrink the inputs that say nothing of the order. The running
means of all weights are what the fitted estimator keeps: they rank better than the last weights,
and change little from one step to the next.
"""

import numpy as np

from skid.networks import MultilayerPerceptron, is_state

SCALE = "scale"
MEAN = "mean_"
MEAN_OVER = 0.1
"""Share of the steps so far, the last ones, that a running mean goes over, about."""


def initial_parameters(network, n_networks: int, random_state, dtype) -> dict[str, np.ndarray]:
    """Parameters of fresh networks; the inputs of perceptrons have scales."""
    weights = network.initial(n_networks, random_state, dtype)
    if isinstance(network, MultilayerPerceptron):
        weights[SCALE] = np.ones((n_networks, network.layer_sizes[0]), dtype)
    means = {MEAN + name: value for name, value in weights.items() if not is_state(name)}
    return weights | means


def split_parameters(parameters: dict) -> tuple[dict, object]:
    """Weights of the networks, and scales of their inputs or None."""
    weights = {name: value for name, value in parameters.items() if not name.startswith(MEAN)}
    scale = weights.pop(SCALE, None)
    return weights, scale


def moved_means(parameters: dict, share) -> dict:
    """The running means a step later: a share of the way to the weights."""
    return {
        name: mean + share * (parameters[name.removeprefix(MEAN)] - mean)
        for name, mean in parameters.items()
        if name.startswith(MEAN)
    }


def shares_of_means(n_steps: int) -> np.ndarray:
    """How far the running means go at each step.

    With ``c / (c + t)`` at step t a mean goes over about the last ``t / c`` steps, and the start
    is soon forgotten: Shamir and Zhang, *Stochastic Gradient Descent for Non-smooth Optimization*,
    ICML 2013, section 4.

    Examples
    --------
    >>> from skid.learning_to_rank._parameters import shares_of_means
    >>> shares_of_means(91)[[0, 10, 90]].tolist()
    [1.0, 0.5, 0.1]
    """
    return 1.0 / (1.0 + MEAN_OVER * np.arange(n_steps))


def final_weights(parameters: dict) -> dict[str, np.ndarray]:
    """Weights of the networks that take the inputs as they are: the running means."""
    latest, scale = split_parameters(parameters)
    weights = {name: np.asarray(parameters.get(MEAN + name, latest[name])) for name in latest}
    if scale is not None:
        scale = np.asarray(parameters[MEAN + SCALE])
        weights["kernel_0"] = scale[:, :, np.newaxis] * weights["kernel_0"]
    return weights
