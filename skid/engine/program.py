"""One compiled training program per objective, kept in a small cache.

A program is a pure function: parameters and optimiser moments go in and come out, nothing is
held in variables. Fits from several threads may therefore share it without a lock, a snapshot of
the best model is a reference and not a copy, and a fitted estimator owns plain arrays.
"""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Any, Protocol, cast

import numpy as np

from skid.engine.backend import compiled, compiles, tensorflow

STEPS_PER_CALL = 128
"""Number of training steps that one call of a compiled program takes at most."""

_CACHE_SIZE = 64
_programs: OrderedDict[Hashable, "Program"] = OrderedDict()
_programs_lock = Lock()
_trace_count = 0


class Objective(Protocol):
    """What a program trains: the loss of a batch as a function of the parameters.

    Two objectives with the same ``key`` share a program. The ``controls`` (learning rates, noise
    scale, size of the subset) are inputs of the program, so a new value compiles nothing.
    """

    @property
    def key(self) -> Hashable:
        """What the graph depends on."""

    @property
    def controls(self) -> tuple[str, ...]:
        """Names of the scalars that change from step to step."""

    @property
    def compiled(self) -> bool:
        """Whether XLA compiles the program."""

    def loss(
        self, parameters: dict, batch: dict, constants: dict, control: dict, seed: Any
    ) -> tuple[Any, Any, dict]:
        """Scalar to differentiate, training loss to report, and new values of parameters that
        change without a gradient, such as running means.
        """

    def learning_rate(self, name: str) -> str:
        """Name of the control that is the learning rate of a parameter."""

    def decay(self, name: str, value: Any, constants: dict, control: dict) -> Any:
        """What weight decay takes from a parameter, in units of its learning rate, or None."""


class ObjectiveOfRows(Objective, Protocol):
    """An objective that can be judged by the losses of held-out rows."""

    def evaluate(self, parameters: dict, batch: dict, constants: dict, control: dict) -> Any:
        """Loss of each row of a batch, without noise."""


class Program:
    """Adam with decoupled weight decay on an objective, many steps a call.

    Parameters
    ----------
    objective : Objective
        The loss to minimise. It is traced once for each combination of shapes.

    Notes
    -----
    Adam is Kingma and Ba, ICLR 2015 (beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7), the decay
    Loshchilov and Hutter, ICLR 2019.
    """

    def __init__(self, objective: Objective) -> None:
        tf = tensorflow()
        self.objective = objective
        options = {"autograph": False, "jit_compile": (objective.compiled and compiles()) or None}
        self._run = tf.function(self._steps, **options)
        self._evaluate = tf.function(self._losses_of_rows, **options)
        self._update = self._adam if objective.compiled else compiled(self._adam)
        # TensorFlow counts the traces of all programs together, and warns that they are many.
        self._run._omit_frequent_tracing_warning = True
        self._evaluate._omit_frequent_tracing_warning = True

    def run(self, parameters, moments, data, constants, rows, controls, n_steps, first_step, seed):
        """Take ``n_steps`` training steps, at most ``STEPS_PER_CALL``; the rest is padding.

        Parameters
        ----------
        parameters, data, constants : dict of str to tensor
        moments : tuple of two dict of str to tensor
            Adam's running means of the gradient and of its square.
        rows : int32 array of shape (STEPS_PER_CALL, ...)
            Indices into the rows of ``data`` that make the batch of each step.
        controls : array of shape (STEPS_PER_CALL, n_controls)
        n_steps, first_step : int
            Number of steps in this call, and before it.
        seed : int
            Seed of the noise. Together with the number of the step it fixes every draw.

        Returns
        -------
        parameters, moments, losses : dict, tuple of dict, float array of shape (n_steps,)
        """
        parameters, moments, losses = self._run(
            parameters,
            moments,
            data,
            constants,
            rows,
            controls,
            np.int32(n_steps),
            np.int32(first_step),
            np.int32(seed),
        )
        return parameters, moments, losses.numpy()[:n_steps]

    def evaluate(self, parameters, data, constants, rows, control) -> np.ndarray:
        """Loss of each of the rows of ``data`` named by ``rows``, in the shape of ``rows``."""
        return self._evaluate(parameters, data, constants, rows, control).numpy()

    def _steps(
        self, parameters, moments, data, constants, rows, controls, n_steps, first_step, seed
    ):
        tf = tensorflow()
        _count_trace()
        losses = tf.zeros(rows.shape[0], controls.dtype)

        def step(index, parameters, moments, losses):
            batch = {name: tf.gather(values, rows[index]) for name, values in data.items()}
            control = dict(zip(self.objective.controls, tf.unstack(controls[index]), strict=True))
            with tf.GradientTape() as tape:
                tape.watch([value for value in parameters.values() if value.dtype.is_floating])
                objective, loss, updates = self.objective.loss(
                    parameters, batch, constants, control, tf.stack([seed, first_step + index])
                )
            gradients = {
                # The gradient of looked-up rows, such as embeddings, comes as those rows only.
                name: None if gradient is None else tf.convert_to_tensor(gradient)
                for name, gradient in tape.gradient(objective, parameters).items()
            }
            count = tf.cast(first_step + index + 1, controls.dtype)
            parameters, moments = self._update(
                parameters, gradients, moments, constants, control, count
            )
            parameters.update(updates)
            losses = tf.tensor_scatter_nd_update(losses, [[index]], [loss])
            return index + 1, parameters, moments, losses

        _, parameters, moments, losses = tf.while_loop(
            lambda index, *_: index < n_steps, step, (0, parameters, moments, losses)
        )
        return parameters, moments, losses

    def _adam(self, parameters, gradients, moments, constants, control, count):
        tf = tensorflow()
        first, second = moments
        new_parameters, new_first, new_second = {}, {}, {}
        correction = tf.sqrt(1.0 - 0.999**count) / (1.0 - 0.9**count)
        for name, value in parameters.items():
            gradient = gradients[name]
            if gradient is None:
                new_parameters[name] = value
                new_first[name], new_second[name] = first[name], second[name]
                continue
            rate = control[self.objective.learning_rate(name)]
            new_first[name] = first[name] + 0.1 * (gradient - first[name])
            new_second[name] = second[name] + 0.001 * (tf.square(gradient) - second[name])
            change = correction * new_first[name] / (tf.sqrt(new_second[name]) + 1e-7)
            decay = self.objective.decay(name, value, constants, control)
            if decay is not None:
                change += decay
            new_parameters[name] = value - rate * change
        return new_parameters, (new_first, new_second)

    def _losses_of_rows(self, parameters, data, constants, rows, control):
        tf = tensorflow()
        _count_trace()
        batch = {name: tf.gather(values, rows) for name, values in data.items()}
        control = dict(zip(self.objective.controls, tf.unstack(control), strict=True))
        objective = cast(ObjectiveOfRows, self.objective)
        return objective.evaluate(parameters, batch, constants, control)


def cached_program(objective: Objective, shapes: Hashable, device: str) -> Program:
    """Program of an objective from the cache, or a new one.

    ``shapes`` takes part in the key, so that the bound of the cache bounds the number of
    compiled graphs and not only the number of objectives.
    """
    key = (objective.key, shapes, device, compiles())
    with _programs_lock:
        program = _programs.pop(key, None) or Program(objective)
        _programs[key] = program
        while len(_programs) > _CACHE_SIZE:
            _programs.popitem(last=False)
    return program


def clear_cache() -> None:
    """Forget every compiled training program.

    TensorFlow keeps a part of the memory of a compiled graph until the process ends.

    Examples
    --------
    >>> import skid
    >>> skid.clear_cache()
    """
    with _programs_lock:
        _programs.clear()


def trace_count() -> int:
    """Number of graphs that training programs have traced in this process."""
    return _trace_count


def _count_trace() -> None:
    global _trace_count
    with _programs_lock:
        _trace_count += 1
