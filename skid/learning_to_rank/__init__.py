"""Learning to rank: the documents of a query, the most relevant first."""

from skid.learning_to_rank._estimator import QueryRanker

__all__ = ["QueryRanker"]
