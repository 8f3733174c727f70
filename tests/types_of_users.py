"""A user's script, for the type checker: `mypy` must know the type of every line.

It is not run. What a user sees after a dot in an editor follows from the same annotations.
"""

from typing import assert_type

import numpy as np

import skid
from skid import (
    DiscreteAutoencoder,
    GraphMatcher,
    QueryRanker,
    RankingRetriever,
    RationaleClassifier,
    RationaleRegressor,
    SolverPredictor,
    SubsetSelector,
    SubsetSelectorClassifier,
    SubsetSelectorRegressor,
)
from skid.gradients import BlackBox
from skid.losses import NDCG, Hamming
from skid.noise import Gumbel
from skid.solvers import Knapsack, TopK


def script() -> None:
    """Statements of a script; a function, because tests import every file."""
    X, y, texts = np.zeros((20, 5)), np.arange(20) % 2, ["good", "bad"] * 10

    selector = SubsetSelectorClassifier(3, alpha=0.1, gradient=BlackBox(), noise=Gumbel()).fit(X, y)
    assert_type(selector, SubsetSelectorClassifier)
    assert_type(selector.predict(X), np.ndarray)
    assert_type(selector.predict_proba(X), np.ndarray)
    assert_type(selector.explain(X), np.ndarray)
    assert_type(selector.partial_fit(X, y), SubsetSelectorClassifier)
    assert_type(SubsetSelectorRegressor(0.5).fit(X, y).predict(X), np.ndarray)
    assert_type(SubsetSelector("auto", scope="dataset").fit(X).score(X), float)
    predictor = SolverPredictor(TopK(2), loss=Hamming(), max_iter="auto").fit(X, X)
    assert_type(predictor.predict(X), np.ndarray)
    assert_type(predictor.predict_costs(X), np.ndarray)
    assert_type(SolverPredictor(lambda costs: costs).fit(X, X).score(X, X), float)
    retriever = RankingRetriever("map", n_components=8).fit(X, y).set_gallery(X, y)
    assert_type(retriever, RankingRetriever)
    assert_type(retriever.predict(X), np.ndarray)
    assert_type(QueryRanker(NDCG(5), k=5).fit(X, y, qid=y).predict(X), np.ndarray)
    autoencoder = DiscreteAutoencoder(4, group_size=5, k=2, radius=1.0).fit(X)
    assert_type(autoencoder.sample(3), np.ndarray)
    assert_type(autoencoder.inverse_transform(X), np.ndarray)
    pairs, partners = [(X[:, :2], X[:, :2])] * 4, [np.arange(20)] * 4
    matcher = GraphMatcher("quadratic", invariances=("rotation",), unmatched="auto")
    assert_type(matcher.fit(pairs, partners), GraphMatcher)
    assert_type(matcher.predict(pairs), list[np.ndarray])
    assert_type(matcher.predict_proba(pairs), list[np.ndarray])
    assert_type(matcher.score(pairs, partners), float)
    assert_type(RationaleClassifier(2).fit(texts, y).explain(texts), list[list[tuple[str, int]]])
    assert_type(RationaleRegressor(0.2).fit(texts, y).predict(texts), np.ndarray)
    assert_type(Knapsack(weights=[1.0, 2.0], capacity=2.0).solve(X), np.ndarray)
    skid.clear_cache()
