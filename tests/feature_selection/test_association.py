"""What each column says on its own, before the choice begins."""

import numpy as np
import pytest
from sklearn.feature_selection import f_classif

from skid import SubsetSelectorClassifier
from skid.feature_selection._association import association, separation
from skid.feature_selection._prior import prior_logits

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


def test_separation_orders_columns_as_the_f_test_does():
    X, labels = RNG.normal(size=(300, 40)), RNG.integers(0, 5, 300)
    X += labels[:, np.newaxis] * np.linspace(0, 1, 40)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    found = separation(X, np.eye(6)[labels], np.ones(300))
    order = np.argsort(f_classif(X, labels)[0])
    np.testing.assert_array_equal(order[-30:], np.argsort(found)[-30:])
    assert 0.3 < found.max() < 1


def test_separation_by_weights_is_that_of_repetitions_but_for_chance():
    X, labels = RNG.normal(size=(50, 3)), RNG.integers(0, 3, 50)
    X[:, 0] += labels
    X[:, 2] = 1.0
    repeats = RNG.integers(0, 4, 50)
    weighted = separation(X, np.eye(3)[labels], repeats.astype(float))
    repeated = separation(
        np.repeat(X, repeats, axis=0), np.eye(3)[np.repeat(labels, repeats)], np.ones(repeats.sum())
    )
    np.testing.assert_allclose(weighted[0], repeated[0], atol=0.1)
    assert weighted[2] == repeated[2] == 0


def test_separation_of_huge_weights_and_single_precision():
    X, labels = RNG.normal(size=(90, 4)).astype(np.float32), RNG.integers(0, 3, 90)
    expected = separation(X, np.eye(3)[labels], np.ones(90))
    weights = np.full(90, 1e30, np.float32)
    np.testing.assert_allclose(separation(X, np.eye(3)[labels], weights), expected, atol=1e-6)


def test_logits_of_classifiers_start_from_both_looks():
    """A class on both sides of the other counts, and so does a distance of the means."""
    labels = RNG.integers(0, 2, N)
    near = RNG.normal(size=N) + 0.8 * labels
    both_sides = np.where(labels == 1, RNG.choice([-2.0, 2.0], N), 0) + 0.5 * RNG.normal(size=N)
    X = np.c_[near, both_sides, RNG.normal(size=(N, 1))]
    assert association(X, np.eye(2)[labels], np.ones(N)).argmax() == 1
    model = SubsetSelectorClassifier(1, max_iter=1, n_networks=1, random_state=0)
    data = model._training_data(X, labels, None, reset=True)
    prior = prior_logits(data, np.random.RandomState(0))[0]
    assert np.argsort(-prior).tolist() == [0, 1, 2]
