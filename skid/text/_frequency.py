"""Weights of words that follow from their number of occurrences."""

import numpy as np

from skid.text._vocabulary import N_RESERVED, Corpus

HIDDEN_PRIOR = 4.0
"""A word with this many occurrences is hidden from the selector half of the time."""
USUAL_FREQUENCY = 1e-3
"""A word with this relative frequency has a rarity of one half."""


def word_counts(corpus: Corpus, n_words: int, rows: np.ndarray) -> np.ndarray:
    """Occurrences of each word in the texts ``rows``, int of shape (n_words,).

    ``n_words`` includes the reserved numbers.
    """
    used = np.zeros(len(corpus), bool)
    used[rows] = True
    return np.bincount(corpus.ids[np.repeat(used, corpus.lengths)], minlength=n_words)


def hidden_fractions(counts: np.ndarray) -> np.ndarray:
    """Probability that a word is hidden from the selector: ``a / (a + count)``.

    Reserved numbers are never hidden (Kiperwasser and Goldberg, TACL 2016).
    """
    fractions = HIDDEN_PRIOR / (HIDDEN_PRIOR + counts)
    fractions[:N_RESERVED] = 0.0
    return fractions


def rarity(counts: np.ndarray) -> np.ndarray:
    """Rarity of each word: ``a / (a + p)``, where p is its relative frequency.

    It is 1 for a word that never occurs, and near 0 for the most frequent words: the weight of a
    word in a sentence vector by Arora, Liang and Ma (ICLR 2017).

    Examples
    --------
    >>> import numpy as np
    >>> from skid.text._frequency import rarity
    >>> rarity(np.array([0, 0, 0, 10, 990, 9000])).round(3)
    array([1.   , 1.   , 1.   , 0.5  , 0.01 , 0.001])
    """
    return USUAL_FREQUENCY / (USUAL_FREQUENCY + counts / max(1, counts.sum()))
