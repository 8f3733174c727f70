"""The estimator that learns an embedding for retrieval."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._param_validation import Hidden, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from skid._docstrings import documented
from skid._parameters import (
    COUNT,
    COUNT_FROM_0,
    COUNT_FROM_2,
    NoiseScaleParameter,
    StandardizeParameter,
)
from skid.base import BaseSolverEstimator, FitCall
from skid.gradients import RANKING_GRADIENTS
from skid.inputs import checked_rows
from skid.losses import RANKING_LOSSES, EmbeddingLoss, RankingLoss
from skid.retrieval import _defaults as defaults
from skid.retrieval._approximate import faiss
from skid.retrieval._gallery import NO_LABEL_TWICE, Gallery, recall_at_one, vote
from skid.retrieval._plan import CLASSES_TO_HOLD_OUT, RetrievalPlan


@documented(
    hidden_layer_sizes=f"``{defaults.HIDDEN_LAYER_SIZES}``",
    network_outputs="(n, n_components)",
    projected="the scores of each query",
    projection='``"std"``',
    noisy="the projected scores",
    noise="two-point noise",
    noise_unit=", relative to scores of unit variance",
    noise_scale=f"{defaults.NOISE_SCALE:g}",
    gradients='``"identity"`` (*balanced*), ``"blackbox"``, ``"imle"``, ``"perturbed"``',
    solver="ranking",
    alpha=f"{defaults.DECAY:g}",
    rate_schedule=f"It is multiplied by {defaults.FINAL_RATE:g} for the last "
    f"{100 * defaults.FINAL_FRACTION:.0f} % of the training.",
    rate=defaults.RATE,
    epochs=f"{defaults.EPOCHS}, but at least {defaults.MINIMUM_STEPS} and at most "
    f"{defaults.MAXIMUM_STEPS:,} steps",
    rows="classes and rows",
    held_out="``validation_fraction`` of the classes, or of the rows if there are fewer than "
    f"{CLASSES_TO_HOLD_OUT} classes",
    validation_score="Recall@1",
    early_stopping="False, as the learning rate falls at the end of the training",
    scores="Recall@1",
)
@dataclass(eq=False, repr=False, kw_only=True)
class RankingRetriever(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    StandardizeParameter,
    NoiseScaleParameter,
    BaseSolverEstimator,
):
    """Learn an embedding in which the nearest items of a query have its label.

    The other rows of a batch are ranked by their cosine with each row, and the network is trained
    through this ranking, so that rows with the label of the query come first. The gradient passes
    the ranking by *balanced Identity with Projection*.

    Read more in the README.

    Parameters
    ----------
    loss : str, RankingLoss or EmbeddingLoss, default="recall"
        Loss of a ranking, see :func:`skid.losses.rank_loss`: ``"recall"``, ``"map"``,
        ``"ndcg"``, or ``"recall_paper"``, the form of the papers, in which both ranks are
        differentiated. An `EmbeddingLoss`, such as a triplet loss, does not use ``projection``,
        ``noise`` and ``gradient``.
    n_components : int, default=64
        Number of components of an embedding.
    %(hidden_layer_sizes)s
    %(network)s
    n_classes_per_batch : int, default=16
        Classes of a batch, at least 2. A batch has more classes if some of them have fewer than
        ``n_samples_per_class`` rows, and more rows of each class if there are too few classes.
    n_samples_per_class : int, default=8
        Rows of each class in a batch, at least 2.
    memory : int, default=0
        Number of past batches whose embeddings, as they were then, are also ranked.
    n_neighbors : int, default=1
        Number of neighbours that ``predict`` uses.
    search : {"exact", "approximate"}, default="exact"
        How the gallery is searched. ``"approximate"`` is an index for millions of items, which
        finds about 97 % of the nearest ten; it needs ``pip install faiss-cpu``.
    %(projection)s
    %(noise)s
    %(noise_scale)s
    %(gradient)s
    %(standardize)s
    %(alpha)s
    %(learning_rate_init)s
    %(max_iter)s
    %(training)s

    Attributes
    ----------
    %(training_attributes)s
    %(input_attributes)s

    See Also
    --------
    QueryRanker : Rank documents of queries by their features.
    skid.losses.rank_loss : The loss without an estimator.

    Notes
    -----
    The ranking is a part of the compiled program. Rows whose label occurs once are never relevant,
    but are ranked as irrelevant items. The fitted estimator holds NumPy arrays, and with the
    default network it does not need TensorFlow.

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

    loss: str | RankingLoss | EmbeddingLoss = field(default="recall", kw_only=False)
    n_components: int = 64
    n_classes_per_batch: int = 16
    n_samples_per_class: int = 8
    memory: int = 0
    n_neighbors: int = 1
    search: Literal["exact", "approximate"] = "exact"

    _gradients = RANKING_GRADIENTS
    _parameter_constraints: ClassVar[dict[str, list]] = {
        # `loss_of` explains how to write an instance where a class is passed.
        "loss": [StrOptions(set(RANKING_LOSSES)), RankingLoss, EmbeddingLoss, Hidden(type)],
        "n_components": [COUNT],
        "n_classes_per_batch": [COUNT_FROM_2],
        "n_samples_per_class": [COUNT_FROM_2],
        "memory": [COUNT_FROM_0],
        "gradient": [StrOptions(set(RANKING_GRADIENTS)), callable],
        "n_neighbors": [COUNT],
        "search": [StrOptions({"exact", "approximate"})],
    }

    def fit(self, X: Any, y: Any) -> Self:
        """Learn the embedding; the rows become the gallery.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            A table, or images for ``network``. float32 and float64 are kept.
        y : array-like of shape (n_samples,)
            Labels. Rows with the same label are relevant to each other.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If every label is unique, all labels are the same, X is not finite, or a parameter does
            not fit the data.
        """
        with self._fitting() as (state, random_state):
            rows = checked_rows(self, X, reset=True, ensure_min_samples=2)
            labels, codes = self._checked_labels(y, rows)
            if self.search == "approximate":
                faiss()
            plan = RetrievalPlan(self, rows, labels, codes, random_state)
            self._carry_out(plan, state, FitCall(X, y))
        return self

    def set_gallery(self, X: Any, y: Any = None) -> Self:
        """Replace the items that are searched.

        Parameters
        ----------
        X : array-like of shape (n_items, ...)
        y : array-like of shape (n_items,), default=None
            Labels of the items, which ``predict`` needs. They may be new ones.

        Returns
        -------
        self : object
        """
        check_is_fitted(self)
        rows = checked_rows(self, X, reset=False)
        if y is not None:
            y = column_or_1d(y)
            check_consistent_length(rows, y)
        vectors = self._model.embed(rows)
        self._gallery = Gallery(vectors, y, self.search, self._gallery_seed)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Embed rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)

        Returns
        -------
        array of shape (n_samples, n_components)
            Vectors of unit length, whose product is their cosine.
        """
        check_is_fitted(self)
        return self._model.embed(checked_rows(self, X, reset=False))

    def kneighbors(
        self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True
    ) -> tuple[np.ndarray, np.ndarray] | np.ndarray:
        """Find the nearest items of the gallery, the nearest first.

        Parameters
        ----------
        X : array-like of shape (n_queries, ...), default=None
            Queries. None uses each item of the gallery, which is not its own neighbour.
        n_neighbors : int, default=None
            None uses ``n_neighbors`` of the estimator.
        return_distance : bool, default=True

        Returns
        -------
        distances : array of shape (n_queries, n_neighbors)
            Euclidean distance d of the unit vectors, from 0 to 2; the cosine is ``1 - d^2 / 2``.
            Only with ``return_distance``.
        indices : int array of shape (n_queries, n_neighbors)
            Indices of items of the gallery.

        Raises
        ------
        ValueError
            If the gallery has fewer than ``n_neighbors`` items.
        """
        check_is_fitted(self)
        n_neighbors = self.n_neighbors if n_neighbors is None else n_neighbors
        queries = None if X is None else self._model.embed(checked_rows(self, X, reset=False))
        distances, indices = self._gallery.nearest(queries, n_neighbors)
        return (distances, indices) if return_distance else indices

    def predict(self, X: Any) -> np.ndarray:
        """Predict the most frequent label among the nearest items; of ties, the nearest one.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)

        Returns
        -------
        array of shape (n_samples,)
        """
        indices = self.kneighbors(X, return_distance=False)
        if self._gallery.labels is None:
            raise ValueError("y of set_gallery must hold labels for predict, got None")
        return vote(self._gallery.labels[indices])

    def score(self, X: Any, y: Any) -> float:
        """Recall@1: fraction of the rows whose nearest other row *of X* has their label.

        The gallery is not used, so that the labels may be new ones.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
        y : array-like of shape (n_samples,)

        Returns
        -------
        float
            Over the rows whose label occurs more than once.
        """
        check_is_fitted(self)
        vectors = self._model.embed(checked_rows(self, X, reset=False))
        y = column_or_1d(y)
        check_consistent_length(vectors, y)
        return recall_at_one(vectors, y)

    def to_keras(self) -> Any:
        """Export ``transform`` as a Keras model from raw rows of X.

        Returns
        -------
        keras.Model
            From (n, ...) to (n, n_components), of unit length. The method ``predict`` of Keras
            rounds its inputs to single precision, a call of the model does not.
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

    def _checked_labels(self, y: Any, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Labels, and their int32 codes."""
        self._require_y(y)
        y = column_or_1d(y, warn=True)
        check_consistent_length(rows, y)
        check_classification_targets(y)
        labels, codes = np.unique(y, return_inverse=True)
        if len(labels) == len(y):
            raise ValueError(NO_LABEL_TWICE)
        if len(labels) == 1:
            raise ValueError(f"y must hold at least 2 classes, got only {labels.tolist()[0]!r}")
        return y, codes.astype(np.int32)
