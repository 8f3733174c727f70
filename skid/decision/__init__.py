"""Decisions of a combinatorial solver whose costs a network predicts from features."""

from skid.decision._context import context_array
from skid.decision._estimator import SolverPredictor

__all__ = ["SolverPredictor", "context_array"]
