"""Retrieval: embeddings in which a query finds what belongs to it first."""

from skid.retrieval._estimator import RankingRetriever

__all__ = ["RankingRetriever"]
