"""Embeddings for retrieval: the nearest items of a query have its label."""

from skid.retrieval._estimator import RankingRetriever

__all__ = ["RankingRetriever"]
