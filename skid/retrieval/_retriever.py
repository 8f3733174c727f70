"""The estimator: rows in, neighbours out."""

import numbers

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Hidden, Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from skid._callbacks import FitCall, with_callbacks
from skid.base import BaseSolverEstimator
from skid.engine.backend import resolve_device
from skid.gradients import RANKING_GRADIENTS
from skid.inputs import Inputs, checked_rows
from skid.losses import RANKING_LOSSES, EmbeddingLoss, RankingLoss
from skid.retrieval._approximate import faiss
from skid.retrieval._fit import Problem, fit_embedding
from skid.retrieval._gallery import Gallery, recall_at_one, vote


class RankingRetriever(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseSolverEstimator):
    """Learn an embedding in which a query finds what belongs to it first.

    Each row of a batch ranks the others by the cosine of their embeddings, and the network is
    trained through this ranking, so that rows with the label of the query come first. The gradient
    passes the ranking by *balanced Identity with Projection*.

    Read more in the README.

    Parameters
    ----------
    loss : {"recall", "recall_paper", "map", "ndcg"}, RankingLoss or EmbeddingLoss, \
            default="recall"
        What a ranking costs, see :func:`skid.losses.rank_loss`. ``"recall_paper"`` is the
        form of the papers, in which both ranks are differentiated. An `EmbeddingLoss`, such as a
        triplet loss of yours, ranks nothing: ``projection``, ``noise`` and ``gradient`` have no
        part in it.
    n_components : int, default=64
        Length of an embedding.
    hidden_layer_sizes : "auto", int or array-like of int, default="auto"
        Units of each hidden layer of the default network; ``"auto"`` is ``(256,)``, () a linear
        embedding.
    network : callable, default=None
        ``network(input_shape, n_outputs)`` returns a Keras model from (n, *input_shape) to
        (n, n_components), to embed images, for example. Its outputs are scaled to unit length.
    n_classes_per_batch : int, default=16
        Classes in a batch, at least 2: more where some have less than ``n_samples_per_class``
        rows, and fewer, with more rows of each, where there are not so many.
    n_samples_per_class : int, default=8
        Rows of each class in a batch, at least 2.
    memory : int, default=0
        Past batches whose embeddings, as they were, are ranked as well.
    projection : {"auto", "none", "mean", "norm", "std"}, default="auto"
        Projection of the scores of each query; ``"auto"`` is ``"std"``.
    noise : {"auto", "two_point", "gumbel", "normal"} or Noise, default="auto"
        Noise on the projected scores while training: two-point.
    noise_scale : "auto" or float, default="auto"
        Factor of the noise, relative to scores of unit variance; ``"auto"`` is 1.
    gradient : {"identity", "blackbox", "imle", "perturbed"} or GradientRule, default="identity"
        How the ranking is differentiated; ``"identity"`` is *balanced* Identity.
    n_neighbors : int, default=1
        Neighbours that ``predict`` takes the label from.
    search : {"exact", "approximate"}, default="exact"
        How the gallery is searched. ``"approximate"`` is an index for millions of items that finds
        about 97 % of the nearest ten, from faiss: ``pip install faiss-cpu``.
    standardize : {"auto", "columns", "table", "none"}, default="auto"
        Scale of the inputs, see :class:`skid.standardization.Standardization`. In arrays of more
        than two axes the last axis, such as the channels of images, is standardised.
    alpha : "auto" or float, default="auto"
        Weight decay of the network's kernels, decoupled from the gradient; ``"auto"`` is 0.
    learning_rate_init : "auto" or float, default="auto"
        Adam's learning rate; it falls to a fifth for the last 30 % of the training. ``"auto"`` is
        0.003.
    max_iter : "auto" or int, default="auto"
        Epochs. ``"auto"`` is 20, but at least 600 and at most 10,000 steps.
    shuffle : bool, default=True
        Whether classes and rows come in a new order in each pass.
    early_stopping : "auto" or bool, default="auto"
        Whether to hold out ``validation_fraction`` of the classes (of the rows, if there are fewer
        than 10 classes), stop when their Recall@1 no longer rises, and keep the best network.
        ``"auto"`` is False: the falling learning rate ends the training.
    validation_fraction : float, default=0.1
        Share that is held out.
    n_iter_no_change : int, default=10
        Epochs without a rise of Recall@1 by more than ``tol`` before an early stop.
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
        Recall@1 of the held-out rows after each epoch; only with ``early_stopping``.
    n_iter_ : int
        Number of epochs.
    n_features_in_ : int
        Number of columns of X, or its second dimension.
    feature_names_in_ : array of str
        Names of the columns of X, where all are strings.

    See Also
    --------
    QueryRanker : Rank documents of queries by their features.
    skid.losses.rank_loss : The loss alone.

    Notes
    -----
    The ranking runs on the device, within the compiled step. Rows that are alone with their label
    are never relevant, but stand in the way of others. The fitted estimator holds NumPy arrays:
    with the default network it embeds and searches without TensorFlow.

    References
    ----------
    Sahoo, Paulus, Vlastelica, Musil, Kuleshov, Martius: *Backpropagation through Combinatorial
    Algorithms: Identity with Projection Works*, ICLR 2023, section 4.4.

    Rolinek, Musil, Paulus, Vlastelica, Michaelis, Martius: *Optimizing Rank-based Metrics with
    Blackbox Differentiation*, CVPR 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skid import RankingRetriever
    >>> X, y = load_digits(return_X_y=True)
    >>> known, unseen = y < 5, y >= 5
    >>> model = RankingRetriever(max_iter=20, random_state=0).fit(X[known], y[known])
    >>> bool(model.score(X[unseen], y[unseen]) > 0.9)
    True
    >>> model.kneighbors(X[:2], n_neighbors=3, return_distance=False).shape
    (2, 3)
    """

    _gradients = RANKING_GRADIENTS
    _parameter_constraints: dict = {
        **BaseSolverEstimator._parameter_constraints,
        # A class is told how to be written by `loss_of`.
        "loss": [StrOptions(set(RANKING_LOSSES)), RankingLoss, EmbeddingLoss, Hidden(type)],
        "n_components": [Interval(numbers.Integral, 1, None, closed="left")],
        "n_classes_per_batch": [Interval(numbers.Integral, 2, None, closed="left")],
        "n_samples_per_class": [Interval(numbers.Integral, 2, None, closed="left")],
        "memory": [Interval(numbers.Integral, 0, None, closed="left")],
        "gradient": [StrOptions(set(RANKING_GRADIENTS)), callable],
        "n_neighbors": [Interval(numbers.Integral, 1, None, closed="left")],
        "search": [StrOptions({"exact", "approximate"})],
        "standardize": [StrOptions({"auto", "columns", "table", "none"})],
    }

    def __init__(
        self,
        loss="recall",
        *,
        n_components=64,
        hidden_layer_sizes="auto",
        network=None,
        n_classes_per_batch=16,
        n_samples_per_class=8,
        memory=0,
        projection="auto",
        noise="auto",
        noise_scale="auto",
        gradient="identity",
        n_neighbors=1,
        search="exact",
        standardize="auto",
        alpha="auto",
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
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.network = network
        self.n_classes_per_batch = n_classes_per_batch
        self.n_samples_per_class = n_samples_per_class
        self.memory = memory
        self.projection = projection
        self.noise = noise
        self.noise_scale = noise_scale
        self.gradient = gradient
        self.n_neighbors = n_neighbors
        self.search = search
        self.standardize = standardize
        self.alpha = alpha
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
    def fit(self, X, y):
        """Learn the embedding; the rows become the gallery.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            A table, or images for a ``network`` of your own. Kept in float32 or float64 as given.
        y : array-like of shape (n_samples,)
            Label of the class or of the instance. Rows of one label are relevant to each other.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If no label comes twice, all labels are the same, X is not finite, or a parameter does
            not fit the data.
        """
        with self._fitting() as state:
            random_state = check_random_state(self.random_state)
            rows = checked_rows(self, X, reset=True, ensure_min_samples=2)
            labels, codes = self._checked_labels(y, rows)
            if self.search == "approximate":
                faiss()
            inputs = Inputs(self.standardize).fit(rows, np.ones(len(rows)))
            device = resolve_device(self.device)
            problem = Problem(rows, codes, np.unique(labels), inputs, device)

            def gallery_of(model):
                return Gallery(model.embed(rows), labels, "exact", seed=0)

            call = FitCall(X, y)
            vars(self).update(fit_embedding(self, problem, random_state, state, call, gallery_of))
            self._seed = random_state.randint(np.iinfo(np.int32).max)
            self._set_gallery(rows, labels)
        return self

    def set_gallery(self, X, y=None):
        """Search other items than those of the training from now on.

        Parameters
        ----------
        X : array-like of shape (n_items, ...)
        y : array-like of shape (n_items,), default=None
            Their labels, which may be others than in the training. ``predict`` needs them.

        Returns
        -------
        self : object
        """
        check_is_fitted(self)
        rows = checked_rows(self, X, reset=False)
        if y is not None:
            y = column_or_1d(y)
            check_consistent_length(rows, y)
        self._set_gallery(rows, y)
        return self

    def transform(self, X):
        """Embed rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)

        Returns
        -------
        array of shape (n_samples, n_components)
            Vectors of unit length: their product is the cosine that rows are ranked by.
        """
        check_is_fitted(self)
        return self._model.embed(checked_rows(self, X, reset=False))

    def kneighbors(self, X=None, n_neighbors=None, return_distance=True):
        """Find the nearest items of the gallery, the nearest first.

        Parameters
        ----------
        X : array-like of shape (n_queries, ...), default=None
            Queries. Without any, each item of the gallery is one, and not its own neighbour.
        n_neighbors : int, default=None
            By default ``n_neighbors`` of the estimator.
        return_distance : bool, default=True

        Returns
        -------
        distances : array of shape (n_queries, n_neighbors)
            Euclidean distance d of the unit vectors, from 0 to 2; the cosine is ``1 - d^2 / 2``.
            Only with ``return_distance``.
        indices : int array of shape (n_queries, n_neighbors)
            Rows of the gallery.

        Raises
        ------
        ValueError
            If the gallery has fewer items.
        """
        check_is_fitted(self)
        n_neighbors = self.n_neighbors if n_neighbors is None else n_neighbors
        queries = None if X is None else self._model.embed(checked_rows(self, X, reset=False))
        distances, indices = self._gallery.nearest(queries, n_neighbors)
        return (distances, indices) if return_distance else indices

    def predict(self, X):
        """Label that most of the nearest items of the gallery have; of equals, the nearest.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)

        Returns
        -------
        array of shape (n_samples,)
        """
        indices = self.kneighbors(X, return_distance=False)
        if self._gallery.labels is None:
            raise ValueError("predict needs the labels of the gallery: pass y to set_gallery")
        return vote(self._gallery.labels[indices])

    def score(self, X, y):
        """Recall@1: share of the rows whose nearest other row *of X* has their label.

        The gallery takes no part, so that labels may be ones the training has not seen.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
        y : array-like of shape (n_samples,)

        Returns
        -------
        float
            Over the rows that are not alone with their label.
        """
        check_is_fitted(self)
        vectors = self._model.embed(checked_rows(self, X, reset=False))
        y = column_or_1d(y)
        check_consistent_length(vectors, y)
        return recall_at_one(vectors, y)

    def to_keras(self):
        """The embedding of ``transform`` as a Keras model from raw rows of X.

        Returns
        -------
        keras.Model
            From (n, ...) to (n, n_components), of unit length. The method ``predict`` of Keras
            rounds its inputs to single precision; a call of the model does not.
        """
        check_is_fitted(self)
        return self._model.to_keras()

    @property
    def _n_features_out(self) -> int:
        return self._gallery.vectors.shape[1]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _set_gallery(self, rows: np.ndarray, labels) -> None:
        self._gallery = Gallery(self._model.embed(rows), labels, self.search, self._seed)

    def _checked_labels(self, y, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Labels as given, and as int32 codes."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None"
            )
        y = column_or_1d(y, warn=True)
        check_consistent_length(rows, y)
        check_classification_targets(y)
        labels, codes = np.unique(y, return_inverse=True)
        if len(labels) == len(y):
            raise ValueError(
                f"y has no label twice: {len(y)} rows of as many classes have nothing to find"
            )
        if len(labels) == 1:
            raise ValueError("y has 1 class only: every ranking is right")
        return y, codes.astype(np.int32)
