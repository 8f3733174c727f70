"""What each column says on its own, before the choice begins."""

import numpy as np
import pytest

from skid.feature_selection._association import association

RNG = np.random.default_rng(0)
N = 4000


@pytest.mark.parametrize("share", [0.005, 0.02, 0.3, 0.5, 0.9, 0.995])
@pytest.mark.parametrize("n_rows", [N, 60])
def test_of_zeros_and_ones_it_is_the_correlation(share, n_rows):
    ones = max(1, round(share * n_rows)) if share < 1 - 1 / n_rows else n_rows - 1
    column = (np.arange(n_rows) < ones).astype(float)
    y = 2 * column + RNG.normal(size=n_rows)
    expected = max(0, 1 - (1 - np.corrcoef(column, y)[0, 1] ** 2) * (n_rows - 1) / (n_rows - 2))
    found = association(column[:, np.newaxis], y[:, np.newaxis], np.ones(n_rows))
    np.testing.assert_allclose(found**2, expected, atol=1e-12)


def test_of_a_count_it_sees_what_stands_out():
    counts = RNG.poisson(0.3, N).astype(float)
    y = (counts == 2).astype(float)
    found = association(counts[:, np.newaxis], y[:, np.newaxis], np.ones(N))
    assert found[0] > 0.5


def test_bins_hold_equal_weight_not_equal_numbers_of_rows():
    X = np.linspace(-1, 1, N)[:, np.newaxis]
    heavy = np.abs(X[:, 0]) < 0.02
    y = np.where(heavy[:, np.newaxis], (50 * X) ** 2, 0.0)
    found = association(X, y, np.where(heavy, 1.0, 1e-6))
    assert found[0] > 0.9


def test_of_unrelated_columns_it_is_near_zero():
    X, y = RNG.normal(size=(200, 2000)), RNG.normal(size=(200, 1))
    ratios = association(X, y, np.ones(200)) ** 2
    # What is negative is cut off at zero: half of the columns, and half of the spread.
    assert 0.3 < (ratios == 0).mean() < 0.7
    assert ratios.mean() < 0.02


def test_of_a_constant_column_or_target_it_is_zero():
    X, y = RNG.normal(size=(N, 2)), RNG.normal(size=(N, 1))
    X[:, 1] = 3.0
    assert association(X, y, np.ones(N))[1] < 1e-12
    np.testing.assert_array_equal(association(X, np.ones((N, 1)), np.ones(N)), 0)
