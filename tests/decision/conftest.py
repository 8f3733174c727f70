"""A task whose right decisions follow from a linear model, and quick settings."""

import numpy as np
import pytest

from skid.solvers import TopK


@pytest.fixture(scope="session")
def subset_task():
    """Features, costs and the two cheapest of six items, for training and for testing."""
    random = np.random.RandomState(0)
    X = random.normal(size=(400, 4)).astype(np.float32)
    costs = (X @ random.normal(size=(4, 6))).astype(np.float32)
    return X, costs, TopK(2).solve(costs)
