"""Queries of very different lengths whose best order follows from the features."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def documents():
    """Features, grades and queries of shuffled documents: lists of 1 to 80."""
    random = np.random.RandomState(0)
    lengths = np.concatenate([[80, 40, 1, 2], random.randint(2, 12, size=120)])
    query = np.repeat(np.arange(len(lengths)), lengths)
    X = random.normal(size=(len(query), 6)).astype(np.float32)
    # What all documents of a query have in common says nothing about their order.
    merit = X[:, 0] - 2 * X[:, 1] + 3 * random.normal(size=len(lengths))[query]
    grades = np.digitize(merit, [0.0, 1.5, 3.0])
    order = random.permutation(len(query))
    return X[order], grades[order], query[order]
