"""Values that the logits start from and decay to."""

import numpy as np

from skid.engine.validation import drawn_rows
from skid.feature_selection._association import MAXIMUM_ROWS, association, separation
from skid.feature_selection._data import TrainingData


def prior_logits(data: TrainingData, random_state: np.random.RandomState) -> np.ndarray:
    """Standardised association of each free unit with the target, shape (1, n_free).

    It is zero without a target, and with too few rows.
    """
    units = data.units
    if data.targets is None or data.is_tiny or not units.n_free:
        return np.zeros((1, units.n_free), data.X.dtype)
    rows, counts = drawn_rows(data.rows, MAXIMUM_ROWS, random_state, data.labels)
    targets = data.targets[rows]
    if data.labels is not None:
        targets = np.eye(data.n_outputs)[targets]
    weights = data.weights[rows] * counts
    X = np.asarray(data.X[rows])
    scores = _standardized(units.strongest(association(X, targets, weights)))
    if data.labels is not None:
        columns = separation(data.standardization.apply(X), targets, weights)
        scores = _standardized(scores + _standardized(units.strongest(columns)))
    return np.clip(scores, -2.0, 3.0)[np.newaxis].astype(data.X.dtype)


def _standardized(scores: np.ndarray) -> np.ndarray:
    return (scores - scores.mean()) / max(scores.std(), 1e-12)
