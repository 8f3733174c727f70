"""Base of the trainings of a selector."""

from typing import Any, cast

import numpy as np

from skid.engine.folds import Folds
from skid.engine.plan import RowsPlan
from skid.engine.validation import HeldOut
from skid.feature_selection import _defaults as defaults
from skid.feature_selection._data import TrainingData


class SelectionPlan(RowsPlan):
    """Networks that learn from the data of a selector.

    ``selection_path`` is the path of sizes so far, if the size is chosen.
    """

    size: int
    selection_path: list[dict] | None = None

    def __init__(self, estimator: Any, data: TrainingData) -> None:
        super().__init__(estimator)
        self.data = data
        self.arrays, self.weights, self.labels = data.arrays, data.weights, data.labels
        self.steps_per_epoch = defaults.steps_per_epoch(estimator, data)

    @property
    def is_interrupted(self) -> bool:
        """Whether the user stopped a further training after the one of the plan."""
        return False

    def prepare(self, rows: dict) -> dict:
        """Standardise X, see :class:`Plan`."""
        return self.data.inputs(rows)

    def held_out_losses(self, parameters: dict) -> tuple[np.ndarray, np.ndarray]:
        """Loss and weight of each held-out row, with a network that did not learn from it."""
        held_out = cast(HeldOut, self.held_out)
        return held_out.losses(parameters), held_out.weights

    def attributes_of_size(self) -> dict[str, Any]:
        """Fitted attributes of both scopes."""
        path = {} if self.selection_path is None else {"selection_path_": [*self.selection_path]}
        return path | {"n_features_to_select_": self.size, "_dtype": self.data.X.dtype.name}

    def _learn_from(self, estimator: Any, folds: Folds, random_state) -> None:
        self.learn_from(
            folds,
            defaults.batch_size(estimator, self.data),
            shuffle=estimator.shuffle,
            random_state=random_state,
        )
