"""A fitted rationale model: NumPy arrays that select words and predict from them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skid.networks import KerasNetwork, MultilayerPerceptron, part_of
from skid.text._batches import blocks_of_rows
from skid.text._networks import KerasWordScorer, WordScorer
from skid.text._objective import (
    EMBEDDING,
    OFFSET,
    PREDICTOR,
    SCALE,
    SELECTOR,
    pooled,
    support_of_words,
)
from skid.text._selection import chosen, rationale_sizes
from skid.text._vocabulary import UNKNOWN, Corpus

TOKENS_AT_A_TIME = 2**16


@dataclass
class RationaleModel:
    """Selects words of texts, and predicts from them.

    ``preference``, of shape (n_words,), is added to the scores of the words, see :func:`chosen`.
    """

    k: int | float
    scorer: WordScorer | KerasWordScorer
    predictor: MultilayerPerceptron | KerasNetwork
    loss: str
    weights: dict[str, np.ndarray]
    preference: np.ndarray

    def outputs(self, corpus: Corpus) -> np.ndarray:
        """Outputs of the predictor, shape (n, n_outputs)."""
        return self.explained(corpus)[1]

    def explained(self, corpus: Corpus) -> tuple[list[np.ndarray], np.ndarray]:
        """Places of the selected words of each text, in order, and the outputs for them.

        Int arrays of shape (k_i,), and a float array of shape (n, n_outputs).
        """
        order, places, answers = [], [], []
        for rows, mask, outputs in self._blocks(corpus):
            order.append(rows)
            places += [np.flatnonzero(selected) for selected in mask]
            answers.append(outputs)
        # From the order of the lengths back to that of the texts.
        back = np.argsort(np.concatenate(order))
        return [places[index] for index in back], np.concatenate(answers)[back]

    def _blocks(self, corpus: Corpus) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Rows, selected places and outputs of blocks of texts of nearly the same length."""
        weights = part_of(self.weights, PREDICTOR)
        scorer_weights = part_of(self.weights, SELECTOR)
        sizes = rationale_sizes(self.k, corpus.n_known())
        by_length = np.argsort(corpus.lengths, kind="stable")
        for rows in blocks_of_rows(by_length, corpus.lengths, TOKENS_AT_A_TIME):
            ids = corpus.padded(rows)
            inside = np.arange(ids.shape[1]) < corpus.lengths[rows, np.newaxis]
            vectors = self.weights[EMBEDDING][ids] * inside[:, :, np.newaxis]
            selector_vectors, predictor_vectors = np.split(vectors, 2, axis=2)
            known = inside & (ids > UNKNOWN)
            counts = known.sum(axis=1, keepdims=True)
            dtype = vectors.dtype
            answers = self.predictor.predict(
                weights, pooled(predictor_vectors, known.astype(dtype), counts, np)
            )
            words, places = np.unique(ids, return_inverse=True)
            vectors = self.weights[EMBEDDING][words, predictor_vectors.shape[2] :]
            word_answers = self.predictor.predict(weights, vectors)[places.reshape(ids.shape)]
            support = support_of_words(word_answers, answers, self.loss, np)
            scores = self.scorer.scores(
                scorer_weights, selector_vectors, inside, answers, support, np
            )
            mask = chosen(scores, known, sizes[rows], self.preference[ids])
            evidence = pooled(predictor_vectors, mask.astype(dtype), sizes[rows, np.newaxis], np)
            outputs = self.predictor.predict(weights, evidence)
            yield rows, mask, self.weights[SCALE] * outputs + self.weights[OFFSET]
