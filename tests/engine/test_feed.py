import numpy as np
import pytest

from skid.engine import feed
from skid.engine.feed import Feed, ShuffledRows, padded_length


def rows_of(sets, batch_size, *, shuffle=True, seed=0):
    return ShuffledRows(sets, batch_size, shuffle=shuffle, random_state=np.random.RandomState(seed))


@pytest.mark.parametrize("shuffle", [True, False])
def test_every_pass_uses_every_row_of_its_set_once(shuffle):
    sets = [np.arange(10), np.arange(20, 26)]
    rows = rows_of(sets, 3, shuffle=shuffle).draw(20)
    assert rows.shape == (20, 2, 3)
    for index, expected in enumerate(sets):
        stream = rows[:, index].ravel()
        for start in range(0, len(stream) - len(expected) + 1, len(expected)):
            assert sorted(stream[start : start + len(expected)]) == expected.tolist()


def test_batches_do_not_depend_on_how_many_are_drawn_at_a_time():
    sets = [np.arange(7), np.arange(11)]
    at_once = rows_of(sets, 4).draw(12)
    one, other = rows_of(sets, 4), rows_of(sets, 4)
    pieces = [one.draw(count) for count in (1, 5, 6)]
    np.testing.assert_array_equal(np.concatenate(pieces), at_once)
    np.testing.assert_array_equal(np.concatenate([other.draw(1) for _ in range(12)]), at_once)


def test_the_order_changes_from_pass_to_pass_only_if_rows_are_shuffled():
    shuffled = rows_of([np.arange(50)], 50).draw(2)
    kept = rows_of([np.arange(50)], 50, shuffle=False).draw(2)
    assert not np.array_equal(shuffled[0], shuffled[1])
    np.testing.assert_array_equal(kept[:, 0], np.tile(np.arange(50), (2, 1)))


@pytest.mark.parametrize("n_rows", [1, 31, 32, 33, 100, 1000, 123_456])
def test_padding_is_never_short_and_adds_at_most_a_quarter_or_31_rows(n_rows):
    length = padded_length(n_rows)
    assert n_rows <= length <= n_rows + max(31, n_rows / 4)
    assert padded_length(length) == length


def batch_of(tensors, rows):
    return {name: values.numpy()[rows] for name, values in tensors.items()}


def feed_of(arrays, seed=0):
    sampler = rows_of([np.arange(len(arrays["X"]))] * 2, 4, seed=seed)
    return Feed(arrays, sampler.draw, lambda rows: rows | {"X": 2 * rows["X"]})


def test_a_large_table_gives_the_same_batches_as_a_small_one(monkeypatch):
    generator = np.random.default_rng(0)
    arrays = {"X": generator.normal(size=(50, 3)), "y": np.arange(50)}
    small = feed_of(arrays)
    monkeypatch.setattr(feed, "BLOCK_BYTES", 20 * arrays["X"][:1].nbytes)
    large = feed_of(arrays)
    assert small.resident
    assert not large.resident
    assert large.steps_per_call(8) == 2
    for n_steps in (2, 1, 2):
        expected, actual = (batch_of(*each.take(n_steps, 2)) for each in (small, large))
        for name in ("X", "y"):
            np.testing.assert_array_equal(actual[name][:n_steps], expected[name][:n_steps])
    np.testing.assert_array_equal(expected["X"], 2 * arrays["X"][expected["y"]])


def test_only_the_rows_of_a_call_are_read_from_a_large_table(monkeypatch):
    class Recorded(np.ndarray):
        read = 0

        def __getitem__(self, key):
            part = super().__getitem__(key)
            if isinstance(key, np.ndarray):
                Recorded.read = max(Recorded.read, len(part))
            return part

    X = np.zeros((1000, 3)).view(Recorded)
    monkeypatch.setattr(feed, "BLOCK_BYTES", 20 * 24)
    large = feed_of({"X": X})
    large.take(2, 2)
    assert 0 < Recorded.read <= 16


def test_selected_rows_are_found_in_small_and_large_tables(monkeypatch):
    arrays = {"X": np.arange(60.0).reshape(20, 3), "y": np.arange(20)}
    rows = np.array([[3, 3, 19], [0, 7, 5]])
    for limit in (10**6, 10):
        monkeypatch.setattr(feed, "BLOCK_BYTES", limit)
        assert batch_of(*feed_of(arrays).select(rows))["y"].tolist() == rows.tolist()


def test_the_last_call_is_padded_to_the_same_shape():
    tensors, rows = feed_of({"X": np.zeros((10, 2))}).take(3, 8)
    assert rows.shape == (8, 2, 4)
    assert tensors["X"].shape == (padded_length(10), 2)
