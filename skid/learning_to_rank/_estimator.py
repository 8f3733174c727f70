"""The estimator: documents of queries in, scores out."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from sklearn.utils._param_validation import Hidden, StrOptions
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from skid._callbacks import FitCall, with_callbacks
from skid._docstrings import documented
from skid._parameters import (
    AUTO,
    COUNT,
    COUNT_FROM_2,
    BatchSizeParameter,
    NoiseScaleParameter,
    StandardizeParameter,
)
from skid.base import BaseSolverEstimator
from skid.gradients import RANKING_GRADIENTS
from skid.inputs import checked_rows
from skid.learning_to_rank import _defaults as defaults
from skid.learning_to_rank._data import TrainingData
from skid.learning_to_rank._plan import ranking_plan
from skid.learning_to_rank._queries import split_queries
from skid.losses import RANKING_LOSSES, RankingLoss
from skid.metrics import mean_ndcg
from skid.metrics.rankings import GAINS, gains_of, numbers_of_queries
from skid.projections import PROJECTIONS


@documented(
    hidden_layer_sizes=f"``{defaults.HIDDEN_LAYER_SIZES}``, with smooth rectified (SiLU) units",
    network_outputs="(n, 1)",
    noisy="the projected scores",
    noise="two-point noise",
    noise_scale=f"{defaults.NOISE_SCALE:g}",
    gradients='"identity", "blackbox", "imle", "perturbed"',
    solver="ranking",
    batch_rows="Documents of a batch, which is filled with whole lists. A random part is drawn of "
    "a longer list",
    batch_size=f"{defaults.BATCH_SIZE:,}, or the length of the longest list up to "
    f"{defaults.LONGEST_LIST:,}",
    rate_schedule="It is constant in the first half of the training and then falls linearly to "
    f"{defaults.FINAL_RATE:g} of it. The fitted weights are running averages over about the last "
    "tenth of the steps.",
    rate=defaults.RATE,
    epochs=f"{defaults.EPOCHS}, but at least {defaults.MINIMUM_STEPS} and at most "
    f"{defaults.MAXIMUM_STEPS:,} steps",
    rows="queries",
    held_out="``validation_fraction`` of the queries",
    validation_score="NDCG",
    early_stopping="False: the falling learning rate ends the training",
    scores="NDCG",
    decays=", ".join(map(str, defaults.DECAYS)),
    decay=defaults.DECAY,
    decay_steps=f"{defaults.DECAY_STEPS:,}",
    decay_queries=defaults.DECAY_QUERIES,
)
@dataclass(eq=False, repr=False, kw_only=True)
class QueryRanker(
    StandardizeParameter, NoiseScaleParameter, BatchSizeParameter, BaseSolverEstimator
):
    """Learn to rank the documents of a query: a network scores each, the best come first.

    The network is trained through the ranking of the documents of each query, by what the ranking
    is worth. The gradient passes the ranking by *balanced Identity with Projection*.

    Read more in the README.

    Parameters
    ----------
    loss : {"ndcg", "map", "recall", "recall_paper"} or RankingLoss, default="ndcg"
        What a ranking costs, see :func:`skid.losses.rank_loss`. Losses other than ``"ndcg"`` that
        are not `graded` take documents of relevance above 0 as relevant.
    k : int, default=None
        Only the first k documents count in ``score``. The training with ``"ndcg"`` considers three
        times as many, as those just behind the cut-off matter as much, unless the loss has a
        cut-off of its own.
    gain : {"exponential", "linear"}, default="exponential"
        What a document of a relevance is worth in ``score``: ``2^relevance - 1``, or the
        relevance. The training takes the relevance: by the other, the few documents of the
        highest grade would give nearly all of the gradient.
    %(hidden_layer_sizes)s
    %(network)s
    n_networks : int, default=2
        Networks that are trained side by side, and whose scores are averaged.
    projection : {"auto", "none", "mean", "norm", "std"}, default="auto"
        Projection of the scores of each list, see :func:`skid.projections.project`. ``"auto"`` is
        ``"none"``: in lists of a few documents the others leave hardly any gradient. As the lists
        differ in length, it takes no function.
    %(noise)s
    %(noise_scale)s
    %(gradient)s
    %(standardize)s
        With ``"auto"``, columns of a table with heavy tails, such as counts and lengths, enter by
        their logarithm.
    alpha : float or "auto", default="auto"
        Weight decay, decoupled from the gradient, of a learnt scale of each input of the default
        network, which shrinks inputs that do not affect the order; kernels decay at 0.3 of it.
        ``"auto"`` tries %(decays)s in a training of half the length, but at most %(decay_steps)s
        steps, with a fifth of the queries held out, and takes the best; with fewer than
        %(decay_queries)s queries held out it is %(decay)s.
    %(batch_size)s
    %(learning_rate_init)s
    %(max_iter)s
    %(training)s

    Attributes
    ----------
    alpha_ : float
        The weight decay in use.
    %(training_attributes)s
    %(input_attributes)s

    See Also
    --------
    RankingRetriever : Find rows that belong to a row.
    skid.metrics.QueryScorer : Scores of rankings for scikit-learn's searches.

    Notes
    -----
    The queries are the argument ``qid`` of ``fit`` and ``score``, or a column ``qid`` of a data
    frame X. In a search or a Pipeline the argument arrives under metadata routing only, once
    requested with ``set_fit_request(qid=True).set_score_request(qid=True)``; the column needs no
    routing, but has to arrive: where steps before the ranker make arrays of the frame, call
    ``set_output(transform="pandas")`` on the Pipeline, or the column is one more feature.
    ``GroupKFold`` keeps queries whole. Documents need not be sorted by query.

    The ranking runs on the device, within the compiled step; lists of all lengths lie one after
    the other in a batch, without padding. The fitted estimator holds NumPy arrays: with the
    default network it predicts without TensorFlow.

    References
    ----------
    Sahoo, Paulus, Vlastelica, Musil, Kuleshov, Martius: *Backpropagation through Combinatorial
    Algorithms: Identity with Projection Works*, ICLR 2023.

    Jarvelin, Kekalainen: *Cumulated Gain-Based Evaluation of IR Techniques*, ACM Transactions on
    Information Systems 20, 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from skid import QueryRanker
    >>> rng = np.random.RandomState(0)
    >>> X = rng.normal(size=(600, 5))
    >>> qid = np.repeat(np.arange(60), 10)
    >>> relevance = np.digitize(X[:, 0] - X[:, 1], [0.5, 1.5, 2.5])
    >>> train, test = slice(0, 400), slice(400, None)
    >>> model = QueryRanker(max_iter=20, random_state=0)
    >>> model = model.fit(X[train], relevance[train], qid=qid[train])
    >>> bool(model.score(X[test], relevance[test], qid=qid[test]) > 0.95)
    True
    """

    loss: str | RankingLoss = field(default="ndcg", kw_only=False)
    k: int | None = None
    gain: Literal["exponential", "linear"] = "exponential"
    n_networks: int = 2

    _gradients = RANKING_GRADIENTS
    _parameter_constraints: ClassVar[dict[str, list]] = {
        # `loss_of` explains how to write an instance where a class is passed.
        "loss": [StrOptions(set(RANKING_LOSSES)), RankingLoss, Hidden(type)],
        "batch_size": [COUNT_FROM_2, AUTO],
        "projection": [StrOptions({"auto", *PROJECTIONS})],
        "k": [COUNT, None],
        "n_networks": [COUNT],
        "gain": [StrOptions(set(GAINS))],
        "gradient": [StrOptions(set(RANKING_GRADIENTS)), callable],
    }

    @with_callbacks
    def fit(self, X, y, qid=None):
        """Learn to score documents.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_features), or data frame
            Kept in float32 or float64 as given. A column named ``qid`` holds the queries.
        y : array-like of shape (n_documents,)
            Relevance, at least 0.
        qid : array-like of shape (n_documents,), default=None
            Query of each document. Without it, and without that column, all documents are one
            list.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If a relevance is negative, no query has documents of different relevance, X is not
            finite, or a parameter does not fit the data.
        """
        decay = getattr(self, "alpha_", None)
        with self._fitting() as (state, random_state):
            features, queries = split_queries(X, qid)
            rows = checked_rows(self, features, reset=True, ensure_min_samples=2)
            relevance = self._checked_relevance(y, rows)
            query = np.zeros(len(rows), np.int32)
            if queries is not None:
                query = numbers_of_queries(queries).astype(np.int32)
            data = TrainingData.of(self, rows, relevance, query)
            self._has_queries = queries is not None
            plan = ranking_plan(self, data, random_state, decay if state else None)
            self._carry_out(plan, state, FitCall(X, y, qid=qid))
        return self

    def predict(self, X):
        """Score documents; those of a query are ranked by falling score.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_features), or data frame
            A column named ``qid`` is ignored.

        Returns
        -------
        array of shape (n_documents,)
            Scores of documents of different queries cannot be compared.
        """
        check_is_fitted(self)
        features, _ = split_queries(X, None)
        return self._model.outputs(checked_rows(self, features, reset=False))[:, 0]

    def score(self, X, y, qid=None, sample_weight=None):
        """Mean over the queries of the NDCG, see :func:`skid.metrics.mean_ndcg`.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_features), or data frame
        y : array-like of shape (n_documents,)
            Relevance.
        qid : array-like of shape (n_documents,), default=None
            Query of each document, unless X has a column ``qid``.
        sample_weight : array-like of shape (n_documents,), default=None
            A query counts with the mean weight of its documents.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If the model was fitted with queries and none are passed.
        """
        check_is_fitted(self)
        features, queries = split_queries(X, qid)
        if queries is None and self._has_queries:
            raise ValueError(
                "qid must be passed to score, as it was to fit. In a search or a Pipeline, enable "
                "metadata routing and call set_score_request(qid=True), or keep the queries in a "
                "column 'qid' of a data frame"
            )
        scores = self._model.outputs(checked_rows(self, features, reset=False))[:, 0]
        return mean_ndcg(
            y, scores, qid=queries, k=self.k, gain=self.gain, sample_weight=sample_weight
        )

    def to_keras(self):
        """Export ``predict`` as a Keras model from raw documents.

        Returns
        -------
        keras.Model
            From (n, ...) to (n, 1). Keras' own ``predict`` rounds its inputs to single precision;
            a call of the model does not.
        """
        check_is_fitted(self)
        return self._model.to_keras()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.three_d_array = True
        return tags

    def _checked_relevance(self, y, rows: np.ndarray) -> np.ndarray:
        self._require_y(y)
        relevance = column_or_1d(y, warn=True, dtype=np.float64)
        check_consistent_length(rows, relevance)
        gains_of(relevance, self.gain)
        return relevance
