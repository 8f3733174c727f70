"""One fit: the weight decay, the training, and what the estimator keeps of it."""

import numpy as np

from skid._callbacks import FitCall, FitProgress
from skid.base import given
from skid.engine.fitting import training_attributes
from skid.engine.state import TrainingState
from skid.engine.training import epoch_means
from skid.engine.validation import EarlyStopping
from skid.learning_to_rank._problem import Problem
from skid.learning_to_rank._run import Run, chosen_decay, queries_apart
from skid.metrics import mean_ndcg


def fit_scores(estimator, problem: Problem, random_state, state, decay, call: FitCall) -> dict:
    """Train the network of an estimator, and return the attributes of the fitted one.

    Parameters
    ----------
    estimator : QueryRanker
    problem : Problem
    random_state : numpy.random.RandomState
    state : TrainingState or None
        To go on from.
    decay : float or None
        Weight decay of the training before.
    call : FitCall
    """
    seeds = random_state.randint(np.iinfo(np.int32).max, size=6)
    held_out = _held_out(estimator, problem, np.random.RandomState(seeds[0]))
    kept = problem.teaches & ~held_out
    run = Run.of(estimator, problem, kept)
    if estimator.alpha != "auto":
        decay = float(estimator.alpha)
    elif state is None or decay is None:
        decay = chosen_decay(run, kept, seeds[4:])
    settings = run.settings
    progress = FitProgress(estimator, -(-settings.n_steps // settings.steps_of_epoch), call)
    training = run.train(
        kept,
        np.full(estimator.n_networks, decay),
        seeds[1:4],
        state,
        early_stopping=_early_stopping(estimator, problem, held_out, run),
        steps_between_reports=settings.steps_of_epoch,
        report=progress.reporter(lambda parameters: {"_model": run.model(parameters)}),
    )
    curve = epoch_means(training.losses, settings.steps_of_epoch)
    attributes = training_attributes(curve, training.validations, best_score=1.0)
    attributes["_training_state"] = TrainingState.after(training)
    attributes |= {"_model": run.model(training.parameters), "alpha_": decay}
    progress.close(lambda: attributes)
    return attributes


def _held_out(estimator, problem: Problem, random_state) -> np.ndarray:
    """Documents of the queries that the network is judged by, bool of shape (n_documents,)."""
    if not given(estimator.early_stopping, False):
        return np.zeros(len(problem.query), bool)
    if len(np.unique(problem.query[problem.teaches])) < 2:
        raise ValueError("early_stopping=True holds out queries, but there is only 1 to learn from")
    return queries_apart(
        problem.query, problem.teaches, estimator.validation_fraction, random_state
    )


def _early_stopping(estimator, problem: Problem, held_out, run: Run):
    rows = np.flatnonzero(held_out)
    if not len(rows):
        return None
    X, relevance, query = problem.X[rows], problem.relevance[rows], problem.query[rows]

    def loss(parameters) -> float:
        scores = run.model(parameters).outputs(X)[:, 0]
        return 1 - mean_ndcg(relevance, scores, qid=query, k=estimator.k, gain=estimator.gain)

    return EarlyStopping(
        loss,
        run.settings.steps_of_epoch,
        patience=estimator.n_iter_no_change,
        tolerance=estimator.tol,
    )
