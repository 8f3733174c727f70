"""The training of an embedding: network, batches, validation, and what is kept."""

import math

import numpy as np

from skid._parameters import resolve_auto
from skid.engine.plan import Plan
from skid.engine.seeds import draw_seeds
from skid.engine.validation import MAXIMUM_ROWS
from skid.inputs import Inputs
from skid.losses import EmbeddingLoss
from skid.networks import gains_by_xla, network_of
from skid.retrieval._batches import ClassBatches
from skid.retrieval._defaults import HIDDEN_LAYER_SIZES, retrieval_controls, retrieval_rule
from skid.retrieval._gallery import Gallery, recall_at_one
from skid.retrieval._model import EmbeddingModel
from skid.retrieval._objective import OWN, RetrievalObjective, network_part

CLASSES_TO_HOLD_OUT = 10
"""With fewer classes of two rows or more, rows are held out instead of classes."""


class RetrievalPlan(Plan):
    """The training of the network of a `RankingRetriever`.

    Parameters
    ----------
    estimator : RankingRetriever
    X : array of shape (n_rows, ...)
        May be a memory-mapped file.
    y : array of shape (n_rows,)
        Labels as the user gave them.
    codes : int32 array of shape (n_rows,)
        Labels as consecutive integers.
    random_state : numpy.random.RandomState
    """

    best_score = 1.0
    transient = ("memory",)
    """What a memory holds are rows and labels of earlier data."""

    def __init__(self, estimator, X, y, codes, random_state) -> None:
        super().__init__(estimator)
        *seeds, noise_seed = draw_seeds(random_state, 4)
        judging, batching, starting = map(np.random.RandomState, seeds)
        self.seed = int(noise_seed)
        self.X, self.y, self.codes = X, y, codes
        self.search, self.gallery_seed = estimator.search, draw_seeds(random_state)
        self.inputs = Inputs(estimator.standardize).fit(X, np.ones(len(X)))
        held_out = _held_out(estimator, codes, judging)
        self.judging_rows = _rows_to_judge(held_out, codes, judging)
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
        self.same_classes = np.array_equal(getattr(estimator, "_classes", None), self.classes)
        if isinstance(rule.loss, EmbeddingLoss):
            own = rule.loss.initial(len(self.classes), estimator.n_components, starting)
            self.start |= {OWN + name: np.asarray(value, dtype) for name, value in own.items()}
        self.start |= self.objective.empty_memory(estimator.n_components, dtype)

    def prepare(self, rows: dict) -> dict:
        """Rows as the program reads them, see :class:`Plan`."""
        return rows | {"X": self.inputs.apply(rows["X"])}

    def train(self, state=None, report=None):
        """Continue the parameters of the loss with the same classes only, see :class:`Plan`."""
        if state is not None:
            before, now = (
                {name: value.shape for name, value in part.items() if name.startswith(OWN)}
                for part in (state.parameters, self.start)
            )
            if before != now or not self.same_classes:
                self.transient = (*self.transient, OWN)
        return super().train(state, report)

    def validation(self, program, feed):
        """1 minus the Recall@1 of held-out rows, see :class:`Plan`."""
        if not len(self.judging_rows):
            return None
        X, codes = self.X[self.judging_rows], self.codes[self.judging_rows]
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


def _held_out(estimator, codes: np.ndarray, random_state) -> np.ndarray:
    """Rows that validate the embedding, bool of shape (n_rows,): whole classes where possible."""
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
                f"early_stopping=True needs more rows: every label of the {name} is unique"
            )
    return held_out


def _rows_to_judge(held_out, codes: np.ndarray, random_state) -> np.ndarray:
    """Held-out rows, at most ``MAXIMUM_ROWS``: of some classes, at least two rows of each."""
    rows = np.flatnonzero(held_out)
    if len(rows) <= MAXIMUM_ROWS:
        return rows
    rows = random_state.permutation(rows)
    rows = rows[np.argsort(codes[rows], kind="stable")]
    classes, starts, sizes = np.unique(codes[rows], return_index=True, return_counts=True)
    of_each = max(2, MAXIMUM_ROWS // len(classes))
    chosen = random_state.permutation(classes)[: MAXIMUM_ROWS // of_each]
    place = np.arange(len(rows)) - np.repeat(starts, sizes)
    return np.sort(rows[(place < of_each) & np.isin(codes[rows], chosen)])
