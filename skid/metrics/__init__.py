"""Metrics of decisions, matchings and rankings, and scorers for model selection."""

from skid.metrics.decisions import (
    cost_ratio,
    exact_match,
    hamming,
    optimal_share,
    regret,
    relative_regret,
)
from skid.metrics.matchings import matching_score
from skid.metrics.rankings import mean_average_precision, mean_ndcg, recall_at_k
from skid.metrics.scorers import (
    DecisionScorer,
    QueryScorer,
    cost_ratio_scorer,
    exact_match_scorer,
    mean_average_precision_scorer,
    mean_ndcg_scorer,
    optimal_share_scorer,
    recall_at_k_scorer,
    relative_regret_scorer,
)

__all__ = [
    "DecisionScorer",
    "QueryScorer",
    "cost_ratio",
    "cost_ratio_scorer",
    "exact_match",
    "exact_match_scorer",
    "hamming",
    "matching_score",
    "mean_average_precision",
    "mean_average_precision_scorer",
    "mean_ndcg",
    "mean_ndcg_scorer",
    "optimal_share",
    "optimal_share_scorer",
    "recall_at_k",
    "recall_at_k_scorer",
    "regret",
    "relative_regret",
    "relative_regret_scorer",
]
