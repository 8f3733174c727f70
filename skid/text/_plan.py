"""The training of a rationale estimator: networks, batches, validation, and fitted attributes."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skid._parameters import resolve_auto
from skid.engine.feed import padded_length
from skid.engine.folds import check_rows_to_split
from skid.engine.plan import Plan
from skid.engine.seeds import draw_seeds
from skid.engine.training import Training
from skid.engine.validation import MAXIMUM_ROWS, drawn_rows
from skid.losses import relative_weights
from skid.networks import network_of
from skid.text import _defaults as defaults
from skid.text._batches import LengthBatches
from skid.text._embedding import first_vectors
from skid.text._frequency import hidden_fractions, rarity, word_counts
from skid.text._model import RationaleModel
from skid.text._networks import KerasWordScorer, WordScorer
from skid.text._objective import EMBEDDING, OFFSET, PREDICTOR, SCALE, SELECTOR, RationaleObjective
from skid.text._selection import rationale_sizes
from skid.text._vocabulary import Corpus, Vocabulary

DTYPE = np.dtype(np.float32)


@dataclass
class TrainingData:
    """What the networks learn from: n_texts texts, followed by random parts of each.

    ``targets``, of shape (n_rows, n_outputs), are probabilities with the loss "cross_entropy", or
    numbers of zero mean and unit variance with "squared".
    """

    corpus: Corpus
    vocabulary: Vocabulary
    targets: np.ndarray
    weights: np.ndarray
    loss: str
    n_texts: int

    def arrays(self, k: int | float) -> dict[str, np.ndarray]:
        """Arrays of the program, with one additional row of weight zero that fills batches."""
        n_known = self.corpus.n_known()
        sizes = rationale_sizes(k, n_known)
        # The target of a part is that of all its words.
        least = np.where(np.arange(len(sizes)) >= self.n_texts, n_known, sizes)
        columns = [self.corpus.starts, self.corpus.lengths, sizes, least]
        rows = np.stack(columns, axis=1).astype(np.int32)
        arrays = {"spans": rows, "y": self.targets, "weight": relative_weights(self.weights)}
        return {
            name: np.concatenate([values, np.zeros_like(values[:1])])
            for name, values in arrays.items()
        }


class RationalePlan(Plan):
    """The training of the networks of a rationale estimator."""

    objective: RationaleObjective
    scorer: WordScorer | KerasWordScorer
    best_score = 1.0

    def __init__(self, estimator, data: TrainingData, random_state: np.random.RandomState) -> None:
        super().__init__(estimator)
        *seeds, noise_seed = draw_seeds(random_state, 4)
        self.random_state, batching, starting = map(np.random.RandomState, seeds)
        self.seed = int(noise_seed)
        self.data, self.k = data, estimator.k
        held_out = _held_out(estimator, data, self.random_state)
        text_of_row = np.arange(len(data.weights)) % data.n_texts
        self.batches = LengthBatches(
            np.flatnonzero((data.weights > 0) & ~held_out[text_of_row]),
            data.corpus.lengths,
            resolve_auto(estimator.batch_size, defaults.BATCH_SIZE),
            shuffle=estimator.shuffle,
            random_state=batching,
        )
        n_rows = len(self.batches.rows)
        self.steps_per_epoch = math.ceil(n_rows / self.batches.rows_per_step)
        # After a few steps the score says little: the training could stop too early.
        epochs = math.ceil(defaults.LEAST_STEPS_BETWEEN_VALIDATIONS / self.steps_per_epoch)
        self.steps_per_validation = epochs * self.steps_per_epoch
        self.held_out = drawn_rows(np.flatnonzero(held_out), MAXIMUM_ROWS, self.random_state)
        rule, noise_scale = defaults.selection_rule(estimator)
        controls = defaults.rationale_controls(estimator, n_rows, self.steps_per_epoch, noise_scale)
        self.controls = controls.astype(DTYPE)
        counts = word_counts(data.corpus, len(data.vocabulary), self.batches.rows)
        hidden = hidden_fractions(counts).astype(DTYPE)
        if estimator.embedding is not None:
            # Word vectors of the user are informative for words that never occur, too.
            hidden = np.zeros_like(hidden)
        evidence = resolve_auto(estimator.evidence, defaults.EVIDENCE[data.loss])
        rarity_weight = resolve_auto(estimator.rarity_weight, defaults.RARITY_WEIGHT[evidence])
        self.preference = (rarity_weight * rarity(counts)).astype(DTYPE)
        self._set_networks(estimator, defaults.GAIN[evidence], hidden, starting)
        self.objective = RationaleObjective(self.scorer, self.predictor, rule, data.loss, evidence)
        self.arrays = data.arrays(estimator.k)
        # Padded, so that corpora of nearly the same size use one program.
        ids = data.corpus.ids
        ids = np.pad(ids, (0, padded_length(max(1, len(ids))) - len(ids)))
        self.constants = {"ids": ids, "hidden": hidden}

    def validation(self, program, feed) -> Callable[[dict], float] | None:
        """1 minus accuracy or R squared on held-out texts, see :class:`Plan`."""
        rows, counts = self.held_out
        if not len(rows):
            return None
        corpus = self.data.corpus.part(rows)
        targets, weights = self.data.targets[rows], self.data.weights[rows] * counts
        error = _error_rate if self.data.loss == "cross_entropy" else _unexplained_fraction
        return lambda parameters: error(self._model(parameters).outputs(corpus), targets, weights)

    def finish(self, training: Training) -> Training:
        """Fit the scale of predicted numbers, see :class:`Plan`."""
        if self.data.loss == "squared":
            model = self._model(training.parameters)
            training.parameters |= _affine_map(self.data, model, self.random_state)
        return training

    def fitted(self, parameters: dict) -> dict[str, Any]:
        """The model, see :class:`Plan`."""
        return {"_model": self._model(parameters)}

    def _model(self, parameters: dict) -> RationaleModel:
        arrays = {name: np.asarray(value) for name, value in parameters.items()}
        return RationaleModel(
            self.k, self.scorer, self.predictor, self.data.loss, arrays, self.preference
        )

    def _set_networks(self, estimator, gain: float, hidden: np.ndarray, random_state) -> None:
        """Selector and predictor, and their initial parameters."""
        size, vocabulary = estimator.embedding_size, self.data.vocabulary
        vectors = first_vectors(estimator.embedding, size, vocabulary, random_state, DTYPE)
        # A word that never occurs is treated like a word that is always hidden.
        vectors[hidden == 1] = 0.0
        n_components, n_outputs = vectors.shape[1] // 2, self.data.targets.shape[1]
        if estimator.selector_network is not None:
            self.scorer = KerasWordScorer(estimator.selector_network, n_components)
        else:
            self.scorer = WordScorer(n_components, estimator.n_filters, n_outputs, gain)
        sizes = estimator._hidden_layer_sizes(defaults.HIDDEN_LAYER_SIZES)
        self.predictor = network_of(estimator.network, (n_components,), sizes, n_outputs)
        scorer_weights = self.scorer.initial(random_state, DTYPE)
        predictor_weights = self.predictor.initial(1, random_state, DTYPE)
        # The classes have one scale together, numbers have one each.
        n_scales = 1 if self.data.loss == "cross_entropy" else n_outputs
        self.start = {
            EMBEDDING: vectors,
            SCALE: np.ones(n_scales, DTYPE),
            OFFSET: np.zeros(n_outputs, DTYPE),
            **{SELECTOR + name: value for name, value in scorer_weights.items()},
            **{PREDICTOR + name: value for name, value in predictor_weights.items()},
        }


def _affine_map(data: TrainingData, model: RationaleModel, random_state) -> dict[str, np.ndarray]:
    """Affine map from outputs to targets with the smallest squared error over the texts.

    The map of the training is less exact: it follows the networks late, and noisy selections.
    """
    rows = np.flatnonzero(data.weights[: data.n_texts])
    rows, counts = drawn_rows(rows, MAXIMUM_ROWS, random_state)
    weights = data.weights[rows] * counts
    outputs, targets = model.outputs(data.corpus.part(rows)), data.targets[rows]
    outputs_mean = np.average(outputs, axis=0, weights=weights)
    mean = np.average(targets, axis=0, weights=weights)
    outputs, targets = outputs - outputs_mean, targets - mean
    variance = np.average(np.square(outputs), axis=0, weights=weights)
    covariance = np.average(outputs * targets, axis=0, weights=weights)
    factor = np.maximum(0, covariance) / np.where(variance > 0, variance, 1.0)
    maps = {
        SCALE: factor * model.weights[SCALE],
        OFFSET: factor * (model.weights[OFFSET] - outputs_mean) + mean,
    }
    return {name: values.astype(DTYPE) for name, values in maps.items()}


def _held_out(estimator, data: TrainingData, random_state) -> np.ndarray:
    """Texts that validate the training, bool of shape (n_texts,)."""
    held_out = np.zeros(data.n_texts, bool)
    rows = np.flatnonzero(data.weights[: data.n_texts])
    is_enough = len(rows) >= defaults.MINIMUM_ROWS_TO_HOLD_OUT
    if not resolve_auto(estimator.early_stopping, is_enough):
        return held_out
    check_rows_to_split(len(rows))
    count = math.ceil(estimator.validation_fraction * len(rows))
    held_out[random_state.permutation(rows)[:count]] = True
    return held_out


def _error_rate(outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    """1 minus accuracy."""
    return float(np.average(outputs.argmax(axis=1) != targets.argmax(axis=1), weights=weights))


def _unexplained_fraction(outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    """1 minus R squared, the squared error relative to the variance of the targets."""
    mean = np.average(targets, axis=0, weights=weights)
    variance = np.average((targets - mean) ** 2, axis=0, weights=weights).mean()
    error = np.average(np.mean((outputs - targets) ** 2, axis=1), weights=weights)
    return float(error / variance if variance > 0 else error)
