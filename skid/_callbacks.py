"""Callbacks of scikit-learn where it has them (1.9 and later, experimental), and a progress bar."""

import sys
import time
from functools import partial

from skid.engine.plan import Plan
from skid.engine.training import Training

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]  # a stand-in of the same name
        """Stand-in: this scikit-learn has no callbacks."""

    def with_callbacks(method):
        """Return the method as it is."""
        return method


class FitCall:
    """Arguments of a call of ``fit`` as callbacks receive them.

    Parameters
    ----------
    X, y : array-like
    **metadata : array-like or None
        Further arguments, such as ``sample_weight``.
    """

    def __init__(self, X, y=None, **metadata) -> None:
        passed = {name: value for name, value in metadata.items() if value is not None}
        self.arguments = {"X": X, "y": y, "metadata": passed or None}


class FitProgress:
    """Tells callbacks, and the terminal when verbose, how far a fit is.

    Parameters
    ----------
    estimator : estimator
    n_epochs : int
        Number of epochs that the fit takes at most.
    call : FitCall
    """

    def __init__(self, estimator, n_epochs: int, call: FitCall) -> None:
        self.estimator = estimator
        self.arguments = {"estimator": estimator, **call.arguments}
        self.n_epochs = n_epochs
        self.epoch = 0
        self.context = None
        self.started = time.monotonic()
        # A pipeline or a search passes its callbacks on to the estimator, where it has any.
        if getattr(estimator, "_skl_callbacks", None):
            self.context = estimator._init_callback_context(max_subtasks=n_epochs)
            self.context.call_on_fit_task_begin(**self.arguments)

    @property
    def is_watched(self) -> bool:
        """Whether anybody listens: a fit that nobody watches makes fewer, longer calls."""
        return self.context is not None or bool(self.estimator.verbose)

    def end_epoch(self, plan: Plan, training: Training) -> bool:
        """Report one epoch; true if a callback asks to stop."""
        self.epoch += 1
        if self.estimator.verbose:
            n_before = (len(training.losses) - 1) // plan.steps_per_epoch * plan.steps_per_epoch
            self._draw(float(training.losses[n_before:].mean()))
        if self.context is None:
            return False
        task = self.context.subcontext(task_name="epoch")
        task.call_on_fit_task_begin(**self.arguments)
        attributes = partial(plan.attributes, training)
        return task.call_on_fit_task_end(**self.arguments, reconstruction_attributes=attributes)

    def close(self, attributes: dict) -> None:
        """End the bar and give the attributes of the finished fit to the callbacks."""
        if self.estimator.verbose and self.epoch:
            sys.stderr.write("\n")
        if self.context is not None:
            self.context.call_on_fit_task_end(
                **self.arguments, reconstruction_attributes=lambda: attributes
            )

    def _draw(self, loss: float) -> None:
        filled = round(30 * self.epoch / self.n_epochs)
        sys.stderr.write(
            f"\r{type(self.estimator).__name__} [{'#' * filled}{'.' * (30 - filled)}] "
            f"epoch {self.epoch}/{self.n_epochs}  loss {loss:.4g}  "
            f"{time.monotonic() - self.started:.1f} s"
        )
        sys.stderr.flush()
