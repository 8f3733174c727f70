import numpy as np
import pytest
from sklearn import config_context
from sklearn.metrics import recall_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skid import SubsetSelectorClassifier, SubsetSelectorRegressor
from skid.feature_selection._association import association

FULL_BATCH = {"batch_size": 1000, "max_iter": 20, "random_state": 0, "early_stopping": False}


@pytest.fixture(scope="module")
def weights():
    # Of 16 different rows and more the choice takes quantiles, and the networks take folds.
    weights = np.random.default_rng(0).integers(0, 4, 120)
    weights[19:] = 0
    assert np.count_nonzero(weights) == 15
    return weights


@pytest.mark.parametrize("scope", ["dataset", "sample"])
def test_weights_are_repetitions(estimator, X, target, answers, weights, scope):
    weighted = estimator(3, scope=scope, **FULL_BATCH).fit(
        X, target, sample_weight=weights.astype(float)
    )
    repeated = estimator(3, scope=scope, **FULL_BATCH).fit(
        np.repeat(X, weights, axis=0), None if target is None else np.repeat(target, weights)
    )
    np.testing.assert_array_equal(weighted.explain(X), repeated.explain(X))
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-7)
    if answers(weighted, X).dtype == float:
        np.testing.assert_allclose(answers(weighted, X), answers(repeated, X), atol=1e-6)


@pytest.mark.usefixtures("by_xla")
@pytest.mark.parametrize("scope", ["dataset", "sample"])
@pytest.mark.parametrize("changed", [{}, {"batch_size": 16}, {"early_stopping": True}], ids=str)
def test_rows_without_weight_might_as_well_not_be_there(X, y, scope, changed):
    kept = np.arange(120) % 10 != 0
    short = {"max_iter": "auto", "hidden_layer_sizes": (8,), "random_state": 0} | changed
    weighted = SubsetSelectorRegressor(3, scope=scope, **short).fit(
        X, np.where(kept, y, 1e3), sample_weight=kept.astype(float)
    )
    removed = SubsetSelectorRegressor(3, scope=scope, **short).fit(X[kept], y[kept])
    np.testing.assert_array_equal(weighted.explain(X), removed.explain(X))
    np.testing.assert_allclose(weighted.predict(X), removed.predict(X), atol=1e-5)


def test_equal_weights_change_nothing(estimator, X, target, short, answers):
    without = estimator(3, **short).fit(X, target)
    with_ones = estimator(3, **short).fit(X, target, sample_weight=np.ones(120))
    np.testing.assert_array_equal(answers(with_ones, X), answers(without, X))


def test_weights_decide_which_column_is_chosen():
    X = np.random.default_rng(0).normal(size=(300, 5))
    first = np.arange(300) < 150
    y = np.where(first, X[:, 1], X[:, 3])
    for weights, column in ((first, 1), (~first, 3)):
        model = SubsetSelectorRegressor(1, max_iter=60, random_state=0)
        model.fit(X, y, sample_weight=np.where(weights, 1.0, 0.01))
        assert model.get_support(indices=True).tolist() == [column]


def test_class_weights_are_sample_weights(X, labels, short):
    by_class = SubsetSelectorClassifier(2, class_weight={"high": 5.0, "low": 0.5}, **short)
    by_sample = SubsetSelectorClassifier(2, **short)
    by_class.fit(X, labels)
    by_sample.fit(X, labels, sample_weight=np.where(labels == "high", 5.0, 0.5))
    np.testing.assert_array_equal(by_class.predict_proba(X), by_sample.predict_proba(X))


def test_balanced_classes_raise_the_recall_of_the_rare_one():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(400, 5))
    y = (X[:, 0] + 1.5 * generator.normal(size=400) > 2.2).astype(int)
    plain, balanced = (
        SubsetSelectorClassifier(1, class_weight=weight, max_iter=30, random_state=0)
        .fit(X, y)
        .predict(X)[y == 1]
        .mean()
        for weight in (None, "balanced")
    )
    assert plain < 0.4 < 0.6 < balanced


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (
            np.zeros(120),
            "sample_weight must be positive for at least one|at least one non-zero number",
        ),
        (-np.ones(120), "Negative values"),
        (np.full(120, np.nan), "sample_weight contains NaN"),
        (np.ones(119), "sample_weight.shape == .119,."),
    ],
)
def test_weights_that_make_no_sense_are_refused(estimator, X, target, short, weights, message):
    with pytest.raises(ValueError, match=message):
        estimator(2, **short).fit(X, target, sample_weight=weights)


def test_weights_are_routed_through_pipelines_and_searches(X, y, short):
    weights = np.arange(120) % 3.0
    with config_context(enable_metadata_routing=True):
        selector = SubsetSelectorRegressor(2, **short)
        selector.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(scaler, selector)
        pipeline.fit(X, y, sample_weight=weights)
        scaled = scaler.fit_transform(X, sample_weight=weights)
        direct = SubsetSelectorRegressor(2, **short).fit(scaled, y, sample_weight=weights)
        np.testing.assert_array_equal(pipeline.predict(X), direct.predict(scaled))

        search = GridSearchCV(
            pipeline, {"subsetselectorregressor__n_features_to_select": [2]}, cv=2
        ).fit(X, y, sample_weight=weights)
        np.testing.assert_array_equal(search.predict(X), pipeline.predict(X))


@pytest.mark.parametrize("class_weight", [{"high": 0, "low": 0}, {"high": 1, "low": -1}])
def test_class_weights_that_leave_nothing(X, labels, short, class_weight):
    with pytest.raises(ValueError, match="must be at least 0, and above 0 for a class"):
        SubsetSelectorClassifier(2, class_weight=class_weight, **short).fit(X, labels)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_rows_without_weight_do_not_lengthen_the_training(X, y, early_stopping):
    parameters = {"max_iter": 3, "random_state": 0, "early_stopping": early_stopping}
    weighted = SubsetSelectorRegressor(3, **parameters).fit(
        np.vstack([X, X, X]), np.tile(y, 3), sample_weight=np.repeat([1.0, 0.0], [120, 240])
    )
    removed = SubsetSelectorRegressor(3, **parameters).fit(X, y)
    assert weighted.n_iter_ == removed.n_iter_
    np.testing.assert_allclose(weighted.predict(X), removed.predict(X), atol=1e-5)


@pytest.mark.parametrize("weight", [1e-25, 1e20])
def test_the_size_of_equal_weights_does_not_matter(X, y, weight):
    X = X.astype(np.float32)
    expected = association(X, y[:, np.newaxis], np.ones(120))
    found = association(X, y[:, np.newaxis], np.full(120, weight, np.float32))
    np.testing.assert_allclose(found, expected)


def test_class_weights_are_numbers(X, y):
    with pytest.raises(ValueError, match=r"class_weight must be at least 0"):
        SubsetSelectorClassifier(2, class_weight={False: np.nan}).fit(X, y > 0)


def test_weights_count_also_where_the_heavy_rows_are_rarer_than_batches():
    rng = np.random.default_rng(0)
    X, heavy = rng.normal(size=(10_000, 4)), rng.random(10_000) < 0.005
    model = SubsetSelectorClassifier(2, random_state=0)
    model.fit(X, heavy, sample_weight=np.where(heavy, 200.0, 1.0))
    assert 0.4 < model.predict_proba(X)[:, 1].mean() < 0.6


def test_a_rare_class_is_learnt_from_a_large_table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60_000, 12)).astype(np.float32)
    y = rng.random(60_000) < 1 / (1 + np.exp(10 - 2 * X[:, 3] - 2 * X[:, 7]))
    assert y.sum() < 200
    model = SubsetSelectorClassifier(2, class_weight="balanced", random_state=0).fit(X, y)
    assert model.get_support(indices=True).tolist() == [3, 7]
    assert recall_score(y, model.predict(X)) > 0.8
