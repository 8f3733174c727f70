"""What is trained: a code of exactly k ones in each group, and a decoder that sees only this."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skid.decomposition._divergence import marginal_divergence, subset_divergence
from skid.engine.backend import tensorflow
from skid.engine.cache_key import cache_key_of
from skid.networks import DecayOfKernels, network_rows, part_of
from skid.noise import Noise
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

    Attributes
    ----------
    k : int
    noise : Noise or None
        Added to the logits, times the temperature: the law that codes are sampled from.
    projection : str
    gradient : callable
        How the solver is differentiated.
    bounded : bool
        Whether the logits have a bound. Noise that is stronger than the logits makes Identity
        push them without end, and the divergence with them; at a bound both come to rest.
    """

    k: int
    noise: Noise | None
    projection: str
    gradient: Hashable
    bounded: bool

    def logits(self, outputs: Any, bound: Any, *, xp: Any = np) -> Any:
        """Logits of the groups from what the encoder gives: ``bound tanh(outputs)``, or these."""
        return bound * xp.tanh(outputs) if self.bounded else outputs

    def __call__(self, logits: Any, control: dict, seed: Any, *, training: bool) -> Any:
        """Codes of the groups, shape (n_rows n_groups, group_size).

        Parameters
        ----------
        logits : float tensor of shape (n_rows n_groups, group_size)
        control : dict of str to tensor
            With the temperature and the factor of the projected costs, which scales the gradient.
        seed : int32 tensor of shape (2,)
        training : bool
            Whether a rule may relax the code, and draw noise of its own.
        """
        tf = tensorflow()
        own_noise = training and getattr(self.gradient, "adds_noise", False)
        if self.noise is not None and not own_noise:
            draws = self.noise.sample_tf(logits.shape, seed=seed, dtype=logits.dtype)
            logits = logits + control["temperature"] * draws
        costs = -control["gain"] * project(logits, self.projection, xp=tf.experimental.numpy)
        own_seed = tf.stack([seed[0] + 1, seed[1]]) if training else None
        return self.gradient(TopK(self.k).solve_tf, costs, seed=own_seed)

    def divergence(self, logits: Any, kl: str, temperature: Any, *, xp: Any = np) -> Any:
        """Divergence of each group's law from the uniform one."""
        if kl == "marginal":
            return marginal_divergence(logits, xp=xp)
        return subset_divergence(logits / temperature, self.k, xp=xp)


class AutoencoderObjective(DecayOfKernels):
    """Mean negative evidence lower bound of the rows, in nats.

    Parameters
    ----------
    encoder, decoder : MultilayerPerceptron or KerasNetwork
    n_groups, group_size : int
    rule : CodeRule
    likelihood : {"bernoulli", "gaussian"}
    kl : {"marginal", "subset"}
    compiled : bool
        Whether XLA compiles the program.
    """

    controls = ("temperature", "gain", "subset_temperature", "rate", "decay", "logit_bound")
    prefixes = (ENCODER, DECODER)

    def __init__(
        self, encoder, decoder, n_groups, group_size, rule, likelihood, kl, compiled
    ) -> None:
        self.encoder = encoder
        self.decoder = decoder
        self.code_shape = (n_groups, group_size)
        self.rule = rule
        self.likelihood = likelihood
        self.kl = kl
        self.compiled = compiled
        self.key = (
            type(self).__name__,
            encoder.key,
            decoder.key,
            self.code_shape,
            cache_key_of(rule),
            likelihood,
            kl,
            compiled,
        )

    def loss(self, parameters, batch, constants, control, seed):
        """Sum over the rows of a batch, so that a gradient rule does not see its size."""
        tf = tensorflow()
        X = batch["X"]
        outputs, updates = self.encoder.train(
            part_of(parameters, ENCODER), network_rows(self.encoder, X[0], tf)
        )
        logits = self._logits(outputs, control)
        codes = self.rule(logits, control, seed, training=True)
        outputs, more = self.decoder.train(part_of(parameters, DECODER), self._flat(codes))
        losses = self._losses(parameters, X, logits, outputs, constants, control)
        updates = {ENCODER + name: value for name, value in updates.items()}
        updates |= {DECODER + name: value for name, value in more.items()}
        return tf.reduce_sum(losses), tf.reduce_mean(losses), updates

    def evaluate(self, parameters, batch, constants, control):
        """Negative bound of each row, codes sampled with the same noise each time."""
        tf = tensorflow()
        X = batch["X"]
        outputs = self.encoder.apply(
            part_of(parameters, ENCODER), network_rows(self.encoder, X[0], tf)
        )
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


def gaussian_loss(squares, log_scale, n_entries: int, xp):
    """Minus the log-density of rows by the sums of their squared errors.

    Parameters
    ----------
    squares : float array or tensor of shape (n,)
    log_scale : scalar
        Logarithm of the standard deviation, which all entries share.
    n_entries : int
    xp : module
        ``numpy`` or ``tensorflow``.
    """
    constant = 0.5 * float(np.log(2 * np.pi)) * n_entries
    return 0.5 * squares * xp.exp(-2 * log_scale) + n_entries * log_scale + constant
