"""The estimator: documents of queries in, scores out."""

import numbers

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Hidden, Interval, StrOptions
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from skid._callbacks import FitCall, with_callbacks
from skid.base import BaseSolverEstimator
from skid.engine.backend import resolve_device
from skid.gradients import RANKING_GRADIENTS
from skid.inputs import checked_rows
from skid.learning_to_rank._fit import fit_scores
from skid.learning_to_rank._problem import problem_of
from skid.learning_to_rank._queries import split_queries
from skid.losses import RANKING_LOSSES, RankingLoss
from skid.metrics import mean_ndcg
from skid.metrics.rankings import GAINS, gains_of, numbers_of_queries


class QueryRanker(BaseSolverEstimator):
    """Learn to rank the documents of a query: a network scores each, the best come first.

    The network is trained through the ranking of the documents of each query, by what the ranking
    is worth. The gradient passes the ranking by *balanced Identity with Projection*.

    Read more in the README.

    Parameters
    ----------
    loss : {"ndcg", "map", "recall", "recall_paper"} or RankingLoss, default="ndcg"
        What a ranking costs, see :func:`skid.losses.rank_loss`. All but ``"ndcg"``, or another
        that is `graded`, take documents of relevance above 0 as relevant.
    k : int, default=None
        Only the first k documents count in ``score``. The training with ``"ndcg"``, if it has no
        cut-off of its own, looks at three times as many: those just behind tell as much.
    gain : {"exponential", "linear"}, default="exponential"
        What a document of a relevance is worth in ``score``: ``2^relevance - 1``, or the
        relevance. The training takes the relevance: by the other, the few documents of the
        highest grade would give nearly all of the gradient.
    hidden_layer_sizes : int or array-like of int, default=(256, 256)
        Units of each hidden layer of the default network, with smooth rectified (SiLU) outputs;
        () is a linear model.
    network : callable, default=None
        ``network(input_shape, n_outputs)`` returns a Keras model from documents
        (n, *input_shape) to (n, 1).
    n_networks : int, default=2
        Networks that are trained side by side, and whose scores are averaged.
    projection : {"auto", "none", "mean", "norm", "std"}, default="auto"
        Projection of the scores of each list; ``"auto"`` is ``"none"``: in
        lists of a few documents the others leave hardly any gradient.
    noise : {"auto", "two_point", "gumbel", "normal"} or Noise, default="auto"
        Noise on the projected scores while training: two-point.
    noise_scale : "auto" or float, default="auto"
        Factor of the noise; ``"auto"`` is 1.
    gradient : {"identity", "blackbox", "imle", "perturbed"} or GradientRule, default="identity"
        How the ranking is differentiated; ``"identity"`` is *balanced* Identity.
    standardize : {"auto", "columns", "table", "none"}, default="auto"
        Scale of the inputs, see :class:`skid.standardization.Standardization`. With ``"auto"``,
        columns of a table with heavy tails, such as counts and lengths, enter by their logarithm.
    alpha : "auto" or float, default="auto"
        Weight decay, decoupled from the gradient, of a learnt scale of each input of the default
        network, which shrinks inputs that say nothing of the order; kernels decay at 0.3 of it.
        ``"auto"`` tries five from 0.6 to 9.6 in a training of half the length, but at most 1,000
        steps, with a fifth of the queries held out, and takes the best; with fewer than four
        queries held out it is 1.2.
    batch_size : "auto" or int, default="auto"
        Documents of a batch, which is filled with whole lists; of a longer list a random part is
        drawn in each step. ``"auto"`` is 1,024, or the length of the longest list up to 4,096.
    learning_rate_init : "auto" or float, default="auto"
        Adam's learning rate in the first half of the training; it falls linearly to a twentieth
        in the second half. ``"auto"`` is 0.003. What is kept is the running mean of the weights
        over about the last tenth of the steps.
    max_iter : "auto" or int, default="auto"
        Epochs. ``"auto"`` is 50, but at least 500 and at most 10,000 steps.
    shuffle : bool, default=True
        Whether queries come in a new order in each pass.
    early_stopping : "auto" or bool, default="auto"
        Whether to hold out ``validation_fraction`` of the queries, stop when their NDCG no longer
        rises, and keep the best network. ``"auto"`` is False.
    validation_fraction : float, default=0.1
        Share of queries that is held out.
    n_iter_no_change : int, default=10
        Epochs without a rise of the NDCG by more than ``tol`` before an early stop.
    tol : float, default=1e-4
        See ``n_iter_no_change``.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the network of the last fit. The scales of the inputs are
        learnt anew.
    device : str, default="auto"
        ``"auto"`` (the first GPU where TensorFlow sees one), ``"cpu"``, ``"gpu"`` or ``"gpu:1"``.
    random_state : int, RandomState instance or None, default=None
        Seed of everything: same int, same bits; for wide networks, with the same number of threads.
    verbose : int, default=0
        Whether to draw a progress bar.

    Attributes
    ----------
    loss_curve_ : list of float
        Mean training loss of each epoch.
    best_loss_ : float
        Least of ``loss_curve_``, or 1 minus the best validation score.
    validation_scores_ : list of float
        NDCG of the held-out queries after each epoch; only with ``early_stopping``.
    n_iter_ : int
        Number of epochs.
    alpha_ : float
        The weight decay in use.
    n_features_in_ : int
        Number of features of a document; the queries are none.
    feature_names_in_ : array of str
        Names of the columns of X, where all are strings.

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

    _gradients = RANKING_GRADIENTS
    _parameter_constraints: dict = {
        **BaseSolverEstimator._parameter_constraints,
        # A class is told how to be written by `loss_of`.
        "loss": [StrOptions(set(RANKING_LOSSES)), RankingLoss, Hidden(type)],
        "batch_size": [Interval(numbers.Integral, 2, None, closed="left"), StrOptions({"auto"})],
        "hidden_layer_sizes": ["array-like", Interval(numbers.Integral, 1, None, closed="left")],
        "k": [Interval(numbers.Integral, 1, None, closed="left"), None],
        "n_networks": [Interval(numbers.Integral, 1, None, closed="left")],
        "gain": [StrOptions(set(GAINS))],
        "gradient": [StrOptions(set(RANKING_GRADIENTS)), callable],
        "standardize": [StrOptions({"auto", "columns", "table", "none"})],
    }

    def __init__(
        self,
        loss="ndcg",
        *,
        k=None,
        gain="exponential",
        hidden_layer_sizes=(256, 256),
        network=None,
        n_networks=2,
        projection="auto",
        noise="auto",
        noise_scale="auto",
        gradient="identity",
        standardize="auto",
        alpha="auto",
        batch_size="auto",
        learning_rate_init="auto",
        max_iter="auto",
        shuffle=True,
        early_stopping="auto",
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        warm_start=False,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.loss = loss
        self.k = k
        self.gain = gain
        self.hidden_layer_sizes = hidden_layer_sizes
        self.network = network
        self.n_networks = n_networks
        self.projection = projection
        self.noise = noise
        self.noise_scale = noise_scale
        self.gradient = gradient
        self.standardize = standardize
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

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
        with self._fitting() as state:
            features, queries = split_queries(X, qid)
            rows = checked_rows(self, features, reset=True, ensure_min_samples=2)
            relevance = self._checked_relevance(y, rows)
            query = np.zeros(len(rows), np.int32)
            if queries is not None:
                query = numbers_of_queries(queries).astype(np.int32)
            problem = problem_of(self, rows, relevance, query, resolve_device(self.device))
            random_state = check_random_state(self.random_state)
            self._grouped = queries is not None
            call = FitCall(X, y, qid=qid)
            vars(self).update(fit_scores(self, problem, random_state, state, decay, call))
        return self

    def predict(self, X):
        """Score documents: those of one query are ranked by falling score.

        Parameters
        ----------
        X : array-like of shape (n_documents, n_features), or data frame
            A column named ``qid`` is left out.

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
            If the model was fitted with queries and there are none here: the number would mean
            something else.
        """
        check_is_fitted(self)
        features, queries = split_queries(X, qid)
        if queries is None and self._grouped:
            raise ValueError(
                "the ranker was fitted with qid: score needs it too. In a search or a Pipeline, "
                "enable metadata routing and call set_score_request(qid=True), or keep the "
                "queries in a column 'qid' of a data frame"
            )
        scores = self._model.outputs(checked_rows(self, features, reset=False))[:, 0]
        return mean_ndcg(
            y, scores, qid=queries, k=self.k, gain=self.gain, sample_weight=sample_weight
        )

    def to_keras(self):
        """The scores of ``predict`` as a Keras model from raw documents.

        Returns
        -------
        keras.Model
            From (n, ...) to (n, 1). The method ``predict`` of Keras rounds its inputs to single
            precision; a call of the model does not.
        """
        check_is_fitted(self)
        return self._model.to_keras()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.three_d_array = True
        return tags

    def _checked_relevance(self, y, rows: np.ndarray) -> np.ndarray:
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None"
            )
        relevance = column_or_1d(y, warn=True, dtype=np.float64)
        check_consistent_length(rows, relevance)
        gains_of(relevance, self.gain)
        return relevance
