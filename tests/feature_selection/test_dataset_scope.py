import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import make_friedman1

from skid import SubsetSelectorClassifier, SubsetSelectorRegressor
from skid.gradients import RelaxedTopK

GROUPS = ["a", "b", "b", "c", "a", "d", "d", "d"]


@pytest.mark.parametrize("k", [1, 3, 8])
def test_exactly_k_columns_are_selected_and_all_answers_agree(
    estimator, X, target, short, answers, k
):
    model = estimator(k, **short).fit(X, target)
    support = model.get_support()
    assert support.sum() == model.n_features_to_select_ == k
    np.testing.assert_array_equal(support, model.support_)
    np.testing.assert_array_equal(model.get_support(indices=True), np.flatnonzero(support))
    np.testing.assert_array_equal(model.transform(X), X[:, support])
    np.testing.assert_array_equal(model.explain(X), np.tile(support, (len(X), 1)))
    np.testing.assert_array_equal(
        model.inverse_transform(model.transform(X)), np.where(support, X, 0)
    )
    names = model.get_feature_names_out()
    assert names.tolist() == [f"x{column}" for column in np.flatnonzero(support)]
    assert np.isfinite(answers(model, X)).all()


def test_the_subset_has_the_highest_scores_and_rank_one(estimator, fitted):
    model = fitted(estimator)
    scores, ranking = model.feature_scores_, model.ranking_
    assert scores[model.support_].min() >= scores[~model.support_].max()
    np.testing.assert_array_equal(ranking == 1, model.support_)
    left_out = np.flatnonzero(~model.support_)
    by_score = left_out[np.argsort(-scores[left_out])]
    assert ranking[by_score].tolist() == list(range(2, 2 + len(left_out)))


@pytest.mark.parametrize(("share", "k"), [(0.25, 2), (0.3, 2), (1.0, 8), (0.01, 1)])
def test_a_share_of_the_columns_is_rounded_down_but_never_to_none(X, y, short, share, k):
    assert SubsetSelectorRegressor(share, **short).fit(X, y).support_.sum() == k


@pytest.mark.parametrize("k", [1, 2, 4])
def test_groups_are_selected_together_and_counted(X, y, short, k):
    model = SubsetSelectorRegressor(k, groups=GROUPS, **short).fit(X, y)
    kept = {group for group, chosen in zip(GROUPS, model.support_, strict=True) if chosen}
    assert len(kept) == model.n_features_to_select_ == k
    assert [group in kept for group in GROUPS] == model.support_.tolist()
    scores = pd.Series(model.feature_scores_).groupby(GROUPS).nunique()
    assert (scores == 1).all()


@pytest.mark.parametrize("always", [[6, 7], [-1, 6], np.arange(8) > 5, ["g", "h"]])
def test_always_included_columns_are_in_by_index_mask_and_name(X, y, short, always):
    frame = pd.DataFrame(X, columns=list("abcdefgh"))
    model = SubsetSelectorRegressor(3, always_include=always, **short).fit(frame, y)
    assert model.support_[6:].all()
    assert model.support_.sum() == 3
    assert np.isinf(model.feature_scores_).tolist() == [False] * 6 + [True] * 2
    assert {"g", "h"} < set(model.get_feature_names_out())


def test_a_group_with_an_always_included_column_is_included(X, y, short):
    model = SubsetSelectorRegressor(2, groups=GROUPS, always_include=[5], **short).fit(X, y)
    assert model.support_[5:].all()
    assert len({GROUPS[column] for column in np.flatnonzero(model.support_)}) == 2


def test_nothing_is_left_to_choose_where_all_columns_are_always_included(X, y, short):
    for k in (8, "auto"):
        model = SubsetSelectorRegressor(k, always_include=list(range(8)), **short).fit(X, y)
        assert model.support_.all()
        assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("standardize", ["auto", "columns", "table", "none"])
def test_constant_columns_never_break(estimator, X, target, short, answers, standardize):
    X = X.copy()
    X[:, [2, 5]] = [0.1, 1e6]
    model = estimator(6, standardize=standardize, **short).fit(X, target)
    assert np.isfinite(answers(model, X)).all()
    assert np.isfinite(model.feature_scores_).all()


def test_a_table_of_constants_can_be_fitted(estimator, X, target, short, answers):
    model = estimator(2, **short).fit(np.ones_like(X), target)
    assert model.support_.sum() == 2
    assert np.isfinite(answers(model, np.ones_like(X))).all()


@pytest.fixture(scope="module")
def planted():
    """Three informative columns of 20; two of them act only together or in a curve."""
    X = np.random.default_rng(0).normal(size=(600, 20))
    return X, 2 * np.sin(X[:, 2]) + X[:, 11] ** 2 + X[:, 2] * X[:, 17]


def test_a_planted_support_is_found_in_regression(planted):
    X, y = planted
    model = SubsetSelectorRegressor(3, random_state=0).fit(X[:400], y[:400])
    assert model.get_support(indices=True).tolist() == [2, 11, 17]
    assert model.score(X[400:], y[400:]) > 0.8


def test_a_planted_support_is_found_in_classification(planted):
    X, y = planted
    y = np.digitize(y, np.quantile(y, [1 / 3, 2 / 3]))
    names = np.array(["low", "middle", "high"])
    model = SubsetSelectorClassifier(3, random_state=0).fit(X[:400], names[y[:400]])
    assert model.get_support(indices=True).tolist() == [2, 11, 17]
    assert model.classes_.tolist() == ["high", "low", "middle"]
    assert model.score(X[400:], names[y[400:]]) > 0.7


def test_the_answer_does_not_depend_on_units_of_measurement(X, y, short):
    """Powers of two: the standardised table is the same to the last bit."""
    scale = 2.0 ** np.arange(-4, 4)
    short = short | {"standardize": "columns"}
    model = SubsetSelectorRegressor(3, **short).fit(X, y)
    scaled = SubsetSelectorRegressor(3, **short).fit(X * scale, 4 * y)
    np.testing.assert_array_equal(scaled.support_, model.support_)
    np.testing.assert_allclose(scaled.predict(X * scale), 4 * model.predict(X))


def test_several_outputs_share_a_subset(short):
    X, y = make_friedman1(300, 12, random_state=0)
    targets = np.column_stack([y, X[:, 7] + X[:, 8]])
    model = SubsetSelectorRegressor(7, random_state=0).fit(X, targets)
    assert model.get_support(indices=True).tolist() == [0, 1, 2, 3, 4, 7, 8]
    assert model.predict(X).shape == (300, 2)
    assert model.score(X, targets) > 0.85
    one = SubsetSelectorRegressor(2, **short)
    assert one.fit(X, y).predict(X).shape == (300,)
    assert one.fit(X, y[:, np.newaxis]).predict(X).shape == (300, 1)


def test_probabilities_sum_to_one_and_their_largest_is_predicted(X, y, short):
    classes = np.array(["red", "green", "blue"])[np.digitize(y, [-0.5, 0.5])]
    model = SubsetSelectorClassifier(2, **short).fit(X, classes)
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (120, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(model.predict(X), model.classes_[probabilities.argmax(axis=1)])
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), probabilities)


def test_the_prediction_reads_nothing_but_the_subset(estimator, X, fitted, answers):
    model = fitted(estimator)
    other = np.where(model.support_, X, 1e6 * np.random.default_rng(1).normal(size=X.shape))
    np.testing.assert_array_equal(answers(model, other), answers(model, X))


def test_the_prediction_reads_every_column_of_the_subset(estimator, X, fitted, answers):
    model = fitted(estimator)
    for column in np.flatnonzero(model.support_):
        other = X.copy()
        other[:, column] += 1
        assert not np.array_equal(answers(model, other), answers(model, X))


def test_the_dtype_of_the_data_is_kept(estimator, X, target, short, answers):
    for dtype in (np.float32, np.float64):
        model = estimator(2, **short).fit(X.astype(dtype), target)
        numbers = isinstance(model, SubsetSelectorRegressor)
        assert answers(model, X.astype(dtype)).dtype == (np.float64 if numbers else dtype)
        assert model.transform(X.astype(dtype)).dtype == dtype


@pytest.mark.parametrize(
    "changed",
    [
        {"projection": "none"}, {"projection": "norm"}, {"noise": "two_point"},
        {"gradient": "straight_through"}, {"hidden_layer_sizes": 16}, {"hidden_layer_sizes": ()},
        {"n_networks": 1}, {"shuffle": False}, {"batch_size": 16},
    ],
    ids=str,
)  # fmt: skip
def test_the_linear_column_is_found_with_other_settings_too(X, changed):
    model = SubsetSelectorRegressor(1, max_iter=60, random_state=0).set_params(**changed)
    model.fit(X, 3 * X[:, 5] + X[:, 0])
    assert model.get_support(indices=True).tolist() == [5]


@pytest.mark.parametrize("max_iter", [1, 7, 10])
@pytest.mark.parametrize("n_rows", [70, 120])
def test_max_iter_counts_epochs(X, y, max_iter, n_rows):
    model = SubsetSelectorRegressor(2, max_iter=max_iter, random_state=0)
    model.fit(X[:n_rows], y[:n_rows])
    assert model.n_iter_ == len(model.loss_curve_) == max_iter


def test_a_refit_leaves_nothing_of_the_fit_before(X, y, short):
    model = SubsetSelectorRegressor("auto", **short).fit(X, y)
    assert model.selection_path_
    assert model.validation_scores_
    model.set_params(n_features_to_select=2, early_stopping=False).fit(X, y)
    fresh = clone(model).fit(X, y)
    assert vars(model).keys() == vars(fresh).keys()
    model.set_params(scope="sample").fit(X, y)
    assert not hasattr(model, "support_")


@pytest.mark.parametrize(
    ("gradient", "scope"),
    [
        ("perturbed", "dataset"),
        ("perturbed", "sample"),
        (RelaxedTopK(2, temperature=0.5), "dataset"),
    ],
    ids=str,
)
def test_rules_that_draw_teach_the_choice(gradient, scope):
    """Alone, each copy of the best column says more than the second best one."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 12))
    y = 2 * X[:, 3] + X[:, 7] > 0
    X[:, :2] = X[:, [3]] + 0.3 * rng.normal(size=(1500, 2))
    model = SubsetSelectorClassifier(2, gradient=gradient, scope=scope, random_state=0).fit(X, y)
    assert model.explain(X)[:, [3, 7]].mean() > 0.9


def test_a_large_column_does_not_hide_zeros_and_ones():
    rng = np.random.default_rng(0)
    flags = (rng.random((1000, 10)) < 0.5).astype(float)
    incomes = rng.lognormal(10, 1, (1000, 3))
    y = flags[:, :3].sum(axis=1) > 1
    model = SubsetSelectorClassifier(3, random_state=0).fit(np.hstack([flags, incomes]), y)
    assert model.get_support(indices=True).tolist() == [0, 1, 2]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.45])
def test_the_share_that_is_held_out_is_the_one_asked_for(X, labels, share):
    model = SubsetSelectorClassifier(
        2, n_networks=1, validation_fraction=share, max_iter=2, random_state=0
    )
    data = model._training_data(X, labels, None, reset=True)
    (held_out,) = data.folds(1, np.random.RandomState(0)).held_out
    assert len(held_out) == pytest.approx(share * len(X), abs=1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("offset", "scale"), [(1.7e9, 1.0), (0.0, 1e39)])
def test_targets_far_from_zero_keep_their_digits(X, y, dtype, offset, scale):
    model = SubsetSelectorRegressor(3, max_iter=60, random_state=0)
    plain = model.fit(X.astype(dtype), y).score(X.astype(dtype), y)
    moved = scale * y + offset
    assert model.fit(X.astype(dtype), moved).score(X.astype(dtype), moved) > plain - 0.01


def test_a_constant_target_is_predicted_as_such(X, y):
    model = SubsetSelectorRegressor(2, max_iter=5, random_state=0)
    np.testing.assert_array_equal(model.fit(X, np.full(len(y), 0.1)).predict(X), 0.1)
    both = model.fit(X, np.c_[y, np.full(len(y), 7.0)]).predict(X)
    np.testing.assert_array_equal(both[:, 1], 7)
    assert np.ptp(both[:, 0]) > 0
    keras_outputs = model.to_keras().predict(X, verbose=0)
    np.testing.assert_allclose(keras_outputs, both, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_targets_whose_squares_overflow(X, y, scale):
    model = SubsetSelectorRegressor(3, max_iter=60, random_state=0)
    expected = model.fit(X, y).predict(X)
    np.testing.assert_allclose(model.fit(X, scale * y).predict(X) / scale, expected, atol=1e-3)


def test_columns_whose_squares_overflow_are_refused(X, y):
    X = X.copy()
    X[:, 2] *= 1e160
    with pytest.raises(ValueError, match="got too large values in column 2"):
        SubsetSelectorRegressor(2).fit(X, y)


def test_labels_keep_their_dtype(X, labels, short):
    for dtype in (object, "U10"):
        model = SubsetSelectorClassifier(2, **short).fit(X, labels.astype(dtype))
        assert model.classes_.dtype == model.predict(X).dtype == np.dtype(dtype)
