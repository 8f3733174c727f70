"""Texts: predictions from a few words, and the words themselves."""

from skid.text._classifier import RationaleClassifier
from skid.text._regressor import RationaleRegressor

__all__ = ["RationaleClassifier", "RationaleRegressor"]
