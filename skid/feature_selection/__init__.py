"""Estimators that choose exactly k features and train networks on them, end to end."""

from skid.feature_selection._classifier import SubsetSelectorClassifier
from skid.feature_selection._regressor import SubsetSelectorRegressor
from skid.feature_selection._unsupervised import SubsetSelector

__all__ = ["SubsetSelector", "SubsetSelectorClassifier", "SubsetSelectorRegressor"]
