"""A fitted selector as one Keras model."""

from typing import Any

import numpy as np

from skid.engine.backend import tensorflow
from skid.feature_selection._models import SampleModel, SubsetModel
from skid.networks import MultilayerPerceptron


def to_keras(model: SubsetModel | SampleModel, n_columns: int, dtype: str, head: Any) -> Any:
    """Keras model from raw rows of X to predictions, by a Keras layer ``head`` on the outputs."""
    tensorflow()
    import keras

    inputs = keras.Input((n_columns,), dtype=dtype)
    columns = model.columns if isinstance(model, SubsetModel) else None
    hidden = model.standardization.to_keras(inputs, columns)
    if isinstance(model, SampleModel) and model.units.n_free:
        hidden = keras.layers.Multiply(dtype=dtype)([hidden, _masks(model, hidden, dtype)])
    network, weights = model.network, model.weights
    if isinstance(model, SubsetModel) and isinstance(network, MultilayerPerceptron):
        network = MultilayerPerceptron((n_columns, *network.layer_sizes[1:]))
        weights = weights | {"kernel_0": _on_all_columns(weights["kernel_0"], model.columns)}
    return keras.Model(inputs, head(network.to_keras(weights)(hidden)))


def _masks(model: SampleModel, hidden: Any, dtype: str) -> Any:
    """Layers from standardised rows to the subset of each row."""
    import keras

    from skid.layers import SolverLayer
    from skid.solvers import TopK

    logits = model.selector.to_keras(model.selector_weights)(hidden)
    costs = keras.layers.Rescaling(-1.0, dtype=dtype)(logits)
    masks = SolverLayer(TopK(model.k), projection="none", dtype=dtype)(costs)
    units = model.units
    if not units.grouped:
        return masks
    # The mask over columns is linear in the mask over units, with a bias of 1 for columns that
    # are always included.
    column_of_unit = units.columns(np.eye(units.n_free, dtype=bool)).astype(dtype)
    always = units.columns(np.zeros(units.n_free, bool)).astype(dtype)
    to_columns = keras.layers.Dense(len(always), dtype=dtype, trainable=False)
    columns = to_columns(masks)
    to_columns.set_weights([column_of_unit - always, always])
    return columns


def _on_all_columns(kernel: np.ndarray, columns: np.ndarray) -> np.ndarray:
    full = np.zeros((len(kernel), len(columns), kernel.shape[2]), kernel.dtype)
    full[:, columns] = kernel
    return full
