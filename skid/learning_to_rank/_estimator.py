"""The estimator: scores of the documents of queries."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.utils._param_validation import Hidden, StrOptions
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from skid._docstrings import documented
from skid._parameters import (
    AUTO,
    COUNT,
    COUNT_FROM_2,
    Auto,
    BatchSizeParameter,
    NoiseScaleParameter,
    StandardizeParameter,
)
from skid.base import BaseSolverEstimator, FitCall
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
    gradients='``"identity"`` (*balanced*), ``"blackbox"``, ``"imle"``, ``"perturbed"``',
    solver="ranking",
    batch_rows="Documents of a batch, which consists of whole lists. Longer lists are sampled",
    batch_size=f"{defaults.BATCH_SIZE:,}, or the length of the longest list up to "
    f"{defaults.LONGEST_LIST:,}",
    rate_schedule="It is constant in the first half of the training and then falls linearly to "
    f"{defaults.FINAL_RATE:g} of it. The fitted weights are averages over about the last tenth of "
    "the steps.",
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
    n_networks=defaults.N_NETWORKS,
    decay_steps=f"{defaults.DECAY_STEPS:,}",
    decay_queries=defaults.DECAY_QUERIES,
)
@dataclass(eq=False, repr=False, kw_only=True)
class QueryRanker(
    StandardizeParameter, NoiseScaleParameter, BatchSizeParameter, BaseSolverEstimator
):
    """Learn to rank the documents of a query by their scores, which a network predicts.

    The network is trained on the quality of the ranking of the documents of each query. The
    gradient passes the ranking by *balanced Identity with Projection*.

    Read more in the README.

    Parameters
    ----------
    loss : {"ndcg", "map", "recall", "recall_paper"} or RankingLoss, default="ndcg"
        Loss of a ranking, see :func:`skid.losses.rank_loss`. For losses that are not `graded`,
        such as all but ``"ndcg"``, documents of relevance above 0 are relevant.
    k : int, default=None
        Only the first k documents count in ``score``. The training with ``"ndcg"`` considers 3 k
        documents, because those just after the cut-off matter, too, unless ``loss`` is an instance
        with a cut-off.
    gain : {"exponential", "linear"}, default="exponential"
        Gain of a document in ``score``: ``2^relevance - 1``, or the relevance. The training uses
        the relevance, because with exponential gains nearly all of the gradient would come from
        the few documents of the highest grade.
    %(hidden_layer_sizes)s
    %(network)s
    n_networks : int or "auto", default="auto"
        Number of networks that are trained side by side, and whose scores are averaged. ``"auto"``
        is %(n_networks)s.
    projection : {"auto", "none", "mean", "norm", "std"}, default="auto"
        Projection of the scores of each list, see :func:`skid.projections.project`. ``"auto"`` is
        ``"none"``: for short lists the others remove nearly all of the gradient.
    %(noise)s
    %(noise_scale)s
    %(gradient)s
    %(standardize)s
        With ``"auto"``, columns of a table with heavy tails, such as counts and lengths, are
        replaced by logarithms.
    alpha : float or "auto", default="auto"
        Weight decay, decoupled from the gradient, of a scale of each input of the default network,
        which shrinks inputs that do not affect the order; that of kernels is 0.3 of it. ``"auto"``
        is the best of %(decays)s in a training of half the length, but at most %(decay_steps)s
        steps, with a fifth of the queries held out; if these are fewer than %(decay_queries)s, it
        is %(decay)s.
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
    RankingRetriever : Find the rows that have the label of a row.
    skid.metrics.QueryScorer : Scorer of rankings for scikit-learn's searches.

    Notes
    -----
    The queries are the argument ``qid`` of ``fit`` and ``score``, or a column ``qid`` of a data
    frame X. Documents need not be sorted by query. A search or a Pipeline passes the argument only
    with metadata routing, after ``set_fit_request(qid=True).set_score_request(qid=True)``. The
    column needs no routing, but steps before the ranker must keep the data frame: call
    ``set_output(transform="pandas")`` on the Pipeline. Otherwise the column becomes a feature.
    ``GroupKFold`` does not split the documents of a query.

    The ranking runs on the device, within the compiled step, and the lists of a batch are
    concatenated without padding. The fitted estimator holds NumPy arrays: with the default network
    it predicts without TensorFlow.

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
    n_networks: int | Auto = "auto"

    _gradients = RANKING_GRADIENTS
    _parameter_constraints: ClassVar[dict[str, list]] = {
        # `loss_of` explains how to write an instance where a class is passed.
        "loss": [StrOptions(set(RANKING_LOSSES)), RankingLoss, Hidden(type)],
        "batch_size": [COUNT_FROM_2, AUTO],
        "projection": [StrOptions({"auto", *PROJECTIONS})],
        "k": [COUNT, None],
        "n_networks": [COUNT, AUTO],
        "gain": [StrOptions(set(GAINS))],
        "gradient": [StrOptions(set(RANKING_GRADIENTS)), callable],
    }

    def fit(self, X: Any, y: Any, qid: Any = None) -> Self:
        """Learn to score documents.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_features), or data frame
            Features, in float32 or float64. A column named ``qid`` holds the queries.
        y : array-like of shape (n_documents,)
            Relevance, at least 0.
        qid : array-like of shape (n_documents,), default=None
            Query of each document. Without ``qid`` and that column, all documents have one query.

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

    def predict(self, X: Any) -> np.ndarray:
        """Score documents. The documents of a query are ranked by decreasing score.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_features), or data frame
            A column named ``qid`` is ignored.

        Returns
        -------
        array of shape (n_documents,)
            Scores are comparable only within a query.
        """
        return self._scores(split_queries(X, None)[0])

    def score(self, X: Any, y: Any, qid: Any = None, sample_weight: Any = None) -> float:
        """Mean NDCG of the queries, see :func:`skid.metrics.mean_ndcg`.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_features), or data frame
        y : array-like of shape (n_documents,)
            Relevance.
        qid : array-like of shape (n_documents,), default=None
            Query of each document, unless X has a column ``qid``.
        sample_weight : array-like of shape (n_documents,), default=None
            The weight of a query is the mean weight of its documents.

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
                "qid must be passed to score, as to fit, got None. In a search or a Pipeline, "
                "enable metadata routing and call set_score_request(qid=True), or pass the queries "
                "as a column 'qid' of a data frame"
            )
        scores, weights = self._scores(features), sample_weight
        return mean_ndcg(y, scores, qid=queries, k=self.k, gain=self.gain, sample_weight=weights)

    def to_keras(self) -> Any:
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

    def _scores(self, features: Any) -> np.ndarray:
        check_is_fitted(self)
        return self._model.outputs(checked_rows(self, features, reset=False))[:, 0]

    def _checked_relevance(self, y: Any, rows: np.ndarray) -> np.ndarray:
        self._require_y(y)
        relevance = column_or_1d(y, warn=True, dtype=np.float64)
        check_consistent_length(rows, relevance)
        gains_of(relevance, self.gain)
        return relevance
