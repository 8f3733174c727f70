"""How good rankings of the documents of queries are: gain, average precision, recall."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skid.metrics._weights import checked_weights

GAINS = ("exponential", "linear")
_LARGEST_GRADE = 30


def gains_of(relevance: np.ndarray, gain: str) -> np.ndarray:
    """Gain of each relevance: ``2^relevance - 1``, or the relevance itself.

    Raises
    ------
    ValueError
        If a relevance is negative or not finite, or too large for the exponential gain.
    """
    relevance = np.asarray(relevance, np.float64)
    if not np.isfinite(relevance).all() or (relevance < 0).any():
        culprit = relevance[~(relevance >= 0) | ~np.isfinite(relevance)][0]
        raise ValueError(
            f"the relevance of a document must be finite and at least 0, got {culprit}"
        )
    if gain == "linear":
        return relevance
    if gain != "exponential":
        raise ValueError(f"gain must be one of {GAINS}, but is {gain!r}")
    if relevance.max(initial=0) > _LARGEST_GRADE:
        raise ValueError(
            f"the exponential gain is for grades of at most {_LARGEST_GRADE}, got "
            f"{relevance.max():g}: use gain='linear'"
        )
    return np.exp2(relevance) - 1


def mean_ndcg(
    y_true: Any,
    y_score: Any,
    *,
    qid: Any = None,
    k: int | None = None,
    gain: str = "exponential",
    sample_weight: Any = None,
) -> float:
    """Mean over the queries of the normalised discounted cumulative gain.

    ``NDCG = sum_i gain_i / log2(1 + rank_i)``, divided by the largest sum that any ranking of the
    documents of the query has.

    Parameters
    ----------
    y_true : array-like of shape (n_documents,)
        Relevance, at least 0.
    y_score : array-like of shape (n_documents,)
        The document with the largest score is ranked first. Of equal scores, the less relevant
        one is: a constant score earns nothing.
    qid : array-like of shape (n_documents,), default=None
        Query of each document, in any order. Without it, all documents are one list.
    k : int, default=None
        Only the first k documents count.
    gain : {"exponential", "linear"}, default="exponential"
        ``2^relevance - 1``, or the relevance.
    sample_weight : array-like of shape (n_documents,), default=None
        A query counts with the mean weight of its documents.

    Returns
    -------
    float
        Between 0 and 1. Queries without a relevant document are left out.

    Raises
    ------
    ValueError
        If lengths differ, a relevance is negative, or no query has a relevant document.

    Examples
    --------
    >>> from skid.metrics import mean_ndcg
    >>> round(mean_ndcg([0, 1, 3, 0], [0.2, 0.1, 0.7, 0.9], qid=[1, 1, 2, 2]), 3)
    0.631
    """
    lists = _Lists(y_true, y_score, qid, sample_weight)
    gains = gains_of(lists.relevance, gain)
    places = lists.places(lists.scores)
    ideal = lists.places(lists.relevance)
    sums = [lists.sums(gains * _discounts(order, k)) for order in (places, ideal)]
    return lists.mean(sums[0], sums[1])


def mean_average_precision(
    y_true: Any, y_score: Any, *, qid: Any = None, sample_weight: Any = None
) -> float:
    """Mean over the queries of the average precision.

    The average precision is the mean, over the relevant documents of a query, of the share of
    relevant ones among the documents down to it.

    Parameters
    ----------
    y_true : array-like of shape (n_documents,)
        Relevance: documents above 0 are relevant.
    y_score, qid, sample_weight
        As for `mean_ndcg`.

    Returns
    -------
    float
        Between 0 and 1. Queries without a relevant document are left out.

    Examples
    --------
    >>> from skid.metrics import mean_average_precision
    >>> mean_average_precision([0, 1, 3, 0], [0.2, 0.1, 0.7, 0.9], qid=[1, 1, 2, 2])
    0.5
    """
    lists = _Lists(y_true, y_score, qid, sample_weight)
    relevant = (lists.relevance > 0).astype(np.float64)
    places = lists.places(lists.scores)
    order = np.lexsort((places, lists.query))
    running = np.cumsum(relevant[order])
    starts = np.searchsorted(lists.query[order], lists.query[order])
    found = np.empty(len(order))
    found[order] = running - (running - relevant[order])[starts]
    return lists.mean(lists.sums(relevant * found / places), lists.sums(relevant))


def recall_at_k(
    y_true: Any, y_score: Any, *, k: int = 10, qid: Any = None, sample_weight: Any = None
) -> float:
    """Mean over the queries of the share of relevant documents that are among the first k.

    Parameters
    ----------
    y_true : array-like of shape (n_documents,)
        Relevance: documents above 0 are relevant.
    y_score, qid, sample_weight
        As for `mean_ndcg`.
    k : int, default=10

    Returns
    -------
    float
        Between 0 and 1. Queries without a relevant document are left out.

    Examples
    --------
    >>> from skid.metrics import recall_at_k
    >>> recall_at_k([0, 1, 3, 0], [0.2, 0.1, 0.7, 0.9], k=1, qid=[1, 1, 2, 2])
    0.0
    """
    lists = _Lists(y_true, y_score, qid, sample_weight)
    _check_cut_off(k)
    relevant = lists.relevance > 0
    first = lists.places(lists.scores) <= k
    return lists.mean(lists.sums(relevant & first), lists.sums(relevant))


def numbers_of_queries(qid: np.ndarray) -> np.ndarray:
    """Number the queries of documents from 0.

    Raises
    ------
    ValueError
        If the query of a document is missing.
    """
    # Whatever is missing, such as nan or NaT, differs from itself, or is None.
    missing = qid != qid
    if qid.dtype == object:
        missing |= np.array([query is None for query in qid])
    if missing.any():
        raise ValueError(f"qid holds {qid[missing][0]} for document {missing.argmax()}")
    return np.unique(qid, return_inverse=True)[1]


class _Lists:
    """Checked documents of queries."""

    def __init__(self, y_true: Any, y_score: Any, qid: Any, sample_weight: Any) -> None:
        self.relevance = column_or_1d(y_true).astype(np.float64)
        gains_of(self.relevance, "linear")
        self.scores = column_or_1d(y_score).astype(np.float64)
        qid = np.zeros(len(self.relevance), int) if qid is None else column_or_1d(qid)
        check_consistent_length(self.relevance, self.scores, qid)
        if not np.isfinite(self.scores).all():
            culprit = int(np.isfinite(self.scores).argmin())
            raise ValueError(
                f"y_score must be finite, but that of document {culprit} is {self.scores[culprit]}"
            )
        self.query = numbers_of_queries(qid)
        weights = checked_weights(sample_weight, len(self.query))
        self.weights = self.sums(weights) / np.bincount(self.query)

    def places(self, scores: np.ndarray) -> np.ndarray:
        """Rank of each document in its list; of equal scores the less relevant comes first."""
        order = np.lexsort((self.relevance, -scores, self.query))
        grouped = self.query[order]
        places = np.empty(len(order), int)
        places[order] = 1 + np.arange(len(order)) - np.searchsorted(grouped, grouped)
        return places

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum over the documents of each query."""
        return np.bincount(self.query, weights=values)

    def mean(self, reached: np.ndarray, possible: np.ndarray) -> float:
        """Weighted mean of what was reached of what was possible, where anything was."""
        counted = (possible > 0) & (self.weights > 0)
        if not counted.any():
            raise ValueError("no query has a relevant document")
        shares = reached[counted] / possible[counted]
        return float(np.average(shares, weights=self.weights[counted]))


def _discounts(places: np.ndarray, k: int | None) -> np.ndarray:
    _check_cut_off(k)
    discounts = 1 / np.log2(1 + places)
    return discounts if k is None else np.where(places <= k, discounts, 0.0)


def _check_cut_off(k: int | None) -> None:
    if k is not None and k < 1:
        raise ValueError(f"k={k} must be at least 1")
