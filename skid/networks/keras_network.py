"""A network that a function of the user builds."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np

from skid.engine.backend import tensorflow
from skid.engine.cache_key import cache_key_of
from skid.engine.seeds import draw_seeds

_building = Lock()
"""Models built at the same time would interfere through Python's global generator."""


class KerasNetwork:
    """Networks from a function that builds a Keras model.

    ``build(input_shape, n_outputs)`` returns a Keras model from (n, *input_shape) to n_outputs
    numbers per row, in any shape, without a final activation. It may contain layers with a state,
    such as dropout and batch normalisation. Anything else, another number of outputs or a model
    that adds losses raises a ValueError.

    With the ``input_shape`` (None, width) a row is a sequence of any length, and the model returns
    n_outputs numbers per item: outputs have shape (n_networks, n * length, n_outputs).
    """

    def __init__(
        self,
        build: Callable[[tuple[int | None, ...], int], Any],
        input_shape: tuple[int | None, ...],
        n_outputs: int,
    ) -> None:
        self.build = build
        self.input_shape = tuple(input_shape)
        self.n_outputs = n_outputs
        self.key = ("keras", cache_key_of(build), self.input_shape, n_outputs)
        self._models: dict[str, Any] = {}

    @cached_property
    def convolves(self) -> bool:
        """Whether the model has convolutional layers."""
        return _has_convolutions(self._built(0, "float32"))

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes without the Keras models, which ``build`` can rebuild."""
        return vars(self) | {"_models": {}}

    def initial(
        self, n_networks: int, random_state: np.random.RandomState, dtype: Any
    ) -> dict[str, np.ndarray]:
        """Initial weights and other variables of n_networks models, stacked."""
        dtype = np.dtype(dtype).name
        seeds = draw_seeds(random_state, n_networks)
        models = [self._built(int(seed), dtype) for seed in seeds]
        variables = zip(*(_variables(model) for model in models), strict=True)
        names = _names(models[0])
        return {
            name: np.stack([variable.numpy() for variable in variables_of_name])
            for name, variables_of_name in zip(names, variables, strict=True)
        }

    def train(
        self, weights: dict[str, Any], inputs: Any, column_mask: Any = None
    ) -> tuple[Any, dict[str, Any]]:
        """Outputs while training, and the state after the batch, such as running means."""
        return self._call(weights, inputs, column_mask, training=True)

    def apply(self, weights: dict[str, Any], inputs: Any, column_mask: Any = None) -> Any:
        """Outputs of each network, see :meth:`MultilayerPerceptron.apply`."""
        return self._call(weights, inputs, column_mask, training=False)[0]

    def predict(self, weights: dict[str, np.ndarray], X: np.ndarray) -> np.ndarray:
        """Mean output of the networks, shape (n, n_outputs), computed by TensorFlow."""
        outputs = self.apply(weights, np.broadcast_to(X, (_n_networks(weights), *X.shape)))
        return outputs.numpy().mean(axis=0)

    def to_keras(self, weights: dict[str, np.ndarray]) -> Any:
        """Return one Keras model with the mean output of the networks."""
        tensorflow()
        import keras

        dtype = next(iter(weights.values())).dtype.name
        inputs = keras.Input(self.input_shape, dtype=dtype)
        outputs = []
        for network in range(_n_networks(weights)):
            model = self._built(0, dtype)
            for variable, value in zip(_variables(model), weights.values(), strict=True):
                variable.assign(value[network])
            # Keras requires different names for the models inside a model.
            model.name = f"{model.name}_{network}"
            output = model(inputs)
            if len(output.shape) > 2:
                output = keras.layers.Flatten(dtype=dtype)(output)
            outputs.append(output)
        mean = outputs[0] if len(outputs) == 1 else keras.layers.Average(dtype=dtype)(outputs)
        return keras.Model(inputs, mean)

    def _call(
        self, weights: dict[str, Any], inputs: Any, column_mask: Any, *, training: bool
    ) -> tuple[Any, dict[str, Any]]:
        tf = tensorflow()
        import keras

        dtype = tf.as_dtype(inputs.dtype).name
        if dtype not in self._models:
            # A layer may contain tensors, which must not belong to the graph being traced.
            with tf.init_scope():
                self._models.setdefault(dtype, self._built(0, dtype))
        model = self._models[dtype]
        if column_mask is not None:
            inputs = column_mask[:, tf.newaxis, :] * inputs
        names, variables = _names(model), _variables(model)
        n_trainable = len(model.trainable_variables)
        outputs, states = [], []
        for network in range(inputs.shape[0]):
            values = [weights[name][network] for name in names]
            pairs = list(zip(variables, values, strict=True))
            with keras.StatelessScope(state_mapping=pairs) as scope:
                # `stateless_call` would fail for models whose `call` does not take `training`.
                output = model(inputs[network], training=training)
            outputs.append(tf.reshape(output, (-1, self.n_outputs)))
            states.append([scope.get_current_value(state) for state in variables[n_trainable:]])
        state = {
            name: tf.stack(values)
            for name, values in zip(names[n_trainable:], zip(*states, strict=True), strict=True)
        }
        return tf.stack(outputs), state

    def _built(self, seed: int, dtype: str) -> Any:
        """Build a model in the given dtype, with random weights that depend on the seed only.

        Keras draws the seeds of its initialisers from Python's global generator and takes the
        dtype from a global policy: both are restored afterwards.
        """
        tensorflow()
        import keras

        with _building:
            state, policy = random.getstate(), keras.config.dtype_policy()
            random.seed(seed)
            keras.config.set_dtype_policy(dtype)
            try:
                model = self.build(self.input_shape, self.n_outputs)
                if not isinstance(model, keras.Model):
                    raise ValueError(
                        f"network must return a keras.Model, got {type(model).__name__}"
                    )
                # A symbolic call also builds models that create their variables late.
                shape = model(keras.KerasTensor((None, *self.input_shape), dtype)).shape
            finally:
                random.setstate(state)
                keras.config.set_dtype_policy(policy)
        if model.losses:
            raise ValueError(
                f"network must return a model without losses, got {len(model.losses)}: use alpha, "
                "the weight decay of the estimator, instead of a kernel_regularizer"
            )
        sequences = None in self.input_shape
        fits = shape[1:] == (None, self.n_outputs)
        if not sequences:
            fits = None not in shape[1:] and math.prod(shape[1:]) == self.n_outputs
        if not fits:
            row = (None, None, self.n_outputs) if sequences else (None, self.n_outputs)
            raise ValueError(
                f"network must map {(None, *self.input_shape)} to {row}, "
                f"got an output of shape {tuple(shape)}"
            )
        return model


def _has_convolutions(layer: Any) -> bool:
    if any("Conv" in kind.__name__ for kind in type(layer).__mro__):
        return True
    # Models contain layers, and wrappers such as TimeDistributed contain one.
    inner_layers = [*getattr(layer, "layers", ()), *filter(None, [getattr(layer, "layer", None)])]
    return any(map(_has_convolutions, inner_layers))


def _variables(model: Any) -> list[Any]:
    return [*model.trainable_variables, *model.non_trainable_variables]


def _names(model: Any) -> list[str]:
    # Weight decay is applied to matrices, not to biases and scales.
    trainable = [
        f"{'weight' if len(variable.shape) > 1 else 'offset'}_{index:03d}"
        for index, variable in enumerate(model.trainable_variables)
    ]
    state = [f"state_{index:03d}" for index in range(len(model.non_trainable_variables))]
    return trainable + state


def _n_networks(weights: dict) -> int:
    return len(next(iter(weights.values())))
