"""Fitted models: NumPy arrays that choose columns and predict from them."""

from dataclasses import dataclass

import numpy as np

from skid.feature_selection._units import SelectionUnits
from skid.networks import KerasNetwork, MultilayerPerceptron
from skid.solvers import TopK
from skid.standardization import Standardization


@dataclass
class SubsetModel:
    """One subset, and networks on its columns.

    Attributes
    ----------
    columns : bool array of shape (n_columns,)
    network : MultilayerPerceptron or KerasNetwork
        On the chosen columns, or, for a Keras network, on all of them with the others at zero.
    weights : dict of str to array
    standardization : Standardization
    """

    columns: np.ndarray
    network: MultilayerPerceptron | KerasNetwork
    weights: dict
    standardization: Standardization

    def masks(self, X: np.ndarray) -> np.ndarray:
        """Columns that are used of each row, bool of shape (n, n_columns)."""
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
    """A subset for each row, chosen by a selector network.

    Attributes
    ----------
    k : int
        Free units in each subset.
    units : SelectionUnits
    selector, network : network
    selector_weights, weights : dict of str to array
    standardization : Standardization
    """

    k: int
    units: SelectionUnits
    selector: MultilayerPerceptron
    network: MultilayerPerceptron | KerasNetwork
    selector_weights: dict
    weights: dict
    standardization: Standardization

    def masks(self, X: np.ndarray) -> np.ndarray:
        """Columns that are used of each row, bool of shape (n, n_columns)."""
        logits = self.selector.predict(self.selector_weights, self.standardization.apply(X))
        return self.units.columns(TopK(self.k).solve(-logits))

    def outputs(self, X: np.ndarray) -> np.ndarray:
        """Mean output of the networks, shape (n, n_outputs)."""
        inputs = self.standardization.apply(X) * self.masks(X).astype(X.dtype)
        return self.network.predict(self.weights, inputs)
