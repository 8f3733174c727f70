"""Decomposition: rows as binary codes, with exactly k ones in each of several groups."""

from skid.decomposition._estimator import DiscreteAutoencoder

__all__ = ["DiscreteAutoencoder"]
