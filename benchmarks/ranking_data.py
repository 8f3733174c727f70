"""Queries with graded documents: two generators, and files in the LETOR format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import dump_svmlight_file, load_svmlight_file

FEATURES = 20
STREAMS = 5
Documents = tuple[np.ndarray, np.ndarray, np.ndarray]


def synthetic(n_queries: int, seed: int) -> Documents:
    """Documents of queries of 1 to 1,000 documents, graded 0 to 4 by a noisy merit.

    The merit is not linear, and what all documents of a query share says nothing of their order.
    """
    X, merit, query = _merits(n_queries, seed)
    random = np.random.RandomState(seed + 1)
    merit = merit + 0.7 * random.normal(size=len(query)) + random.normal(size=n_queries)[query]
    return X, np.digitize(merit, [1.0, 2.2, 3.4, 4.6]), query


def best_order(n_queries: int, seed: int) -> np.ndarray:
    """The merit that the grades of `synthetic` follow but for their noise: no order is better."""
    return _merits(n_queries, seed)[1]


def _merits(n_queries: int, seed: int) -> Documents:
    random = np.random.RandomState(seed)
    lengths = np.clip(np.exp(random.normal(3.5, 1.0, n_queries)), 1, 1000).astype(int)
    query = np.repeat(np.arange(n_queries), lengths)
    X = random.normal(size=(len(query), FEATURES))
    X += 0.5 * random.normal(size=(n_queries, FEATURES))[query]
    merit = X[:, 0] + X[:, 1] * X[:, 2] + np.sin(2 * X[:, 3]) + np.abs(X[:, 4])
    merit -= 0.5 * np.square(X[:, 5]) * (X[:, 6] > 0)
    return X.astype(np.float32), merit, query


def documents_like_letor(n_queries: int, seed: int) -> Documents:
    """Text-retrieval features as raw numbers, skewed and with a scale of their query.

    For each of five streams of a document (title, body, ...): how often it has the terms of the
    query, its length, the rarity of the terms, their products, the length-normalised frequency,
    BM25 and a language-model score; then link counts, a page rank, lengths and noise: 46 columns.
    Grades 0 to 2, about four of five documents 0, as in LETOR 4.0.
    """
    random = np.random.RandomState(seed)
    lengths = np.clip(np.exp(random.normal(3.4, 0.6, n_queries)), 5, 150).astype(int)
    query = np.repeat(np.arange(n_queries), lengths)
    n = len(query)
    topic = random.normal(size=n)
    quality = random.normal(size=n)
    columns = []
    for stream in range(STREAMS):
        length = np.ceil(np.exp(random.normal(2.0 + stream, 0.8, n)))
        rarity = np.exp(random.normal(1.0, 0.5, n_queries))[query]
        share = 0.02 * np.exp(0.9 * topic + 0.5 * random.normal(size=n) - 0.3 * rarity)
        count = random.poisson(share * length)
        saturated = count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / length.mean()))
        model = np.log((count + 10 * 0.01) / (length + 10))
        columns += [count, length, rarity, count * rarity, count / length]
        columns += [rarity * count / length, rarity * saturated, model]
    columns += [np.exp(1.5 * quality + random.normal(size=n)) for _ in range(2)]
    columns += [random.poisson(np.exp(quality)), np.ceil(np.exp(random.normal(3, 1, n)))]
    columns += [random.poisson(4, n), random.normal(size=n)]
    X = np.stack(columns, axis=1).astype(np.float32)
    merit = topic + 0.6 * quality + 0.3 * topic * (quality > 0.5)
    merit += 0.5 * random.normal(size=n) + 0.7 * random.normal(size=n_queries)[query]
    return X, np.digitize(merit, [1.0, 2.2]), query


def letor(folder: Path, part: str) -> Documents:
    """Documents of a file in the LETOR format: ``grade qid:query 1:value 2:value ...``."""
    X, relevance, query = load_svmlight_file(
        str(folder / f"{part}.txt"), dtype=np.float32, query_id=True
    )
    return X.toarray(), relevance.astype(int), query


def write_letor(folder: Path, part: str, documents: Documents) -> None:
    """Write documents in the LETOR format."""
    X, relevance, query = documents
    dump_svmlight_file(X, relevance, str(folder / f"{part}.txt"), zero_based=False, query_id=query)
