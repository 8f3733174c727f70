"""Seeds for the independent sources of randomness of a fit."""

import numpy as np


def draw_seeds(random_state: np.random.RandomState, size: int | None = None):
    """Draw one seed, or an array of seeds, from 0 to the largest int32."""
    return random_state.randint(np.iinfo(np.int32).max, size=size)
