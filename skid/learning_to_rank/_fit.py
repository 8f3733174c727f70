"""One fit: the network and its start, the training, and what the estimator keeps of it."""

import math
from dataclasses import dataclass

import numpy as np
from sklearn.utils import gen_batches

from skid._callbacks import FitProgress
from skid.engine.draws import train_on_draws, training_attributes
from skid.engine.feed import BLOCK_BYTES
from skid.engine.fitting import TrainingState
from skid.engine.validation import EarlyStopping
from skid.inputs import Inputs
from skid.learning_to_rank._features import DocumentInputs
from skid.learning_to_rank._objective import RankingObjective
from skid.learning_to_rank._queries import QueryBatches
from skid.learning_to_rank._relevance import Levels
from skid.learning_to_rank._settings import documents_of_batch, ranking_settings
from skid.metrics import mean_ndcg
from skid.networks import KerasNetwork, MultilayerPerceptron, network_rows
from skid.rank_losses.losses import Discount, item_loss

ROWS_AT_A_TIME = 16_384


@dataclass
class ScoringModel:
    """A score of each document.

    Attributes
    ----------
    inputs : Inputs
    network : MultilayerPerceptron or KerasNetwork
    weights : dict of str to array
    """

    inputs: Inputs
    network: MultilayerPerceptron | KerasNetwork
    weights: dict

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Score of each row, shape (n,)."""
        n_rows = min(ROWS_AT_A_TIME, max(1, BLOCK_BYTES // max(1, X[:1].nbytes)))
        return np.concatenate([self._block(X[rows]) for rows in gen_batches(len(X), n_rows)])

    def _block(self, X: np.ndarray) -> np.ndarray:
        inputs = network_rows(self.network, self.inputs.apply(np.asarray(X)), np)[0]
        return self.network.predict(self.weights, inputs)[:, 0]


@dataclass
class Problem:
    """What a fit works on.

    Attributes
    ----------
    X : array of shape (n_documents, ...)
        May be a memory-mapped file.
    relevance : float array of shape (n_documents,)
    query : int32 array of shape (n_documents,)
        Number of the query of each document.
    levels : Levels
    best : float array of shape (n_queries,)
        The most that each list can gain.
    inputs : Inputs
    device : str
        Name of a TensorFlow device.
    """

    X: np.ndarray
    relevance: np.ndarray
    query: np.ndarray
    levels: Levels
    best: np.ndarray
    inputs: Inputs
    device: str

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays with one entry for each document."""
        dtype = self.inputs.dtype
        shares = np.divide(1.0, self.best, where=self.best > 0, out=np.zeros_like(self.best))
        return {
            "X": self.X,
            "relevance": self.relevance.astype(dtype),
            "query": self.query,
            "share": shares[self.query].astype(dtype),
            "row": np.arange(len(self.X), dtype=np.int32),
        }

    @property
    def teaches(self) -> np.ndarray:
        """Documents of lists that can be in a wrong order, bool of shape (n_documents,)."""
        n_queries = len(self.best)
        largest = np.full(n_queries, -np.inf)
        smallest = np.full(n_queries, np.inf)
        np.maximum.at(largest, self.query, self.relevance)
        np.minimum.at(smallest, self.query, self.relevance)
        return ((largest > smallest) & (self.best > 0))[self.query]

    def prepare(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Rows as they are sent to the program."""
        return {"X": self.inputs.apply(X)}


def problem_of(estimator, X, relevance, query, device: str) -> Problem:
    """The data of a fit of an estimator.

    Raises
    ------
    ValueError
        If no list can be in a wrong order.
    """
    levels = Levels.of(relevance, estimator.loss, estimator.gain)
    of_item = item_loss(estimator.loss, estimator.k)
    best = levels.best(relevance, query, of_item if isinstance(of_item, Discount) else None)
    inputs = DocumentInputs(estimator.standardize).fit(X, np.ones(len(X)))
    problem = Problem(X, relevance, query, levels, best, inputs, device)
    if not problem.teaches.any():
        raise ValueError(
            "no query has documents of different relevance: y has 1 class only within each list"
        )
    return problem


def fit_scores(estimator, problem: Problem, random_state, state, *, X, y) -> dict:
    """Train the network of an estimator, and return the attributes of the fitted one.

    Parameters
    ----------
    estimator : QueryRanker
    problem : Problem
    random_state : numpy.random.RandomState
    state : TrainingState or None
        To go on from.
    X, y : array-like
        As the user gave them, for callbacks.
    """
    seeds = random_state.randint(np.iinfo(np.int32).max, size=4)
    dtype = problem.inputs.dtype
    held_out = _held_out(estimator, problem, np.random.RandomState(seeds[0]))
    batches = _batches(estimator, problem, ~held_out, np.random.RandomState(seeds[1]))
    levels = problem.levels
    settings = ranking_settings(
        estimator, batches.n_documents, batches.batch_size, len(levels.grades)
    )
    network = _network(estimator, problem.inputs.row_shape)
    # A compiler for the processor has slow convolutions.
    compiled = isinstance(network, MultilayerPerceptron) or "GPU" in problem.device
    fresh = TrainingState(
        network.initial(estimator.n_networks, np.random.RandomState(seeds[2]), dtype)
    )
    state = state.checked_against(fresh) if state else fresh
    progress = FitProgress(estimator, -(-settings.n_steps // settings.steps_of_epoch))
    curve: list[float] = []

    def model(parameters) -> ScoringModel:
        weights = {name: np.asarray(value) for name, value in parameters.items()}
        return ScoringModel(problem.inputs, network, weights)

    def report(parameters, losses) -> bool:
        curve.append(float(np.mean(losses)))
        if not progress.wanted:
            return False
        return progress.end_epoch(curve[-1], lambda: {"_model": model(parameters)}, X, y)

    training = train_on_draws(
        problem,
        batches.draw,
        RankingObjective(network, settings.rule, estimator.n_networks, compiled),
        state,
        settings.controls(dtype),
        rows_per_step=batches.batch_size,
        seed=int(seeds[3]),
        prepare=problem.prepare,
        constants={"grades": levels.grades.astype(dtype), "gains": levels.gains.astype(dtype)},
        early_stopping=_early_stopping(estimator, problem, held_out, model, settings),
        steps_between_reports=settings.steps_of_epoch,
        report=report,
    )
    progress.close()
    return {"_model": model(training.parameters), **training_attributes(training, curve)}


def _network(estimator, row_shape: tuple[int, ...]):
    if estimator.network is not None:
        return KerasNetwork(estimator.network, row_shape, 1)
    return MultilayerPerceptron((math.prod(row_shape), *estimator._hidden_layer_sizes(), 1))


def _batches(estimator, problem: Problem, kept: np.ndarray, random_state) -> QueryBatches:
    used = problem.teaches & kept
    return QueryBatches(
        problem.query,
        used,
        documents_of_batch(estimator, np.bincount(problem.query[used])),
        shuffle=estimator.shuffle,
        random_state=random_state,
    )


def _held_out(estimator, problem: Problem, random_state) -> np.ndarray:
    """Documents of the queries that the network is judged by, bool of shape (n_documents,)."""
    query = problem.query
    if estimator.early_stopping is not True:
        return np.zeros(len(query), bool)
    queries = np.unique(query[problem.teaches])
    if len(queries) < 2:
        raise ValueError("early_stopping=True holds out queries, but there is only 1 to learn from")
    count = math.ceil(estimator.validation_fraction * len(queries))
    return np.isin(query, random_state.permutation(queries)[:count])


def _early_stopping(estimator, problem: Problem, held_out, model, settings):
    rows = np.flatnonzero(held_out)
    if not len(rows):
        return None
    X, relevance, query = problem.X[rows], problem.relevance[rows], problem.query[rows]

    def loss(parameters) -> float:
        scores = model(parameters).scores(X)
        return 1 - mean_ndcg(relevance, scores, qid=query, k=estimator.k, gain=estimator.gain)

    return EarlyStopping(
        loss,
        settings.steps_of_epoch,
        patience=estimator.n_iter_no_change,
        tolerance=estimator.tol,
    )
