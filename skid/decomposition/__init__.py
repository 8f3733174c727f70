"""Decomposition: rows as codes of a few ones in each of several groups."""

from skid.decomposition._estimator import DiscreteAutoencoder

__all__ = ["DiscreteAutoencoder"]
