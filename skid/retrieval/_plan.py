"""The training of an embedding: network, batches, validation, fitted attributes."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from skid._parameters import resolve_auto
from skid.engine.plan import Plan, Report
from skid.engine.seeds import draw_seeds
from skid.engine.state import TrainingState
from skid.engine.training import Training
from skid.engine.validation import MAXIMUM_ROWS
from skid.inputs import Inputs
from skid.losses import EmbeddingLoss
from skid.networks import gains_by_xla, network_of
from skid.retrieval._batches import ClassBatches
from skid.retrieval._defaults import HIDDEN_LAYER_SIZES, retrieval_controls, retrieval_rule
from skid.retrieval._gallery import Gallery, recall_at_one
from skid.retrieval._model import EmbeddingModel
from skid.retrieval._objective import LOSS_PREFIX, RetrievalObjective, network_part

CLASSES_TO_HOLD_OUT = 10
"""With fewer classes of at least two rows, rows are held out instead of classes."""


class RetrievalPlan(Plan):
    """The training of the network of a `RankingRetriever`.

    ``codes`` are the labels y as consecutive int32 numbers. X may be a memory-mapped file.
    """

    objective: RetrievalObjective
    batches: ClassBatches
    best_score = 1.0
    # A memory holds rows and labels of earlier data.
    transient: tuple[str, ...] = ("memory",)

    def __init__(
        self,
        estimator: Any,
        X: np.ndarray,
        y: np.ndarray,
        codes: np.ndarray,
        random_state: np.random.RandomState,
    ) -> None:
        super().__init__(estimator)
        *seeds, noise_seed = draw_seeds(random_state, 4)
        validating, batching, starting = map(np.random.RandomState, seeds)
        self.seed = int(noise_seed)
        self.X, self.y, self.codes = X, y, codes
        self.search, self.gallery_seed = estimator.search, draw_seeds(random_state)
        self.inputs = Inputs(estimator.standardize).fit(X)
        held_out = _held_out(estimator, codes, validating)
        self.validation_rows = _validation_rows(held_out, codes, validating)
        self.arrays = {"X": X, "label": codes, "row": np.arange(len(X), dtype=np.int32)}
        self.batches = ClassBatches(
            np.flatnonzero(~held_out),
            codes[~held_out],
            estimator.n_classes_per_batch,
            estimator.n_samples_per_class,
            shuffle=estimator.shuffle,
            random_state=batching,
        )
        self.steps_per_epoch = math.ceil(len(self.batches.rows) / self.batches.rows_per_step)
        self.network = network_of(
            estimator.network,
            self.inputs.row_shape,
            estimator._hidden_layer_sizes(HIDDEN_LAYER_SIZES),
            estimator.n_components,
        )
        rule, noise_scale = retrieval_rule(estimator)
        dtype = self.inputs.dtype
        self.controls = retrieval_controls(estimator, self.steps_per_epoch, noise_scale)
        self.controls = self.controls.astype(dtype)
        self.objective = RetrievalObjective(
            self.network,
            rule,
            gains_by_xla(self.device, self.network),
            estimator.memory * self.batches.rows_per_step,
        )
        self.start = self.network.initial(1, starting, dtype)
        self.classes = np.unique(y)
        self.classes_of_last_fit: np.ndarray | None = getattr(estimator, "_classes", None)
        if isinstance(rule.loss, EmbeddingLoss):
            initial = rule.loss.initial(len(self.classes), estimator.n_components, starting)
            for name, value in initial.items():
                self.start[LOSS_PREFIX + name] = np.asarray(value, dtype)
        self.start |= self.objective.empty_memory(estimator.n_components, dtype)

    def prepare(self, rows: dict) -> dict:
        """Standardise X, see :class:`Plan`."""
        return rows | {"X": self.inputs.apply(rows["X"])}

    def train(self, state: TrainingState | None = None, report: Report | None = None) -> Training:
        """Continue with the parameters of the same loss and classes only, see :class:`Plan`."""
        if state is not None:
            before, now = (
                {name: value.shape for name, value in part.items() if name.startswith(LOSS_PREFIX)}
                for part in (state.parameters, self.start)
            )
            same_classes = self.classes_of_last_fit is not None and np.array_equal(
                self.classes_of_last_fit, self.classes
            )
            if before != now or not same_classes:
                self.transient = (*self.transient, LOSS_PREFIX)
        return super().train(state, report)

    def validation(self, program: Any, feed: Any) -> Callable[[dict], float] | None:
        """1 minus the Recall@1 of held-out rows, see :class:`Plan`."""
        if not len(self.validation_rows):
            return None
        X, codes = self.X[self.validation_rows], self.codes[self.validation_rows]
        return lambda parameters: 1 - recall_at_one(self._model(parameters).embed(X), codes)

    def fitted(self, parameters: dict) -> dict:
        """Model and gallery, see :class:`Plan`."""
        model = self._model(parameters)
        gallery = Gallery(model.embed(self.X), self.y, self.search, self.gallery_seed)
        return {
            "_model": model,
            "_gallery": gallery,
            "_gallery_seed": self.gallery_seed,
            "_classes": self.classes,
        }

    def _model(self, parameters: dict) -> EmbeddingModel:
        weights = {name: np.asarray(value) for name, value in network_part(parameters).items()}
        return EmbeddingModel(self.inputs, self.network, weights)


def _held_out(estimator: Any, codes: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
    """Mask of the rows that validate the embedding: whole classes where possible."""
    held_out = np.zeros(len(codes), bool)
    if not resolve_auto(estimator.early_stopping, False):
        return held_out
    classes = np.flatnonzero(np.bincount(codes) > 1)
    if len(classes) >= CLASSES_TO_HOLD_OUT:
        count = max(2, math.ceil(estimator.validation_fraction * len(classes)))
        held_out = np.isin(codes, random_state.permutation(classes)[:count])
    else:
        count = max(2, math.ceil(estimator.validation_fraction * len(codes)))
        held_out[random_state.permutation(len(codes))[:count]] = True
    for part, name in ((held_out, "validation part"), (~held_out, "training part")):
        if len(codes[part]) == len(np.unique(codes[part])):
            raise ValueError(
                "early_stopping must be False for so few rows, got True: every label of the "
                f"{name} is unique"
            )
    return held_out


def _validation_rows(
    held_out: np.ndarray, codes: np.ndarray, random_state: np.random.RandomState
) -> np.ndarray:
    """At most ``MAXIMUM_ROWS`` held-out rows: of some classes, at least two rows of each."""
    rows = np.flatnonzero(held_out)
    if len(rows) <= MAXIMUM_ROWS:
        return rows
    rows = random_state.permutation(rows)
    rows = rows[np.argsort(codes[rows], kind="stable")]
    classes, starts, sizes = np.unique(codes[rows], return_index=True, return_counts=True)
    rows_per_class = max(2, MAXIMUM_ROWS // len(classes))
    chosen = random_state.permutation(classes)[: MAXIMUM_ROWS // rows_per_class]
    place = np.arange(len(rows)) - np.repeat(starts, sizes)
    return np.sort(rows[(place < rows_per_class) & np.isin(codes[rows], chosen)])
