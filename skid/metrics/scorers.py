"""Scorers of the decisions and rankings of fitted estimators, for model selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from skid.metrics.decisions import cost_ratio, exact_match, optimal_share, relative_regret
from skid.metrics.rankings import mean_average_precision, mean_ndcg, recall_at_k


class DecisionScorer(BaseEstimator):
    """Score the decisions of a fitted estimator, as ``scoring`` of searches such as GridSearchCV.

    ``scorer(estimator, X, y)`` compares ``estimator.predict(X)`` with y.

    Parameters
    ----------
    metric : callable
        One of the functions of `skid.metrics`.
    truth : {"costs", "solutions"}, default="costs"
        Content of y: true costs, for which a solver finds the best decisions, or the right
        solutions.
    greater_is_better : bool, default=False
        Whether larger values of the metric are better; otherwise the score is its negative.
    solver : Solver, default=None
        Solver for the true costs. If None, the ``solver`` of the estimator, of the last step of a
        Pipeline or of the best estimator of a search.

    Notes
    -----
    With metadata routing, ``sample_weight`` and ``context`` are passed to the scorer after
    ``clone(scorer).set_score_request(sample_weight=True, context=True)``. Clone the predefined
    scorers first, as they are global objects.

    Examples
    --------
    >>> from skid.metrics import DecisionScorer, relative_regret
    >>> from skid.solvers import TopK
    >>> class Cheapest:
    ...     solver = TopK(1)
    ...     def predict(self, X):
    ...         return self.solver.solve(X)
    >>> scorer = DecisionScorer(relative_regret)
    >>> scorer(Cheapest(), [[1.0, 2.0], [4.0, 3.0]], [[1.0, 2.0], [3.0, 6.0]])
    -0.75
    """

    def __init__(
        self,
        metric: Callable[..., float],
        *,
        truth: str = "costs",
        greater_is_better: bool = False,
        solver: Any = None,
    ):
        self.metric = metric
        self.truth = truth
        self.greater_is_better = greater_is_better
        self.solver = solver

    def __call__(self, estimator: Any, X: Any, y: Any, **params: Any) -> float:
        """Score the decisions of an estimator; see `score`."""
        return self.score(estimator, X, y, **params)

    # scikit-learn derives set_score_request from the keywords of a method of this name.
    def score(
        self, estimator: Any, X: Any, y: Any, *, sample_weight: Any = None, context: Any = None
    ) -> float:
        """Score the decisions of an estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, with ``predict`` and, for true costs, a ``solver``.
        X : array-like of n instances
            Passed to ``predict``.
        y : array-like of shape (n, *cost_shape)
            True costs or right solutions, see ``truth``.
        sample_weight : array-like of shape (n,), default=None
            Weights of the instances.
        context : structured array of shape (n,), default=None
            If not None, passed to ``predict(X, context=context)`` and to the solver.

        Returns
        -------
        float
            Greater is better.

        Raises
        ------
        ValueError
            If the estimator has no solver, ``truth`` is unknown, or the metric raises an error.
        """
        if self.truth not in ("costs", "solutions"):
            raise ValueError(f"truth must be 'costs' or 'solutions', got {self.truth!r}")
        decisions = (
            estimator.predict(X) if context is None else estimator.predict(X, context=context)
        )
        settings = {"sample_weight": sample_weight}
        if self.truth == "costs":
            solver = _solver_of(estimator) if self.solver is None else self.solver
            settings |= {"solver": solver, "context": context}
        value = self.metric(y, decisions, **settings)
        return value if self.greater_is_better else -value

    def _accept_sample_weight(self) -> bool:
        """Make searches without metadata routing pass the weights of the fit."""
        return True


relative_regret_scorer = DecisionScorer(relative_regret)
"""Negative `relative_regret`; y are true costs."""

cost_ratio_scorer = DecisionScorer(cost_ratio)
"""Negative `cost_ratio`; y are true costs."""

optimal_share_scorer = DecisionScorer(optimal_share, greater_is_better=True)
"""`optimal_share`; y are true costs."""

exact_match_scorer = DecisionScorer(exact_match, truth="solutions", greater_is_better=True)
"""`exact_match`; y are right solutions."""


class QueryScorer(BaseEstimator):
    """Score the rankings of a fitted estimator by query, as ``scoring`` of searches.

    ``scorer(estimator, X, y, qid=qid)`` compares ``estimator.predict(X)`` with y.

    Parameters
    ----------
    metric : callable
        `mean_ndcg`, `mean_average_precision`, `recall_at_k`, or a function with the same
        parameters.
    k : int, default=None
        Passed to the metric if not None.

    Notes
    -----
    ``qid`` is passed as a column named ``qid`` of a data frame X, or by metadata routing:
    ``sklearn.set_config(enable_metadata_routing=True)`` and
    ``QueryScorer(mean_ndcg, k=10).set_score_request(qid=True)``. Without ``qid`` the scorer raises
    an error, unless the estimator is a `QueryRanker` that was fitted on a single list.

    Examples
    --------
    >>> from skid.metrics import QueryScorer, mean_ndcg
    >>> class FirstColumn:
    ...     def predict(self, X):
    ...         return [row[0] for row in X]
    >>> QueryScorer(mean_ndcg)(FirstColumn(), [[2.0], [1.0], [3.0]], [1, 0, 1], qid=[1, 1, 2])
    1.0
    """

    def __init__(self, metric: Callable[..., float], *, k: int | None = None):
        self.metric = metric
        self.k = k

    def __call__(self, estimator: Any, X: Any, y: Any, **params: Any) -> float:
        """Score the rankings of an estimator; see `score`."""
        return self.score(estimator, X, y, **params)

    # scikit-learn derives set_score_request from the keywords of a method of this name.
    def score(
        self, estimator: Any, X: Any, y: Any, *, qid: Any = None, sample_weight: Any = None
    ) -> float:
        """Score the rankings of an estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, with ``predict``.
        X : array-like of n documents
        y : array-like of shape (n,)
            Relevance of the documents.
        qid : array-like of shape (n,), default=None
            Queries of the documents; the column ``qid`` of X if None.
        sample_weight : array-like of shape (n,), default=None

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If the queries are unknown.
        """
        if qid is None and "qid" in getattr(X, "columns", ()):
            if not getattr(_innermost(estimator), "_has_queries", True):
                raise ValueError(
                    "X must not have a column 'qid' if the ranker was fitted without queries, got "
                    "one: if an earlier step converted the data frame to an array, call "
                    "set_output(transform='pandas') on the Pipeline before the fit"
                )
            qid = np.asarray(X["qid"])
        if qid is None and getattr(_innermost(estimator), "_has_queries", True):
            raise ValueError(
                "qid must be passed to the scorer if documents are ranked within queries, got "
                "None: request it by set_score_request(qid=True) under metadata routing, or pass "
                "a data frame with a column named qid"
            )
        settings = {"qid": qid, "sample_weight": sample_weight}
        if self.k is not None:
            settings["k"] = self.k
        return self.metric(y, estimator.predict(X), **settings)


mean_ndcg_scorer = QueryScorer(mean_ndcg)
"""`mean_ndcg` of whole lists."""

mean_average_precision_scorer = QueryScorer(mean_average_precision)
"""`mean_average_precision`."""

recall_at_k_scorer = QueryScorer(recall_at_k)
"""`recall_at_k` with k = 10."""


def _innermost(estimator: Any) -> Any:
    """Return the last step of a pipeline or the best estimator of a search, also when nested."""
    while isinstance(estimator, Pipeline) or hasattr(estimator, "best_estimator_"):
        is_pipeline = isinstance(estimator, Pipeline)
        estimator = estimator[-1] if is_pipeline else estimator.best_estimator_
    return estimator


def _solver_of(estimator: Any) -> Any:
    estimator = _innermost(estimator)
    if not hasattr(estimator, "solver"):
        raise ValueError(
            f"estimator must have a solver, got {type(estimator).__name__}: "
            "use DecisionScorer(..., solver=...)"
        )
    return estimator.solver
