"""Metrics of rankings by query: discounted gain, average precision, recall."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skid.metrics._weights import checked_weights

GAINS = ("exponential", "linear")
_LARGEST_GRADE = 30


def gains_of(relevance: np.ndarray, gain: str) -> np.ndarray:
    """Return the gain of each relevance: ``2^relevance - 1``, or the relevance itself.

    Raises
    ------
    ValueError
        If a relevance is negative or not finite, or too large for the exponential gain.
    """
    relevance = np.asarray(relevance, np.float64)
    if not np.isfinite(relevance).all() or (relevance < 0).any():
        wrong = relevance[~(relevance >= 0) | ~np.isfinite(relevance)][0]
        raise ValueError(f"the relevance of a document must be finite and at least 0, got {wrong}")
    if gain == "linear":
        return relevance
    if gain != "exponential":
        raise ValueError(f"gain must be one of {GAINS}, got {gain!r}")
    if relevance.max(initial=0) > _LARGEST_GRADE:
        raise ValueError(
            f"the relevance must be at most {_LARGEST_GRADE} with the exponential gain, got "
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

    ``DCG = sum_i gain_i / log2(1 + rank_i)``; NDCG is the DCG divided by the largest DCG of any
    ranking of the documents of the query.

    Parameters
    ----------
    y_true : array-like of shape (n_documents,)
        Relevance, at least 0.
    y_score : array-like of shape (n_documents,)
        The document with the largest score is ranked first. Of equal scores, the least relevant
        document is ranked first, so that constant scores have no advantage.
    qid : array-like of shape (n_documents,), default=None
        Query of each document, in any order. If None, all documents are one list.
    k : int, default=None
        Number of documents at the top that count; all if None.
    gain : {"exponential", "linear"}, default="exponential"
        ``2^relevance - 1``, or the relevance.
    sample_weight : array-like of shape (n_documents,), default=None
        The weight of a query is the mean weight of its documents.

    Returns
    -------
    float
        Between 0 and 1. Queries without a relevant document are ignored.

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
    rankings = lists.ranks(lists.scores), lists.ranks(lists.relevance)
    return lists.mean(*(lists.sums(gains * _discounts(ranks, k)) for ranks in rankings))


def mean_average_precision(
    y_true: Any, y_score: Any, *, qid: Any = None, sample_weight: Any = None
) -> float:
    """Mean over the queries of the average precision.

    The average precision of a query is the mean, over its relevant documents, of the precision
    among the documents up to the rank of that document.

    Parameters
    ----------
    y_true : array-like of shape (n_documents,)
        Relevance: documents above 0 are relevant.
    y_score, qid, sample_weight
        As for `mean_ndcg`.

    Returns
    -------
    float
        Between 0 and 1. Queries without a relevant document are ignored.

    Examples
    --------
    >>> from skid.metrics import mean_average_precision
    >>> mean_average_precision([0, 1, 3, 0], [0.2, 0.1, 0.7, 0.9], qid=[1, 1, 2, 2])
    0.5
    """
    lists = _Lists(y_true, y_score, qid, sample_weight)
    relevant = (lists.relevance > 0).astype(np.float64)
    ranks = lists.ranks(lists.scores)
    order = np.lexsort((ranks, lists.query))
    running = np.cumsum(relevant[order])
    starts = np.searchsorted(lists.query[order], lists.query[order])
    found = np.empty(len(order))
    found[order] = running - (running - relevant[order])[starts]
    return lists.mean(lists.sums(relevant * found / ranks), lists.sums(relevant))


def recall_at_k(
    y_true: Any, y_score: Any, *, k: int = 10, qid: Any = None, sample_weight: Any = None
) -> float:
    """Mean over the queries of the fraction of relevant documents among the first k.

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
        Between 0 and 1. Queries without a relevant document are ignored.

    Examples
    --------
    >>> from skid.metrics import recall_at_k
    >>> recall_at_k([0, 1, 3, 0], [0.2, 0.1, 0.7, 0.9], k=1, qid=[1, 1, 2, 2])
    0.0
    """
    lists = _Lists(y_true, y_score, qid, sample_weight)
    _check_cut_off(k)
    relevant = lists.relevance > 0
    first = lists.ranks(lists.scores) <= k
    return lists.mean(lists.sums(relevant & first), lists.sums(relevant))


def numbers_of_queries(qid: np.ndarray) -> np.ndarray:
    """Number the queries of documents from 0.

    Raises
    ------
    ValueError
        If the query of a document is missing.
    """
    # Missing values, such as NaN or NaT, differ from themselves, or are None.
    missing = qid != qid
    if qid.dtype == object:
        missing |= np.array([query is None for query in qid])
    if missing.any():
        raise ValueError(
            f"qid must not be missing, got {qid[missing][0]} for document {missing.argmax()}"
        )
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
            document = int(np.isfinite(self.scores).argmin())
            raise ValueError(
                f"y_score must be finite, got {self.scores[document]} for document {document}"
            )
        self.query = numbers_of_queries(qid)
        weights = checked_weights(sample_weight, len(self.query))
        self.weights = self.sums(weights) / np.bincount(self.query)

    def ranks(self, scores: np.ndarray) -> np.ndarray:
        """Rank of each document in its list; of equal scores the least relevant comes first."""
        order = np.lexsort((self.relevance, -scores, self.query))
        grouped = self.query[order]
        ranks = np.empty(len(order), int)
        ranks[order] = 1 + np.arange(len(order)) - np.searchsorted(grouped, grouped)
        return ranks

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum over the documents of each query."""
        return np.bincount(self.query, weights=values)

    def mean(self, sums: np.ndarray, largest: np.ndarray) -> float:
        """Weighted mean of the ratio of each query's sum to the largest possible one."""
        counted = (largest > 0) & (self.weights > 0)
        if not counted.any():
            raise ValueError("at least one query must have a relevant document, got none")
        ratios = sums[counted] / largest[counted]
        return float(np.average(ratios, weights=self.weights[counted]))


def _discounts(ranks: np.ndarray, k: int | None) -> np.ndarray:
    _check_cut_off(k)
    discounts = 1 / np.log2(1 + ranks)
    return discounts if k is None else np.where(ranks <= k, discounts, 0.0)


def _check_cut_off(k: int | None) -> None:
    if k is not None and k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
