"""Random numbers of the local searches."""

from __future__ import annotations

import numpy as np

from skid.solvers.kernels.compilation import inner


@inner
def random_below(state, limit):
    """Draw an integer from 0 to limit - 1, by SplitMix64."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    bits = state[0]
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    return np.int64((bits >> np.uint64(11)) % np.uint64(limit))
