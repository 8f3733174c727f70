import re
from collections import Counter

import joblib
import keras
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import (
    check_do_not_raise_errors_in_init_or_set_params,
    check_estimator_cloneable,
    check_estimator_repr,
    check_estimator_tags_renamed,
    check_get_params_invariance,
    check_mixin_order,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
    check_valid_tag_types,
)

from skid import RationaleClassifier, RationaleRegressor
from skid.engine import trace_count
from skid.gradients import RelaxedTopK
from skid.text._embedding import first_vectors
from skid.text._vocabulary import Vocabulary

from .conftest import BAD, FILLING, GOOD, quick


def hits(rationales, places):
    """Share of the selected words that are planted ones."""
    found = [
        len({place for _, place in words} & {*known})
        for words, known in zip(rationales, places, strict=True)
    ]
    return sum(found) / sum(map(len, places))


def test_selects_the_planted_words_and_predicts_from_them(fitted, unseen):
    texts, labels, places = unseen
    assert fitted.score(texts, labels) == 1.0
    rationales = fitted.explain(texts)
    assert hits(rationales, places) > 0.95
    for text, words in zip(texts, rationales, strict=True):
        assert [word for word, _ in words] == [text.split()[place] for _, place in words]
        assert [place for _, place in words] == sorted({place for _, place in words})
        assert len(words) == 2


def test_another_way_through_the_solver(planted, unseen):
    texts, labels, _ = planted
    model = quick(gradient=RelaxedTopK(2), projection="none").fit(texts, labels)
    assert model.loss_curve_[-1] < 0.5 * model.loss_curve_[0]
    assert model.score(*unseen[:2]) > 0.9


def test_prediction_comes_from_the_selected_words_only(fitted, unseen):
    texts = unseen[0]
    rationales = fitted.explain(texts)
    kept = [" ".join(word for word, _ in words) for words in rationales]
    np.testing.assert_allclose(fitted.predict_proba(kept), fitted.predict_proba(texts), atol=1e-6)
    turned = [" ".join(word for word, _ in words[::-1]) for words in rationales]
    np.testing.assert_allclose(fitted.predict_proba(turned), fitted.predict_proba(texts), atol=1e-6)


def test_a_text_is_answered_alike_alone_and_among_others(fitted, unseen):
    texts = [*unseen[0][:20], "", " ".join(unseen[0])]
    together = fitted.predict_proba(texts)
    alone = np.concatenate([fitted.predict_proba([text]) for text in texts])
    np.testing.assert_allclose(alone, together, atol=1e-6)
    assert fitted.explain(texts) == [fitted.explain([text])[0] for text in texts]


def test_share_of_the_words(planted):
    texts, labels, _ = planted
    model = quick(k=0.25, max_iter=1).fit(texts, labels)
    for text, words in zip(texts, model.explain(texts), strict=True):
        assert len(words) == int(np.ceil(len(text.split()) / 4))


def test_words_that_decide_come_first_and_then_the_rare_ones(planted, unseen):
    random = np.random.RandomState(0)
    names = [f"name{number}" for number in range(200)]

    def with_names(texts):
        return [f"the {text} of {' '.join(random.choice(names, 3))} of the" for text in texts]

    texts, unseen_texts = with_names(planted[0]), with_names(unseen[0])
    places = [[place + 1 for place in where] for where in unseen[2]]
    counts = Counter(" ".join(texts).split())
    n_names = []
    for weight in (0.0, "auto", 1e6):
        model = quick(k=3, max_iter=20, rarity_weight=weight).fit(texts, planted[1])
        rationales = model.explain(unseen_texts)
        if weight == 1e6:
            for text, words in zip(unseen_texts, rationales, strict=True):
                rarest = sorted(counts[word] for word in text.split())[:3]
                assert sorted(counts[word] for word, _ in words) == rarest
        else:
            assert hits(rationales, places) > 0.95
            n_names.append(sum(word in names for words in rationales for word, _ in words))
    # The third word of nearly every text, which without the preference is often another one.
    assert n_names[1] > 95
    assert n_names[0] < 85


def test_words_and_numbers_give_what_the_text_gives(fitted, planted, unseen):
    texts, labels, _ = planted
    words = [text.split() for text in texts]
    numbers = {word: 5 + index for index, word in enumerate(sorted({*FILLING, *GOOD, *BAD}))}
    ids = [[numbers[word] for word in text] for text in words]
    padded = np.zeros((len(ids), 30), int)
    for row, text in zip(padded, ids, strict=True):
        row[30 - len(text) :] = text
    by_words = clone(fitted).fit(words, labels)
    expected = by_words.explain(words[:20])
    assert expected == fitted.explain(texts[:20])
    vocabulary = dict(zip(fitted.vocabulary_, map(numbers.get, fitted.vocabulary_), strict=True))
    by_numbers = clone(fitted).set_params(vocabulary=vocabulary)
    by_lists = clone(by_numbers).fit(ids, labels)
    by_array = by_numbers.fit(padded, labels)
    np.testing.assert_array_equal(by_lists.predict_proba(ids), by_array.predict_proba(padded))
    assert by_lists.score(ids, labels) == 1.0
    shifted = [
        [(word, place + 30 - len(text)) for word, place in found]
        for text, found in zip(ids, by_lists.explain(ids), strict=True)
    ]
    assert by_array.explain(padded) == shifted
    page = re.sub("<.*?>", "", by_lists.explain(ids[:1], as_html=True))
    assert texts[0] in page


def test_regression(planted, unseen):
    def ratings(texts):
        counts = [
            [sum(word in words for word in text.split()) for words in (GOOD, BAD)] for text in texts
        ]
        return np.array(counts) * [2.0, -10.0] + [1.0, 0.0]

    model = RationaleRegressor(
        2,
        max_iter=30,
        learning_rate_init=0.02,
        n_filters=16,
        embedding_size=16,
        hidden_layer_sizes=16,
        alpha=0.0,
        noise_scale=1.0,
        random_state=0,
    )
    model.fit(planted[0], ratings(planted[0]))
    assert model.score(unseen[0], ratings(unseen[0])) > 0.9
    assert hits(model.explain(unseen[0]), unseen[2]) > 0.9
    assert model.predict(unseen[0]).shape == (100, 2)


def test_words_that_explain_another_model(planted, unseen):
    texts = planted[0]
    # The model goes by the length of the text and one planted word: not by y.
    other = make_pipeline(CountVectorizer(vocabulary=["superb", "dull"]), LogisticRegression())
    other.fit(texts, ["superb" in text for text in texts])
    model = quick(explain_model=FrozenEstimator(other), k=1).fit(texts)
    assert model.classes_.tolist() == [False, True]
    assert model.score(unseen[0]) > 0.97
    assert model.score(unseen[0], other.predict(unseen[0])) == model.score(unseen[0])
    with_superb = [text for text in unseen[0] if "superb" in text]
    assert np.mean([words[0][0] == "superb" for words in model.explain(with_superb)]) > 0.9


class Asked:
    """A model that keeps what it is asked about."""

    classes_ = np.array(["bad", "good"])

    def __init__(self):
        self.asked = []

    def predict_proba(self, X):
        self.asked.append(X)
        return np.full((len(X), 2), 0.5)


def test_another_model_is_asked_about_parts_of_texts(planted):
    for n_parts in (0, 2):
        model = Asked()
        quick(explain_model=model, max_iter=1, n_parts=n_parts).fit(planted[0])
        assert model.asked[0] is planted[0]
        assert len(model.asked) == 1 + n_parts


def test_answers_about_parts_say_what_whole_texts_hide(planted, unseen):
    class Veiled:
        """Knows nothing of whole texts, and what is good in a few words."""

        classes_ = np.arange(2)

        def predict_proba(self, X):
            short = np.array([len(text.split()) < 6 for text in X])
            good = np.array([any(word in text.split() for word in GOOD) for text in X])
            return np.stack([1 - short * good, short * good], axis=1).astype(float)

    model = quick(explain_model=Veiled(), n_parts=2, max_iter=12).fit(planted[0])
    proba = model.predict_proba([" ".join([GOOD[0], *FILLING[:2]]), " ".join(FILLING[:3])])
    assert proba[0, 1] > proba[1, 1] + 0.3


def test_numbers_of_another_model(planted):
    texts, _, _ = planted
    other = make_pipeline(TfidfVectorizer(), Ridge())
    other.fit(texts, [float("superb" in text) for text in texts])
    model = RationaleRegressor(
        1,
        explain_model=FrozenEstimator(other),
        max_iter=10,
        learning_rate_init=0.02,
        n_filters=16,
        embedding_size=16,
        hidden_layer_sizes=16,
        alpha=0.0,
        noise_scale=1.0,
        random_state=0,
    )
    assert model.fit(texts).score(texts) > 0.5
    assert model.predict(texts).shape == (300,)


@pytest.mark.usefixtures("by_xla")
def test_same_seed_same_bits_and_nothing_traced_twice(planted, unseen):
    texts, labels, _ = planted
    first = quick().fit(texts, labels)
    traced = trace_count()
    again = clone(first).fit(texts, labels)
    np.testing.assert_array_equal(again.predict_proba(unseen[0]), first.predict_proba(unseen[0]))
    other = clone(first).set_params(random_state=1, k=3, learning_rate_init=0.005, max_iter=2)
    other.fit(texts[:299], labels[:299])
    assert trace_count() == traced
    assert (other.predict_proba(unseen[0]) != first.predict_proba(unseen[0])).any()


def test_saved_model_predicts_and_explains_without_tensorflow(
    fitted, unseen, fresh_process, tmp_path
):
    texts = unseen[0]
    saved = (fitted, texts, fitted.predict_proba(texts), fitted.explain(texts))
    joblib.dump(saved, tmp_path / "model.joblib")
    code = (
        "import sys, joblib; model, texts, proba, words = joblib.load('model.joblib');"
        "print((model.predict_proba(texts) == proba).all(), model.explain(texts) == words,"
        "      len(model.explain(texts, as_html=True)) > 1000, 'tensorflow' in sys.modules)"
    )
    assert fresh_process(code, directory=tmp_path).stdout == "True True True False\n"


def test_weights_of_texts(planted):
    texts, labels, _ = planted
    turned = np.where(labels == "good", "bad", "good")
    wrong = np.arange(300) % 2 == 0
    model = quick(early_stopping=False, max_iter=20)
    model.fit(texts, np.where(wrong, turned, labels), sample_weight=~wrong)
    assert model.score(texts, labels) > 0.95
    one_sided = quick(max_iter=8, class_weight={"good": 0, "bad": 1}).fit(texts, labels)
    assert (one_sided.predict(texts) == "bad").all()


def test_early_stopping_keeps_the_best(planted):
    texts, labels, _ = planted
    noisy = np.random.RandomState(0).permutation(labels)
    model = quick(max_iter=40, n_iter_no_change=2).fit(texts, noisy)
    # An epoch takes 5 steps, and there are 25 from one validation to the next.
    assert 5 * len(model.validation_scores_) == model.n_iter_ == len(model.loss_curve_) < 40
    assert model.best_loss_ == pytest.approx(1 - max(model.validation_scores_))
    assert max(model.validation_scores_) < 0.75
    assert not hasattr(
        quick(max_iter=1, early_stopping=False).fit(texts, noisy), "validation_scores_"
    )


def test_warm_start_without_networks_to_go_on_from_starts_anew(planted):
    texts, labels, _ = planted
    model = quick(max_iter=1).fit(texts, labels).set_params(warm_start=True)
    other = [text.upper().replace("WORD", "WORT") for text in texts]
    model.set_params(lowercase=False).fit(other, np.where(labels == "good", "gut", "schlecht"))
    assert model.classes_.tolist() == ["gut", "schlecht"]
    assert all(word.isupper() for word in model.vocabulary_)


def test_warm_start_goes_on(planted):
    texts, labels, _ = planted
    model = quick(warm_start=True, max_iter=3).fit(texts, labels)
    before, vocabulary = model.loss_curve_[0], dict(model.vocabulary_)
    assert model.fit(texts[:295], labels[:295]).loss_curve_[0] < 0.8 * before
    assert model.vocabulary_ == vocabulary
    with pytest.raises(ValueError, match="classes must be those of the last fit"):
        model.fit(texts, np.where(labels == "good", "fine", "bad"))


def test_word_vectors_of_the_user(planted):
    texts, labels, _ = planted
    vectors = {word: np.eye(3)[0] for word in GOOD} | {word: np.eye(3)[1] for word in BAD}
    model = quick(embedding=vectors, freeze_embedding=True, max_iter=20).fit(texts, labels)
    table = model._model.weights["embedding"]
    assert table.shape == (2 + 36, 6)
    np.testing.assert_array_equal(table[2 + model.vocabulary_["dull"]], [0, 1, 0, 0, 1, 0])
    assert model.score(texts, labels) > 0.95


@pytest.mark.parametrize(
    ("embedding", "vocabulary"),
    [
        (np.arange(20.0).reshape(5, 4), Vocabulary.given({"dull": 4, "superb": 2}, "texts")),
        (np.arange(20).reshape(5, 4), Vocabulary.given({"dull": 4, "superb": 2}, "ids")),
        (
            {"superb": range(8, 12), "dull": range(16, 20)},
            Vocabulary(["superb", "dull"], ["superb", "dull"]),
        ),
    ],
)
def test_rows_of_word_vectors(embedding, vocabulary):
    table = first_vectors(embedding, 50, vocabulary, np.random.RandomState(0), np.float32)
    np.testing.assert_array_equal(table[2:, :4], np.arange(20).reshape(5, 4)[[2, 4]])
    np.testing.assert_array_equal(table[:, 4:], table[:, :4])
    assert table.dtype == np.float32


def test_networks_of_the_user(planted, unseen):
    def select(input_shape, n_outputs):
        return keras.Sequential(
            [
                keras.Input(input_shape),
                keras.layers.Conv1D(8, 3, padding="same", activation="relu"),
                keras.layers.Dropout(0.1),
                keras.layers.Dense(n_outputs),
            ]
        )

    def predict(input_shape, n_outputs):
        return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(n_outputs)])

    texts, labels, _ = planted
    model = quick(selector_network=select, network=predict).fit(texts, labels)
    assert model.score(*unseen[:2]) > 0.95
    assert hits(model.explain(unseen[0]), unseen[2]) > 0.9
    with pytest.raises(
        ValueError, match=r"network must map \(None, None, 16\) to \(None, None, 1\)"
    ):
        quick(
            selector_network=lambda shape, n: keras.Sequential(
                [keras.Input(shape), keras.layers.Dense(2)]
            )
        ).fit(texts, labels)


def test_in_a_pipeline_a_grid_and_cross_validation(planted):
    texts, labels, _ = planted
    clean = FunctionTransformer(lambda X: [text.replace("word", "w") for text in X])
    pipeline = make_pipeline(clean, quick(max_iter=10))
    split = [(np.arange(5, 300), np.arange(5))]
    search = GridSearchCV(pipeline, {"rationaleclassifier__k": [1, 2]}, cv=split)
    search.fit(np.array(texts), labels)
    assert search.best_score_ == 1.0
    model = DummyClassifier(strategy="prior").fit(texts, labels)
    scores = cross_val_score(
        quick(explain_model=FrozenEstimator(model), max_iter=1), texts, labels, cv=split
    )
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("estimator", [RationaleClassifier(), RationaleRegressor()], ids=str)
def test_conventions_of_text_estimators(estimator):
    tags = get_tags(estimator)
    assert tags.input_tags.string
    assert not tags.input_tags.two_d_array
    assert tags.target_tags.required
    assert not get_tags(clone(estimator).set_params(explain_model=1)).target_tags.required
    name = type(estimator).__name__
    for check in (
        check_do_not_raise_errors_in_init_or_set_params,
        check_estimator_cloneable,
        check_estimator_repr,
        check_estimator_tags_renamed,
        check_get_params_invariance,
        check_mixin_order,
        check_no_attributes_set_in_init,
        check_parameters_default_constructible,
        check_set_params,
        check_valid_tag_types,
    ):
        check(name, estimator)


def test_no_number_of_features(fitted):
    assert not hasattr(fitted, "n_features_in_")


@pytest.mark.parametrize("offset", [1e8, 1e12])
def test_numbers_far_from_zero_keep_their_digits(offset):
    texts, y = ["a good film", "a bad film"] * 50, np.array([1.0, 0.0] * 50)
    model = RationaleRegressor(1, random_state=0, max_iter=100).fit(texts, y + offset)
    assert model.score(texts, y + offset) > 0.9


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_numbers_of_any_size(scale):
    texts, y = ["a good film", "a bad film"] * 50, np.array([2.0, 1.0] * 50)
    model = RationaleRegressor(1, random_state=0).fit(texts, scale * y)
    np.testing.assert_allclose(model.predict(texts[:2]) / scale, y[:2], atol=0.01)


def test_each_number_has_a_scale_of_its_own():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 2, (2, 200))
    texts = [
        f"{'good' if a else 'bad'} {'long' if b else 'short'} film"
        for a, b in zip(first, second, strict=True)
    ]
    y = np.c_[first, second + 3 * rng.normal(size=200), np.full(200, 7.0)]
    predicted = RationaleRegressor(2, random_state=0).fit(texts, y).predict(texts)
    np.testing.assert_allclose(predicted[:, 0], first, atol=0.1)
    np.testing.assert_array_equal(predicted[:, 2], 7)
