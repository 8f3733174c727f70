"""The authors' discrete autoencoder as they describe it, in Keras: one training step as a graph."""

from __future__ import annotations

import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

N_GROUPS, GROUP_SIZE, K = 20, 20, 10
TERMS, TEMPERATURE = 10, 10.0


def seconds_of_an_epoch(X: np.ndarray, batch_size: int, repetitions: int) -> list[float]:
    """Train for some epochs after a warm-up of ten batches; seconds of each."""
    step = training_step(X.shape[1])
    batches = tf.data.Dataset.from_tensor_slices(X).shuffle(len(X), seed=0)
    batches = batches.batch(batch_size, drop_remainder=True).prefetch(2)
    for batch in batches.take(10):
        step(batch)
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        for batch in batches:
            step(batch)
        seconds.append(time.perf_counter() - start)
    return seconds


def training_step(n_features: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """A step of Adam on the bound of a batch, with networks and layer of the released code."""
    n_codes = N_GROUPS * GROUP_SIZE
    encoder = dense_network(n_features, (512, 256), n_codes)
    decoder = dense_network(n_codes, (256, 512), n_features)
    variables = encoder.trainable_variables + decoder.trainable_variables
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(variables)

    @tf.function
    def step(X: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = tf.reshape(encoder(X), (-1, GROUP_SIZE))
            codes = subset_with_identity(logits)
            outputs = decoder(tf.reshape(codes, (-1, n_codes)))
            loss = bound(X, logits, outputs)
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    return step


def dense_network(n_inputs: int, units: tuple[int, ...], n_outputs: int) -> keras.Model:
    """Dense layers with rectified linear units between them."""
    hidden = [keras.layers.Dense(size, activation="relu") for size in units]
    return keras.Sequential([keras.Input((n_inputs,)), *hidden, keras.layers.Dense(n_outputs)])


def subset_with_identity(logits: tf.Tensor) -> tf.Tensor:
    """Noise of ten gamma draws, standardisation, threshold at the k-th largest; gradient dy."""
    logits = logits + sum_of_gamma(tf.shape(logits))
    logits = logits - tf.reduce_mean(logits, axis=1, keepdims=True)
    logits = logits / tf.norm(logits, axis=1, keepdims=True)
    threshold = tf.math.top_k(logits, K).values[:, -1:]
    hot = tf.cast(logits >= threshold, logits.dtype)
    return logits + tf.stop_gradient(hot - logits)


def sum_of_gamma(shape: tf.Tensor) -> tf.Tensor:
    """One draw of each gamma variable at a time, with the released code's k / i as a rate."""
    draws = tf.map_fn(
        lambda index: tf.random.gamma(shape, 1.0 / K, K / index),
        tf.range(1.0, TERMS + 1.0),
    )
    return TEMPERATURE / K * (tf.reduce_sum(draws, axis=0) - tf.math.log(float(TERMS)))


def bound(X: tf.Tensor, logits: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Mean cross-entropy of the pixels plus the divergence of the marginals."""
    entries = tf.nn.sigmoid_cross_entropy_with_logits(labels=X, logits=outputs)
    shares = tf.nn.softmax(logits)
    divergence = shares * (tf.math.log(shares + 1e-20) + tf.math.log(float(GROUP_SIZE)))
    n_rows = tf.cast(tf.shape(X)[0], X.dtype)
    return (tf.reduce_sum(entries) + tf.reduce_sum(divergence)) / n_rows
