"""What is trained: a code with exactly k ones in each group, and a decoder of such codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skid.decomposition._divergence import marginal_divergence, subset_divergence
from skid.engine.backend import tensorflow
from skid.engine.cache_key import cache_key_of
from skid.gradients import GradientRule
from skid.networks import DecayOfKernels, KerasNetwork, MultilayerPerceptron, network_rows, part_of
from skid.noise import Noise, next_seed
from skid.projections import project
from skid.solvers import TopK

ENCODER = "encoder_"
DECODER = "decoder_"
LOG_SCALE = "log_scale"
SMALLEST_LOG_SCALE = float(np.log(1e-3))
_EVALUATION_SEED = (20, 10)


@dataclass(frozen=True)
class CodeRule:
    """How logits become a code, and how the code gives a gradient.

    The noise, times the temperature, is added to the logits. Noise that is stronger than the
    logits makes Identity increase them, and the divergence, without limit, unless the logits are
    ``bounded``.
    """

    k: int
    noise: Noise | None
    projection: Any
    gradient: GradientRule | Callable[..., Any]
    bounded: bool

    def logits(self, outputs: Any, bound: Any, *, xp: Any = np) -> Any:
        """Logits from outputs of the encoder: ``bound tanh(outputs)`` if they are bounded."""
        return bound * xp.tanh(outputs) if self.bounded else outputs

    def __call__(self, logits: Any, control: dict, seed: Any, *, training: bool) -> Any:
        """Codes of the groups, of the shape (n_rows n_groups, group_size) of the logits.

        In ``training`` the gradient rule may relax the code and add noise. The control ``gain``,
        the factor of the projected costs, scales the gradient.
        """
        tf = tensorflow()
        rule_adds_noise = training and getattr(self.gradient, "adds_noise", False)
        if self.noise is not None and not rule_adds_noise:
            draws = self.noise.sample_tf(logits.shape, seed=seed, dtype=logits.dtype)
            logits = logits + control["temperature"] * draws
        costs = -control["gain"] * project(logits, self.projection, xp=tf.experimental.numpy)
        rule_seed = next_seed(seed) if training else None
        return self.gradient(TopK(self.k).solve_tf, costs, seed=rule_seed)

    def divergence(self, logits: Any, kl: str, temperature: Any, *, xp: Any = np) -> Any:
        """Divergence of the distribution of each group from the uniform one."""
        if kl == "marginal":
            return marginal_divergence(logits, xp=xp)
        return subset_divergence(logits / temperature, self.k, xp=xp)


class AutoencoderObjective(DecayOfKernels):
    """Mean negative evidence lower bound of the rows, in nats.

    ``code_shape`` is the number of groups and their size. XLA compiles the program if
    ``compiled``.
    """

    controls = ("temperature", "gain", "subset_temperature", "rate", "decay", "logit_bound")
    prefixes = (ENCODER, DECODER)

    def __init__(
        self,
        encoder: MultilayerPerceptron | KerasNetwork,
        decoder: MultilayerPerceptron | KerasNetwork,
        code_shape: tuple[int, int],
        rule: CodeRule,
        likelihood: str,
        kl: str,
        compiled: bool,
    ) -> None:
        self.encoder = encoder
        self.decoder = decoder
        self.code_shape = code_shape
        self.rule = rule
        self.likelihood = likelihood
        self.kl = kl
        self.compiled = compiled
        keys = (encoder.key, decoder.key, cache_key_of(rule))
        self.key = (type(self).__name__, *keys, code_shape, likelihood, kl, compiled)

    def loss(self, parameters, batch, constants, control, seed) -> tuple[Any, Any, dict]:
        """Sum over the rows of a batch, so that a gradient rule does not depend on its size."""
        tf = tensorflow()
        X = batch["X"]
        rows = network_rows(self.encoder, X[0], tf)
        outputs, state = self.encoder.train(part_of(parameters, ENCODER), rows)
        updates = {ENCODER + name: value for name, value in state.items()}
        logits = self._logits(outputs, control)
        codes = self.rule(logits, control, seed, training=True)
        outputs, state = self.decoder.train(part_of(parameters, DECODER), self._flat(codes))
        updates |= {DECODER + name: value for name, value in state.items()}
        losses = self._losses(parameters, X, logits, outputs, constants, control)
        return tf.reduce_sum(losses), tf.reduce_mean(losses), updates

    def evaluate(self, parameters, batch, constants, control) -> Any:
        """Negative bound of each row, with the same noise of the codes in every call."""
        tf = tensorflow()
        X = batch["X"]
        rows = network_rows(self.encoder, X[0], tf)
        outputs = self.encoder.apply(part_of(parameters, ENCODER), rows)
        logits = self._logits(outputs, control)
        codes = self.rule(logits, control, tf.constant(_EVALUATION_SEED), training=False)
        outputs = self.decoder.apply(part_of(parameters, DECODER), self._flat(codes))
        return self._losses(parameters, X, logits, outputs, constants, control)[tf.newaxis]

    def _logits(self, outputs, control):
        tf = tensorflow()
        groups = tf.reshape(outputs, (-1, self.code_shape[1]))
        return self.rule.logits(groups, control["logit_bound"], xp=tf.experimental.numpy)

    def _flat(self, codes):
        return tensorflow().reshape(codes, (1, -1, int(np.prod(self.code_shape))))

    def _losses(self, parameters, X, logits, outputs, constants, control):
        tf = tensorflow()
        outputs = outputs[0]
        X = tf.reshape(X, tf.shape(outputs))
        if self.likelihood == "bernoulli":
            entries = tf.nn.sigmoid_cross_entropy_with_logits(labels=X, logits=outputs)
            reconstruction = tf.reduce_sum(entries, axis=1)
        else:
            log_scale = parameters[LOG_SCALE]
            log_scale = tf.maximum(log_scale, tf.cast(SMALLEST_LOG_SCALE, log_scale.dtype))
            squares = tf.reduce_sum(tf.square(X - outputs), axis=1)
            reconstruction = gaussian_loss(squares, log_scale, outputs.shape[1], tf)
            reconstruction += constants["log_volume"]
        divergence = self.rule.divergence(
            logits, self.kl, control["subset_temperature"], xp=tf.experimental.numpy
        )
        divergence = tf.reshape(divergence, (-1, self.code_shape[0]))
        return reconstruction + tf.reduce_sum(divergence, axis=1)


def gaussian_loss(squares, log_scale, n_entries: int, xp) -> Any:
    """Negative log-density of rows with the given sums of squared errors, of shape (n,).

    ``log_scale`` is the logarithm of the standard deviation of all ``n_entries`` of a row.
    """
    constant = 0.5 * float(np.log(2 * np.pi)) * n_entries
    return 0.5 * squares * xp.exp(-2 * log_scale) + n_entries * log_scale + constant
