import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from skid import SubsetSelector, SubsetSelectorClassifier, SubsetSelectorRegressor


def broken(X, value):
    X = X.astype(object if isinstance(value, str) else float)
    X[3, 2] = value
    return X


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (lambda X: broken(X, np.nan), ValueError, "Input X contains NaN"),
        (lambda X: broken(X, np.inf), ValueError, "Input X contains infinity"),
        (lambda X: broken(X, "red"), ValueError, "could not convert string to float: 'red'"),
        (lambda X: X.astype(complex), ValueError, "Complex data not supported"),
        (sparse.csr_array, TypeError, "Sparse data was passed"),
        (lambda X: X[0], ValueError, "Expected 2D array, got 1D array"),
        (lambda X: X[:, :0], ValueError, "0 feature.*minimum of 1"),
        (lambda X: X[:0], ValueError, "0 sample.*minimum of 1"),
        (lambda X: X[:, :2], ValueError, "must be at most the 2 features of X, got 3"),
    ],
    ids=["nan", "inf", "strings", "complex", "sparse", "1d", "no columns", "no rows", "k > d"],
)
def test_data_that_cannot_be_used_are_refused(estimator, X, target, short, data, error, message):
    model = estimator(3, **short)
    with pytest.raises(error, match=message):
        model.fit(data(X), target)
    assert not hasattr(model, "n_features_in_")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_features_to_select": 0}, r"'n_features_to_select' .* Got 0 instead"),
        ({"n_features_to_select": -2}, r"'n_features_to_select' .* Got -2 instead"),
        ({"n_features_to_select": 1.5}, r"'n_features_to_select' .* Got 1.5 instead"),
        ({"n_features_to_select": "all"}, r"'n_features_to_select' .* Got 'all' instead"),
        ({"n_features_to_select": 9}, "must be at most the 8 features of X, got 9"),
        ({"scope": "row"}, r"'scope' .* Got 'row' instead"),
        ({"groups": [0, 1]}, r"groups .* 8 features of X, got shape \(2,\)"),
        ({"groups": [0, 0, 0, 0, 1, 1, 1, 1]}, "must be at most the 2 groups of features, got 3"),
        ({"always_include": [8]}, "always_include must hold columns of X, which has 8, got 8"),
        ({"always_include": ["age"]}, "if X has no feature names, got names"),
        ({"always_include": [True]}, r"must have shape \(8,\) if it is a mask, got \(1,\)"),
        ({"always_include": [0, 1, 2, 3]}, "must be at least the 4 features of X in always_"),
        ({"always_include": 3}, "'always_include' .* Got 3 instead"),
        ({"hidden_layer_sizes": (8, 0)}, r"hidden_layer_sizes .* positive integers, got \(8, 0\)"),
        ({"hidden_layer_sizes": (2.5,)}, r"hidden_layer_sizes .* positive integers, got \(2.5,\)"),
        ({"hidden_layer_sizes": 0}, "'hidden_layer_sizes' .* Got 0 instead"),
        ({"projection": "sphere"}, "'projection' .* Got 'sphere' instead"),
        ({"noise": "cauchy"}, "'noise' .* Got 'cauchy' instead"),
        ({"noise_scale": -1.0}, "'noise_scale' .* Got -1.0 instead"),
        ({"gradient": "exact"}, "'gradient' .* Got 'exact' instead"),
        ({"standardize": True}, "'standardize' .* Got True instead"),
        ({"n_networks": 0}, "'n_networks' .* Got 0 instead"),
        ({"batch_size": 0}, "'batch_size' .* Got 0 instead"),
        ({"learning_rate_init": 0.0}, "'learning_rate_init' .* Got 0.0 instead"),
        ({"max_iter": 0}, "'max_iter' .* Got 0 instead"),
        ({"validation_fraction": 0.0}, "'validation_fraction' .* Got 0.0 instead"),
        ({"validation_fraction": 0.6}, "'validation_fraction' .* Got 0.6 instead"),
        ({"n_iter_no_change": 0}, "'n_iter_no_change' .* Got 0 instead"),
        ({"tol": -1.0}, "'tol' .* Got -1.0 instead"),
        ({"device": "tpu"}, "device must be 'auto', 'cpu', 'gpu' or 'gpu:N', got 'tpu'"),
        ({"random_state": "seed"}, "'random_state' .* Got 'seed' instead"),
    ],
    ids=str,
)  # fmt: skip
def test_parameters_that_make_no_sense_are_named_with_their_value(
    estimator, X, target, short, changed, message
):
    model = estimator(3, **short).set_params(**changed)
    with pytest.raises(ValueError, match=message):
        model.fit(X, target)
    assert not hasattr(model, "n_features_in_")


def test_always_included_names_are_those_of_the_frame(X, y, short):
    frame = pd.DataFrame(X, columns=list("abcdefgh"))
    with pytest.raises(ValueError, match=r"always_include must hold features of X, got \['age'\]"):
        SubsetSelectorRegressor(3, always_include=["a", "age"], **short).fit(frame, y)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.full(120, "one"), "at least two classes, got 1 class, .*'one'"),
        (np.linspace(0, 1, 120), "Unknown label type"),
        (np.r_[np.zeros(119), np.nan], "Input y contains NaN"),
        (np.zeros(119), "inconsistent numbers of samples"),
        (np.zeros((120, 2)), "y should be a 1d array"),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(X, short, labels, message):
    with pytest.raises(ValueError, match=message):
        SubsetSelectorClassifier(2, **short).fit(X, labels)


@pytest.mark.parametrize("scope", ["dataset", "sample"])
def test_a_single_row_is_fitted(X, short, scope):
    one = X[:1]
    model = SubsetSelectorRegressor(3, scope=scope, **short).fit(one, [2.5])
    np.testing.assert_allclose(model.predict(one), 2.5, atol=1.0)
    assert model.explain(one).sum() == 3
    assert SubsetSelector(3, scope=scope, **short).fit(one).reconstruct(one).shape == (1, 8)
    with pytest.raises(ValueError, match="at least two classes"):
        SubsetSelectorClassifier(3, scope=scope, **short).fit(one, ["a"])


def test_a_single_column_is_fitted(X, y, short):
    for k in (1, "auto", 0.5):
        assert SubsetSelectorRegressor(k, **short).fit(X[:, :1], y).support_.tolist() == [True]


def test_a_class_with_a_single_row_is_fitted(X, short):
    labels = np.array(["rare"] + ["a", "b", "a"] * 39 + ["a", "b"])
    model = SubsetSelectorClassifier(2, **short).fit(X, labels)
    assert model.predict_proba(X).shape == (120, 3)


@pytest.mark.parametrize("scope", ["dataset", "sample"])
def test_what_is_predicted_must_have_the_columns_of_the_fit(estimator, X, fitted, answers, scope):
    model = fitted(estimator, scope)
    with pytest.raises(ValueError, match=r"X has 7 features, but .* is expecting 8"):
        answers(model, X[:, :7])
    with pytest.raises(ValueError, match=r"X has 7 features, but .* is expecting 8"):
        model.explain(X[:, :7])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        answers(model, broken(X, np.nan))


def test_names_must_be_those_of_the_fit(estimator, X, target, short, answers):
    frame = pd.DataFrame(X, columns=list("abcdefgh"))
    model = estimator(2, **short).fit(frame, target)
    assert answers(model, frame).shape[0] == 120
    with pytest.raises(ValueError, match="feature names"):
        answers(model, frame.rename(columns={"a": "z"}))
    with pytest.raises(ValueError, match="feature names"):
        answers(model, frame[list("hgfedcba")])
    with pytest.raises(ValueError, match="feature names"):
        model.transform(frame.rename(columns={"a": "z"}))


def test_integers_booleans_and_lists_are_numbers(X, y, short):
    rounded = np.round(4 * X)
    expected = SubsetSelectorRegressor(3, **short).fit(rounded, y).predict(rounded)
    for data in (rounded.astype(int), rounded.tolist(), rounded.astype(object)):
        model = SubsetSelectorRegressor(3, **short).fit(data, y)
        np.testing.assert_array_equal(model.predict(data), expected)
    assert SubsetSelectorRegressor(3, **short).fit(X > 0, y).support_.sum() == 3


entries = st.one_of(
    st.floats(-1e6, 1e6), st.sampled_from([0.0, -0.0, 1e-300, 1e150, -1e150, np.nan, np.inf])
)


@given(
    X=hnp.arrays(np.float64, (20, 4), elements=entries),
    k=st.one_of(st.integers(-1, 6), st.floats(-0.5, 1.5), st.just("auto")),
    y=hnp.arrays(np.float64, 20, elements=st.floats(-1e3, 1e3)),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_the_table_there_is_a_clear_error_or_a_right_result(X, k, y):
    model = SubsetSelectorRegressor(k, max_iter=1, random_state=0)
    legal = k == "auto" or (0 < k <= 1 if isinstance(k, float) else 1 <= k <= 4)
    if not (legal and np.isfinite(X).all()):
        with pytest.raises(ValueError, match=r"NaN|infinity|n_features_to_select"):
            model.fit(X, y)
        assert not hasattr(model, "n_features_in_")
        return
    model.fit(X, y)
    expected = 2 if k == "auto" else k if isinstance(k, int) else max(1, int(4 * k))
    assert model.support_.sum() == expected
    assert np.isfinite(model.predict(X)).all()


def test_groups_of_several_kinds_are_refused(X, y):
    groups = ["a", None, *["b"] * (X.shape[1] - 2)]
    with pytest.raises(ValueError, match="groups must hold labels of one type, got"):
        SubsetSelectorRegressor(2, groups=groups).fit(X, y)


def test_one_sample_cannot_be_held_out_from_itself():
    model = SubsetSelectorRegressor(1, early_stopping=True, max_iter=2)
    with pytest.raises(ValueError, match="at least 2 samples of positive weight, got 1 sample"):
        model.fit([[1.0, 2.0]], [1.0])


def test_columns_may_be_named_by_a_set_and_have_any_name():
    X = pd.DataFrame(np.random.RandomState(0).normal(size=(60, 3)), columns=["a", "b", "nbytes"])
    model = SubsetSelectorRegressor(2, always_include={"b"}, max_iter=2).fit(X, X["a"])
    assert "b" in model.get_feature_names_out()


def test_a_share_does_not_lose_a_feature_to_rounding():
    X = np.random.RandomState(0).normal(size=(20, 100))
    model = SubsetSelectorRegressor(0.29, max_iter=1).fit(X, X[:, 0])
    assert model.n_features_to_select_ == 29
