import joblib
import keras
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skid import QueryRanker
from skid.engine import trace_count
from skid.learning_to_rank import _defaults, _plan
from skid.metrics import QueryScorer, mean_average_precision, mean_ndcg, mean_ndcg_scorer


def quick(**parameters):
    settings = {
        "hidden_layer_sizes": (),
        "n_networks": 2,
        "alpha": 0.0,
        "learning_rate_init": 0.05,
        "max_iter": 60,
        "random_state": 0,
    }
    return QueryRanker(**(settings | parameters))


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture
def frame(documents):
    X, grades, query = documents
    table = pd.DataFrame(X, columns=list("abcdef"))
    table["qid"] = query
    return table, grades


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"k": 3},
        {"gain": "linear"},
        {"loss": "map"},
        {"loss": "recall"},
        {"loss": "recall_paper", "projection": "std"},
        {"gradient": "blackbox"},
        {"gradient": "perturbed"},
        {"projection": "std"},
        {"projection": "norm", "noise": "normal"},
    ],
)
def test_learns_the_best_order(parameters, documents):
    X, grades, query = documents
    train = query % 2 == 0
    model = quick(**parameters).fit(X[train], grades[train], qid=query[train])
    before = clone(model).set_params(learning_rate_init=1e-12, max_iter=1)
    before.fit(X[train], grades[train], qid=query[train])
    scores = [m.score(X[~train], grades[~train], qid=query[~train]) for m in (before, model)]
    assert scores[1] > max(0.93, scores[0] + 0.1)


def test_score_is_the_mean_gain_of_the_queries(documents):
    X, grades, query = documents
    model = quick(max_iter=1, k=5, gain="linear").fit(X, grades, qid=query)
    expected = mean_ndcg(grades, model.predict(X), qid=query, k=5, gain="linear")
    assert model.score(X, grades, qid=query) == expected
    weights = (query % 3 == 0).astype(float)
    third = query % 3 == 0
    assert model.score(X, grades, qid=query, sample_weight=weights) == pytest.approx(
        model.score(X[third], grades[third], qid=query[third])
    )


def test_order_of_the_documents_and_names_of_the_queries_do_not_matter(documents):
    X, grades, query = documents
    names = np.array([f"query {number:03d}" for number in query])
    order = np.argsort(query, kind="stable")
    model = quick(max_iter=2).fit(X[order], grades[order], qid=query[order])
    same = quick(max_iter=2).fit(X[order], grades[order], qid=names[order])
    np.testing.assert_array_equal(model.predict(X), same.predict(X))
    shuffled = model.score(X, grades, qid=query)
    assert model.score(X[order], grades[order], qid=names[order]) == pytest.approx(shuffled)


def test_without_queries_all_documents_are_one_list(documents):
    X, grades, _ = documents
    model = quick().fit(X, grades)
    assert model.score(X, grades) == mean_ndcg(grades, model.predict(X))
    together = quick().fit(X, grades, qid=np.zeros(len(X)))
    np.testing.assert_array_equal(together.predict(X), model.predict(X))


def test_score_without_the_queries_of_the_fit_raises(documents):
    X, grades, query = documents
    model = quick(max_iter=1).fit(X, grades, qid=query)
    with pytest.raises(ValueError, match="qid must be passed to score, as to fit, got None"):
        model.score(X, grades)
    with pytest.raises(ValueError, match="qid must be passed to the scorer"):
        mean_ndcg_scorer(model, X, grades)
    alone = quick(max_iter=1).fit(X, grades)
    assert mean_ndcg_scorer(alone, X, grades) == alone.score(X, grades)


def test_column_of_a_data_frame_needs_no_routing(frame, documents):
    X, grades, query = documents
    table, _ = frame
    model = quick(max_iter=2).fit(table, grades)
    assert model.feature_names_in_.tolist() == list("abcdef")
    expected = clone(model).fit(X, grades, qid=query)
    scores = expected.predict(X)
    np.testing.assert_allclose(model.predict(table), scores, atol=1e-5)
    np.testing.assert_allclose(model.predict(table.drop(columns="qid")), scores, atol=1e-5)
    gain = expected.score(X, grades, qid=query)
    assert model.score(table, grades) == pytest.approx(gain, abs=1e-3)
    folds = GroupKFold(3).split(table, grades, query)
    scores = cross_val_score(model, table, grades, cv=folds, error_score="raise")
    assert (scores > 0.5).all()


def test_search_with_grouped_folds_routes_the_queries(documents, routing):
    X, grades, query = documents
    ranker = quick(max_iter=3).set_fit_request(qid=True).set_score_request(qid=True)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), ranker),
        {"queryranker__loss": ["ndcg", "map"]},
        cv=GroupKFold(3),
        error_score="raise",
    )
    search.fit(X, grades, groups=query, qid=query)
    assert (search.cv_results_["mean_test_score"] > 0.5).all()
    expected = search.best_estimator_.score(X, grades, qid=query)
    assert search.score(X, grades, qid=query) == expected
    assert expected == mean_ndcg(grades, search.predict(X), qid=query)


def test_scorer_of_a_search_receives_the_queries(documents, routing):
    X, grades, query = documents
    scorer = QueryScorer(mean_average_precision).set_score_request(qid=True)
    ranker = quick(max_iter=3).set_fit_request(qid=True).set_score_request(qid=False)
    search = GridSearchCV(
        ranker, {"k": [None, 5]}, scoring=scorer, cv=GroupKFold(3), error_score="raise"
    )
    search.fit(X, grades, groups=query, qid=query)
    assert (search.cv_results_["mean_test_score"] > 0.3).all()


def test_scorer_reads_the_column(frame):
    table, grades = frame
    model = make_pipeline(quick(max_iter=1)).fit(table, grades)
    expected = mean_ndcg(grades, model.predict(table), qid=table["qid"], k=5)
    assert QueryScorer(mean_ndcg, k=5)(model, table, grades) == expected


def test_scorer_tells_where_the_column_became_a_feature(frame):
    table, grades = frame
    pipeline = make_pipeline(StandardScaler(), quick(max_iter=1))
    with pytest.raises(ValueError, match=r"set_output\(transform='pandas'\)"):
        mean_ndcg_scorer(pipeline.fit(table, grades), table, grades)
    queries = make_column_transformer(
        ("passthrough", ["qid"]), remainder=StandardScaler(), verbose_feature_names_out=False
    )
    pipeline = make_pipeline(queries, quick(max_iter=1)).set_output(transform="pandas")
    assert 0 < mean_ndcg_scorer(pipeline.fit(table, grades), table, grades) <= 1


def test_network_of_ones_own_scores_documents(documents):
    X, grades, query = documents

    def build(input_shape, n_outputs):
        return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(n_outputs)])

    model = quick(network=build).fit(X, grades, qid=query)
    assert model.predict(X).shape == (len(X),)
    assert model.score(X, grades, qid=query) > 0.93


def test_lists_longer_than_a_batch_are_learnt_in_parts(documents):
    X, grades, query = documents
    model = quick(batch_size=32, max_iter=20).fit(X, grades, qid=query // 60)
    assert model.score(X, grades, qid=query) > 0.9


def test_weight_decay_is_chosen_on_held_out_queries(documents, monkeypatch):
    X, grades, query = documents
    judged = []

    def ndcg(relevance, scores, **options):
        judged.append((len(relevance), options["k"]))
        return [0.3, 0.9, 0.4, 0.2, 0.1][len(judged) - 1]

    with monkeypatch.context() as patch:
        patch.setattr(_plan, "mean_ndcg", ndcg)
        model = quick(max_iter=5, alpha="auto", k=3).fit(X, grades, qid=query)
    assert model.alpha_ == _defaults.DECAYS[1]
    assert [k for _, k in judged] == [3] * len(_defaults.DECAYS)
    assert len({length for length, _ in judged}) == 1
    assert judged[0][0] < len(X) / 2
    given = quick(max_iter=5, alpha=model.alpha_, k=3).fit(X, grades, qid=query)
    np.testing.assert_array_equal(given.predict(X), model.predict(X))
    assert quick(max_iter=1, alpha="auto").fit(X, grades).alpha_ == _defaults.DECAY


@pytest.mark.usefixtures("by_xla")
def test_same_seed_same_bits_and_nothing_traced_twice(documents):
    X, grades, query = documents
    first = quick(max_iter=3, batch_size=512).fit(X, grades, qid=query)
    traced = trace_count()
    second = clone(first).fit(X, grades, qid=query)
    part = clone(first).fit(X[:-3], grades[:-3], qid=query[:-3])
    assert trace_count() == traced
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    assert (part.predict(X) != first.predict(X)).any()
    assert first.predict(X).dtype == np.float32


def test_saved_model_predicts_without_tensorflow(documents, fresh_process, tmp_path):
    X, grades, query = documents
    model = quick(max_iter=1).fit(X, grades, qid=query)
    joblib.dump((model, X, model.predict(X)), tmp_path / "model.joblib")
    code = (
        "import sys, joblib; model, X, expected = joblib.load('model.joblib');"
        "print((model.predict(X) == expected).all(), 'tensorflow' in sys.modules)"
    )
    assert fresh_process(code, directory=tmp_path).stdout == "True False\n"


def test_early_stopping_keeps_the_best(documents):
    X, grades, query = documents
    model = quick(early_stopping=True, n_iter_no_change=3, max_iter=200)
    model.fit(X, grades, qid=query)
    assert len(model.validation_scores_) == model.n_iter_ < 200
    assert model.best_loss_ == pytest.approx(1 - max(model.validation_scores_))


def test_warm_start_goes_on(documents):
    X, grades, query = documents
    model = quick(warm_start=True, max_iter=5).fit(X, grades, qid=query)
    before = model.loss_curve_[-1]
    assert model.fit(X, grades, qid=query).loss_curve_[-1] < before


def test_failed_fit_leaves_the_earlier_one(documents):
    X, grades, query = documents
    model = quick(max_iter=1).fit(X, grades, qid=query)
    before = model.predict(X)
    with pytest.raises(ValueError, match="at least 0, got -1"):
        model.fit(X[:, :2], grades - 1)
    np.testing.assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize(
    ("parameters", "grades", "qid", "message"),
    [
        ({}, None, None, "requires y to be passed"),
        ({}, [0, 0, 1, 1], [0, 0, 1, 1], "y must hold different relevance"),
        ({}, [0, 1, 2, 40], None, "at most 30 .* got 40: use gain='linear'"),
        ({}, [0, 1, 0, 1], [0, 1], "inconsistent numbers of samples"),
        ({"early_stopping": True}, [0, 1, 0, 1], None, "2 queries to learn from .*, got 1"),
        ({"loss": "recall_paper", "projection": "none"}, [0, 1, 0, 1], None, "has no gradient"),
        ({"loss": "auc"}, [0, 1, 0, 1], None, "The 'loss' parameter of QueryRanker must be"),
        ({"loss": "map"}, [0, 1, 2, 40], None, "at most 30 .* got 40: use gain='linear'"),
        ({"batch_size": 1}, [0, 1, 0, 1], None, "The 'batch_size' parameter of QueryRanker"),
        ({"hidden_layer_sizes": "wide"}, [0, 1, 0, 1], None, "The 'hidden_layer_sizes' parameter"),
        (
            {},
            [0, 1, 0, 1],
            ["a", "a", "b", None],
            "qid must not be missing, got None for document 3",
        ),
    ],
)
def test_bad_input(parameters, grades, qid, message):
    with pytest.raises(ValueError, match=message):
        quick(**parameters).fit(np.arange(8.0).reshape(4, 2), grades, qid=qid)


@pytest.mark.parametrize("loss", ["recall", "recall_paper", "map", "ndcg"])
def test_every_loss_learns_with_untouched_defaults(documents, loss):
    X, grades, query = documents
    model = QueryRanker(loss=loss, max_iter=10, random_state=0).fit(X, grades, qid=query)
    assert model.score(X, grades, qid=query) > 0.8
