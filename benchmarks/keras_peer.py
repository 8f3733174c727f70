"""The same training written in Keras: a learned subset, `Dense(64)`, `Dense(1)` and `Model.fit`."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from skid.layers import IdentitySubsetLayer


class LearnedSubset(keras.layers.Layer):
    """Keep k columns of the input, chosen by one learned logit a column."""

    def __init__(self, k: int, **kwargs):
        super().__init__(**kwargs)
        self.subset = IdentitySubsetLayer(k)

    def build(self, input_shape: tuple[int | None, int]) -> None:
        """Create the logits."""
        self.logits = self.add_weight(
            name="logits",
            shape=(input_shape[-1],),
            initializer=keras.initializers.RandomNormal(stddev=0.1),
        )

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Set all but k columns to zero."""
        logits = tf.broadcast_to(self.logits, tf.shape(inputs))
        return inputs * self.subset(logits, training=training)


def build_model(n_features: int, *, k: int | None, jit_compile: bool | str = "auto") -> keras.Model:
    """Compile a model; without k it is the bare network and selects nothing."""
    inputs = keras.Input((n_features,))
    hidden = inputs if k is None else LearnedSubset(k)(inputs)
    outputs = keras.layers.Dense(1)(keras.layers.Dense(64, activation="relu")(hidden))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(3e-3), "mse", jit_compile=jit_compile)
    return model


def fit(
    model: keras.Model, X: np.ndarray, y: np.ndarray, *, epochs: int, batch_size: int
) -> keras.Model:
    """Call `Model.fit` without its progress bar."""
    model.fit(X, y, epochs=epochs, batch_size=batch_size, verbose=0)
    return model
