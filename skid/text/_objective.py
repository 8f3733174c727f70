"""What is trained: a selector of words, and a predictor that sees the selected words only."""

import numpy as np

from skid.engine.backend import tensorflow
from skid.engine.cache_key import cache_key_of
from skid.losses import ROW_LOSSES
from skid.networks import DecayOfKernels, part_of
from skid.noise import uniform_tf
from skid.text._selection import SelectionRule
from skid.text._vocabulary import UNKNOWN

EMBEDDING = "embedding"
SELECTOR = "selector_"
PREDICTOR = "predictor_"
SCALE, OFFSET = "output_scale", "output_offset"


class RationaleObjective(DecayOfKernels):
    """Predictions from exactly k words of each text, chosen by a selector network.

    Both networks have word vectors of their own, kept side by side in one table. Batches hold
    texts of nearly the same length, and each is computed at the length of its longest text.

    A predictor that learns from what the selector picks lets it encode the answer in the choice
    of meaningless words. One that learns from random words of the texts does not: it knows what
    each word is evidence of, and the selector is trained to pick the best evidence. An affine map
    then turns the outputs for such extreme words into those of the right size.

    The selector is told what the predictor says of all the words and of each word alone, see
    :class:`WordScorer`. Rare words are now and then hidden from it, so that it learns to judge a
    word that it has never seen by its context.

    Parameters
    ----------
    scorer : WordScorer or KerasWordScorer
    predictor : MultilayerPerceptron or KerasNetwork
    rule : SelectionRule
    loss : {"cross_entropy", "squared"}
    evidence : {"random", "selected"}
        Words that the predictor learns from.
    """

    controls = ("noise_scale", "rate", "embedding_rate", "decay")
    prefixes = (SELECTOR, PREDICTOR)
    compiled = False

    def __init__(self, scorer, predictor, rule: SelectionRule, loss: str, evidence: str) -> None:
        self.scorer = scorer
        self.predictor = predictor
        self.rule = rule
        self.loss_name = loss
        self.row_loss = ROW_LOSSES[loss]()
        self.evidence = evidence
        self.key = (
            type(self).__name__,
            scorer.key,
            predictor.key,
            cache_key_of(rule),
            loss,
            evidence,
        )

    def learning_rate(self, name: str) -> str:
        """Word vectors have a control of their own, so that they can be frozen."""
        return "embedding_rate" if name == EMBEDDING else super().learning_rate(name)

    def loss(self, parameters, batch, constants, control, seed):
        """Weighted mean of the losses of the texts, see :class:`Objective`."""
        tf = tensorflow()
        weight = batch["weight"]
        present = weight > 0
        # Rows without weight fill up batches of few long texts.
        batch = {name: tf.boolean_mask(values, present) for name, values in batch.items()}
        share = batch["weight"] / tf.cast(tf.shape(batch["weight"])[0], batch["weight"].dtype)
        ids, inside = _padded(batch["X"], constants["ids"])
        vectors = tf.gather(parameters[EMBEDDING], ids) * tf.cast(
            inside[:, :, tf.newaxis], share.dtype
        )
        own, others = tf.split(vectors, 2, axis=2)
        uniform = uniform_tf(tf.shape(ids), seed=tf.stack([seed[0] + 3, seed[1]]))
        seen = uniform >= tf.gather(constants["hidden"], ids)
        seen = tf.cast(seen[:, :, tf.newaxis], own.dtype)
        known = inside & (ids > UNKNOWN)
        sizes, least = batch["X"][:, 2:3], batch["X"][:, 3:4]
        weights = part_of(parameters, PREDICTOR)
        fixed = {name: tf.stop_gradient(value) for name, value in weights.items()}
        answers, support = self._told(fixed, tf.stop_gradient(others), known, seen)
        scores, updates = self.scorer.train(
            part_of(parameters, SELECTOR),
            own * seen,
            inside,
            answers,
            support,
            tf.experimental.numpy,
        )
        updates = {SELECTOR + name: value for name, value in updates.items()}
        mask = self.rule(scores, known, sizes, share, control["noise_scale"], seed)
        if self.evidence == "selected":
            outputs, more = self.predictor.train(
                weights, pooled(others, mask, sizes, tf)[tf.newaxis]
            )
            losses = self.row_loss(outputs[0], batch["y"])
            updates |= {PREDICTOR + name: value for name, value in more.items()}
            loss = tf.reduce_sum(share * losses)
            return loss, loss, updates
        extreme = pooled(tf.stop_gradient(others), mask, sizes, tf)
        outputs = self.predictor.apply(fixed, extreme[tf.newaxis])[0]
        outputs = parameters[SCALE] * outputs + parameters[OFFSET]
        loss = tf.reduce_sum(share * self.row_loss(outputs, batch["y"]))
        mask, sizes = random_words(known, least, seed, share.dtype)
        outputs, more = self.predictor.train(weights, pooled(others, mask, sizes, tf)[tf.newaxis])
        updates |= {PREDICTOR + name: value for name, value in more.items()}
        evidence_loss = tf.reduce_sum(share * self.row_loss(outputs[0], batch["y"]))
        return loss + evidence_loss, loss, updates

    def _told(self, weights: dict, vectors, known, seen):
        """What the predictor says of all the words of each text, and their support for it."""
        tf = tensorflow()
        counts = tf.reduce_sum(tf.cast(known, tf.int32), axis=1, keepdims=True)
        everything = pooled(vectors, tf.cast(known, vectors.dtype), counts, tf)
        answers = self.predictor.apply(weights, everything[tf.newaxis])[0]
        words = tf.reshape(vectors * seen, [1, -1, vectors.shape[2]])
        alone = self.predictor.apply(weights, words)[0]
        alone = tf.reshape(alone, [tf.shape(known)[0], tf.shape(known)[1], answers.shape[1]])
        return answers, support_of_words(alone, answers, self.loss_name, tf.experimental.numpy)


def support_of_words(alone, answers, loss: str, xp):
    """How much each word alone speaks for what all the words of its text say.

    It is ``<a, o>`` with the outputs ``o`` of the word alone, where ``a`` is
    ``softmax(answer) - 1 / n_classes`` for classes, and the answer itself for numbers.

    Parameters
    ----------
    alone : float array or tensor of shape (n, length, n_outputs)
        What the predictor says of each word.
    answers : float array or tensor of shape (n, n_outputs)
        What it says of all the words of the text.
    loss : {"cross_entropy", "squared"}
    xp : module
        ``numpy`` or ``tensorflow.experimental.numpy``.

    Returns
    -------
    array or tensor of shape (n, length)

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
        shares = exponentials / xp.sum(exponentials, axis=1, keepdims=True)
        answers = shares - 1.0 / answers.shape[1]
    return xp.matmul(alone, answers[:, :, np.newaxis])[:, :, 0]


def random_words(known, least, seed, dtype):
    """Random words of each text: any share of them, but on average no fewer than ``least``.

    Parameters
    ----------
    known : bool tensor of shape (n, length)
    least : int32 tensor of shape (n, 1)
        All of them where it is their number.
    seed : int tensor of shape (2,)
    dtype : dtype

    Returns
    -------
    mask : float tensor of shape (n, length)
    sizes : int32 tensor of shape (n, 1)
    """
    tf = tensorflow()
    shape = tf.shape(known)
    uniform = uniform_tf([shape[0], shape[1] + 1], seed=tf.stack([seed[0] + 2, seed[1]]))
    count = tf.reduce_sum(tf.cast(known, tf.float32), axis=1, keepdims=True)
    least_share = tf.math.divide_no_nan(tf.cast(least, tf.float32), count)
    chosen = known & (uniform[:, 1:] < tf.maximum(uniform[:, :1], least_share))
    sizes = tf.reduce_sum(tf.cast(chosen, tf.int32), axis=1, keepdims=True)
    return tf.cast(chosen, dtype), sizes


def pooled(vectors, mask, sizes, xp):
    """Mean vector of the selected words of each text, zero where none is selected.

    Parameters
    ----------
    vectors : float array or tensor of shape (n, length, n_components)
    mask : array or tensor of shape (n, length)
        Zeros and ones, or a relaxation.
    sizes : int array or tensor of shape (n, 1)
        Number of selected words.
    xp : module
        ``numpy`` or ``tensorflow``.

    Returns
    -------
    array or tensor of shape (n, n_components)
    """
    counts = xp.maximum(xp.ones_like(sizes), sizes)
    counts = counts.astype(vectors.dtype) if xp is np else xp.cast(counts, vectors.dtype)
    return xp.matmul(mask[:, np.newaxis, :], vectors)[:, 0, :] / counts


def _padded(X, ids):
    """Numbers of the words of a batch, and which places are inside the texts."""
    tf = tensorflow()
    starts, lengths = X[:, :1], X[:, 1:2]
    places = tf.range(tf.maximum(tf.reduce_max(lengths), 1))[tf.newaxis, :]
    inside = places < lengths
    return tf.where(inside, tf.gather(ids, tf.where(inside, starts + places, 0)), 0), inside
