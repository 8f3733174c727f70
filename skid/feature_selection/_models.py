"""Fitted models: columns, and the networks that predict from them."""

from dataclasses import dataclass

import numpy as np

from skid.feature_selection._units import SelectionUnits
from skid.networks import KerasNetwork, MultilayerPerceptron
from skid.solvers import TopK
from skid.standardization import Standardization


@dataclass
class SubsetModel:
    """One subset, a bool mask of ``columns``, and networks on it.

    A Keras network reads all columns, with the others at zero.
    """

    columns: np.ndarray
    network: MultilayerPerceptron | KerasNetwork
    weights: dict
    standardization: Standardization

    def masks(self, X: np.ndarray) -> np.ndarray:
        """Mask of the chosen columns of each row, shape (n, n_columns)."""
        return np.tile(self.columns, (len(X), 1))

    def outputs(self, X: np.ndarray) -> np.ndarray:
        """Mean output of the networks, shape (n, n_outputs)."""
        if isinstance(self.network, KerasNetwork):
            inputs = self.standardization.apply(X) * self.columns.astype(X.dtype)
        else:
            columns = np.flatnonzero(self.columns)
            inputs = self.standardization.apply(X[:, columns], columns)
        return self.network.predict(self.weights, inputs)


@dataclass
class SampleModel:
    """A subset with k free units for each row, chosen by a selector network."""

    k: int
    units: SelectionUnits
    selector: MultilayerPerceptron
    network: MultilayerPerceptron | KerasNetwork
    selector_weights: dict
    weights: dict
    standardization: Standardization

    def masks(self, X: np.ndarray) -> np.ndarray:
        """Mask of the chosen columns of each row, shape (n, n_columns)."""
        logits = self.selector.predict(self.selector_weights, self.standardization.apply(X))
        return self.units.columns(TopK(self.k).solve(-logits))

    def outputs(self, X: np.ndarray) -> np.ndarray:
        """Mean output of the networks, shape (n, n_outputs)."""
        inputs = self.standardization.apply(X) * self.masks(X).astype(X.dtype)
        return self.network.predict(self.weights, inputs)
