import numpy as np
import pytest
from hypothesis import given, strategies as st

from skid.feature_selection._units import SelectionUnits

NAMES = np.array(["a", "b", "c", "d"], dtype=object)


def test_a_column_is_a_unit_where_there_are_no_groups():
    units = SelectionUnits(3)
    assert (units.n_units, units.n_always, units.n_free) == (3, 0, 3)
    assert units.columns([True, False, True]).tolist() == [True, False, True]
    assert units.scores(np.array([3.0, 1.0, 2.0])).tolist() == [3.0, 1.0, 2.0]


def test_groups_are_numbered_in_the_order_of_their_first_column():
    units = SelectionUnits(5, groups=["z", "a", "z", "m", "a"])
    assert units.unit_of_column.tolist() == [0, 1, 0, 2, 1]
    assert units.columns([False, True, False]).tolist() == [False, True, False, False, True]


@given(
    labels=st.lists(st.integers(-3, 3), min_size=1, max_size=12),
    data=st.data(),
)
def test_a_subset_holds_whole_groups_and_all_that_is_always_included(labels, data):
    labels = np.array(labels)
    always = data.draw(st.lists(st.integers(0, len(labels) - 1), max_size=3))
    units = SelectionUnits(len(labels), labels, always)
    chosen = data.draw(st.lists(st.booleans(), min_size=units.n_free, max_size=units.n_free))
    columns = units.columns(chosen)
    kept = set(labels[columns])
    assert columns.tolist() == [label in kept for label in labels]
    assert set(labels[always]) <= kept
    assert len(kept) == sum(chosen) + units.n_always
    assert units.n_units == len(set(labels))


def test_masks_of_several_rows_keep_their_shape():
    units = SelectionUnits(4, groups=[0, 0, 1, 2], always_include=[3])
    masks = units.columns([[True, False], [False, True]])
    assert masks.tolist() == [[True, True, False, True], [False, False, True, True]]


@pytest.mark.parametrize(
    "always", [[1, 3], [1, -1], ["b", "d"], [False, True, False, True], np.array([3, 1])]
)
def test_always_include_takes_indices_names_and_a_mask(always):
    units = SelectionUnits(4, always_include=always, feature_names=NAMES)
    assert units.columns([False, False]).tolist() == [False, True, False, True]
    assert units.scores(np.zeros(2)).tolist() == [0, np.inf, 0, np.inf]


@pytest.mark.parametrize("always", [None, [], np.zeros(4, bool)])
def test_an_empty_always_include_includes_nothing(always):
    assert SelectionUnits(4, always_include=always).n_always == 0


@pytest.mark.parametrize(
    ("wanted", "size"), [(1, 1), (4, 4), (0.5, 2), (0.3, 1), (0.01, 1), (1.0, 4), (np.int64(2), 2)]
)
def test_size_takes_numbers_and_shares(wanted, size):
    assert SelectionUnits(4).size(wanted) == size


def test_a_share_counts_groups_and_never_fewer_than_are_always_included():
    units = SelectionUnits(8, groups=[0, 0, 1, 1, 2, 2, 3, 3], always_include=[0, 2, 4])
    assert units.size(1.0) == 4
    assert units.size(0.25) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": [0, 1]}, r"groups .* each of the 4 features of X, .* shape \(2,\)"),
        ({"groups": np.zeros((4, 1))}, r"groups .* shape \(4, 1\)"),
        ({"always_include": [4]}, "always_include must hold columns of X, which has 4, got 4"),
        ({"always_include": [-4, 4]}, "always_include must hold columns of X, which has 4, got 4"),
        ({"always_include": [-5]}, "always_include must hold columns of X, which has 4, got -5"),
        ({"always_include": [True, False]}, r"must have shape \(4,\) if it is a mask, got \(2,\)"),
        ({"always_include": ["a"]}, "if X has no feature names, got names"),
        ({"always_include": [0.5]}, "must hold indices, names or a mask, got float64"),
    ],
)
def test_what_does_not_fit_the_columns_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SelectionUnits(4, **arguments)


def test_unknown_names_are_named():
    with pytest.raises(ValueError, match=r"always_include must hold features of X, got \['x'\]"):
        SelectionUnits(4, always_include=["a", "x"], feature_names=NAMES)


@pytest.mark.parametrize(
    ("groups", "wanted", "message"),
    [
        (None, 5, "n_features_to_select must be at most the 4 features of X, got 5"),
        ([0, 0, 1, 1], 3, "must be at most the 2 groups of features, got 3"),
    ],
)
def test_more_than_there_is_cannot_be_selected(groups, wanted, message):
    with pytest.raises(ValueError, match=message):
        SelectionUnits(4, groups).size(wanted)


def test_a_subset_has_room_for_what_is_always_included():
    units = SelectionUnits(4, always_include=[0, 1])
    with pytest.raises(
        ValueError, match="must be at least the 2 features of X in always_include, got 1"
    ):
        units.size(1)
