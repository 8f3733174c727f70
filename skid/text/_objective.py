"""What is trained: a selector of words, and a predictor that sees only the selected words."""

from typing import Any

import numpy as np

from skid.engine.backend import tensorflow
from skid.engine.cache_key import cache_key_of
from skid.losses import ROW_LOSSES, loss_of
from skid.networks import DecayOfKernels, KerasNetwork, MultilayerPerceptron, part_of
from skid.noise import next_seed, uniform_tf
from skid.text._networks import KerasWordScorer, WordScorer
from skid.text._selection import SelectionRule
from skid.text._vocabulary import UNKNOWN

EMBEDDING = "embedding"
SELECTOR = "selector_"
PREDICTOR = "predictor_"
SCALE, OFFSET = "output_scale", "output_offset"


class RationaleObjective(DecayOfKernels):
    """Predictions from exactly k words of each text, selected by a network.

    Both networks have separate word vectors, side by side in one table. Batches hold texts of
    nearly the same length, and each is computed at the length of its longest text.

    With ``evidence="selected"`` the selector can encode the answer in the choice of meaningless
    words, because the predictor learns from these. With ``"random"`` the predictor learns from
    random words what each word is evidence of, and the selector is trained to select the best
    evidence. An affine map then rescales the outputs, which are too large for the best words.

    The selector receives the outputs of the predictor for all the words and for each word alone,
    see :class:`WordScorer`. Rare words are sometimes hidden from it, so that it learns to judge an
    unknown word by its context.
    """

    controls = ("noise_scale", "rate", "embedding_rate", "decay")
    prefixes = (SELECTOR, PREDICTOR)
    compiled = False

    def __init__(
        self,
        scorer: WordScorer | KerasWordScorer,
        predictor: MultilayerPerceptron | KerasNetwork,
        rule: SelectionRule,
        loss: str,
        evidence: str,
    ) -> None:
        self.scorer = scorer
        self.predictor = predictor
        self.rule = rule
        self.loss_name = loss
        self.row_loss = loss_of(loss, ROW_LOSSES)
        self.evidence = evidence
        keys = (scorer.key, predictor.key, cache_key_of(rule))
        self.key = (type(self).__name__, *keys, loss, evidence)

    def learning_rate(self, name: str) -> str:
        """Word vectors have a separate control, so that they can be frozen."""
        return "embedding_rate" if name == EMBEDDING else super().learning_rate(name)

    def loss(self, parameters, batch, constants, control, seed) -> tuple[Any, Any, dict]:
        """Weighted mean of the losses of the texts, see :class:`Objective`."""
        tf = tensorflow()
        # Rows without weight fill batches of few long texts.
        present = batch["weight"] > 0
        batch = {name: tf.boolean_mask(values, present) for name, values in batch.items()}
        weight = batch["weight"]
        weight = weight / tf.cast(tf.shape(weight)[0], weight.dtype)
        dtype = weight.dtype
        ids, inside = _padded(batch["spans"], constants["ids"])
        vectors = tf.gather(parameters[EMBEDDING], ids) * tf.cast(inside[:, :, tf.newaxis], dtype)
        selector_vectors, predictor_vectors = tf.split(vectors, 2, axis=2)
        uniform = uniform_tf(tf.shape(ids), seed=next_seed(seed, 3))
        seen = uniform >= tf.gather(constants["hidden"], ids)
        seen = tf.cast(seen[:, :, tf.newaxis], dtype)
        known = inside & (ids > UNKNOWN)
        sizes, least = batch["spans"][:, 2:3], batch["spans"][:, 3:4]
        weights = part_of(parameters, PREDICTOR)
        fixed = {name: tf.stop_gradient(value) for name, value in weights.items()}
        fixed_vectors = tf.stop_gradient(predictor_vectors)
        answers, support = self._answers_and_support(fixed, fixed_vectors, known, seen)
        scores, state = self.scorer.train(
            part_of(parameters, SELECTOR),
            selector_vectors * seen,
            inside,
            answers,
            support,
            tf.experimental.numpy,
        )
        updates = {SELECTOR + name: value for name, value in state.items()}
        mask = self.rule(scores, known, sizes, weight, control["noise_scale"], seed)
        selector_loss = None
        if self.evidence == "random":
            evidence = pooled(fixed_vectors, mask, sizes, tf)
            outputs = self.predictor.apply(fixed, evidence[tf.newaxis])[0]
            outputs = parameters[SCALE] * outputs + parameters[OFFSET]
            selector_loss = tf.reduce_sum(weight * self.row_loss(outputs, batch["y"]))
            mask, sizes = random_words(known, least, seed, dtype)
        evidence = pooled(predictor_vectors, mask, sizes, tf)
        outputs, state = self.predictor.train(weights, evidence[tf.newaxis])
        updates |= {PREDICTOR + name: value for name, value in state.items()}
        loss = tf.reduce_sum(weight * self.row_loss(outputs[0], batch["y"]))
        if selector_loss is None:
            return loss, loss, updates
        return selector_loss + loss, selector_loss, updates

    def _answers_and_support(self, weights: dict, vectors, known, seen) -> tuple[Any, Any]:
        """Outputs of the predictor for all the words of each text, and support of each word."""
        tf = tensorflow()
        counts = tf.reduce_sum(tf.cast(known, tf.int32), axis=1, keepdims=True)
        everything = pooled(vectors, tf.cast(known, vectors.dtype), counts, tf)
        answers = self.predictor.apply(weights, everything[tf.newaxis])[0]
        words = tf.reshape(vectors * seen, [1, -1, vectors.shape[2]])
        word_answers = self.predictor.apply(weights, words)[0]
        shape = [tf.shape(known)[0], tf.shape(known)[1], answers.shape[1]]
        word_answers = tf.reshape(word_answers, shape)
        xp = tf.experimental.numpy
        return answers, support_of_words(word_answers, answers, self.loss_name, xp)


def support_of_words(word_answers, answers, loss: str, xp) -> Any:
    """How much each word alone supports the answer of its whole text, shape (n, length).

    It is ``<a, o>`` with the output ``o`` of the predictor for the word, in ``word_answers`` of
    shape (n, length, n_outputs), and ``a`` that for the text, in ``answers`` of shape
    (n, n_outputs): ``softmax(answer) - 1 / n_classes`` for classes, the answer for numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.text._objective import support_of_words
    >>> good, the, bad = (0.0, 1.0), (0.0, 0.0), (1.0, 0.0)
    >>> words, answers = np.array([[good, the, bad]]), np.array([[0.0, 40.0]])
    >>> support_of_words(words, answers, "cross_entropy", np)
    array([[ 0.5,  0. , -0.5]])
    """
    if loss == "cross_entropy":
        exponentials = xp.exp(answers - xp.max(answers, axis=1, keepdims=True))
        probabilities = exponentials / xp.sum(exponentials, axis=1, keepdims=True)
        answers = probabilities - 1.0 / answers.shape[1]
    return xp.matmul(word_answers, answers[:, :, np.newaxis])[:, :, 0]


def random_words(known, least, seed, dtype) -> tuple[Any, Any]:
    """Random words of each text: any fraction of them, but on average at least ``least``.

    The mask has the shape (n, length) of ``known``; ``least`` and the numbers of words that are
    returned have shape (n, 1).
    """
    tf = tensorflow()
    shape = tf.shape(known)
    uniform = uniform_tf([shape[0], shape[1] + 1], seed=next_seed(seed, 2))
    count = tf.reduce_sum(tf.cast(known, tf.float32), axis=1, keepdims=True)
    least_fraction = tf.math.divide_no_nan(tf.cast(least, tf.float32), count)
    chosen = known & (uniform[:, 1:] < tf.maximum(uniform[:, :1], least_fraction))
    sizes = tf.reduce_sum(tf.cast(chosen, tf.int32), axis=1, keepdims=True)
    return tf.cast(chosen, dtype), sizes


def pooled(vectors, mask, sizes, xp) -> Any:
    """Mean vector of the selected words of each text, zero where none is selected.

    ``mask``, of shape (n, length), holds zeros and ones or a relaxation; ``sizes``, of shape
    (n, 1), the numbers of selected words; ``xp`` is ``numpy`` or ``tensorflow``.
    """
    counts = xp.maximum(xp.ones_like(sizes), sizes)
    counts = counts.astype(vectors.dtype) if xp is np else xp.cast(counts, vectors.dtype)
    return xp.matmul(mask[:, np.newaxis, :], vectors)[:, 0, :] / counts


def _padded(X, ids) -> tuple[Any, Any]:
    """Numbers of the words of a batch, and which positions are inside the texts."""
    tf = tensorflow()
    starts, lengths = X[:, :1], X[:, 1:2]
    places = tf.range(tf.maximum(tf.reduce_max(lengths), 1))[tf.newaxis, :]
    inside = places < lengths
    return tf.where(inside, tf.gather(ids, tf.where(inside, starts + places, 0)), 0), inside
