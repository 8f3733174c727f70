"""Where a training ended, for a later one to continue there."""

from dataclasses import dataclass

import numpy as np

from skid.engine.training import Training


@dataclass
class TrainingState:
    """Parameters, optimiser state and number of steps at the end of a training.

    Attributes
    ----------
    parameters : dict of str to array
    moments : tuple of two dict of str to array, or None
        Adam's state.
    n_steps : int
        Steps taken so far: schedules continue there.
    """

    parameters: dict
    moments: tuple[dict, dict] | None = None
    n_steps: int = 0

    @classmethod
    def after(cls, training: Training) -> "TrainingState":
        """State at the end of a training."""
        return cls(training.parameters, training.moments, training.n_steps)

    def resumed(self, fresh: "TrainingState", transient: tuple[str, ...]) -> "TrainingState":
        """The state to continue from, with the ``transient`` parameters of a fresh one.

        ``transient`` holds the beginnings of their names.

        Raises
        ------
        ResumeError
            If the other parameters have other shapes or dtypes than those of a fresh state.
        """

        def is_transient(name: str) -> bool:
            return name.startswith(transient)

        kept, expected = (
            {name: value for name, value in state.parameters.items() if not is_transient(name)}
            for state in (self, fresh)
        )
        if _shapes(kept) != _shapes(expected):
            raise ResumeError(_difference(_shapes(kept), _shapes(expected)))
        restarted = {name: value for name, value in fresh.parameters.items() if is_transient(name)}
        zeros = {name: np.zeros_like(value) for name, value in restarted.items()}
        first, second = (
            {name: moment[name] for name in kept} | zeros for moment in self.moments or (kept, kept)
        )
        moments = None if self.moments is None else (first, second)
        return TrainingState(kept | restarted, moments, self.n_steps)


class ResumeError(ValueError):
    """Networks cannot continue: the estimator or the data would give others."""


def _shapes(parameters: dict) -> dict:
    return {name: (value.shape, value.dtype) for name, value in parameters.items()}


def _difference(kept: dict, expected: dict) -> str:
    """The first weights in which two networks differ, in words."""
    for name in [*expected, *kept]:
        if kept.get(name) != expected.get(name):
            old, new = (_described(weights.get(name)) for weights in (kept, expected))
            return f"the weights {name} were {old} and would be {new}"
    return "the order of the weights"


def _described(shape_and_dtype) -> str:
    if shape_and_dtype is None:
        return "absent"
    shape, dtype = shape_and_dtype
    return f"{dtype} {shape}"
