import numpy as np
import pytest

from skid.text._documents import Tokenizer, read_documents
from skid.text._estimator import TOKEN_PATTERN
from skid.text._vocabulary import Vocabulary


def read(X):
    return read_documents(X, Tokenizer(TOKEN_PATTERN, None, True))


TEXTS = ["b a b", "b c", "c d A"]


@pytest.mark.parametrize(
    ("max_features", "min_df", "expected"),
    [
        (None, 1, ["b", "a", "c", "d"]),
        (2, 1, ["b", "a"]),
        (None, 2, ["b", "a", "c"]),
        (None, 0.6, ["b", "a", "c"]),
    ],
)
def test_most_frequent_words_first(max_features, min_df, expected):
    assert Vocabulary.learnt(read(TEXTS), max_features, min_df).tokens == expected


def test_words_and_numbers_are_counted_alike():
    numbers = [[2, 1, 2], [2, 3], [3, 4, 1]]
    assert Vocabulary.learnt(read(numbers), None, 1).tokens == [2, 1, 3, 4]
    assert Vocabulary.learnt(read(np.array([[0, 2, 2], [0, 0, 1]])), None, 1).tokens == [2, 1]


@pytest.mark.parametrize(("keep", "ids", "offset"), [("start", [3, 2], 0), ("end", [1, 4], 2)])
def test_one_end_of_a_long_text_is_kept(keep, ids, offset):
    corpus = Vocabulary(["b", "a", "c"], []).encode(read(["a b zzz c", "a"]), 2, keep)
    assert corpus.ids.tolist() == [*ids, 3]
    assert corpus.lengths.tolist() == [2, 1]
    assert corpus.offsets.tolist() == [offset, 0]


def test_padding_in_front_and_behind_is_not_read_but_counts():
    vocabulary = Vocabulary([5, 9], [])
    corpus = vocabulary.encode(
        read(np.array([[0, 0, 9, 0, 7, 0], [5, 0, 0, 0, 0, 0]])), None, "start"
    )
    assert corpus.ids.tolist() == [3, 0, 1, 2]
    assert corpus.offsets.tolist() == [2, 0]
    assert corpus.n_known().tolist() == [1, 1]
    assert corpus.padded(np.array([1, 0])).tolist() == [[2, 0, 0], [3, 0, 1]]


def test_huge_numbers_are_unknown_words():
    corpus = Vocabulary([5], []).encode(read([[2**60, 5]]), None, "start")
    assert corpus.ids.tolist() == [1, 2]


def test_empty_texts():
    corpus = Vocabulary(["a"], []).encode(read(["", "?"]), None, "start")
    assert corpus.lengths.tolist() == [0, 0]
    assert corpus.padded(np.arange(2)).tolist() == [[0], [0]]
    assert corpus.n_known().tolist() == [0, 0]


def test_vocabulary_of_the_user():
    named = Vocabulary.given({"good": 7, "<pad>": 0, "bad": 3}, "ids")
    assert (named.tokens, named.names) == ([3, 7], ["bad", "good"])
    assert Vocabulary.given(["x", "a"], "words").tokens == ["x", "a"]
    assert Vocabulary.given({"x", "a"}, "texts").tokens == ["a", "x"]


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        ([], "at least one word, got none"),
        (["a", "a"], "each word once, got .a. twice"),
        ({"a": 1, "b": 1}, "different integers, got 1 for both 'a' and 'b'"),
        ({"a": "b"}, "words to integers, got"),
        ([1, 2], "words to integers, got"),
    ],
)
def test_vocabulary_that_is_none(vocabulary, message):
    with pytest.raises(ValueError, match=message):
        Vocabulary.given(vocabulary, "texts")


@pytest.mark.parametrize(
    ("texts", "min_df", "message"),
    [
        (["", "?!"], 1, "least one word, got no words"),
        (["a", "b"], 2, "vocabulary, got min_df=2"),
    ],
)
def test_nothing_to_learn_a_vocabulary_from(texts, min_df, message):
    with pytest.raises(ValueError, match=message):
        Vocabulary.learnt(read(texts), None, min_df)
