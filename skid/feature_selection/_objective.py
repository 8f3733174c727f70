"""Training objectives: a subset of the columns, and networks on it."""

from typing import Any

from skid.engine.backend import tensorflow
from skid.feature_selection._masks import SubsetMask
from skid.losses import ROW_LOSSES, weighted_mean
from skid.networks import DecayOfKernels


class DatasetSubsetObjective(DecayOfKernels):
    """Loss of several networks that share the logits of one subset.

    Each network reads a subset with different noise. The logits decay to ``constants["prior"]``.
    """

    controls = ("k", "noise_scale", "selector_rate", "logit_decay", "rate", "decay")

    def __init__(
        self, network: Any, n_networks: int, loss: str, mask: SubsetMask, *, compiled: bool
    ) -> None:
        self.compiled = compiled
        self.network = network
        self.n_networks = n_networks
        self.row_loss = ROW_LOSSES[loss]()
        self.mask = mask
        self.key = (type(self).__name__, network.key, n_networks, loss, mask.key)

    def learning_rate(self, name: str) -> str:
        """Control with the learning rate of a parameter."""
        return "selector_rate" if name == "logits" else super().learning_rate(name)

    def decay(self, name, value, constants, control):
        """Kernels decay to zero, logits to the prior, and biases do not decay."""
        if name == "logits":
            return control["logit_decay"] * (value - constants["prior"])
        return super().decay(name, value, constants, control)

    def loss(self, parameters, batch, constants, control, seed):
        """Sum over the networks of their mean losses, see :class:`Objective`."""
        tf = tensorflow()
        weights = {name: value for name, value in parameters.items() if name != "logits"}
        mask = self._mask(parameters["logits"], constants, control, seed)
        outputs, updates = self.network.train(weights, batch["X"], mask)
        losses = weighted_mean(self.row_loss(outputs, batch["y"]), batch["weight"])
        return tf.reduce_sum(losses), tf.reduce_mean(losses), updates

    def evaluate(self, parameters, batch, constants, control):
        """Loss of each row with the hard subset, shape (n_networks, n)."""
        weights = {name: value for name, value in parameters.items() if name != "logits"}
        mask = self._mask(parameters["logits"], constants, control, seed=None)
        return self.row_loss(self.network.apply(weights, batch["X"], mask), batch["y"])

    def _mask(self, logits, constants, control, seed):
        tf = tensorflow()
        logits = tf.tile(logits, [self.n_networks, 1])
        return self.mask(logits, constants, control, seed)


class PredictorObjective(DecayOfKernels):
    """Loss of networks on columns that are already chosen."""

    controls = ("rate", "decay")

    def __init__(self, network: Any, n_networks: int, loss: str, *, compiled: bool) -> None:
        self.compiled = compiled
        self.network = network
        self.row_loss = ROW_LOSSES[loss]()
        self.key = (type(self).__name__, network.key, n_networks, loss)

    def loss(self, parameters, batch, constants, control, seed):
        """Sum over the networks of their mean losses."""
        tf = tensorflow()
        outputs, updates = self.network.train(parameters, batch["X"])
        losses = weighted_mean(self.row_loss(outputs, batch["y"]), batch["weight"])
        return tf.reduce_sum(losses), tf.reduce_mean(losses), updates

    def evaluate(self, parameters, batch, constants, control):
        """Loss of each row, shape (n_networks, n)."""
        return self.row_loss(self.network.apply(parameters, batch["X"]), batch["y"])
