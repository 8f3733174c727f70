"""Losses of rows, decisions, rankings and embeddings, on tensors.

A loss is a frozen dataclass. Each kind has a base class, of which you can derive your own losses.
"""

from skid.losses.decisions import (
    DECISION_LOSSES,
    DecisionBatch,
    DecisionLoss,
    FenchelYoung,
    Hamming,
    Regret,
    SPOPlus,
    SquaredCosts,
    SquaredDistance,
)
from skid.losses.embeddings import EmbeddingBatch, EmbeddingLoss
from skid.losses.lists import GroupedLists, RowLists
from skid.losses.matchings import MATCHING_LOSSES, MatchingBatch, SinkhornCrossEntropy
from skid.losses.rankings import (
    NDCG,
    RANKING_LOSSES,
    AveragePrecision,
    PaperRecall,
    RankedLists,
    RankingLoss,
    Recall,
    check_has_gradient,
    rank_loss,
)
from skid.losses.registry import check_one_per_row, loss_of
from skid.losses.rows import (
    ROW_LOSSES,
    CrossEntropy,
    RowLoss,
    SquaredError,
    relative_weights,
    weighted_mean,
)

__all__ = [
    "DECISION_LOSSES",
    "MATCHING_LOSSES",
    "NDCG",
    "RANKING_LOSSES",
    "ROW_LOSSES",
    "AveragePrecision",
    "CrossEntropy",
    "DecisionBatch",
    "DecisionLoss",
    "EmbeddingBatch",
    "EmbeddingLoss",
    "FenchelYoung",
    "GroupedLists",
    "Hamming",
    "MatchingBatch",
    "PaperRecall",
    "RankedLists",
    "RankingLoss",
    "Recall",
    "Regret",
    "RowLists",
    "RowLoss",
    "SPOPlus",
    "SinkhornCrossEntropy",
    "SquaredCosts",
    "SquaredDistance",
    "SquaredError",
    "check_has_gradient",
    "check_one_per_row",
    "loss_of",
    "rank_loss",
    "relative_weights",
    "weighted_mean",
]
