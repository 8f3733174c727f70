"""Warnings that a user may want to catch or to silence by their class."""


class TimeLimitWarning(UserWarning):
    """A solver reached its time limit: the solution is feasible, but may not be optimal."""


class CostCollapseWarning(UserWarning):
    """The predicted costs no longer affect the solution: they are all equal, or all zero."""
