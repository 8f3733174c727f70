import numpy as np

from skid.noise import Constant, Geometric, OffAfter


def test_schedules():
    progress = np.array([0.0, 0.25, 0.5, 1.0])
    np.testing.assert_array_equal(Constant()(progress), [1, 1, 1, 1])
    np.testing.assert_array_equal(OffAfter(0.5)(progress), [1, 1, 0, 0])
    np.testing.assert_allclose(Geometric(0.02, start=2.0)(progress), [2, 2 * 0.1**0.5, 0.2, 0.02])
