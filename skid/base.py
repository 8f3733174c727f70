"""The base of all estimators: parameters, checks, and the one way through a fit."""

import numbers
import reprlib
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from skid._callbacks import CallbackSupportMixin, FitCall, FitProgress, with_callbacks
from skid._parameters import TrainingParameters, resolve_auto
from skid.engine.backend import resolve_device, tensorflow
from skid.engine.plan import Plan
from skid.engine.state import ResumeError, TrainingState
from skid.gradients import GRADIENTS, GradientRule, gradient_rule
from skid.noise import NOISES, Noise

__all__ = [
    "BaseSolverEstimator",
    "FitCall",
    "restored_on_error",
]

_FREE_TO_CHANGE = {
    "batch_size",
    "device",
    "early_stopping",
    "learning_rate_init",
    "max_iter",
    "n_iter_no_change",
    "random_state",
    "shuffle",
    "tol",
    "validation_fraction",
    "verbose",
    "warm_start",
}
"""Parameters that never keep a training from being resumed."""


@dataclass(eq=False, repr=False, kw_only=True)
class BaseSolverEstimator(CallbackSupportMixin, TrainingParameters, BaseEstimator):
    """Base of the estimators with a solver inside.

    A family declares its parameters as keyword-only dataclass fields and their constraints in
    ``_parameter_constraints``. Its ``fit`` checks the data and carries a plan out::

        with self._fitting() as (state, random_state):
            X, y = validate_data(self, X, y)
            plan = MyPlan(self, X, y, random_state)
            self._carry_out(plan, state, FitCall(X, y))
        return self

    A fitted estimator holds NumPy arrays and plain Python objects only.
    """

    _gradients: ClassVar[tuple[str, ...]] = tuple(GRADIENTS)
    """Names of the gradient rules that suit the solver."""

    def __init_subclass__(cls, **kwargs) -> None:
        """Inherit constraints of parameters, and support callbacks in each way to fit."""
        super().__init_subclass__(**kwargs)
        for name in {"fit", "partial_fit"} & vars(cls).keys():
            setattr(cls, name, with_callbacks(vars(cls)[name]))
        constraints: dict[str, list] = {}
        for parent in reversed(cls.__mro__):
            constraints |= vars(parent).get("_parameter_constraints", {})
        cls._parameter_constraints = constraints

    @contextmanager
    def _fitting(self, *, one_pass: bool = False):
        """Begin a fit, or one pass of ``partial_fit``, on the device of the estimator.

        Gives the `TrainingState` to continue from, or None, and the source of randomness. If the
        block fails, the estimator is as it was before.
        """
        self._validate_params()
        with restored_on_error(self), tensorflow().device(resolve_device(self.device)):
            continues = one_pass or self.warm_start
            state = getattr(self, "_training_state", None) if continues else None
            if state is None or not one_pass:
                self._forget_fit()
            if "_random_state" not in self.__dict__:
                # Each pass of partial_fit continues the randomness of the last one.
                self._random_state = check_random_state(self.random_state)
            yield state, self._random_state
            if not continues:
                for name in ("_training_state", "_training_parameters", "_random_state"):
                    self.__dict__.pop(name, None)

    def _carry_out(self, plan: Plan, state: TrainingState | None, call: FitCall) -> None:
        """Train as planned, tell progress bar and callbacks, and set the fitted attributes."""
        progress = FitProgress(self, plan.n_epochs, call)
        try:
            training = plan.train(state, progress.end_epoch if progress.is_watched else None)
        except ResumeError as error:
            raise ValueError(self._why_not_resumed(error)) from None
        attributes = plan.attributes(training)
        progress.close(attributes)
        self.__dict__.pop("validation_scores_", None)
        self.__dict__.update(attributes)
        self._training_state = TrainingState.after(training)
        self._training_parameters = _described(self)

    def _why_not_resumed(self, error: ResumeError) -> str:
        before, now = self._training_parameters, _described(self)
        changed = [
            f"{name} was {before[name]} and is {value}"
            for name, value in now.items()
            if before[name] != value
        ]
        reason = ", ".join(changed) or f"the shape or dtype of X or y has changed: {error}"
        return (
            "warm_start=True and partial_fit continue the training of the last fit, which must "
            f"have had the same networks, but {reason}"
        )

    def _require_y(self, y, alternative: str = "") -> None:
        """Raise a ValueError in scikit-learn's words if there is no target."""
        if y is None:
            name = type(self).__name__
            raise ValueError(
                f"{name} requires y to be passed, but the target y is None{alternative}"
            )

    def _n_steps(self, steps_per_epoch: int, automatic: int) -> int:
        """Training steps of ``max_iter`` epochs, or ``automatic`` if it is ``"auto"``."""
        return int(automatic if self.max_iter == "auto" else self.max_iter * steps_per_epoch)

    def _resolved(self, **automatic: Any) -> tuple:
        """The values of the named parameters, or the given ones where they are ``"auto"``."""
        return tuple(resolve_auto(getattr(self, name), value) for name, value in automatic.items())

    def _hidden_layer_sizes(self, automatic: tuple[int, ...]) -> tuple[int, ...]:
        sizes = resolve_auto(self.hidden_layer_sizes, automatic)
        sizes = (sizes,) if isinstance(sizes, numbers.Integral) else tuple(sizes)
        if any(not isinstance(size, numbers.Integral) or size < 1 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must hold positive integers, got {sizes}")
        return tuple(int(size) for size in sizes)

    def _gradient_rule(self):
        gradient: Any = self.gradient
        if isinstance(gradient, (str, type, GradientRule)):
            return gradient_rule(cast(GradientRule, gradient), self._gradients)
        # A function with the signature of a rule's call.
        return gradient

    def _noise_law(self, default: str) -> Noise:
        noise = resolve_auto(self.noise, default)
        if isinstance(noise, str):
            make: Callable[[], Noise] = NOISES[noise]
            return make()
        return noise

    def _noise(self, default: str, default_scale: float) -> tuple[Noise | None, float]:
        """Law and factor of the noise; no law where the gradient rule draws noise itself."""
        scale = resolve_auto(self.noise_scale, default_scale)
        if not scale or getattr(self._gradient_rule(), "adds_noise", False):
            return None, 0.0
        return self._noise_law(default), scale

    def _forget_fit(self) -> None:
        """Drop what an earlier fit left: this one may not have all of its attributes."""
        for name in list(self.__dict__):
            if name.endswith("_") and not name.startswith("_"):
                delattr(self, name)
        self.__dict__.pop("_random_state", None)


@contextmanager
def restored_on_error(estimator):
    """Put the attributes of an estimator back if the block raises.

    A fit that fails then leaves an earlier fit as it was, and nothing half-fitted behind.
    """
    before = dict(estimator.__dict__)
    try:
        yield
    except BaseException:
        # scikit-learn tears its callbacks down after this, and finds them on the estimator.
        callbacks = {
            name: value for name, value in estimator.__dict__.items() if "callback" in name
        }
        estimator.__dict__.clear()
        estimator.__dict__.update(before | callbacks)
        raise


def _described(estimator) -> dict[str, str]:
    """The parameters that the networks may depend on, as text."""
    parameters = estimator.get_params(deep=False)
    return {
        name: reprlib.repr(parameters[name]) for name in sorted(parameters.keys() - _FREE_TO_CHANGE)
    }
