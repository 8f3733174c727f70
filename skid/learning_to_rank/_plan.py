"""The trainings of a `QueryRanker`: one that selects the weight decay, and the final one."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skid._parameters import resolve_auto
from skid.engine.plan import Plan
from skid.engine.seeds import draw_seeds
from skid.learning_to_rank import _defaults as defaults
from skid.learning_to_rank._averages import averaged_weights, initial_parameters
from skid.learning_to_rank._data import TrainingData
from skid.learning_to_rank._objective import RankingObjective
from skid.learning_to_rank._queries import QueryBatches
from skid.metrics import mean_ndcg
from skid.networks import FittedNetwork, gains_by_xla, network_of


class RankingPlan(Plan):
    """The training of networks side by side, one for each of the weight decays.

    Networks learn from the documents of the mask ``used`` and are validated on the documents
    ``held_out``. With ``most_steps`` the training takes half of its steps, but at most so many.
    The three seeds are for the batches, the initial weights and the noise.
    """

    objective: RankingObjective
    best_score = 1.0

    def __init__(
        self,
        estimator,
        data: TrainingData,
        used: np.ndarray,
        decays: Sequence[float],
        seeds: np.ndarray,
        *,
        held_out: Sequence[int] | np.ndarray = (),
        most_steps: int | None = None,
    ) -> None:
        super().__init__(estimator)
        batching, starting = map(np.random.RandomState, seeds[:2])
        self.seed = int(seeds[2])
        self.data, self.arrays, self.held_out = data, data.arrays, held_out
        self.decay = float(decays[0])
        self.k, self.gain = estimator.k, estimator.gain
        dtype = data.inputs.dtype
        self.network = network_of(
            estimator.network,
            data.inputs.row_shape,
            estimator._hidden_layer_sizes(defaults.HIDDEN_LAYER_SIZES),
            1,
            activation="silu",
        )
        rule, noise_scale = defaults.ranking_rule(estimator, len(data.levels.grades))
        compiled = gains_by_xla(self.device, self.network)
        self.objective = RankingObjective(self.network, rule, len(decays), compiled)
        self.batches = QueryBatches(
            data.query, used, data.batch_size, shuffle=estimator.shuffle, random_state=batching
        )
        self.steps_per_epoch = math.ceil(data.n_documents / data.batch_size)
        n_steps = defaults.ranking_steps(estimator, self.steps_per_epoch)
        if most_steps is not None:
            n_steps = min(math.ceil(n_steps / 2), most_steps)
        self.controls = defaults.ranking_controls(estimator, n_steps, noise_scale).astype(dtype)
        self.start = initial_parameters(self.network, len(decays), starting, dtype)
        constants = {"grades": data.levels.grades, "gains": data.levels.gains, "decays": decays}
        self.constants = {name: np.asarray(values, dtype) for name, values in constants.items()}

    def prepare(self, rows: dict) -> dict:
        """Rows as the program reads them, see :class:`Plan`."""
        return rows | {"X": self.data.inputs.apply(rows["X"])}

    def validation(self, program, feed) -> Callable[[dict], float] | None:
        """1 minus the NDCG of held-out queries, see :class:`Plan`."""
        if not len(self.held_out):
            return None
        return lambda parameters: 1 - self.ndcg(parameters, self.held_out)

    def ndcg(self, parameters: dict, rows: Sequence[int] | np.ndarray) -> float:
        """NDCG of some documents, ranked by networks with the given parameters."""
        data = self.data
        scores = self._model(parameters).outputs(data.X[rows])[:, 0]
        relevance, query = data.relevance[rows], data.query[rows]
        return mean_ndcg(relevance, scores, qid=query, k=self.k, gain=self.gain)

    def fitted(self, parameters: dict) -> dict[str, Any]:
        """Model and weight decay, see :class:`Plan`."""
        return {"_model": self._model(parameters), "alpha_": self.decay}

    def _model(self, parameters: dict) -> FittedNetwork:
        return FittedNetwork(self.data.inputs, self.network, averaged_weights(parameters))


def ranking_plan(
    estimator, data: TrainingData, random_state: np.random.RandomState, decay: float | None
) -> RankingPlan:
    """The final training, which continues one with the weight decay ``decay`` if it is given."""
    seeds = draw_seeds(random_state, 6)
    used, held_out = data.informative, np.zeros(len(data.query), bool)
    if resolve_auto(estimator.early_stopping, False):
        if len(np.unique(data.query[used])) < 2:
            raise ValueError(
                "qid must hold at least 2 queries to learn from with early_stopping=True, got 1"
            )
        held_out = _held_out_queries(data, used, estimator.validation_fraction, seeds[0])
        used = used & ~held_out
    data.set_batch_size(estimator, used)
    if estimator.alpha != "auto":
        decay = float(estimator.alpha)
    elif decay is None:
        decay = _selected_decay(estimator, data, used, seeds[4:])
    (n_networks,) = estimator._resolved(n_networks=defaults.N_NETWORKS)
    decays, rows = [decay] * n_networks, np.flatnonzero(held_out)
    return RankingPlan(estimator, data, used, decays, seeds[1:4], held_out=rows)


def _held_out_queries(data: TrainingData, used: np.ndarray, fraction: float, seed) -> np.ndarray:
    """Documents of a random fraction of the queries of a mask, bool of shape (n_documents,)."""
    queries = np.unique(data.query[used])
    count = math.ceil(fraction * len(queries))
    return np.isin(data.query, np.random.RandomState(seed).permutation(queries)[:count])


def _selected_decay(estimator, data: TrainingData, used: np.ndarray, seeds: np.ndarray) -> float:
    """The weight decay whose network ranks held-out queries best after a shorter training.

    The networks with all the decays are trained side by side.
    """
    held_out = _held_out_queries(data, used, defaults.DECAY_HELD_OUT, seeds[0])
    if len(np.unique(data.query[held_out])) < defaults.DECAY_QUERIES:
        return defaults.DECAY
    trial_seeds = draw_seeds(np.random.RandomState(seeds[1]), 3)
    decays = defaults.DECAYS
    trial = RankingPlan(
        estimator, data, used & ~held_out, decays, trial_seeds, most_steps=defaults.DECAY_STEPS
    )
    training = trial.train()
    if training.interrupted:
        raise KeyboardInterrupt
    rows = np.flatnonzero(held_out)
    scores = [
        trial.ndcg({name: value[[index]] for name, value in training.parameters.items()}, rows)
        for index in range(len(decays))
    ]
    return decays[int(np.argmax(scores))]
