"""The network that scores the words of a text in their context."""

from typing import Any

import numpy as np

from skid.engine.backend import tensorflow
from skid.networks import KerasNetwork

WIDTH = 3
"""Number of neighbouring words in a convolution."""


class WordScorer:
    """A score for each word from its neighbours and from the whole text.

    ``a = relu(conv(x))``; ``local = relu(conv(a))``; ``whole = relu(D max over the words of a)``;
    ``score = v relu(L local + G whole + A answer + b) + g support``. ``answer`` is the output of
    the predictor for all the words, because the best evidence depends on what is to be predicted.
    ``support`` is how much the word alone supports this answer, so that the networks learn only
    what the context changes. Without these two it is the selector of Chen et al., ICML 2018, with
    one local convolution. It trains in TensorFlow and predicts in NumPy by the same formula.

    ``n_inputs`` is the length of a word vector, ``n_outputs`` that of an output of the predictor,
    ``gain`` the initial value of ``g``.
    """

    def __init__(self, n_inputs: int, n_filters: int, n_outputs: int, gain: float) -> None:
        self.n_inputs = n_inputs
        self.n_filters = n_filters
        self.n_outputs = n_outputs
        self.gain = gain
        self.key = ("word_scorer", n_inputs, n_filters, n_outputs)

    def initial(self, random_state: np.random.RandomState, dtype) -> dict[str, np.ndarray]:
        """Random weights (He et al., 2015): variance 2 / inputs, 1 / inputs for the scores."""
        size = self.n_filters
        shapes = {
            "first": (WIDTH * self.n_inputs, size),
            "local": (WIDTH * size, size),
            "whole": (size, size),
            "local_mix": (size, size),
            "whole_mix": (size, size),
            "answer_mix": (self.n_outputs, size),
            "score": (size, 1),
        }
        weights = {}
        for name, shape in shapes.items():
            gain = 1.0 if name == "score" else 2.0
            kernel = random_state.normal(0.0, np.sqrt(gain / shape[0]), shape)
            weights[f"kernel_{name}"] = kernel.astype(dtype)
        for name in ("first", "local", "whole", "mix"):
            weights[f"bias_{name}"] = np.zeros(size, dtype)
        weights["gain"] = np.full(1, self.gain, dtype)
        return weights

    def train(self, weights: dict, words, inside, answers, support, xp) -> tuple[Any, dict]:
        """Scores while training, and an empty state, see :meth:`KerasWordScorer.train`."""
        return self.scores(weights, words, inside, answers, support, xp), {}

    def scores(self, weights: dict, words, inside, answers, support, xp) -> Any:
        """Scores of the words, an array or tensor of shape (n, length).

        ``words``, of shape (n, length, n_inputs), are word vectors, which are zero where
        ``inside``, of shape (n, length), is false: outside the texts. ``answers`` has the shape
        (n, n_outputs) and ``support`` the shape (n, length).
        """
        inside = inside[:, :, np.newaxis]
        first = _convolved(words, weights, "first", xp)
        first = xp.where(inside, _relu(first, xp), xp.zeros_like(first))
        local = _relu(_convolved(first, weights, "local", xp), xp)
        whole = _relu(_dense(xp.max(first, axis=1), weights, "whole", "whole", xp), xp)
        mixed = _dense(local, weights, "local_mix", "mix", xp)
        of_text = xp.matmul(whole, weights["kernel_whole_mix"])
        of_text = of_text + xp.matmul(answers, weights["kernel_answer_mix"])
        mixed = mixed + of_text[:, np.newaxis, :]
        of_word = _dense(_relu(mixed, xp), weights, "score", None, xp)[:, :, 0]
        return of_word + weights["gain"] * support


class KerasWordScorer:
    """Scores from a user's Keras model, see ``selector_network`` of the estimators."""

    def __init__(self, build, n_inputs: int) -> None:
        shape: tuple[Any, ...] = (None, n_inputs)
        self.network = KerasNetwork(build, shape, 1)
        self.key = self.network.key

    def initial(self, random_state: np.random.RandomState, dtype) -> dict[str, np.ndarray]:
        """Weights and other variables of a newly built model."""
        return self.network.initial(1, random_state, dtype)

    def train(self, weights: dict, words, inside, answers, support, xp) -> tuple[Any, dict]:
        """Scores while training, and the state after the batch: running means, seeds."""
        outputs, state = self.network.train(weights, words[np.newaxis])
        return tensorflow().reshape(outputs, tensorflow().shape(inside)), state

    def scores(self, weights: dict, words, inside, answers, support, xp) -> np.ndarray:
        """Scores of the words, computed by TensorFlow, see :meth:`WordScorer.scores`."""
        return self.network.predict(weights, words).reshape(words.shape[:2])


def _convolved(words, weights: dict, name: str, xp):
    """Convolution over each word and its neighbours, zero beyond the ends."""
    if xp is np:
        edge = np.zeros_like(words[:, :1])
        before = np.concatenate([edge, words[:, :-1]], axis=1)
        after = np.concatenate([words[:, 1:], edge], axis=1)
        windows = np.concatenate([before, words, after], axis=2)
        return _dense(windows, weights, name, name, xp)
    # It writes no windows to memory, nor their gradients: twice as fast as matrix products.
    kernel = xp.reshape(weights[f"kernel_{name}"], (WIDTH, words.shape[2], -1))
    outputs = tensorflow().nn.conv1d(words, kernel, 1, "SAME")
    return outputs + weights[f"bias_{name}"]


def _dense(values, weights: dict, name: str, bias: str | None, xp):
    kernel = weights[f"kernel_{name}"]
    # As one matrix: the gradient of a product of stacked matrices is slow.
    flat = xp.reshape(values, (-1, kernel.shape[0]))
    outputs = xp.matmul(flat, kernel)
    if bias is not None:
        outputs = outputs + weights[f"bias_{bias}"]
    if len(values.shape) == 2:
        return outputs
    length = values.shape[1] or tensorflow().shape(values)[1]
    return xp.reshape(outputs, (-1, length, kernel.shape[1]))


def _relu(values, xp):
    return np.maximum(values, 0) if xp is np else tensorflow().nn.relu(values)
