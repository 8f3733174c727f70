"""A fitted selector as one Keras model, for SavedModel, ONNX or further training."""

import numpy as np

from skid.engine.backend import tensorflow
from skid.feature_selection._models import SampleModel, SubsetModel
from skid.networks import MultilayerPerceptron


def to_keras(model: SubsetModel | SampleModel, n_columns: int, dtype: str, head):
    """Keras model from raw rows of X to predictions.

    Parameters
    ----------
    model : SubsetModel or SampleModel
    n_columns : int
    dtype : {"float32", "float64"}
    head : keras.layers.Layer
        Turns the outputs of the networks into predictions.

    Returns
    -------
    keras.Model
        From (n, n_columns) to the predictions.
    """
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


def _masks(model: SampleModel, hidden, dtype: str):
    """The subset of each row, as layers."""
    import keras

    from skid.layers import SolverLayer
    from skid.solvers import TopK

    logits = model.selector.to_keras(model.selector_weights)(hidden)
    costs = keras.layers.Rescaling(-1.0, dtype=dtype)(logits)
    masks = SolverLayer(TopK(model.k), projection="none", dtype=dtype)(costs)
    units = model.units
    if not units.grouped:
        return masks
    # The mask over columns is linear in the mask over units: one, where a column is always in.
    column_of_unit = units.columns(np.eye(units.n_free, dtype=bool)).astype(dtype)
    always = units.columns(np.zeros(units.n_free, bool)).astype(dtype)
    spread = keras.layers.Dense(len(always), dtype=dtype, trainable=False)
    columns = spread(masks)
    spread.set_weights([column_of_unit - always, always])
    return columns


def _on_all_columns(kernel: np.ndarray, columns: np.ndarray) -> np.ndarray:
    full = np.zeros((len(kernel), len(columns), kernel.shape[2]), kernel.dtype)
    full[:, columns] = kernel
    return full
