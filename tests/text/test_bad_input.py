import re
from copy import deepcopy

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from skid import RationaleClassifier, RationaleRegressor

from .conftest import quick


def test_texts_without_a_known_word_get_the_answer_of_no_words(fitted):
    texts = ["", "   ", "?!", "xylophone zebra", "superb"]
    proba = fitted.predict_proba(texts)
    assert np.isfinite(proba).all()
    assert (proba[:4] == proba[0]).all()
    assert (proba[4] != proba[0]).any()
    assert fitted.explain(texts) == [[], [], [], [], [("superb", 0)]]
    np.testing.assert_array_equal(fitted.predict_proba([[], []]), proba[:2])
    assert fitted.explain([[], "superb"]) == [[], [("superb", 0)]]
    assert "superb" in fitted.explain([[], "superb"], as_html=True)


def test_trains_on_texts_of_which_some_are_empty(planted):
    texts, labels, _ = planted
    texts = ["", "zzz", *texts[2:]]
    model = quick(max_iter=2, min_df=2).fit(texts, labels)
    assert np.isfinite(model.loss_curve_).all()
    assert [len(words) for words in model.explain(texts[:3])] == [0, 0, 2]


def test_k_longer_than_every_text(planted):
    texts, labels, _ = planted
    with pytest.warns(UserWarning, match="number of words of the longest text, 24"):
        model = quick(k=100, max_iter=20).fit(texts, labels)
    assert model.score(texts, labels) > 0.95
    explained = model.explain(texts)
    assert [[word for word, _ in words] for words in explained] == [text.split() for text in texts]


def test_a_text_of_a_megabyte(fitted, planted):
    long = "word1 " * 90_000 + "superb " * 80_000
    assert len(long) > 2**20
    assert fitted.explain([long])[0] == fitted.explain(["word1 " * 400])[0]
    whole = deepcopy(fitted).set_params(max_length=None)
    (one, first), (other, second) = whole.explain([long])[0]
    assert one == other == "superb"
    assert 90_000 <= first < second < 170_000
    texts, labels, _ = planted
    model = quick(max_iter=1, keep="end").fit([long, *texts[1:]], labels)
    assert {word for word, _ in model.explain([long])[0]} == {"superb"}


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (["", "?"], "at least one word, got no words"),
        (["a", 3], r"X\[1\] must be a string"),
        (["a", ["b"]], "must hold one kind of texts"),
        ("ab", "single str"),
        (None, "must be a list of texts, got NoneType"),
    ],
)
def test_texts(X, message):
    with pytest.raises(ValueError, match=message):
        quick().fit(X, [0, 1])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed"),
        (["a"] * 300, "y must have at least two classes, got 1 class, 'a'"),
        (np.linspace(0, 1, 300), "Unknown label type"),
        ([0, 1], "inconsistent numbers of samples"),
    ],
)
def test_labels(y, message, planted):
    with pytest.raises(ValueError, match=message):
        quick().fit(planted[0], y)
    with pytest.raises(ValueError, match="NaN"):
        RationaleRegressor().fit(["a", "b"], [1.0, np.nan])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"k": 0}, "'k' parameter"),
        ({"k": 1.5}, "'k' parameter"),
        ({"keep": "middle"}, "'keep' parameter"),
        ({"token_pattern": "("}, "token_pattern"),
        ({"min_df": 301}, "min_df=301"),
        ({"embedding": np.ones((3, 2))}, "unless vocabulary is passed"),
        (
            {"embedding": np.ones((3, 2)), "vocabulary": {"dull": 3}, "k": 1},
            "up to 3, got 3 rows",
        ),
        ({"embedding": {"dull": [1, np.nan]}}, "embedding must be finite, got NaN"),
        ({"embedding": {"dull": [1], "superb": [1, 2]}}, r"one length, got lengths \[1, 2\]"),
        ({"embedding": {"other": [1]}}, "vectors of words of the vocabulary, got none"),
        ({"embedding": "glove"}, "must be a mapping"),
        ({"explain_model": 3}, "must have the method predict_proba, got int"),
        ({"explain_model": LogisticRegression()}, "FrozenEstimator"),
        ({"device": "tpu"}, "device must be"),
        ({"vocabulary": ["xylophone"]}, "at least one word of the vocabulary, got none"),
    ],
    ids=str,
)
def test_parameters(parameters, message, planted):
    with pytest.raises((ValueError, NotFittedError), match=message):
        quick(**parameters).fit(*planted[:2])


class Oracle:
    def __init__(self, answers):
        self.answers = answers

    def predict_proba(self, X):
        return self.answers


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (np.ones((2, 2)), r"each of the 300 texts, got an array of shape \(2, 2\)"),
        (np.full((300, 2), np.nan), "must return finite numbers"),
        (np.ones(300), r"of shape \(n, n_classes\), got shape \(300,\)"),
        (-np.ones((300, 2)), "minimum -1"),
    ],
)
def test_answers_of_the_model_to_explain(answers, message, planted):
    with pytest.raises(ValueError, match=message):
        quick(explain_model=Oracle(answers)).fit(planted[0])


def test_upper_case_in_a_vocabulary_is_found_nowhere(planted):
    texts, labels, _ = planted
    words = ["Superb", *{word for text in texts for word in text.split()}]
    with pytest.warns(UserWarning, match="vocabulary holds 'Superb', .* lowercase=True"):
        quick(vocabulary=words, max_iter=1).fit(texts, labels)


def test_score_without_labels_needs_a_model_to_explain(fitted, planted):
    with pytest.raises(ValueError, match="y must be passed without explain_model"):
        fitted.score(planted[0])


def test_sample_weight(planted):
    texts, labels, _ = planted
    with pytest.raises(ValueError, match="zero"):
        quick().fit(texts, labels, sample_weight=np.zeros(300))
    with pytest.raises(ValueError, match=re.escape("sample_weight.shape == (2,)")):
        quick().fit(texts, labels, sample_weight=[1, 2])


def test_not_fitted():
    for method in ("predict", "predict_proba", "predict_log_proba", "explain"):
        with pytest.raises(NotFittedError):
            getattr(RationaleClassifier(), method)(["a"])
    with pytest.raises(NotFittedError):
        RationaleRegressor().predict(["a text"])


def test_failed_fit_leaves_the_earlier_one(planted):
    texts, labels, _ = planted
    model = quick(max_iter=1).fit(texts, labels)
    before = model.predict_proba(texts)
    for X, y in ((texts, ["a"] * 300), (["?"] * 4, [0, 1] * 2)):
        with pytest.raises(ValueError, match=r"at least two classes|at least one word"):
            model.fit(X, y)
        np.testing.assert_array_equal(model.predict_proba(texts), before)


@pytest.mark.parametrize("class_weight", [{0: -1.0, 1: 1.0}, {0: 0.0, 1: 0.0}])
def test_class_weights_that_mean_nothing_are_refused(class_weight):
    model = RationaleClassifier(class_weight=class_weight)
    with pytest.raises(ValueError, match=r"class_weight must be at least 0"):
        model.fit(["good film", "bad film"], [1, 0])


def test_weights_that_leave_no_text_are_refused():
    model = RationaleClassifier(class_weight={0: 0.0, 1: 1.0})
    with pytest.raises(ValueError, match="class_weight must be above 0 for a class"):
        model.fit(["good film", "bad film"], [1, 0], sample_weight=[0, 1])
