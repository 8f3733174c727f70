"""Networks that the estimators train.

Several networks are trained in parallel: every array has a leading axis of networks, and the
prediction is the mean of their outputs.
"""

from skid.networks.choice import gains_by_xla, network_of
from skid.networks.conventions import (
    DecayOfKernels,
    is_kernel,
    is_state,
    keras_outputs,
    network_rows,
    part_of,
)
from skid.networks.fitted import ROWS_AT_A_TIME, FittedNetwork
from skid.networks.keras_network import KerasNetwork
from skid.networks.perceptron import MultilayerPerceptron

__all__ = [
    "ROWS_AT_A_TIME",
    "DecayOfKernels",
    "FittedNetwork",
    "KerasNetwork",
    "MultilayerPerceptron",
    "gains_by_xla",
    "is_kernel",
    "is_state",
    "keras_outputs",
    "network_of",
    "network_rows",
    "part_of",
]
