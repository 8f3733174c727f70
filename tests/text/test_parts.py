import numpy as np
import pandas
import polars
import pytest

from skid.text._documents import Tokenizer, read_documents
from skid.text._parts import random_parts

WORDS = r"\w+"
TEXT = "One Two, THREE; four five. six (seven) eight nine ten"


def is_part(part, whole):
    """Whether some of the words were left out and the others are in their order."""
    rest = iter(whole)
    return all(word in rest for word in part)


def parts_of(X, k=2, tokenizer=None, seed=0):
    tokenizer = tokenizer or Tokenizer(WORDS, None, True)
    documents = read_documents(X, tokenizer)
    return random_parts(X, documents, tokenizer, k, np.random.RandomState(seed)), documents


@pytest.mark.parametrize(
    ("split", "as_written"),
    [(None, True), (str.split, True), (lambda text: ["<s>", *text.upper().split()], False)],
)
def test_parts_of_strings(split, as_written):
    parts, documents = parts_of([TEXT] * 50, tokenizer=Tokenizer(WORDS, split, True))
    for tokens, text in zip(parts.tokens, parts.texts, strict=True):
        assert is_part(tokens, documents.tokens[0])
        assert text.lower() == " ".join(tokens)
    # A tokenizer whose words are not in the text leaves its own words.
    assert any("Two" in text for text in parts.texts) == as_written


def test_parts_of_lists_and_arrays_are_lists_and_arrays():
    words = [TEXT.split()] * 20
    parts, _ = parts_of(words)
    assert all(is_part(text, words[0]) for text in parts.texts)
    assert [[word.lower() for word in text] for text in parts.texts] == parts.tokens
    ids = [np.arange(1, 11), np.array([], int), [3, 4]]
    parts, _ = parts_of(ids)
    assert [list(text) for text in parts.texts] == [list(tokens) for tokens in parts.tokens]
    assert list(parts.texts[1]) == []
    assert list(parts.texts[2]) == [3, 4]
    table = np.tile([0, 0, 5, 6, 0, 7, 8, 9], (30, 1))
    parts, _ = parts_of(table)
    assert parts.texts.dtype == table.dtype
    for row, tokens in zip(parts.texts, parts.tokens, strict=True):
        assert ((row == 0) | (row == table[0])).all()
        assert row[row > 0].tolist() == tokens.tolist()


@pytest.mark.parametrize("library", [pandas, polars])
def test_parts_of_a_series_are_a_series(library):
    for texts in ([TEXT] * 20, [TEXT.split()] * 20):
        parts, _ = parts_of(library.Series(texts))
        assert isinstance(parts.texts, library.Series)
        assert parts.texts.to_list() == parts_of(texts)[0].texts


@pytest.mark.parametrize(("keep", "read"), [("start", range(3, 13)), ("end", range(21, 31))])
def test_parts_are_of_the_words_that_are_read(keep, read):
    padded = np.concatenate([[0, 0], np.arange(3, 31), [0]])
    tokenizer = Tokenizer(WORDS, None, True)
    for X in (padded[np.newaxis].repeat(40, axis=0), [np.arange(3, 31)] * 40):
        documents = read_documents(X, tokenizer)
        random_state = np.random.RandomState(0)
        parts = random_parts(X, documents, tokenizer, 2, random_state, max_length=10, keep=keep)
        assert {int(word) for tokens in parts.tokens for word in tokens} == set(read)


def test_parts_have_from_k_to_all_words_small_ones_as_often_as_large_ones():
    parts, _ = parts_of([np.arange(1, 401)] * 500, k=4)
    sizes = np.array([len(tokens) for tokens in parts.tokens])
    assert sizes.min() >= 4
    assert sizes.max() <= 400
    assert 0.4 < np.mean(sizes < 40) < 0.6
    share, _ = parts_of([np.arange(1, 101)] * 50, k=0.5)
    assert min(map(len, share.tokens)) >= 50
