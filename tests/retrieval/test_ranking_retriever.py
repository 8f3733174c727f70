from copy import deepcopy

import joblib
import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skid.retrieval._plan
from skid import RankingRetriever
from skid.engine import trace_count


def quick(**parameters):
    return RankingRetriever(random_state=0, **({"max_iter": 4} | parameters))


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"loss": "recall_paper"},
        {"loss": "map"},
        {"loss": "ndcg"},
        {"gradient": "blackbox"},
        {"projection": "none"},
        {"noise": "normal", "noise_scale": 0.3},
        {"memory": 2},
    ],
)
def test_finds_classes_it_has_never_seen(parameters, digits):
    X, y, unseen, labels = digits
    model = RankingRetriever(
        hidden_layer_sizes=(), n_components=4, max_iter=12, random_state=0, **parameters
    )
    before = clone(model).set_params(learning_rate_init=1e-12, max_iter=1).fit(X, y)
    model.fit(X, y)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert model.score(X, y) > before.score(X, y) + 0.04
    assert model.score(unseen, labels) > 0.6


def test_score_is_recall_among_the_other_rows(digits):
    X, y, unseen, labels = digits
    model = quick().fit(X, y)
    vectors = model.transform(unseen).astype(np.float64)
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -2)
    found = labels[scores.argmax(axis=1)] == labels
    assert model.score(unseen, labels) == pytest.approx(found.mean(), abs=1e-12)


def test_embeddings_have_unit_length_names_and_the_precision_of_the_rows(digits):
    X, y, _, _ = digits
    model = quick(n_components=5).fit(X, y)
    vectors = model.transform(X)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert vectors.dtype == np.float32
    frame = model.set_output(transform="pandas").transform(X[:3])
    assert frame.columns.tolist() == [f"rankingretriever{i}" for i in range(5)]


def test_gallery_is_the_training_set_until_another_is_set(digits):
    X, y, unseen, labels = digits
    model = quick(n_neighbors=3).fit(X, y)
    distances, indices = model.kneighbors(X[:10])
    assert indices[:, 0].tolist() == list(range(10))
    np.testing.assert_allclose(distances[:, 0], 0, atol=1e-3)
    assert (model.kneighbors(return_distance=False)[:10] != np.arange(10)[:, None]).all()
    assert (model.predict(X) == y).mean() > 0.95
    names = np.array(["five", "six", "seven", "eight", "nine"])
    model.set_gallery(unseen[::2], names[labels[::2] - 5])
    assert (model.predict(unseen[1::2]) == names[labels[1::2] - 5]).mean() > 0.9
    model.set_gallery(unseen)
    with pytest.raises(ValueError, match="y of set_gallery must hold labels"):
        model.predict(unseen)


def test_network_of_ones_own_embeds_images(digits):
    X, y, unseen, labels = digits

    def build(input_shape, n_outputs):
        return keras.Sequential(
            [
                keras.Input(input_shape),
                keras.layers.Conv2D(8, 3, strides=2),
                keras.layers.BatchNormalization(),
                keras.layers.ReLU(),
                keras.layers.Flatten(),
                keras.layers.Dense(n_outputs),
            ]
        )

    images = X.reshape(-1, 8, 8, 1).astype(np.uint8)
    model = quick(network=build, n_components=16, max_iter=20).fit(images, y)
    assert model.transform(images).dtype == np.float32
    assert model.score(images, y) > 0.95
    assert model.score(unseen.reshape(-1, 8, 8, 1).astype(np.uint8), labels) > 0.85


@pytest.mark.usefixtures("by_xla")
def test_same_seed_same_bits_and_nothing_traced_twice(digits):
    X, y, unseen, _ = digits
    first = quick().fit(X, y)
    traced = trace_count()
    second = clone(first).fit(X, y)
    assert trace_count() == traced
    np.testing.assert_array_equal(first.transform(unseen), second.transform(unseen))
    other = clone(first).set_params(random_state=1).fit(X, y)
    assert (other.transform(unseen) != first.transform(unseen)).any()


def test_saved_model_searches_without_tensorflow(digits, fresh_process, tmp_path):
    X, y, _, _ = digits
    model = quick(max_iter=1).fit(X, y)
    joblib.dump((model, X, model.predict(X)), tmp_path / "model.joblib")
    code = (
        "import sys, joblib; model, X, expected = joblib.load('model.joblib');"
        "print((model.predict(X) == expected).all(), 'tensorflow' in sys.modules)"
    )
    assert fresh_process(code, directory=tmp_path).stdout == "True False\n"


def test_early_stopping_keeps_the_best(digits):
    X, y, _, _ = digits
    model = quick(early_stopping=True, n_iter_no_change=2, max_iter=30).fit(X, y)
    assert len(model.validation_scores_) == model.n_iter_ < 30
    assert model.best_loss_ == pytest.approx(1 - max(model.validation_scores_))


def test_whole_classes_are_held_out_where_there_are_enough(digits):
    X, y, _, _ = digits
    labels = 2 * y + (np.arange(len(y)) % 2)
    model = quick(early_stopping=True, validation_fraction=0.2, max_iter=1).fit(X, labels)
    # Two classes of ten: parted by chance, or two halves of one digit.
    assert model.validation_scores_[0] > 0.4


def test_warm_start_goes_on(digits):
    X, y, _, _ = digits
    model = quick(warm_start=True, max_iter=2).fit(X, y)
    before = model.loss_curve_[-1]
    assert model.fit(X, y).loss_curve_[-1] < before


def test_warm_start_forgets_the_rows_and_labels_of_earlier_data(digits):
    X, y, unseen, labels = digits
    model = quick(warm_start=True, memory=5, max_iter=1).fit(X, y)
    model.set_params(learning_rate_init=1e-12).fit(unseen, labels)
    other = deepcopy(model)
    for name in ("memory_labels", "memory_rows"):
        other._training_state.parameters[name][:] = 0
    losses = [one.fit(unseen, labels).loss_curve_ for one in (model, other)]
    assert losses[0] == losses[1]


def test_grid_over_a_pipeline(digits):
    X, y, _, _ = digits
    grid = {"rankingretriever__loss": ["recall", "map"]}
    pipeline = make_pipeline(StandardScaler(), quick(max_iter=1))
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert (search.cv_results_["mean_test_score"] > 0.9).all()


def test_failed_fit_leaves_the_earlier_one(digits):
    X, y, _, _ = digits
    model = quick(max_iter=1).fit(X, y)
    before = model.transform(X)
    with pytest.raises(ValueError, match="y must hold at least one label twice"):
        model.fit(X[:10, :5], np.arange(10))
    np.testing.assert_array_equal(model.transform(X), before)


@pytest.mark.parametrize(
    ("parameters", "labels", "message"),
    [
        ({}, np.zeros(8), "y must hold at least 2 classes, got only 0.0"),
        ({}, None, "requires y to be passed"),
        ({}, np.linspace(0, 1, 8), "Unknown label type"),
        ({"loss": "auc"}, [0, 0, 1, 1] * 2, "The 'loss' parameter of RankingRetriever must be"),
        ({"n_classes_per_batch": 1}, [0, 0, 1, 1] * 2, "The 'n_classes_per_batch' parameter"),
        ({"n_samples_per_class": 1}, [0, 0, 1, 1] * 2, "The 'n_samples_per_class' parameter"),
        ({"loss": "recall_paper", "projection": "none"}, [0, 0, 1, 1] * 2, "has no gradient"),
        (
            {"early_stopping": True},
            [0, 0, 1, 2, 3, 4, 5, 6],
            "early_stopping must be False for so few rows",
        ),
    ],
)
def test_bad_input(parameters, labels, message, digits):
    with pytest.raises(ValueError, match=message):
        quick(**parameters).fit(digits[0][:8], labels)


def test_rows_that_are_alone_with_their_label_are_no_obstacle(digits):
    X, y, _, _ = digits
    labels = np.where(np.arange(len(y)) % 10 == 0, np.arange(len(y)) + 100, y)
    model = quick().fit(X, labels)
    assert np.isfinite(model.loss_curve_).all()
    assert model.score(X, labels) > 0.8


def test_approximate_search_finds_what_exact_search_finds(digits):
    pytest.importorskip("faiss")
    X, y, unseen, _ = digits
    exact = quick().fit(X, y).kneighbors(unseen, 5, return_distance=False)
    approximate = quick(search="approximate").fit(X, y)
    found = approximate.kneighbors(unseen, 5, return_distance=False)
    shared = [len({*one} & {*other}) / 5 for one, other in zip(exact, found, strict=True)]
    assert np.mean(shared) >= 0.95


def test_whole_classes_judge_a_large_gallery(monkeypatch):
    monkeypatch.setattr(skid.retrieval._plan, "MAXIMUM_ROWS", 40)
    labels = np.tile(np.arange(300), 2)
    X = np.eye(300)[labels][:, :8] + np.random.default_rng(0).normal(size=(600, 8))
    model = quick(early_stopping=True, validation_fraction=0.3, max_iter=2).fit(X, labels)
    assert len(model.validation_scores_) == 2
    held_out, random = np.ones(600, bool), np.random.RandomState(0)
    pairs = labels[skid.retrieval._plan._validation_rows(held_out, labels, random)]
    assert np.unique(np.bincount(pairs), return_counts=True)[1].tolist()[1:] == [20]
    large = np.arange(600) % 4
    few = large[skid.retrieval._plan._validation_rows(held_out, large, random)]
    assert np.bincount(few).tolist() == [10, 10, 10, 10]


@pytest.mark.parametrize("changed", [{"memory": 0}, {}])
def test_a_warm_start_needs_no_memory_of_the_same_size(changed, digits):
    X, y, _, _ = digits
    model = quick(warm_start=True, memory=5, max_iter=1).fit(X, y)
    before = model._model.weights
    model.set_params(learning_rate_init=1e-12, max_iter=1, **changed).fit(X[:90], y[:90])
    assert model._model.weights.keys() == before.keys()
    for name, value in model._model.weights.items():
        np.testing.assert_allclose(value, before[name], atol=1e-6)
