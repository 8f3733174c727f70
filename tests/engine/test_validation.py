"""Which held-out rows judge a training."""

import numpy as np

from skid.engine.validation import drawn_rows

RANDOM = np.random.RandomState(0)


def test_few_rows_are_taken_whole():
    rows, shares = drawn_rows(np.array([5, 2, 7]), 3, RANDOM)
    assert rows.tolist() == [5, 2, 7]
    assert shares.tolist() == [1, 1, 1]


def test_rare_classes_are_kept_and_the_shares_make_up_for_it():
    labels = np.repeat([0, 1, 2], [80, 9_000, 920])
    rows, shares = drawn_rows(np.arange(10_000), 600, RANDOM, labels)
    assert (np.diff(rows) > 0).all()
    counts = np.bincount(labels[rows])
    assert counts.tolist() == [80, 540, 100]
    np.testing.assert_allclose(np.bincount(labels[rows], shares), [80, 9_000, 920])


def test_without_classes_the_draw_is_plain():
    rows, shares = drawn_rows(np.arange(100, 1100), 50, RANDOM)
    assert len({*rows}) == 50
    assert rows.min() >= 100
    np.testing.assert_allclose(shares, 20)


def test_one_row_of_each_of_very_many_classes_is_kept():
    labels = np.arange(600) // 2
    rows, shares = drawn_rows(np.arange(600), 100, RANDOM, labels)
    assert labels[rows].tolist() == [*range(300)]
    assert (shares == 2).all()
