"""Predict, then decide: costs from features, decisions from a combinatorial solver."""

from skid.decision._context import context_array
from skid.decision._estimator import SolverPredictor

__all__ = ["SolverPredictor", "context_array"]
