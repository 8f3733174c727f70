"""One fit: the network and its start, the training, and what the estimator keeps of it."""

import math
from dataclasses import dataclass, replace

import numpy as np

from skid._callbacks import FitCall, FitProgress
from skid.base import given
from skid.engine.draws import train_on_draws
from skid.engine.fitting import training_attributes
from skid.engine.state import TrainingState
from skid.engine.training import epoch_means
from skid.engine.validation import MAXIMUM_ROWS, EarlyStopping
from skid.inputs import Inputs
from skid.losses import EmbeddingLoss
from skid.networks import gains_by_xla, network_of
from skid.retrieval._batches import ClassBatches
from skid.retrieval._gallery import recall_at_one
from skid.retrieval._model import EmbeddingModel
from skid.retrieval._objective import OWN, RetrievalObjective, network_part
from skid.retrieval._settings import HIDDEN_LAYER_SIZES, retrieval_settings

CLASSES_TO_HOLD_OUT = 10
"""With fewer classes that have two rows, rows are held out, and not classes."""


@dataclass
class Problem:
    """What a fit works on.

    Attributes
    ----------
    X : array of shape (n_rows, ...)
        May be a memory-mapped file.
    labels : int32 array of shape (n_rows,)
        Places among the classes.
    classes : array of shape (n_classes,)
    inputs : Inputs
    device : str
        Name of a TensorFlow device.
    """

    X: np.ndarray
    labels: np.ndarray
    classes: np.ndarray
    inputs: Inputs
    device: str

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays with one entry for each row."""
        rows = np.arange(len(self.X), dtype=np.int32)
        return {"X": self.X, "label": self.labels, "row": rows}

    def prepare(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Rows as they are sent to the program."""
        return {"X": self.inputs.apply(X)}


def fit_embedding(
    estimator, problem: Problem, random_state, state, call: FitCall, gallery_of
) -> dict:
    """Train the network of an estimator, and return the attributes of the fitted one.

    Parameters
    ----------
    estimator : RankingRetriever
    problem : Problem
    random_state : numpy.random.RandomState
    state : TrainingState or None
        To go on from.
    call : FitCall
    gallery_of : callable
        Gives the gallery of a model to callbacks, which may ask for neighbours.
    """
    seeds = random_state.randint(np.iinfo(np.int32).max, size=4)
    dtype = problem.inputs.dtype
    judging = np.random.RandomState(seeds[0])
    held_out = _held_out(estimator, problem.labels, judging)
    batches = _batches(estimator, problem, ~held_out, np.random.RandomState(seeds[1]))
    settings = retrieval_settings(estimator, len(batches.rows), batches.batch_size)
    network = network_of(
        estimator.network,
        problem.inputs.row_shape,
        estimator._hidden_layer_sizes(HIDDEN_LAYER_SIZES),
        estimator.n_components,
    )
    objective = RetrievalObjective(
        network,
        settings.rule,
        gains_by_xla(problem.device, network),
        estimator.memory * batches.batch_size,
    )
    start = np.random.RandomState(seeds[2])
    weights = network.initial(1, start, dtype)
    own = _own_parameters(settings.rule.loss, problem, estimator.n_components, start)
    fresh = TrainingState(weights)
    if state:
        # Parameters of the loss may belong to classes.
        same_classes = np.array_equal(getattr(estimator, "_classes", None), problem.classes)
        state = _going_on(state, own if same_classes else {}, fresh)
    else:
        state = fresh
    state = _with(state, own | objective.empty_memory(estimator.n_components, dtype))
    progress = FitProgress(estimator, -(-settings.n_steps // settings.steps_of_epoch), call)

    def model(parameters) -> EmbeddingModel:
        arrays = {name: np.asarray(parameters[name]) for name in weights}
        return EmbeddingModel(problem.inputs, network, arrays)

    def fitted(parameters) -> dict:
        found = model(parameters)
        return {"_model": found, "_gallery": gallery_of(found)}

    training = train_on_draws(
        problem,
        batches.draw,
        objective,
        state,
        settings.controls(dtype),
        rows_per_step=batches.batch_size,
        seed=int(seeds[3]),
        prepare=problem.prepare,
        early_stopping=_early_stopping(estimator, problem, held_out, model, settings, judging),
        steps_between_reports=settings.steps_of_epoch,
        report=progress.reporter(fitted),
    )
    progress.close(lambda: fitted(training.parameters))
    curve = epoch_means(training.losses, settings.steps_of_epoch)
    attributes = training_attributes(curve, training.validations, best_score=1.0)
    attributes["_training_state"] = TrainingState.after(training)
    return {"_model": model(training.parameters), "_classes": problem.classes, **attributes}


def _own_parameters(loss, problem: Problem, n_components: int, random_state) -> dict:
    """What the loss itself starts from."""
    if not isinstance(loss, EmbeddingLoss):
        return {}
    own = loss.initial(len(problem.classes), n_components, random_state)
    return {OWN + name: np.asarray(value, problem.inputs.dtype) for name, value in own.items()}


def _going_on(state: TrainingState, own: dict, fresh: TrainingState) -> TrainingState:
    """The state of the network, and of the loss's own parameters if they are of the same shapes.

    The memory is dropped: labels and rows that it holds are those of earlier data.
    """
    parts = (state.parameters, *state.moments)
    networks = [network_part(part) for part in parts]
    replace(state, parameters=networks[0]).checked_against(fresh)
    shapes = {name: value.shape for name, value in own.items()}
    before = [
        {name: value for name, value in part.items() if name.startswith(OWN)} for part in parts
    ]
    if {name: value.shape for name, value in before[0].items()} == shapes:
        networks = [network | part for network, part in zip(networks, before, strict=True)]
    parameters, *moments = networks
    return replace(state, parameters=parameters, moments=tuple(moments))


def _with(state: TrainingState, extra: dict) -> TrainingState:
    """The state and those of further parameters that it lacks."""
    missing = {name: value for name, value in extra.items() if name not in state.parameters}
    parameters = state.parameters | missing
    if state.moments is None:
        return replace(state, parameters=parameters)
    zeros = {name: np.zeros_like(value) for name, value in missing.items()}
    return replace(
        state, parameters=parameters, moments=tuple(part | zeros for part in state.moments)
    )


def _batches(estimator, problem: Problem, used: np.ndarray, random_state) -> ClassBatches:
    rows = np.flatnonzero(used)
    return ClassBatches(
        rows,
        problem.labels[rows],
        estimator.n_classes_per_batch,
        estimator.n_samples_per_class,
        shuffle=estimator.shuffle,
        random_state=random_state,
    )


def _held_out(estimator, labels: np.ndarray, random_state) -> np.ndarray:
    """Rows that the embedding is judged by, bool of shape (n_rows,): whole classes if it can be."""
    held_out = np.zeros(len(labels), bool)
    if not given(estimator.early_stopping, False):
        return held_out
    classes = np.flatnonzero(np.bincount(labels) > 1)
    if len(classes) >= CLASSES_TO_HOLD_OUT:
        count = max(2, math.ceil(estimator.validation_fraction * len(classes)))
        held_out = np.isin(labels, random_state.permutation(classes)[:count])
    else:
        count = max(2, math.ceil(estimator.validation_fraction * len(labels)))
        held_out[random_state.permutation(len(labels))[:count]] = True
    for part, name in ((held_out, "validation_fraction"), (~held_out, "training part")):
        if len(labels[part]) == len(np.unique(labels[part])):
            raise ValueError(f"early_stopping=True needs more rows: the {name} has no label twice")
    return held_out


def _rows_to_judge(held_out, labels: np.ndarray, random_state) -> np.ndarray:
    """Held-out rows that judge, ``MAXIMUM_ROWS`` at most: of some classes, at least two of each."""
    rows = np.flatnonzero(held_out)
    if len(rows) <= MAXIMUM_ROWS:
        return rows
    rows = random_state.permutation(rows)
    rows = rows[np.argsort(labels[rows], kind="stable")]
    classes, starts, sizes = np.unique(labels[rows], return_index=True, return_counts=True)
    of_each = max(2, MAXIMUM_ROWS // len(classes))
    chosen = random_state.permutation(classes)[: MAXIMUM_ROWS // of_each]
    place = np.arange(len(rows)) - np.repeat(starts, sizes)
    return np.sort(rows[(place < of_each) & np.isin(labels[rows], chosen)])


def _early_stopping(estimator, problem: Problem, held_out, model, settings, random_state):
    if not held_out.any():
        return None
    rows = _rows_to_judge(held_out, problem.labels, random_state)
    X, labels = problem.X[rows], problem.labels[rows]
    return EarlyStopping(
        lambda parameters: 1 - recall_at_one(model(parameters).embed(X), labels),
        settings.steps_of_epoch,
        patience=estimator.n_iter_no_change,
        tolerance=estimator.tol,
    )
