"""Constraints of the parameters of the generators."""

from numbers import Integral, Real

from sklearn.utils._param_validation import Interval

AT_LEAST_ONE = Interval(Integral, 1, None, closed="left")
FRACTION = Interval(Real, 0, 1, closed="both")
NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
