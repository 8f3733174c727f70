"""The data of one fit, and which rows each network learns from."""

from dataclasses import dataclass

import numpy as np

from skid.feature_selection._units import SelectionUnits
from skid.standardization import Standardization

MINIMUM_ROWS_TO_HOLD_OUT = 50
"""With fewer rows nothing is held out: a fold would be too small to say anything."""


@dataclass
class Problem:
    """What a fit works on.

    Attributes
    ----------
    X : float array of shape (n_rows, n_columns)
        May be a memory-mapped file.
    targets : float array of shape (n_rows, n_outputs) or int array of shape (n_rows,), or None
        Standardised values, or class indices; None where X itself is to be reconstructed.
    weights : float array of shape (n_rows,)
    loss : {"squared", "cross_entropy"}
    n_outputs : int
        Width of the last layer.
    units : SelectionUnits
    standardization : Standardization
    folds : Folds
    device : str
        Name of a TensorFlow device.
    """

    X: np.ndarray
    targets: np.ndarray | None
    weights: np.ndarray
    loss: str
    n_outputs: int
    units: SelectionUnits
    standardization: Standardization
    folds: "Folds"
    device: str

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays with one entry for each row."""
        arrays = {"X": self.X, "y": self.targets, "weight": self.weights}
        return {name: values for name, values in arrays.items() if values is not None}

    def inputs(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Standardised rows of X, and the targets that follow from them."""
        X = self.standardization.apply(X)
        return {"X": X, "y": X} if self.targets is None else {"X": X}


class Folds:
    """Training and held-out rows of each network.

    The rows are cut into ``max(n_networks, 1 / validation_fraction)`` folds, stratified by class,
    and network m holds out the fold m: with as many networks as folds, every row is held out once.

    Parameters
    ----------
    rows : int array of shape (n_rows,)
        Rows that take part.
    classes : int array of shape (n_rows,) or None
        Class of each of these rows, to stratify by.
    n_networks : int
    validation_fraction : float or None
        None holds out nothing.
    random_state : numpy.random.RandomState

    Attributes
    ----------
    training : list of int array
    held_out : list of int array, or None

    Examples
    --------
    >>> import numpy as np
    >>> from skid.feature_selection._problem import Folds
    >>> folds = Folds(np.arange(10), np.repeat([0, 1], 5), 5, 0.2, np.random.RandomState(0))
    >>> sorted(np.concatenate(folds.held_out).tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """

    def __init__(self, rows, classes, n_networks, validation_fraction, random_state) -> None:
        if validation_fraction is None:
            self.training = [rows] * n_networks
            self.held_out = None
            return
        n_folds = max(n_networks, round(1 / validation_fraction))
        order = random_state.permutation(len(rows))
        if classes is not None:
            order = order[np.argsort(classes[order], kind="stable")]
        fold = np.empty(len(rows), int)
        fold[order] = np.arange(len(rows)) % n_folds
        self.training = [rows[fold != network] for network in range(n_networks)]
        self.held_out = [rows[fold == network] for network in range(n_networks)]
