"""Groups of columns that are selected together, and columns that are always included."""

import numbers
from collections.abc import Mapping, Set
from typing import Any

import numpy as np


class SelectionUnits:
    """Units of columns, of which a subset consists.

    A unit is a column, or a group of columns that are selected together. Units with a column in
    ``always_include`` are in every subset and count in its size; the others are free.

    Attributes
    ----------
    n_units, n_always, n_free : int
        Number of all units, of those that are always included, and of the free ones.
    unit_of_column : int32 array of shape (n_columns,)
        Free unit of each column; ``n_free`` for columns that are always included.

    Examples
    --------
    >>> from skid.feature_selection._units import SelectionUnits
    >>> units = SelectionUnits(4, groups=["a", "b", "b", "c"], always_include=[0])
    >>> units.n_units, units.n_always, units.unit_of_column.tolist()
    (3, 1, [2, 0, 0, 1])
    >>> units.columns([False, True]).tolist()
    [True, False, False, True]
    """

    def __init__(
        self,
        n_columns: int,
        groups: Any = None,
        always_include: Any = None,
        feature_names: np.ndarray | None = None,
    ) -> None:
        if groups is None:
            labels = np.arange(n_columns)
        else:
            labels = np.asarray(groups)
            if labels.shape != (n_columns,):
                raise ValueError(
                    f"groups must hold one label for each of the {n_columns} features of X, "
                    f"got shape {labels.shape}"
                )
            try:
                _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
            except TypeError:
                raise ValueError(
                    f"groups must hold labels of one type, got {labels.tolist()}"
                ) from None
            labels = np.argsort(np.argsort(first))[inverse]
        self.n_units = int(labels.max()) + 1
        always = np.zeros(self.n_units, bool)
        always[labels[_column_indices(always_include, n_columns, feature_names)]] = True
        self.n_always = int(always.sum())
        self.n_free = self.n_units - self.n_always
        free_index = np.where(always, self.n_free, np.cumsum(~always) - 1)
        self.unit_of_column = free_index[labels].astype(np.int32)
        self.grouped = groups is not None or self.n_always > 0
        self._noun = "features of X" if groups is None else "groups of features"

    def columns(self, free_units: Any) -> np.ndarray:
        """Mask over the columns (or one per row) from a mask over the free units."""
        free_units = np.asarray(free_units, bool)
        always = np.ones((*free_units.shape[:-1], 1), bool)
        return np.concatenate([free_units, always], axis=-1)[..., self.unit_of_column]

    def scores(self, free_scores: np.ndarray) -> np.ndarray:
        """Score of each column from the scores of the free units; infinite for always included."""
        return np.append(free_scores, np.inf)[self.unit_of_column]

    def strongest(self, column_scores: np.ndarray) -> np.ndarray:
        """Largest score among the columns of each free unit."""
        scores = np.full(self.n_free + 1, -np.inf)
        np.maximum.at(scores, self.unit_of_column, column_scores)
        return scores[:-1]

    def size(self, n_features_to_select: int | float) -> int:
        """Number of units in the subset, from an int or a fraction."""
        if isinstance(n_features_to_select, numbers.Integral):
            k = int(n_features_to_select)
        else:
            # 0.29 * 100 is a little less than 29.
            k = max(1, self.n_always, int(n_features_to_select * self.n_units + 1e-9))
        if k > self.n_units:
            raise ValueError(
                f"n_features_to_select must be at most the {self.n_units} {self._noun}, "
                f"got {n_features_to_select}"
            )
        if k < self.n_always:
            raise ValueError(
                f"n_features_to_select must be at least the {self.n_always} {self._noun} in "
                f"always_include, got {n_features_to_select}"
            )
        return k


def _column_indices(
    always_include: Any, n_columns: int, feature_names: np.ndarray | None
) -> np.ndarray:
    if always_include is None:
        return np.zeros(0, int)
    if isinstance(always_include, (Set, Mapping)):
        always_include = list(always_include)
    columns = np.asarray(always_include)
    if columns.size == 0:
        return np.zeros(0, int)
    if columns.dtype == bool:
        if columns.shape != (n_columns,):
            raise ValueError(
                f"always_include must have shape ({n_columns},) if it is a mask, "
                f"got {columns.shape}"
            )
        return np.flatnonzero(columns)
    if columns.dtype.kind in "UOT":
        if feature_names is None:
            raise ValueError(
                "always_include must hold indices or a mask if X has no feature names, got names"
            )
        missing = sorted(set(columns.tolist()) - set(feature_names.tolist()))
        if missing:
            raise ValueError(f"always_include must hold features of X, got {missing}")
        return np.flatnonzero(np.isin(feature_names, columns.astype(object)))
    if columns.dtype.kind not in "iu":
        raise ValueError(f"always_include must hold indices, names or a mask, got {columns.dtype}")
    outside = columns[(columns < -n_columns) | (columns >= n_columns)]
    if outside.size:
        raise ValueError(
            f"always_include must hold columns of X, which has {n_columns}, got {outside[0]}"
        )
    return columns
