"""The data of a fit, and which rows each network learns from."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from skid.engine.folds import Folds, check_rows_to_split
from skid.feature_selection._units import SelectionUnits
from skid.losses import relative_weights
from skid.networks import MultilayerPerceptron
from skid.standardization import Standardization

ROWS_TO_HOLD_OUT = 16
"""Number of different rows from which on rows are held out."""
SMALLEST_CLASS_FREQUENCY = 1e-6
"""Smallest class frequency that the initial output bias assumes."""


@dataclass
class TrainingData:
    """What the networks learn from.

    Attributes
    ----------
    X : float array of shape (n_rows, n_columns)
        May be a memory-mapped file.
    targets : float array of shape (n_rows, n_outputs) or int array of shape (n_rows,), or None
        Standardised values, or class indices; None if X is reconstructed.
    loss : {"squared", "cross_entropy"}
    rows : int array
        Rows to learn from.
    held_out : int array or None
        Rows for the validation; None splits ``rows`` into folds instead.
    validation_fraction : float or None
        None holds nothing out.
    """

    X: np.ndarray
    targets: np.ndarray | None
    weights: np.ndarray
    loss: str
    n_outputs: int
    units: SelectionUnits
    standardization: Standardization
    rows: np.ndarray
    held_out: np.ndarray | None
    validation_fraction: float | None

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays with one entry per row."""
        arrays = {"X": self.X, "y": self.targets, "weight": relative_weights(self.weights)}
        return {name: values for name, values in arrays.items() if values is not None}

    @property
    def labels(self) -> np.ndarray | None:
        """The targets, if they are class indices."""
        return self.targets if self.loss == "cross_entropy" else None

    @cached_property
    def n_rows(self) -> int:
        """Number of rows of positive weight."""
        return int(np.count_nonzero(self.weights))

    def inputs(self, rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Rows of the arrays with X standardised, which is also the target if there is none."""
        X = self.standardization.apply(rows["X"])
        return rows | ({"X": X, "y": X} if self.targets is None else {"X": X})

    def initial_weights(
        self, network: Any, n_networks: int, random_state: np.random.RandomState
    ) -> dict[str, np.ndarray]:
        """Weights of fresh networks, with the logits of the class frequencies as output biases.

        Otherwise networks would first have to learn that a rare class is rare.
        """
        weights = network.initial(n_networks, random_state, self.X.dtype)
        if self.labels is not None and isinstance(network, MultilayerPerceptron):
            labels, row_weights = self.labels[self.rows], self.weights[self.rows]
            totals = np.bincount(labels, row_weights, minlength=self.n_outputs)
            # The first pass of partial_fit may not hold all classes.
            logits = np.log(np.maximum(totals / totals.sum(), SMALLEST_CLASS_FREQUENCY))
            logits -= logits.mean()
            weights[f"bias_{network.n_layers - 1}"] += logits.astype(self.X.dtype)
        return weights

    @cached_property
    def is_tiny(self) -> bool:
        """Whether there are too few rows to hold some of them out."""
        return self.validation_fraction is None and not enough_to_hold_out(self.X, self.rows)

    def split(self, fraction: float, random_state: np.random.RandomState) -> "TrainingData":
        """The same data with a part of the rows held out, also from the choice of columns."""
        (rows,), (held_out,) = self._split(1, fraction, random_state)
        return replace(self, validation_fraction=fraction, rows=rows, held_out=held_out)

    def all_rows(self, n_networks: int) -> Folds:
        """Every network learns from all rows."""
        return Folds([self.rows] * n_networks)

    def folds(self, n_networks: int, random_state: np.random.RandomState) -> Folds:
        """Each network leaves out one of ``n_networks`` parts of the rows.

        A single network leaves out the ``validation_fraction``.
        """
        if self.held_out is not None:
            return Folds([self.rows] * n_networks, [self.held_out] * n_networks)
        if self.validation_fraction is None:
            return self.all_rows(n_networks)
        return Folds(*self._split(n_networks, self.validation_fraction, random_state))

    def _split(
        self, n_folds: int, fraction: float, random_state: np.random.RandomState
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Rows outside and inside each part, stratified by class."""
        check_rows_to_split(len(self.rows))
        order = random_state.permutation(len(self.rows))
        if self.labels is not None:
            order = order[np.argsort(self.labels[self.rows[order]], kind="stable")]
        part = np.empty(len(self.rows), int)
        places = np.arange(len(self.rows))
        if n_folds > 1:
            part[order] = places % n_folds
        else:
            # One row whenever the expected number reaches the next integer.
            counts = np.floor((places - [[1], [0]]) * fraction)
            part[order] = np.where(counts[1] > counts[0], 0, 1)
        return (
            [self.rows[part != fold] for fold in range(n_folds)],
            [self.rows[part == fold] for fold in range(n_folds)],
        )


def enough_to_hold_out(X: np.ndarray, rows: np.ndarray) -> bool:
    """Whether there are `ROWS_TO_HOLD_OUT` different rows."""
    different = set()
    for row in rows:
        different.add(X[row].tobytes())
        if len(different) == ROWS_TO_HOLD_OUT:
            return True
    return False
