"""Where a training left off, for the next one to go on from there."""

from dataclasses import dataclass, replace

from skid.engine.training import Training


@dataclass
class TrainingState:
    """Where a training left off, to go on from there.

    Attributes
    ----------
    parameters : dict of str to array
    moments : tuple of two dict of str to array, or None
    n_steps : int
        Steps taken so far: the schedules go on from there.
    """

    parameters: dict
    moments: tuple[dict, dict] | None = None
    n_steps: int = 0

    @classmethod
    def after(cls, training: Training) -> "TrainingState":
        """State at the end of a training."""
        return cls(training.parameters, training.moments, training.n_steps)

    def checked_against(self, fresh: "TrainingState") -> "TrainingState":
        """The state itself, if fresh networks would have the same parameters.

        Raises
        ------
        ValueError
            If they would not.
        """
        own, other = (
            {name: (value.shape, value.dtype) for name, value in state.parameters.items()}
            for state in (self, fresh)
        )
        if own != other:
            raise ValueError(
                "warm_start and partial_fit go on from networks of the same shape and dtype, but "
                "the parameters of the estimator or the shapes of X and y are others than in the "
                f"last fit: {_difference(own, other)}"
            )
        return self


def without_state(training: Training | None) -> Training | None:
    """The training without what only a warm start needs: its parameters and Adam's moments."""
    return training and replace(training, parameters={}, moments=({}, {}))


def _difference(own: dict, other: dict) -> str:
    """The first weights in which two networks differ, in words."""
    for name in [*other, *own]:
        if own.get(name) != other.get(name):
            old, new = (_described(weights.get(name)) for weights in (own, other))
            return f"{name} was {old} and would be {new}"
    return "their order"


def _described(shape_and_dtype) -> str:
    if shape_and_dtype is None:
        return "absent"
    shape, dtype = shape_and_dtype
    return f"{dtype} {shape}"
