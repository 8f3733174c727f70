"""Combinatorial solvers, one problem per file; costs are minimised everywhere."""

from skid.solvers.base import CallableSolver, Solver, check_costs
from skid.solvers.subset import TopK

__all__ = ["CallableSolver", "Solver", "TopK", "check_costs"]
