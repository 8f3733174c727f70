"""Losses of a ranking, on tensors: recall, average precision and discounted cumulative gain.

They are functions of discrete ranks. Their gradient is that of *balanced Identity*, or of any rule
of :mod:`skid.gradients`; nothing leaves the device, and a compiler may take all of it.
"""

from skid.rank_losses.lists import GroupedLists, RowLists
from skid.rank_losses.losses import (
    RANK_LOSSES,
    RankedLists,
    check_has_gradient,
    rank_loss,
)

__all__ = [
    "RANK_LOSSES",
    "GroupedLists",
    "RankedLists",
    "RowLists",
    "check_has_gradient",
    "rank_loss",
]
