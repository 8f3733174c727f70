"""Estimators that choose exactly k features and learn a network on them, end to end."""

from skid.feature_selection._estimators import (
    SubsetSelector,
    SubsetSelectorClassifier,
    SubsetSelectorRegressor,
)

__all__ = ["SubsetSelector", "SubsetSelectorClassifier", "SubsetSelectorRegressor"]
