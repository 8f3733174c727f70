import pickle
import sys

import numpy as np
import pytest

from skid.retrieval._gallery import Gallery, recall_at_one, vote


def circle(angles):
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_recall_leaves_each_row_out():
    vectors = circle(np.array([0.0, 0.1, 1.0, 1.05, 2.0]))
    assert recall_at_one(vectors, np.array([0, 0, 1, 1, 2])) == 1.0
    assert recall_at_one(vectors, np.array([0, 1, 0, 1, 2])) == 0.0


def test_recall_counts_no_row_that_is_alone_but_lets_it_be_found():
    vectors = circle(np.array([0.0, 0.1, 0.15, 3.0]))
    assert recall_at_one(vectors, np.array([0, 0, 1, 1])) == 0.5
    assert recall_at_one(vectors, np.array([0, 0, 1, 2])) == 0.5


def test_copies_of_a_row_find_each_other():
    vectors = np.repeat(circle(np.array([0.0, 1.0])), 4, axis=0)
    assert recall_at_one(vectors, np.repeat([0, 1], 4)) == 1.0


def test_nothing_to_find():
    with pytest.raises(ValueError, match="y must hold at least one label twice"):
        recall_at_one(np.eye(3), np.arange(3))


@pytest.mark.parametrize("search", ["exact", "approximate"])
def test_neighbours_are_the_nearest_ones(search):
    if search == "approximate":
        pytest.importorskip("faiss")
    random = np.random.RandomState(0)
    vectors = random.normal(size=(500, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = vectors[:40] + 0.01 * random.normal(size=(40, 8))
    gallery = Gallery(vectors, None, search, 0)
    for asked, skipped in ((queries, 0), (None, 1)):
        distances, places = gallery.nearest(asked, 3)
        reference = vectors if asked is None else queries
        true = np.linalg.norm(reference[:, None] - vectors, axis=2)
        expected = np.argsort(true, axis=1)[:, skipped : 3 + skipped]
        assert (places == expected).mean() > 0.97
        np.testing.assert_allclose(distances, np.take_along_axis(true, places, axis=1), atol=2e-3)


def test_more_neighbours_than_items():
    gallery = Gallery(np.eye(3), None, "exact", 0)
    with pytest.raises(ValueError, match="n_neighbors must be from 1 to the 3 items"):
        gallery.nearest(np.eye(3), 4)
    with pytest.raises(
        ValueError, match="n_neighbors must be from 1 to the 2 items of the gallery, got 3"
    ):
        gallery.nearest(None, 3)


def test_approximate_search_names_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match="pip install faiss-cpu"):
        Gallery(np.eye(3), None, "approximate", 0)


def test_the_nearest_of_equally_frequent_labels_wins():
    assert vote(np.array([[3, 1, 1], [3, 1, 2], [2, 2, 1]])).tolist() == [1, 3, 2]


def test_index_survives_saving():
    pytest.importorskip("faiss")
    vectors = circle(np.linspace(0, 6, 300))
    gallery = Gallery(vectors, None, "approximate", 0)
    copy = pickle.loads(pickle.dumps(gallery))
    for ours, theirs in zip(gallery.nearest(None, 5), copy.nearest(None, 5), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_cells_with_few_items_are_not_the_end_of_the_search():
    pytest.importorskip("faiss")
    vectors = circle(np.concatenate([np.linspace(0, 0.1, 99), [3.0]]))
    distances, places = Gallery(vectors, None, "approximate", 0).nearest(vectors, 100)
    assert (np.sort(places, axis=1) == np.arange(100)).all()
    assert np.isfinite(distances).all()
