import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from skid.text._documents import Tokenizer, read_documents
from skid.text._estimator import TOKEN_PATTERN

TOKENIZER = Tokenizer(TOKEN_PATTERN, None, True)


def test_words_keep_their_apostrophes_and_their_places():
    text = "It's A \u00dcber-film, isn\u2019t it? 10/10"
    assert TOKENIZER.words(text) == [
        "it's",
        "a",
        "\u00fcber",
        "film",
        "isn\u2019t",
        "it",
        "10",
        "10",
    ]
    cut = [text[start:stop].lower() for start, stop in TOKENIZER.spans(text)]
    assert cut == TOKENIZER.words(text)


def test_a_lower_case_that_is_longer_does_not_shift_the_places():
    text = "\u0130stanbul is GOOD"
    assert [text[start:stop] for start, stop in TOKENIZER.spans(text)][-1] == "GOOD"


def test_group_of_a_pattern_is_the_word():
    tokenizer = Tokenizer(r"#(\w+)", None, False)
    assert tokenizer.words("a #Big b #small") == ["Big", "small"]
    assert tokenizer.spans("a #Big") == [(3, 6)]
    with pytest.raises(ValueError, match="more than one group"):
        Tokenizer(r"(a)(b)", None, False).words("ab")


def test_words_of_a_callable_are_found_in_the_text_where_they_are_there():
    assert Tokenizer("", str.split, True).spans("a  big  a") == [(0, 1), (3, 6), (8, 9)]
    stems = Tokenizer("", lambda text: [word[:2] + "*" for word in text.split()], True)
    assert stems.words("Good film") == ["go*", "fi*"]
    assert stems.spans("Good film") is None


def test_words_that_a_callable_leaves_out_shift_no_place():
    without = Tokenizer("", lambda text: [word for word in text.split() if word[0] != "t"], True)
    assert without.spans("there here, here") == [(6, 11), (12, 16)]
    assert without.spans("the her there") == [(4, 7)]
    pieces = Tokenizer("", lambda text: ["un", "believ", "able", "film"], True)
    assert pieces.spans("unbelievable film") == [(0, 2), (2, 8), (8, 12), (13, 17)]


@pytest.mark.parametrize(
    ("X", "kind"),
    [
        (["a b", ""], "texts"),
        (np.array(["a b", "c"]), "texts"),
        (np.array(["a b", "c"], object), "texts"),
        (pd.Series(["a b", "c"], index=[7, 3]), "texts"),
        ((text for text in ["a b", "c"]), "texts"),
        ([["a", "b"], [], ("c",)], "words"),
        ([np.array(["a", "b"])], "words"),
        ([[1, 2], [3], []], "ids"),
        ([np.array([1, 2], np.uint16), [np.int64(3)]], "ids"),
        (np.array([[1, 2], [3, 0]]), "ids"),
    ],
)
def test_kinds_of_texts(X, kind):
    assert read_documents(X, TOKENIZER).kind == kind


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("a single text", "must be a list of texts, got a single str"),
        (3, "must be a list of texts, got int"),
        ([], "0 sample.s. while a minimum of 1 is required"),
        ({"a": 1}, "got dict"),
        (csr_array(np.eye(2, dtype=int)), "got csr_array: pass one column"),
        (pd.DataFrame({"text": ["a"]}), "got DataFrame: pass one column"),
        (np.array([["a"], ["b"]]), r"shape \(2, 1\) and dtype <U1"),
        (np.ones((2, 3)), r"shape \(2, 3\) and dtype float64"),
        (np.ones(3), r"X\[0\] must be a string.*got float64"),
        (["a", None], r"X\[1\] must be a string.*got NoneType"),
        (["a", float("nan")], r"X\[1\] must be a string.*got float"),
        ([b"a"], r"X\[0\] must be a string.*got bytes"),
        (["a", ["b"]], r"got 'texts' in X\[0\] and 'words' in X\[1\]"),
        ([["a"], [1]], r"got 'words' in X\[0\] and 'ids' in X\[1\]"),
        ([["a", 1]], r"X\[0\] must hold words or integers, got int, str"),
        ([[1, 0.5]], "got float, int"),
        ([[True]], "got bool"),
        ([[1, -1]], r"X\[0\] must hold numbers of at least 0, got -1"),
    ],
)
def test_what_is_no_list_of_texts(X, message):
    with pytest.raises(ValueError, match=message):
        read_documents(X, TOKENIZER)


def test_kind_of_the_fit_is_kept():
    with pytest.raises(ValueError, match="X must hold 'texts', as in fit, got 'ids'"):
        read_documents([[1]], TOKENIZER, kind="texts")
    assert read_documents([[], []], TOKENIZER, kind="ids").kind == "ids"
