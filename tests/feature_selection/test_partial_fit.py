import numpy as np
import pytest

from skid import SubsetSelector, SubsetSelectorClassifier, SubsetSelectorRegressor


@pytest.fixture(scope="module")
def stream():
    X = np.random.default_rng(0).normal(size=(2000, 10))
    return X, 2 * X[:, 3] + X[:, 6] ** 2


def pieces(n_passes, *arrays, length=500):
    for _ in range(n_passes):
        for start in range(0, len(arrays[0]), length):
            yield tuple(array[start : start + length] for array in arrays)


def test_pieces_make_a_good_regression(stream):
    X, y = stream
    model = SubsetSelectorRegressor(2, random_state=0)
    for part in pieces(40, X, y):
        assert model.partial_fit(*part) is model
        assert model.support_.sum() == 2
    assert model.get_support(indices=True).tolist() == [3, 6]
    assert model.score(X, y) > 0.8


def test_pieces_make_a_good_classifier(stream):
    X, y = stream
    labels = np.array(["low", "middle", "high"])[np.digitize(y, [0, 2])]
    model = SubsetSelectorClassifier(2, random_state=0)
    model.partial_fit(X[:100], labels[:100], classes=["low", "middle", "high"])
    for part in pieces(40, X, labels):
        model.partial_fit(*part)
    assert model.get_support(indices=True).tolist() == [3, 6]
    assert model.classes_.tolist() == ["high", "low", "middle"]
    assert model.score(X, labels) > 0.75


@pytest.mark.parametrize("scope", ["dataset", "sample"])
def test_each_call_goes_on(estimator, X, target, short, answers, scope):
    model = estimator(2, scope=scope, **short).partial_fit(X, target)
    first = answers(model, X)
    model.partial_fit(X, target)
    assert not np.array_equal(answers(model, X), first)
    assert (model.explain(X).sum(axis=1) == 2).all()


def test_classes_may_come_later_if_they_are_announced(X, labels, short):
    model = SubsetSelectorClassifier(2, **short)
    only = labels == "low"
    model.partial_fit(X[only], labels[only], classes=["low", "high"])
    model.partial_fit(X, labels)
    assert model.predict_proba(X).shape == (120, 2)


def test_a_class_that_was_not_announced_is_refused(X, labels, short):
    model = SubsetSelectorClassifier(2, **short)
    with pytest.raises(ValueError, match="at least two classes, got 1 class, 'low'"):
        model.partial_fit(X[labels == "low"], labels[labels == "low"])
    model.partial_fit(X, labels)
    with pytest.raises(
        ValueError, match=r"y must hold the classes \['high' 'low'\], got \['new'\]"
    ):
        model.partial_fit(X, np.where(labels == "low", "new", labels))


def test_pieces_have_the_columns_of_the_first(X, y, short):
    model = SubsetSelectorRegressor(2, **short).partial_fit(X, y)
    with pytest.raises(ValueError, match=r"X has 7 features, but .* is expecting 8"):
        model.partial_fit(X[:, :7], y)


def test_a_piece_may_be_a_single_row_and_of_another_float_type(X, y, short):
    model = SubsetSelectorRegressor(2, **short).partial_fit(X, y)
    model.partial_fit(X[:1], y[:1])
    model.partial_fit(X.astype(np.float32), y)
    assert np.isfinite(model.predict(X)).all()


def test_location_and_scale_follow_all_pieces(X, short):
    model = SubsetSelector(2, **short)
    model.partial_fit(X[:60]).partial_fit(X[60:] + 10)
    whole = np.r_[X[:60], X[60:] + 10]
    np.testing.assert_allclose(model._model.standardization.location, whole.mean(axis=0))


def test_partial_fit_goes_on_from_a_fit_that_was_told_to_keep_its_state(X):
    y = 3 * X[:, 5]
    parameters = {"max_iter": 20, "random_state": 0}
    warm = SubsetSelectorRegressor(1, warm_start=True, **parameters).fit(X, y)
    last = warm.loss_curve_[-1]
    assert warm.partial_fit(X, y).loss_curve_[0] < 2 * last
    cold = SubsetSelectorRegressor(1, **parameters).fit(X, y).partial_fit(X, y)
    fresh = SubsetSelectorRegressor(1, **parameters).partial_fit(X, y)
    np.testing.assert_array_equal(cold.predict(X), fresh.predict(X))


def test_a_fit_ends_what_partial_fit_began(X, y, short):
    fresh = SubsetSelectorRegressor(2, **short).fit(X, y)
    other = SubsetSelectorRegressor(2, **short).partial_fit(X, -y).fit(X, y)
    np.testing.assert_array_equal(other.predict(X), fresh.predict(X))
    assert other.partial_fit(X, y).n_iter_ == 1
    begun = SubsetSelectorRegressor(2, **short).partial_fit(X, y)
    np.testing.assert_array_equal(other.predict(X), begun.predict(X))


@pytest.mark.parametrize("scope", ["dataset", "sample"])
def test_a_warm_start_goes_on_where_the_last_fit_ended(X, scope):
    y = 3 * X[:, 5]
    parameters = {"scope": scope, "max_iter": 20, "random_state": 0}
    cold = SubsetSelectorRegressor(1, **parameters)
    warm = SubsetSelectorRegressor(1, warm_start=True, **parameters)
    cold_start = cold.fit(X, y).loss_curve_[0]
    warm_start = warm.fit(X, y).loss_curve_[0]
    assert warm_start == cold_start
    assert cold.fit(X, y).loss_curve_[0] == cold_start
    assert warm.fit(X, y).loss_curve_[0] < 0.5 * cold_start


@pytest.mark.parametrize("case", ["fewer columns", "other network", "other scope"])
def test_a_warm_start_from_another_shape_is_an_error_that_says_so(X, y, short, case):
    model = SubsetSelectorRegressor(2, warm_start=True, **short).fit(X, y)
    if case == "other network":
        model.set_params(hidden_layer_sizes=(7, 7))
    if case == "other scope":
        model.set_params(scope="sample")
    with pytest.raises(ValueError, match="warm_start"):
        model.fit(X[:, :5] if case == "fewer columns" else X, y)


def test_a_pass_after_a_fit_keeps_the_number_that_was_chosen(X):
    y = 3 * X[:, 5] + X[:, 2] ** 2
    model = SubsetSelectorRegressor("auto", warm_start=True, max_iter=15, random_state=0).fit(X, y)
    chosen = model.n_features_to_select_
    assert chosen < 4  # half of the features, which a first pass takes
    model.partial_fit(X, y)
    assert model.n_features_to_select_ == chosen == model.get_support().sum()
    # What only the fit knew is gone.
    assert not hasattr(model, "selection_path_")
    assert not hasattr(model, "validation_scores_")


def test_classes_of_a_later_call_are_those_of_the_first(X, labels, short):
    model = SubsetSelectorClassifier(2, **short).partial_fit(X, labels, classes=["high", "low"])
    model.partial_fit(X, labels, classes=["low", "high"])
    with pytest.raises(ValueError, match="classes must be those of the first call"):
        model.partial_fit(X, labels, classes=["low", "high", "middle"])


def test_outputs_are_as_many_as_in_the_first_pass(X, y):
    model = SubsetSelectorRegressor(2, random_state=0).partial_fit(X, np.c_[y, -y])
    with pytest.raises(
        ValueError, match="y must have 2 outputs, as in the first call of partial_fit, got 1"
    ):
        model.partial_fit(X, y)


def test_class_weights_of_a_pass_without_all_classes(X, y):
    y = (y > np.median(y)).astype(int)
    model = SubsetSelectorClassifier(2, class_weight={1: 5.0}, random_state=0)
    model.partial_fit(X, y, classes=[0, 1]).partial_fit(X[y == 0], y[y == 0])
    with pytest.raises(ValueError, match="got 'balanced', which needs all of y at once"):
        SubsetSelectorClassifier(2, class_weight="balanced").partial_fit(X, y, classes=[0, 1])
