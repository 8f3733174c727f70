"""One fit: the networks and their start, the training, and what the estimator keeps of it."""

import math
from dataclasses import dataclass

import numpy as np

from skid._callbacks import FitCall, FitProgress
from skid.engine.draws import train_on_draws
from skid.engine.feed import padded_length
from skid.engine.fitting import training_attributes
from skid.engine.state import TrainingState
from skid.engine.training import epoch_means
from skid.engine.validation import MAXIMUM_ROWS, EarlyStopping, drawn_rows
from skid.losses import relative_weights
from skid.networks import network_of
from skid.text._batches import LengthBatches
from skid.text._embedding import first_vectors
from skid.text._frequency import hidden_shares, rarity, word_counts
from skid.text._model import RationaleModel
from skid.text._networks import KerasWordScorer, WordScorer
from skid.text._objective import (
    EMBEDDING,
    OFFSET,
    PREDICTOR,
    SCALE,
    SELECTOR,
    RationaleObjective,
)
from skid.text._selection import rationale_sizes
from skid.text._settings import (
    BATCH_SIZE,
    HIDDEN_LAYER_SIZES,
    LEAST_STEPS_BETWEEN_VALIDATIONS,
    MINIMUM_ROWS_TO_HOLD_OUT,
    rationale_settings,
)
from skid.text._vocabulary import Corpus, Vocabulary

DTYPE = np.dtype(np.float32)


@dataclass
class Problem:
    """What a fit works on.

    Attributes
    ----------
    corpus : Corpus
        Texts, and after these random parts of them: one of each, or more.
    vocabulary : Vocabulary
    targets : float array of shape (n_rows, n_outputs)
        Probabilities, or numbers of zero mean and unit variance.
    weights : float array of shape (n_rows,)
    loss : {"cross_entropy", "squared"}
    device : str
        Name of a TensorFlow device.
    n_texts : int
        Without the parts.
    """

    corpus: Corpus
    vocabulary: Vocabulary
    targets: np.ndarray
    weights: np.ndarray
    loss: str
    device: str
    n_texts: int

    def sent(self, sizes: np.ndarray) -> "SentProblem":
        """The same, as the program reads it: one row more, which has no weight."""
        # A part is small enough: its target is that of all its words.
        is_part = np.arange(len(sizes)) >= self.n_texts
        least = np.where(is_part, self.corpus.n_known(), sizes)
        columns = [self.corpus.starts, self.corpus.lengths, sizes, least]
        rows = np.stack(columns, axis=1).astype(np.int32)
        arrays = {"X": rows, "y": self.targets, "weight": relative_weights(self.weights)}
        arrays = {
            name: np.concatenate([values, np.zeros_like(values[:1])])
            for name, values in arrays.items()
        }
        return SentProblem(arrays, self.device)


@dataclass
class SentProblem:
    """Data of a fit, see :class:`skid.engine.fitting.Problem`."""

    arrays: dict[str, np.ndarray]
    device: str


def fit_rationales(estimator, problem: Problem, random_state, state, call: FitCall) -> dict:
    """Train the networks of an estimator, and return the attributes of the fitted one.

    Parameters
    ----------
    estimator : RationaleClassifier or RationaleRegressor
    problem : Problem
    random_state : numpy.random.RandomState
    state : TrainingState or None
        To go on from.
    call : FitCall
    """
    seeds = random_state.randint(np.iinfo(np.int32).max, size=4)
    judging = np.random.RandomState(seeds[0])
    held_out = _held_out(estimator, problem, judging)
    batches = _batches(estimator, problem, held_out, np.random.RandomState(seeds[1]))
    settings = rationale_settings(estimator, problem.loss, len(batches.rows), batches.batch_size)
    counts = word_counts(problem.corpus, len(problem.vocabulary), batches.rows)
    hidden = hidden_shares(counts).astype(DTYPE)
    preference = (settings.rarity_weight * rarity(counts)).astype(DTYPE)
    if estimator.embedding is not None:
        # Vectors that are given say something of words that are never seen.
        hidden = np.zeros_like(hidden)
    networks = _networks(estimator, problem, settings, hidden, np.random.RandomState(seeds[2]))
    scorer, predictor, fresh = networks
    state = state.checked_against(fresh) if state else fresh
    progress = FitProgress(estimator, -(-settings.n_steps // settings.steps_of_epoch), call)

    def model(parameters) -> RationaleModel:
        arrays = {name: np.asarray(value) for name, value in parameters.items()}
        return RationaleModel(estimator.k, scorer, predictor, problem.loss, arrays, preference)

    sent = problem.sent(rationale_sizes(estimator.k, problem.corpus.n_known()))
    training = train_on_draws(
        sent,
        batches.draw,
        RationaleObjective(scorer, predictor, settings.rule, problem.loss, settings.evidence),
        state,
        settings.controls(DTYPE),
        rows_per_step=batches.batch_size,
        seed=int(seeds[3]),
        prepare=lambda rows: {"X": rows},
        constants={
            "ids": _padded_ids(problem.corpus.ids),
            "hidden": hidden,
        },
        early_stopping=_early_stopping(estimator, problem, held_out, model, settings, judging),
        steps_between_reports=settings.steps_of_epoch,
        report=progress.reporter(lambda parameters: {"_model": model(parameters)}),
    )
    if problem.loss == "squared":
        training.parameters |= _affine_map(problem, model(training.parameters), judging)
    curve = epoch_means(training.losses, settings.steps_of_epoch)
    attributes = training_attributes(curve, training.validations, best_score=1.0)
    attributes["_training_state"] = TrainingState.after(training)
    attributes["_model"] = model(training.parameters)
    progress.close(lambda: attributes)
    return attributes


def _affine_map(problem: Problem, model: RationaleModel, random_state) -> dict[str, np.ndarray]:
    """The map from outputs to numbers that has the least squared error over the texts.

    That of the training lags behind the networks, and is made for noisy choices of words.
    """
    rows = np.flatnonzero(problem.weights[: problem.n_texts])
    rows, shares = drawn_rows(rows, MAXIMUM_ROWS, random_state)
    weights = problem.weights[rows] * shares
    outputs, targets = model.outputs(problem.corpus.part(rows)), problem.targets[rows]
    outputs_mean, mean = (
        np.average(values, axis=0, weights=weights) for values in (outputs, targets)
    )
    outputs, targets = outputs - outputs_mean, targets - mean
    variance = np.average(np.square(outputs), axis=0, weights=weights)
    covariance = np.average(outputs * targets, axis=0, weights=weights)
    factor = np.maximum(0, covariance) / np.where(variance > 0, variance, 1.0)
    maps = {
        SCALE: factor * model.weights[SCALE],
        OFFSET: factor * (model.weights[OFFSET] - outputs_mean) + mean,
    }
    return {name: values.astype(DTYPE) for name, values in maps.items()}


def _batches(estimator, problem: Problem, held_out, random_state) -> LengthBatches:
    """Texts that are not held out, and parts of these."""
    text_of_row = np.arange(len(problem.weights)) % problem.n_texts
    return LengthBatches(
        np.flatnonzero((problem.weights > 0) & ~held_out[text_of_row]),
        problem.corpus.lengths,
        BATCH_SIZE if estimator.batch_size == "auto" else estimator.batch_size,
        shuffle=estimator.shuffle,
        random_state=random_state,
    )


def _networks(estimator, problem: Problem, settings, hidden: np.ndarray, random_state):
    """Selector and predictor, and what they start from."""
    vectors = first_vectors(
        estimator.embedding, estimator.embedding_size, problem.vocabulary, random_state, DTYPE
    )
    # A word that is never seen is one that is always hidden.
    vectors[hidden == 1] = 0.0
    n_components, n_outputs = vectors.shape[1] // 2, problem.targets.shape[1]
    if estimator.selector_network is not None:
        scorer = KerasWordScorer(estimator.selector_network, n_components)
    else:
        scorer = WordScorer(n_components, estimator.n_filters, n_outputs, settings.gain)
    sizes = estimator._hidden_layer_sizes(HIDDEN_LAYER_SIZES)
    predictor = network_of(estimator.network, (n_components,), sizes, n_outputs)
    own, others = scorer.initial(random_state, DTYPE), predictor.initial(1, random_state, DTYPE)
    # Classes share a scale; numbers have one each.
    n_scales = 1 if problem.loss == "cross_entropy" else n_outputs
    weights = {EMBEDDING: vectors}
    weights |= {SCALE: np.ones(n_scales, DTYPE), OFFSET: np.zeros(n_outputs, DTYPE)}
    weights |= {SELECTOR + name: value for name, value in own.items()}
    weights |= {PREDICTOR + name: value for name, value in others.items()}
    return scorer, predictor, TrainingState(weights)


def _padded_ids(ids: np.ndarray) -> np.ndarray:
    """Numbers of words, filled up so that corpora of nearly the same size share a program."""
    return np.pad(ids, (0, padded_length(max(1, len(ids))) - len(ids)))


def _held_out(estimator, problem: Problem, random_state) -> np.ndarray:
    """Texts that the training is judged by, bool of shape (n_texts,)."""
    held_out = np.zeros(problem.n_texts, bool)
    rows = np.flatnonzero(problem.weights[: problem.n_texts])
    wanted = estimator.early_stopping
    if wanted == "auto":
        wanted = len(rows) >= MINIMUM_ROWS_TO_HOLD_OUT
    if not wanted:
        return held_out
    if len(rows) < 2:
        raise ValueError("early_stopping=True needs at least 2 texts, but X holds 1")
    count = math.ceil(estimator.validation_fraction * len(rows))
    held_out[random_state.permutation(rows)[:count]] = True
    return held_out


def _early_stopping(estimator, problem: Problem, held_out, model, settings, random_state):
    rows, shares = drawn_rows(np.flatnonzero(held_out), MAXIMUM_ROWS, random_state)
    if not len(rows):
        return None
    corpus = problem.corpus.part(rows)
    targets, weights = problem.targets[rows], problem.weights[rows] * shares
    error = {"cross_entropy": _error_rate, "squared": _unexplained_share}[problem.loss]

    def validate(parameters) -> float:
        return float(error(model(parameters).outputs(corpus), targets, weights))

    # A few steps tell nothing: the training would stop before it has begun.
    epochs = -(-LEAST_STEPS_BETWEEN_VALIDATIONS // settings.steps_of_epoch)
    return EarlyStopping(
        validate,
        epochs * settings.steps_of_epoch,
        patience=estimator.n_iter_no_change,
        tolerance=estimator.tol,
    )


def _error_rate(outputs, targets, weights):
    """Share of texts with another most probable class than the right one: 1 minus accuracy."""
    return np.average(outputs.argmax(axis=1) != targets.argmax(axis=1), weights=weights)


def _unexplained_share(outputs, targets, weights):
    """Error of the numbers in units of their variance: 1 minus R squared."""
    variance = np.average(
        (targets - np.average(targets, axis=0, weights=weights)) ** 2, axis=0, weights=weights
    ).mean()
    error = np.average(np.mean((outputs - targets) ** 2, axis=1), weights=weights)
    return error / variance if variance > 0 else error
