import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from skid.learning_to_rank._queries import QueryBatches, split_queries


def batches(queries, batch_size, used=None, shuffle=True):
    queries = np.asarray(queries)
    used = np.ones(len(queries), bool) if used is None else used
    return QueryBatches(
        queries, used, batch_size, shuffle=shuffle, random_state=np.random.RandomState(0)
    )


@settings(max_examples=50)
@given(
    queries=st.lists(st.integers(0, 12), min_size=1, max_size=60),
    batch_size=st.integers(1, 40),
)
def test_a_batch_holds_whole_lists_one_after_the_other(queries, batch_size):
    queries = np.array(queries)
    lengths = np.bincount(queries)
    for batch in batches(queries, batch_size).draw(8):
        rows = batch[np.concatenate([[True], batch[1:] != batch[:-1]])]
        assert len(set(rows)) == len(rows)
        # What is left is filled with the last document.
        assert (batch[len(rows) :] == batch[-1]).all()
        drawn = queries[rows]
        changes = np.flatnonzero(np.diff(drawn)) + 1
        parts = np.split(drawn, changes)
        assert len({part[0] for part in parts}) == len(parts)
        for part in parts:
            assert len(part) == min(lengths[part[0]], batch_size)


def test_room_is_hardly_wasted_on_lists_of_1_to_1000_documents():
    random = np.random.RandomState(0)
    lengths = np.exp(random.uniform(0, np.log(1000), size=300)).astype(int)
    queries = np.repeat(np.arange(300), lengths)
    drawn = batches(queries, 1024).draw(60)
    used = [1 + np.count_nonzero(np.diff(batch)) for batch in drawn]
    assert np.sum(used) / drawn.size > 0.98


def test_every_query_has_its_turn():
    queries = np.repeat(np.arange(40), 5)
    drawn = batches(queries, 20).draw(10).ravel()
    assert np.sort(drawn).tolist() == list(range(200))


def test_documents_that_are_not_used_are_not_drawn():
    queries = np.array([0, 1, 0, 1, 2])
    drawn = batches(queries, 4, used=queries != 1).draw(5)
    assert set(queries[drawn].ravel()) == {0, 2}


def test_draws_do_not_depend_on_how_many_are_drawn_at_a_time():
    queries = np.random.RandomState(0).randint(0, 9, size=50)
    parts, whole = batches(queries, 16), batches(queries, 16)
    together = np.concatenate([parts.draw(1), parts.draw(4)])
    np.testing.assert_array_equal(together, whole.draw(5))


@pytest.mark.parametrize("library", [pd, pl])
def test_column_of_a_data_frame_holds_the_queries(library):
    frame = library.DataFrame({"a": [1.0, 2.0], "qid": [7, 8], "b": [3.0, 4.0]})
    X, queries = split_queries(frame, None)
    assert list(X.columns) == ["a", "b"]
    assert queries.tolist() == [7, 8]
    with pytest.raises(ValueError, match="qid must be passed once"):
        split_queries(frame, [7, 8])


def test_queries_of_another_number():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        split_queries(np.zeros((3, 2)), [0, 1])
