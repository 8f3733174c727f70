import numpy as np
import pytest

from skid import SubsetSelectorClassifier, SubsetSelectorRegressor


@pytest.mark.parametrize("k", [1, 3, 8])
def test_every_row_has_a_subset_of_exactly_k(X, y, short, k):
    model = SubsetSelectorRegressor(k, scope="sample", **short).fit(X, y)
    masks = model.explain(X)
    assert masks.dtype == bool
    assert masks.shape == X.shape
    assert (masks.sum(axis=1) == k).all()
    assert model.n_features_to_select_ == k


def test_a_subset_for_all_rows_is_refused(estimator, fitted):
    model = fitted(estimator, "sample")
    for name in ("support_", "feature_scores_", "ranking_"):
        assert not hasattr(model, name)
    for name in ("get_support", "transform", "fit_transform", "get_feature_names_out"):
        assert not hasattr(model, name)
        with pytest.raises(AttributeError, match=name):
            getattr(model, name)


def test_the_prediction_of_a_row_reads_nothing_but_its_subset(estimator, X, fitted, answers):
    model = fitted(estimator, "sample")
    generator = np.random.default_rng(0)
    masks, expected = model.explain(X), answers(model, X)
    n_compared = 0
    for scale in (0.01, 0.1, 0.3):
        other = np.where(masks, X, X + scale * generator.normal(size=X.shape))
        same = (model.explain(other) == masks).all(axis=1)
        n_compared += same.sum()
        np.testing.assert_array_equal(answers(model, other)[same], expected[same])
    assert n_compared > 100


def test_answers_do_not_depend_on_the_other_rows(estimator, X, fitted, answers):
    model = fitted(estimator, "sample")
    np.testing.assert_array_equal(model.explain(X[5:9]), model.explain(X)[5:9])
    np.testing.assert_allclose(answers(model, X[5:9]), answers(model, X)[5:9], rtol=1e-9)


def test_groups_and_always_included_columns_hold_in_every_row(X, y, short):
    groups = np.array([0, 1, 1, 2, 0, 3, 3, 3])
    model = SubsetSelectorRegressor(
        2, scope="sample", groups=groups, always_include=[3], **short
    ).fit(X, y)
    for mask in model.explain(X):
        kept = set(groups[mask])
        assert mask.tolist() == [group in kept for group in groups]
        assert len(kept) == 2
        assert 2 in kept


@pytest.fixture(scope="module")
def switch():
    """The sign of column 0 says whether column 1 or column 2 decides."""
    X = np.random.default_rng(0).normal(size=(1500, 6))
    return X, np.where(X[:, 0] > 0, X[:, 1], X[:, 2]) > 0


def test_the_column_that_decides_a_row_is_found(switch):
    X, y = switch
    model = SubsetSelectorClassifier(2, scope="sample", random_state=0).fit(X[:1000], y[:1000])
    masks = model.explain(X[1000:])
    deciding = np.where(X[1000:, 0] > 0, 1, 2)
    assert model.score(X[1000:], y[1000:]) > 0.85
    assert np.take_along_axis(masks, deciding[:, np.newaxis], axis=1).mean() > 0.8
    assert masks[:, 3:].mean() < 0.2


def test_no_column_is_left_to_choose(X, y, short):
    always = list(range(8))
    model = SubsetSelectorRegressor(8, scope="sample", always_include=always, **short).fit(X, y)
    assert model.explain(X).all()
    assert np.isfinite(model.predict(X)).all()
