"""Keras layers that contain a combinatorial solver."""

from skid.layers import _start  # noqa: F401
from skid.layers.ranking_layer import RankingLayer
from skid.layers.solver_layer import SolverLayer
from skid.layers.subset_layer import IdentitySubsetLayer

__all__ = ["IdentitySubsetLayer", "RankingLayer", "SolverLayer"]
