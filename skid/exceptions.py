"""Warnings that a user may want to catch or to silence by their class."""


class TimeLimitWarning(UserWarning):
    """A solver ran into its time limit: the solution is feasible, but may not be the best."""


class CostCollapseWarning(UserWarning):
    """The predicted costs no longer matter to the solver: they are all alike, or all zero."""
