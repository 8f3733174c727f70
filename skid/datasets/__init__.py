"""Generated data with known costs, decisions, matchings and subsets."""

from skid.datasets.matching_pairs import make_matching_pairs
from skid.datasets.planted_subset import make_planted_subset
from skid.datasets.predicted_costs import make_knapsack, make_shortest_path
from skid.datasets.terrain import make_terrain_paths

__all__ = [
    "make_knapsack",
    "make_matching_pairs",
    "make_planted_subset",
    "make_shortest_path",
    "make_terrain_paths",
]
