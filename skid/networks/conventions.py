"""How networks name their weights, decay, and take their rows."""

from skid.networks.perceptron import MultilayerPerceptron


def is_kernel(name: str) -> bool:
    """Whether weight decay acts on a parameter of a network."""
    return name.startswith(("kernel", "weight"))


class DecayOfKernels:
    """Of an objective: one learning rate for all parameters, and weight decay of kernels alone.

    ``prefixes`` are those that tell the parameters of its networks apart.
    """

    prefixes: tuple[str, ...] = ()
    compiled: bool = True

    def learning_rate(self, name: str) -> str:
        """Control that is the learning rate of a parameter."""
        return "rate"

    def decay(self, name: str, value, constants: dict, control: dict):
        """What weight decay takes from a parameter, in units of its learning rate, or None."""
        for prefix in self.prefixes:
            name = name.removeprefix(prefix)
        return control["decay"] * value if is_kernel(name) else None


def is_state(name: str) -> bool:
    """Whether a parameter of a network changes without a gradient, such as a running mean."""
    return name.startswith("state")


def part_of(parameters: dict, prefix: str) -> dict:
    """Parameters whose names begin with the prefix of one of several networks, by its own names."""
    return {
        name.removeprefix(prefix): value
        for name, value in parameters.items()
        if name.startswith(prefix)
    }


def network_rows(network, X, xp):
    """Rows as a network takes them, below an axis for a single network.

    Parameters
    ----------
    network : MultilayerPerceptron or KerasNetwork
    X : array or tensor of shape (n, ...)
    xp : module
        ``numpy`` or ``tensorflow``.
    """
    if isinstance(network, MultilayerPerceptron):
        return xp.reshape(X, (1, -1, network.layer_sizes[0]))
    return X[None]


def keras_outputs(network, weights: dict, rows):
    """Outputs of a network for a symbolic tensor of standardised rows, as Keras layers."""
    import keras

    if isinstance(network, MultilayerPerceptron) and len(rows.shape) > 2:
        rows = keras.layers.Flatten(dtype=rows.dtype)(rows)
    return network.to_keras(weights)(rows)
