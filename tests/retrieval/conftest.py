"""Digits: five classes to learn from, five that the training never sees."""

import pytest
from sklearn.datasets import load_digits


@pytest.fixture(scope="session")
def digits():
    """Rows and labels of the known classes, then of the unseen ones."""
    X, y = load_digits(return_X_y=True)
    X = X.astype("float32")
    known = y < 5
    return X[known], y[known], X[~known], y[~known]
