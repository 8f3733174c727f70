"""Combinatorial solvers; all of them minimise costs."""

from skid.solvers.assignment import Assignment
from skid.solvers.base import CallableSolver, Solver, check_costs
from skid.solvers.graph_path import ShortestPath
from skid.solvers.grid_path import GridShortestPath
from skid.solvers.integer_program import IntegerProgram, LinearProgram
from skid.solvers.knapsack import Knapsack
from skid.solvers.matching import PerfectMatching
from skid.solvers.min_cut import MinCut
from skid.solvers.one_hot import OneHot
from skid.solvers.quadratic_assignment import QuadraticAssignment
from skid.solvers.ranking import Ranking
from skid.solvers.spanning_tree import SpanningTree
from skid.solvers.subset import TopK
from skid.solvers.tour import TravelingSalesman

__all__ = [
    "Assignment",
    "CallableSolver",
    "GridShortestPath",
    "IntegerProgram",
    "Knapsack",
    "LinearProgram",
    "MinCut",
    "OneHot",
    "PerfectMatching",
    "QuadraticAssignment",
    "Ranking",
    "ShortestPath",
    "Solver",
    "SpanningTree",
    "TopK",
    "TravelingSalesman",
    "check_costs",
]
