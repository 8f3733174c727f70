"""Trainings of one fit: one to choose the weight decay, one to keep; with batches of one size."""

import math
from dataclasses import dataclass, replace

import numpy as np

from skid.engine.draws import train_on_draws
from skid.engine.state import TrainingState
from skid.engine.training import Training
from skid.learning_to_rank._objective import RankingObjective
from skid.learning_to_rank._parameters import final_weights, initial_parameters
from skid.learning_to_rank._problem import Problem
from skid.learning_to_rank._queries import QueryBatches
from skid.learning_to_rank._settings import RankingSettings, documents_of_batch, ranking_settings
from skid.metrics import mean_ndcg
from skid.networks import (
    FittedNetwork,
    KerasNetwork,
    MultilayerPerceptron,
    gains_by_xla,
    network_of,
)

DECAY = 1.2
DECAYS = (0.6, 1.2, 2.4, 4.8, 9.6)
"""Weight decays among which held-out queries choose."""
HELD_OUT = 0.2
TRIAL_STEPS = 1000
"""At most so many: the least of the decays is in balance with the gradients by then."""
QUERIES_TO_CHOOSE_BY = 4
"""With fewer held-out queries than this nothing is chosen."""


@dataclass(frozen=True)
class Run:
    """What all trainings of a fit have in common.

    Attributes
    ----------
    estimator : QueryRanker
    problem : Problem
    network : MultilayerPerceptron or KerasNetwork
    settings : RankingSettings
    batch_size : int
    """

    estimator: object
    problem: Problem
    network: MultilayerPerceptron | KerasNetwork
    settings: RankingSettings
    batch_size: int

    @classmethod
    def of(cls, estimator, problem: Problem, kept: np.ndarray) -> "Run":
        """Run of an estimator that learns from the documents of a mask."""
        lengths = np.bincount(problem.query[kept])
        batch_size = documents_of_batch(estimator, lengths)
        n_documents = int(np.minimum(lengths, batch_size).sum())
        settings = ranking_settings(estimator, n_documents, batch_size, len(problem.levels.grades))
        network = network_of(
            estimator.network,
            problem.inputs.row_shape,
            estimator._hidden_layer_sizes(),
            1,
            activation="silu",
        )
        return cls(estimator, problem, network, settings, batch_size)

    def model(self, parameters: dict) -> FittedNetwork:
        """What is kept of parameters."""
        return FittedNetwork(self.problem.inputs, self.network, final_weights(parameters))

    def train(
        self, kept: np.ndarray, decays: np.ndarray, seeds, state: TrainingState | None, **hooks
    ) -> Training:
        """Train on the documents of a mask, each network with a decay of its own.

        Parameters
        ----------
        kept : bool array of shape (n_documents,)
        decays : float array of shape (n_networks,)
        seeds : int array of shape (3,)
            For the batches, the start and the noise.
        state : TrainingState or None
            To go on from.
        **hooks
            Early stopping and reports, see :func:`skid.engine.draws.train_on_draws`.
        """
        problem, n_networks, settings = self.problem, len(decays), self.settings
        dtype = problem.inputs.dtype
        compiled = gains_by_xla(problem.device, self.network)
        batches = QueryBatches(
            problem.query,
            kept,
            self.batch_size,
            shuffle=self.estimator.shuffle,
            random_state=np.random.RandomState(seeds[0]),
        )
        start = np.random.RandomState(seeds[1])
        fresh = TrainingState(initial_parameters(self.network, n_networks, start, dtype))
        constants = {
            "grades": problem.levels.grades,
            "gains": problem.levels.gains,
            "decays": decays,
        }
        return train_on_draws(
            problem,
            batches.draw,
            RankingObjective(self.network, settings.rule, n_networks, compiled),
            state.checked_against(fresh) if state else fresh,
            settings.controls(dtype),
            rows_per_step=self.batch_size,
            seed=int(seeds[2]),
            prepare=problem.prepare,
            constants={name: np.asarray(value, dtype) for name, value in constants.items()},
            **hooks,
        )


def queries_apart(query, used: np.ndarray, share: float, random_state) -> np.ndarray:
    """Documents of a random share of the queries of used ones, bool of shape (n_documents,)."""
    queries = np.unique(query[used])
    count = math.ceil(share * len(queries))
    return np.isin(query, random_state.permutation(queries)[:count])


def chosen_decay(run: Run, kept: np.ndarray, seeds) -> float:
    """The weight decay whose network ranks held-out queries best after a shorter training.

    Networks with all the decays are trained side by side.

    Parameters
    ----------
    run : Run
    kept : bool array of shape (n_documents,)
        Documents to learn from.
    seeds : int array of shape (2,)
    """
    problem = run.problem
    apart = queries_apart(problem.query, kept, HELD_OUT, np.random.RandomState(seeds[0]))
    n_queries = len(np.unique(problem.query[apart]))
    if n_queries < QUERIES_TO_CHOOSE_BY:
        return DECAY
    n_steps = min(-(-run.settings.n_steps // 2), TRIAL_STEPS)
    trial = replace(run, settings=replace(run.settings, n_steps=n_steps))
    trial_seeds = np.random.RandomState(seeds[1]).randint(np.iinfo(np.int32).max, size=3)
    training = trial.train(kept & ~apart, np.array(DECAYS), trial_seeds, None)
    if training.interrupted:
        raise KeyboardInterrupt
    rows = np.flatnonzero(apart)
    X, relevance, query = problem.X[rows], problem.relevance[rows], problem.query[rows]
    measure = {"qid": query, "k": run.estimator.k, "gain": run.estimator.gain}
    scores = [
        mean_ndcg(relevance, run.model(parameters).outputs(X)[:, 0], **measure)
        for parameters in _each_network(training.parameters, len(DECAYS))
    ]
    return DECAYS[int(np.argmax(scores))]


def _each_network(parameters: dict, n_networks: int):
    for index in range(n_networks):
        yield {name: value[index : index + 1] for name, value in parameters.items()}
