"""What all estimators share: parameters of the training, and an all-or-nothing fit."""

import numbers
from contextlib import contextmanager

from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from skid._callbacks import CallbackSupportMixin
from skid.engine.backend import resolve_device, tensorflow
from skid.gradients import GRADIENTS, GradientRule, gradient_rule
from skid.noise import NOISES, Noise
from skid.projections import PROJECTIONS

_POSITIVE = Interval(numbers.Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(numbers.Real, 0, None, closed="left")
_COUNT = Interval(numbers.Integral, 1, None, closed="left")
_AUTO = StrOptions({"auto"})


class BaseSolverEstimator(CallbackSupportMixin, BaseEstimator):
    """Base of the estimators with a solver inside.

    The parameters have the names of scikit-learn's neural networks, and are checked in ``fit``.
    A fitted estimator holds NumPy arrays and plain Python objects only.
    """

    _gradients: tuple[str, ...] = tuple(GRADIENTS)
    """Names of the gradient rules that suit the solver."""

    _parameter_constraints: dict = {
        "hidden_layer_sizes": ["array-like", _COUNT, _AUTO],
        "network": [callable, None],
        "projection": [StrOptions({"auto", *PROJECTIONS})],
        "noise": [StrOptions({"auto", *NOISES}), Noise],
        "noise_scale": [_NOT_NEGATIVE, _AUTO],
        "gradient": [StrOptions(set(GRADIENTS)), callable],
        "alpha": [_NOT_NEGATIVE, _AUTO],
        "batch_size": [_COUNT, _AUTO],
        "learning_rate_init": [_POSITIVE, _AUTO],
        "max_iter": [_COUNT, _AUTO],
        "shuffle": ["boolean"],
        "early_stopping": ["boolean", _AUTO],
        "validation_fraction": [Interval(numbers.Real, 0, 0.5, closed="right")],
        "n_iter_no_change": [_COUNT],
        "tol": [_NOT_NEGATIVE],
        "warm_start": ["boolean"],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @contextmanager
    def _fitting(self, *, one_pass: bool = False):
        """A fit, or one pass of it, on the device of the estimator.

        It gives the `TrainingState` to go on from, or None. If it fails, the estimator is as it
        was before; if not, only what a later call may go on from is kept.
        """
        self._validate_params()
        with restored_on_error(self), tensorflow().device(resolve_device(self.device)):
            goes_on = one_pass or self.warm_start
            state = getattr(self, "_training_state", None) if goes_on else None
            if state is None or not one_pass:
                self._forget_fit()
            yield state
            if not goes_on:
                self._forget_training()

    def _hidden_layer_sizes(self, automatic: tuple[int, ...] = ()) -> tuple[int, ...]:
        sizes = self.hidden_layer_sizes
        if isinstance(sizes, str):
            return automatic
        sizes = (sizes,) if isinstance(sizes, numbers.Integral) else tuple(sizes)
        if any(not isinstance(size, numbers.Integral) or size < 1 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must hold positive integers, got {sizes}")
        return tuple(int(size) for size in sizes)

    def _gradient_rule(self):
        gradient = self.gradient
        if callable(gradient) and not isinstance(gradient, (type, GradientRule)):
            # A function with the signature of a rule's call.
            return gradient
        return gradient_rule(gradient, self._gradients)

    def _noise_law(self, default: str) -> Noise:
        name = default if isinstance(self.noise, str) and self.noise == "auto" else self.noise
        return NOISES[name]() if isinstance(name, str) else name

    def _noise(self, default: str, default_scale: float) -> tuple[Noise | None, float]:
        """Law and factor of the noise; none where the gradient rule draws noise of its own."""
        scale = given(self.noise_scale, default_scale)
        if not scale or getattr(self._gradient_rule(), "adds_noise", False):
            return None, 0.0
        return self._noise_law(default), scale

    def _forget_fit(self) -> None:
        """Drop what an earlier fit left: this one may not have all of its attributes."""
        for name in list(vars(self)):
            if name.endswith("_") and not name.startswith("_"):
                delattr(self, name)
        vars(self).pop("_random_state", None)

    def _random_state_of_passes(self):
        """Randomness of the passes of ``partial_fit``: each goes on where the last one ended."""
        if "_random_state" not in vars(self):
            self._random_state = check_random_state(self.random_state)
        return self._random_state

    def _forget_training(self) -> None:
        """Drop what only a later ``partial_fit``, or a warm start, goes on from."""
        vars(self).pop("_training_state", None)
        vars(self).pop("_random_state", None)


@contextmanager
def restored_on_error(estimator):
    """Put the attributes of an estimator back if the block raises.

    A fit that fails then leaves an earlier fit as it was, and nothing half-fitted behind.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        # scikit-learn tears its callbacks down after this, and finds them on the estimator.
        callbacks = {name: value for name, value in vars(estimator).items() if "callback" in name}
        vars(estimator).clear()
        vars(estimator).update(before | callbacks)
        raise


def given(value, automatic):
    """The value of a parameter, or what suits if it is ``"auto"``."""
    return automatic if isinstance(value, str) and value == "auto" else value


def n_steps_of(max_iter, n_rows: int, batch_size: int, automatic: int) -> int:
    """Training steps of ``max_iter`` epochs, or ``automatic`` if it is ``"auto"``."""
    if max_iter == "auto":
        return automatic
    return int(max_iter) * -(-n_rows // batch_size)
