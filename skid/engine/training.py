"""The loop around a compiled program: calls, validation, early stopping and interruption."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skid.engine.backend import tensorflow
from skid.engine.feed import Feed
from skid.engine.program import Program
from skid.engine.validation import EarlyStopping


@dataclass
class Training:
    """The result of a training, or of a part of it.

    Attributes
    ----------
    parameters : dict of str to array
        The best parameters by validation loss, or the last ones without validation.
    moments : tuple of two dict of str to array
        Adam's state at the last step.
    losses : float array of shape (n_steps,)
        Training loss of every step.
    validations : list of (int, float)
        Number of steps taken and validation loss, for each validation.
    n_steps : int
        Number of steps taken, those before this training included.
    interrupted : bool
        Whether the user interrupted the training.
    """

    parameters: dict
    moments: tuple[dict, dict]
    losses: np.ndarray
    validations: list[tuple[int, float]] = field(default_factory=list)
    n_steps: int = 0
    interrupted: bool = False

    def attributes(self, steps_per_epoch: int, best_score: float = 0.0) -> dict:
        """Fitted attributes of the training; ``best_score`` stands for a validation loss of 0."""
        curve = epoch_means(self.losses, steps_per_epoch)
        attributes = {
            "n_iter_": len(curve),
            "loss_curve_": curve,
            "best_loss_": min(curve, default=np.inf),
        }
        if self.validations:
            losses = [loss for _, loss in self.validations]
            attributes["validation_scores_"] = [best_score - loss for loss in losses]
            attributes["best_loss_"] = min(losses)
        return attributes


def train(
    program: Program,
    feed: Feed,
    parameters: dict[str, np.ndarray],
    controls: np.ndarray,
    *,
    rows_per_step: int,
    seed: int,
    constants: dict[str, np.ndarray] | None = None,
    moments: tuple[dict, dict] | None = None,
    first_step: int = 0,
    early_stopping: EarlyStopping | None = None,
    steps_between_reports: int | None = None,
    report: Callable[[Training], bool] | None = None,
) -> Training:
    """Train for ``len(controls)`` steps, or until validation or a report stops it.

    Parameters
    ----------
    program, feed, parameters, controls, rows_per_step, seed, constants
        See :class:`skid.engine.Plan`.
    moments : tuple of two dict of str to array, optional
        Adam's state to continue from.
    first_step : int
        Number of steps taken before.
    early_stopping : EarlyStopping, optional
    steps_between_reports : int, optional
        Number of steps after which ``report`` is called.
    report : callable, optional
        Called with the training so far, whose parameters are tensors; true stops the training.

    Raises
    ------
    ValueError
        If the training loss or a parameter becomes infinite or NaN.
    KeyboardInterrupt
        If the user interrupts it before a step is taken: there is nothing to keep.
    """
    tf = tensorflow()
    steps_per_call = feed.steps_per_call(rows_per_step)
    tensors: dict[str, Any] = {name: tf.constant(value) for name, value in parameters.items()}
    if moments is None:
        zeros = {name: tf.zeros_like(value) for name, value in tensors.items()}
        moments = (zeros, zeros)
    constants = {name: tf.constant(value) for name, value in (constants or {}).items()}

    n_steps = len(controls)
    steps_between = early_stopping.steps_between if early_stopping else None
    stops = _stops(n_steps, steps_between, steps_between_reports)
    losses: list[np.ndarray] = []
    validations = early_stopping.validations if early_stopping else []
    taken = 0
    interrupted = False
    try:
        while taken < n_steps:
            count = min(steps_per_call, stops[np.searchsorted(stops, taken, "right")] - taken)
            data, rows = feed.take(count, steps_per_call)
            block = np.zeros((steps_per_call, controls.shape[1]), controls.dtype)
            block[:count] = controls[taken : taken + count]
            tensors, moments, new_losses = program.run(
                tensors, moments, data, constants, rows, block, count, first_step + taken, seed
            )
            taken += count
            losses.append(new_losses)
            _check_finite(new_losses, first_step + taken)
            last = taken == n_steps
            stop = False
            if early_stopping and (taken % early_stopping.steps_between == 0 or last):
                stop = early_stopping.look(tensors, first_step + taken)
            if report and (taken % steps_between_reports == 0 or last):
                so_far = np.concatenate(losses)
                stop |= bool(
                    report(Training(tensors, moments, so_far, validations, first_step + taken))
                )
            if stop:
                break
    except KeyboardInterrupt:
        if not taken:
            raise
        interrupted = True
        warn_of_interruption(f"after {first_step + taken} steps")
    if early_stopping and early_stopping.parameters is not None:
        tensors = early_stopping.parameters
    arrays = _as_arrays(tensors)
    # The loss of a ranking is finite even if the scores are NaN.
    for value in arrays.values():
        _check_finite(value, first_step + taken, "a parameter")
    return Training(
        parameters=arrays,
        moments=(_as_arrays(moments[0]), _as_arrays(moments[1])),
        losses=np.concatenate(losses) if losses else np.zeros(0),
        validations=validations,
        n_steps=first_step + taken,
        interrupted=interrupted,
    )


def _as_arrays(tensors: dict) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in tensors.items()}


def warn_of_interruption(when: str) -> None:
    """Warn that the training ends early and keeps what it has reached."""
    warnings.warn(f"the training was interrupted {when}, and ends there", UserWarning, stacklevel=3)


def epoch_means(losses: np.ndarray, steps_per_epoch: int) -> list[float]:
    """Mean of the losses of the steps of each epoch; the last epoch may be incomplete."""
    starts = range(0, len(losses), steps_per_epoch)
    return [float(losses[start : start + steps_per_epoch].mean()) for start in starts]


def _check_finite(values: np.ndarray, n_steps: int, name: str = "the training loss") -> None:
    if not np.isfinite(values).all():
        raise ValueError(
            f"{name} is not finite after {n_steps} steps: try a smaller "
            "learning_rate_init, or look for extreme values in the data"
        )


def _stops(n_steps: int, *strides: int | None) -> np.ndarray:
    """Steps after which the host has something to do, in order; the last is ``n_steps``."""
    stops = {n_steps}
    for stride in strides:
        stops.update(range(stride, n_steps, stride) if stride else ())
    return np.array(sorted(stops))
