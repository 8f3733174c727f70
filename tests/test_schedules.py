import numpy as np
import pytest

from skid.schedules import Constant, Geometric, LinearAfter, OffAfter, progress_of


def test_schedules():
    progress = np.array([0.0, 0.25, 0.5, 1.0])
    np.testing.assert_array_equal(Constant()(progress), [1, 1, 1, 1])
    np.testing.assert_array_equal(OffAfter(0.5)(progress), [1, 1, 0, 0])
    np.testing.assert_allclose(Geometric(0.02, start=2.0)(progress), [2, 2 * 0.1**0.5, 0.2, 0.02])
    np.testing.assert_array_equal(OffAfter(1.0)(progress), [1, 1, 1, 1])
    np.testing.assert_allclose(LinearAfter(0.5, 0.2)(progress), [1, 1, 1, 0.2])
    np.testing.assert_allclose(LinearAfter(0.0, 0.2)(progress), [1, 0.8, 0.6, 0.2])


def test_progress():
    np.testing.assert_array_equal(progress_of(np.array([0, 5, 10, 15]), 11), [0, 0.5, 1, 1])
    np.testing.assert_array_equal(progress_of(np.arange(1), 1), [0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OffAfter(1.5), r"fraction must be a number in \[0, 1\], got 1.5"),
        (lambda: LinearAfter(1.0, 0.1), "fraction must be below 1, got 1"),
        (lambda: LinearAfter(0.5, -1), "end must be a finite number of at least 0, got -1"),
        (lambda: OffAfter("a"), "fraction must be .* got 'a'"),
        (lambda: Geometric(0.0), "end must be"),
    ],
)
def test_errors_name_parameter_limit_and_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()
