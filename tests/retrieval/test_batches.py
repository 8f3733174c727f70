import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from skid.retrieval._batches import ClassBatches


def batches(labels, n_classes=4, n_rows=3, shuffle=True):
    labels = np.asarray(labels)
    rows = np.arange(len(labels)) + 100
    return ClassBatches(
        rows, labels, n_classes, n_rows, shuffle=shuffle, random_state=np.random.RandomState(0)
    )


@settings(max_examples=50)
@given(
    labels=st.lists(st.integers(0, 9), min_size=2, max_size=60),
    n_classes=st.integers(1, 5),
    n_rows=st.integers(1, 5),
)
def test_a_batch_is_full_and_holds_no_row_twice(labels, n_classes, n_rows):
    drawn = batches(labels, n_classes, n_rows).draw(7)
    assert drawn.shape == (7, min(n_classes * n_rows, len(labels)))
    assert drawn.dtype == np.int32
    for batch in drawn:
        assert len(set(batch)) == len(batch)
        assert set(batch) <= set(range(100, 100 + len(labels)))


def test_large_classes_give_equal_shares():
    labels = np.repeat(np.arange(8), [3, 10, 20, 3, 4, 5, 60, 7])
    for batch in batches(labels).draw(20):
        counts = np.unique(labels[batch - 100], return_counts=True)[1]
        assert counts.tolist() == [3, 3, 3, 3]


def test_every_class_has_its_turn():
    labels = np.repeat(np.arange(6), 3)
    drawn = batches(labels, n_classes=2).draw(6) - 100
    seen = np.sort(labels[drawn[:, ::3]].ravel())
    assert seen.tolist() == np.repeat(np.arange(6), 2).tolist()


def test_few_classes_give_more_rows():
    labels = np.repeat([0, 1], [5, 50])
    for batch in batches(labels).draw(5):
        counts = np.unique(labels[batch - 100], return_counts=True)[1]
        assert counts.tolist() == [5, 7]


def test_draws_do_not_depend_on_how_many_are_drawn_at_a_time():
    labels = np.random.RandomState(0).randint(0, 9, size=50)
    parts, whole = batches(labels), batches(labels)
    together = np.concatenate([parts.draw(1), parts.draw(4)])
    np.testing.assert_array_equal(together, whole.draw(5))


@pytest.mark.parametrize("shuffle", [False, True])
def test_order_is_that_of_the_data_without_shuffling(shuffle):
    labels = np.repeat(np.arange(4), 3)
    in_order = np.arange(12) + 100
    assert (batches(labels, shuffle=shuffle).draw(1)[0] == in_order).all() != shuffle
