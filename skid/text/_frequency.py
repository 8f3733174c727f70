"""What the number of times a word occurs says of it."""

import numpy as np

from skid.text._vocabulary import N_RESERVED, Corpus

HIDDEN_PRIOR = 4.0
"""A word that occurs so often is hidden from the selector half of the time."""
USUAL_SHARE = 1e-3
"""A word of this share of the tokens has a rarity of one half."""


def word_counts(corpus: Corpus, n_words: int, rows: np.ndarray) -> np.ndarray:
    """How often each word occurs in some of the texts, int of shape (n_words,).

    Parameters
    ----------
    corpus : Corpus
    n_words : int
        With the reserved numbers.
    rows : int array
        Texts to count in.
    """
    used = np.zeros(len(corpus), bool)
    used[rows] = True
    return np.bincount(corpus.ids[np.repeat(used, corpus.lengths)], minlength=n_words)


def hidden_shares(counts: np.ndarray) -> np.ndarray:
    """How often each word is hidden from the selector: ``a / (a + count)``.

    The reserved numbers never are (Kiperwasser and Goldberg, TACL 2016).
    """
    shares = HIDDEN_PRIOR / (HIDDEN_PRIOR + counts)
    shares[:N_RESERVED] = 0.0
    return shares


def rarity(counts: np.ndarray) -> np.ndarray:
    """Rarity of each word: ``a / (a + p)``, with its share p of all tokens.

    It is 1 for a word that was never seen, and near 0 for the most frequent ones: the weight of a
    word in a sentence vector by Arora, Liang and Ma (ICLR 2017).

    Examples
    --------
    >>> import numpy as np
    >>> from skid.text._frequency import rarity
    >>> rarity(np.array([0, 0, 0, 10, 990, 9000])).round(3)
    array([1.   , 1.   , 1.   , 0.5  , 0.01 , 0.001])
    """
    return USUAL_SHARE / (USUAL_SHARE + counts / max(1, counts.sum()))
