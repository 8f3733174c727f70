import numpy as np
import pytest
from hypothesis import given, strategies as st
from sklearn.metrics import f1_score, recall_score

from skid.metrics import matching_score


def as_labels(partners, n_b=6):
    """1 for each matched pair of nodes."""
    return np.concatenate([(match[:, None] == np.arange(n_b)).ravel() for match in partners])


@given(seed=st.integers(0, 1000), is_weighted=st.booleans())
def test_share_and_f1_are_those_of_pairs_of_nodes(seed, is_weighted):
    random = np.random.RandomState(seed)
    sizes = random.randint(1, 6, size=5)
    right, found = (
        [np.where(random.rand(n) < 0.3, -1, random.permutation(6)[:n]) for n in sizes]
        for _ in range(2)
    )
    right[0][0] = found[0][0] = 2
    weights = random.uniform(0.1, 2, size=5) if is_weighted else None
    of_entries = None if weights is None else np.repeat(weights, 6 * sizes)
    for f1, expected in ((False, recall_score), (True, f1_score)):
        score = matching_score(right, found, f1=f1, sample_weight=weights)
        assert score == pytest.approx(
            expected(as_labels(right), as_labels(found), sample_weight=of_entries)
        )


def test_all_right_all_wrong_and_nothing_to_find():
    assert matching_score([[1, 0], [2]], [[1, 0], [2]]) == 1.0
    assert matching_score([[1, 0, -1]], [[0, 1, -1]]) == 0.0
    # No partner of a node that has none is neither right nor wrong.
    assert matching_score([[1, -1]], [[1, -1]], f1=True) == 1.0
    assert matching_score([[1, -1]], [[1, 0]], f1=True) == pytest.approx(2 / 3)
    assert matching_score([[-1, -1]], [[-1, -1]], f1=True) == 1.0
    assert matching_score([[-1, -1]], [[0, -1]], f1=True) == 0.0
    assert np.isnan(matching_score([[-1, -1]], [[0, -1]]))


def test_pairs_without_weight_do_not_count():
    right, found = [[0, 1], [1, 0]], [[0, 1], [0, 1]]
    assert matching_score(right, found) == 0.5
    assert matching_score(right, found, sample_weight=[1, 0]) == 1.0
    assert matching_score(right, found, sample_weight=[1, 3]) == 0.25


@pytest.mark.parametrize(
    ("right", "found", "weights", "message"),
    [
        ([[0, 1]], [[0]], None, r"^predicted must have the lengths .*got \[1\] instead of \[2\]"),
        ([[0, 1]], [[0, 1], [0]], None, r"^predicted must have the lengths of partners"),
        ([[0]], [[0]], [-1.0], "sample_weight"),
        ([[0]], [[0]], [0.0], "sample_weight"),
        ([[0]], [[0]], [1.0, 1.0], "sample_weight"),
    ],
)
def test_bad_input(right, found, weights, message):
    with pytest.raises(ValueError, match=message):
        matching_score(right, found, sample_weight=weights)
