"""Matching of the nodes of two graphs."""

from skid.matching._estimator import GraphMatcher
from skid.matching._graphs import Graph

__all__ = ["Graph", "GraphMatcher"]
