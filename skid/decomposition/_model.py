"""A fitted autoencoder: NumPy arrays that encode rows and decode codes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.utils import gen_batches

from skid.decomposition._objective import (
    DECODER,
    ENCODER,
    LOG_SCALE,
    SMALLEST_LOG_SCALE,
    CodeRule,
    gaussian_loss,
)
from skid.engine.feed import row_blocks
from skid.inputs import Inputs
from skid.networks import (
    ROWS_AT_A_TIME,
    FittedNetwork,
    KerasNetwork,
    MultilayerPerceptron,
    keras_outputs,
    network_rows,
    part_of,
)
from skid.solvers import TopK


@dataclass
class AutoencoderModel:
    """Codes of rows, rows of codes, and the likelihood of rows.

    ``code_shape`` is the number of groups and their size. Samples are approximately drawn from
    the distribution of subsets at ``subset_temperature``.
    """

    inputs: Inputs
    encoder: MultilayerPerceptron | KerasNetwork
    decoder: MultilayerPerceptron | KerasNetwork
    code_shape: tuple[int, int]
    weights: dict[str, np.ndarray]
    rule: CodeRule
    likelihood: str
    temperature: float
    subset_temperature: float
    logit_bound: float

    @property
    def n_codes(self) -> int:
        """Number of entries of a code."""
        return self.code_shape[0] * self.code_shape[1]

    def codes(self, X: np.ndarray, random_state: np.random.RandomState | None = None) -> np.ndarray:
        """Codes of rows, shape (n, n_codes): with noise, or without it the most probable ones."""
        blocks = [
            self._solved(self._logits(self.inputs.apply(np.asarray(X[rows]))), random_state)
            for rows in row_blocks(X, ROWS_AT_A_TIME)
        ]
        return np.concatenate(blocks).reshape(-1, self.n_codes)

    def decoded(self, codes: np.ndarray) -> np.ndarray:
        """Mean row of each code, shape (n, ...)."""
        blocks = [self._outputs(codes[rows]) for rows in gen_batches(len(codes), ROWS_AT_A_TIME)]
        outputs = np.concatenate(blocks).reshape(-1, *self.inputs.row_shape)
        if self.likelihood == "bernoulli":
            return expit(outputs)
        standardization = self.inputs.standardization
        return outputs * standardization.scale + standardization.location

    def to_keras(self) -> tuple[Any, Any]:
        """Keras models from raw rows to the outputs of the encoder, and from codes to rows."""
        fitted = FittedNetwork(self.inputs, self.encoder, part_of(self.weights, ENCODER))
        encoder = fitted.to_keras()
        import keras

        dtype = encoder.output.dtype
        codes = keras.Input((self.n_codes,), dtype=dtype)
        outputs = keras_outputs(self.decoder, part_of(self.weights, DECODER), codes)
        rows = keras.layers.Reshape(self.inputs.row_shape, dtype=dtype)(outputs)
        if self.likelihood == "bernoulli":
            rows = keras.layers.Activation("sigmoid", dtype=dtype)(rows)
        else:
            units = self.inputs.standardization
            rows = keras.layers.Rescaling(units.scale, units.location, dtype=dtype)(rows)
        return encoder, keras.Model(codes, rows)

    def negative_bound(
        self, X: np.ndarray, kl: str, random_state: np.random.RandomState
    ) -> tuple[np.ndarray, np.ndarray]:
        """Reconstruction loss and divergence of each row in nats, both of shape (n,)."""
        terms = [
            self._terms(np.asarray(X[rows]), kl, random_state)
            for rows in row_blocks(X, ROWS_AT_A_TIME)
        ]
        losses, divergences = zip(*terms, strict=True)
        return np.concatenate(losses), np.concatenate(divergences)

    def _terms(self, X: np.ndarray, kl: str, random_state) -> tuple[np.ndarray, np.ndarray]:
        X = self.inputs.apply(X)
        logits = self._logits(X)
        outputs = self._outputs(self._solved(logits, random_state).reshape(len(X), -1))
        X = X.reshape(outputs.shape)
        if self.likelihood == "bernoulli":
            losses = np.sum(np.logaddexp(0, outputs) - X * outputs, axis=1)
        else:
            log_scale = np.maximum(self.weights[LOG_SCALE], SMALLEST_LOG_SCALE)
            squares = np.sum(np.square(X - outputs), axis=1)
            losses = gaussian_loss(squares, log_scale, outputs.shape[1], np)
            losses = losses + log_volume(self.inputs)
        divergences = self.rule.divergence(logits, kl, self.subset_temperature)
        return losses, divergences.reshape(len(X), -1).sum(axis=1)

    def _logits(self, X: np.ndarray) -> np.ndarray:
        """Logits of the groups of standardised rows, shape (n * n_groups, group_size)."""
        rows = network_rows(self.encoder, X, np)[0]
        outputs = self.encoder.predict(part_of(self.weights, ENCODER), rows)
        return self.rule.logits(outputs.reshape(-1, self.code_shape[1]), self.logit_bound)

    def _solved(self, logits: np.ndarray, random_state) -> np.ndarray:
        noise = self.rule.noise
        if random_state is not None and noise is not None:
            draws = noise.sample(logits.shape, random_state=random_state, dtype=logits.dtype)
            logits = logits + self.temperature * draws
        return TopK(self.rule.k).solve(-logits)

    def _outputs(self, codes: np.ndarray) -> np.ndarray:
        return self.decoder.predict(part_of(self.weights, DECODER), codes)


def log_volume(inputs: Inputs) -> float:
    """Logarithm of the product of the scales, which converts densities to the units of X."""
    scale = inputs.standardization.scale
    per_feature = np.prod(inputs.row_shape) / scale.size
    return float(per_feature * np.sum(np.log(scale.astype(np.float64))))
