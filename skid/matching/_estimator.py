"""The estimator that matches the nodes of pairs of graphs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.utils._param_validation import Hidden, StrOptions
from sklearn.utils.validation import check_is_fitted

from skid._docstrings import documented
from skid._parameters import AUTO, Auto, BatchSizeParameter, NoiseScaleParameter
from skid.base import BaseSolverEstimator, FitCall
from skid.losses import MATCHING_LOSSES, DecisionLoss
from skid.matching import _defaults as defaults
from skid.matching._data import Pair, TrainingData, checked_weights
from skid.matching._edges import EDGES
from skid.matching._geometry import INVARIANCES
from skid.matching._graphs import checked_matches, checked_pairs
from skid.matching._plan import MatchingPlan
from skid.metrics import matching_score
from skid.solvers import QuadraticAssignment


@documented(
    hidden_layer_sizes=f"``{defaults.HIDDEN_LAYER_SIZES}``. Each layer is one round of messages "
    "between the nodes of a graph",
    projected="the costs",
    projection='``"none"``: with this loss a projection makes the matchings worse',
    noisy="the costs",
    noise='``"normal"``',
    noise_scale=f'{QuadraticAssignment.default_noise_scale:g}, and 1 with ``loss="fenchel_young"``',
    batch_rows="Pairs of a batch",
    batch_size=defaults.BATCH_SIZE,
    alpha=f"{defaults.DECAY:g} divided by the number of pairs, but at most "
    f"{defaults.LARGEST_DECAY:g}",
    rate_schedule="It is constant in the first half of the training and then falls linearly to a "
    "fiftieth.",
    rate=defaults.RATE,
    epochs=f"{defaults.EPOCHS}, but at least {defaults.MINIMUM_STEPS:,} and at most "
    f"{defaults.MAXIMUM_STEPS:,} steps",
    rows="pairs",
    held_out="``validation_fraction`` of the pairs",
    validation_score="number of wrong entries of the solution, matched nodes and edges",
    early_stopping="False, as the learning rate falls to the end of the training",
    scores="Minus the mean loss",
)
@dataclass(eq=False, repr=False, kw_only=True)
class GraphMatcher(NoiseScaleParameter, BatchSizeParameter, BaseSolverEstimator):
    """Learn to match the nodes of two graphs, or the points of two sets.

    A network compares the nodes and the edges of both graphs, and a combinatorial solver finds the
    matching with the least total cost. The network is trained through the solver, on pairs whose
    matching is known. The gradient passes the solver by *Identity*.

    Read more in the README.

    Parameters
    ----------
    solver : {"auto", "quadratic", "assignment"}, default="auto"
        ``"quadratic"`` minimises the costs of pairs of nodes and of pairs of edges
        (:class:`skid.solvers.QuadraticAssignment`), ``"assignment"`` those of pairs of nodes only.
        ``"auto"`` is ``"quadratic"``, but ``"assignment"`` with ``loss="sinkhorn"``.
    edges : {"delaunay", "complete"}, default="delaunay"
        Edges of point sets that come without edges.
    invariances : sequence of {"rotation", "translation", "scale"}, default=all three
        Changes of all points of one graph that do not change its matchings.
    unmatched : {"auto", True, False}, default="auto"
        Whether nodes of both graphs may be left without a partner. If False, all nodes of the
        smaller graph are matched. ``"auto"`` is True if a pair of the training data leaves nodes
        of both graphs unmatched.
    loss : str or DecisionLoss, default="hamming"
        Loss of the matchings, see :mod:`skid.losses`.

        - ``"hamming"`` counts wrong pairs of nodes and of edges.
        - ``"fenchel_young"`` (perturbed) does not use ``gradient``.
        - ``"sinkhorn"`` is the cross-entropy of a relaxed matching, learnt without the solver, and
          has no costs of edges.
    %(hidden_layer_sizes)s
    network : callable, default=None
        ``network(input_shape, n_outputs)`` returns a Keras model from the features of nodes, of
        shape (n, *input_shape), to vectors of shape (n, n_outputs). It is trained with the rest,
        and embeds features such as image patches.
    %(projection)s
    %(noise)s
    %(noise_scale)s
    %(gradient)s
    %(alpha)s
    %(batch_size)s
    %(learning_rate_init)s
    %(max_iter)s
    %(training)s

    Attributes
    ----------
    unmatched_ : bool
        Whether nodes of both graphs may be left without a partner.
    %(training_attributes)s

    See Also
    --------
    skid.solvers.QuadraticAssignment : The solver alone.
    SolverPredictor : Any other solver, with costs from rows of a table.

    Notes
    -----
    Pairs may have different sizes; the time of a training follows the largest one, as the others
    are padded to it. Time and memory grow with the square of the number of nodes, and with the
    product of the numbers of edges. The fitted estimator holds NumPy arrays, and with the default
    network it predicts without TensorFlow.

    References
    ----------
    Sahoo, Paulus, Vlastelica, Musil, Kuleshov, Martius: *Backpropagation through Combinatorial
    Algorithms: Identity with Projection Works*, ICLR 2023, section 4.2.

    Rolínek, Swoboda, Zietlow, Paulus, Musil, Martius: *Deep Graph Matching via Blackbox
    Differentiation of Combinatorial Solvers*, ECCV 2020.

    Examples
    --------
    Ten points, and a noisy copy of them in another order, rotated:

    >>> import numpy as np
    >>> from skid import GraphMatcher
    >>> rng = np.random.RandomState(0)
    >>> def pair():
    ...     points, order, turn = rng.normal(size=(10, 2)), rng.permutation(10), rng.uniform(0, 6)
    ...     rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    ...     copy = points @ rotation + rng.normal(scale=0.05, size=(10, 2))
    ...     return (points, copy[order]), np.argsort(order)
    >>> X, y = zip(*(pair() for _ in range(60)))
    >>> model = GraphMatcher(max_iter=20, random_state=0).fit(X[:40], y[:40])
    >>> bool(model.score(X[40:], y[40:]) > 0.9)
    True
    >>> model.predict(X[40:41])[0].shape
    (10,)
    """

    solver: Literal["auto", "quadratic", "assignment"] = field(default="auto", kw_only=False)
    edges: Literal["delaunay", "complete"] = "delaunay"
    invariances: Sequence[str] = INVARIANCES
    unmatched: bool | Auto = "auto"
    loss: str | DecisionLoss = "hamming"

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "solver": [StrOptions({"auto", "quadratic", "assignment"})],
        "edges": [StrOptions({*EDGES})],
        "invariances": ["array-like", set, frozenset],
        "unmatched": ["boolean", AUTO],
        # `loss_of` explains how to write an instance where a class is passed.
        "loss": [StrOptions(set(MATCHING_LOSSES)), DecisionLoss, Hidden(type)],
    }

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn costs whose cheapest matchings are the right ones.

        Parameters
        ----------
        X : sequence of pairs (graph_a, graph_b)
            A graph is an array of the coordinates of its points, of shape (n, 2) or (n, 3), or a
            :class:`skid.matching.Graph`, or a dict with the keys of its fields.
        y : sequence of int array-like of shape (n_a,)
            For each pair the partner in b of each node of a, or -1.
        sample_weight : array-like of shape (n_pairs,), default=None

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If a graph or a matching is not valid; the message names the pair.
        """
        with self._fitting() as (state, random_state):
            self._check_invariances()
            pairs, shape = checked_pairs(X, self.edges)
            self._require_y(y)
            partners = checked_matches(y, pairs)
            weights = checked_weights(sample_weight, len(pairs))
            used = np.flatnonzero(weights)
            pairs, partners = ([values[row] for row in used] for values in (pairs, partners))
            data = TrainingData(
                pairs,
                partners,
                weights[used],
                shape,
                self._may_be_unmatched(pairs, partners, used),
                np.result_type(*(graph.dtype for pair in pairs for graph in pair)),
            )
            self._carry_out(
                MatchingPlan(self, data, random_state),
                state,
                FitCall(X, y, sample_weight=sample_weight),
            )
        return self

    def predict(self, X: Any) -> list[np.ndarray]:
        """Find the cheapest matching of each pair.

        Parameters
        ----------
        X : sequence of pairs (graph_a, graph_b)

        Returns
        -------
        list of int array of shape (n_a,)
            Partner in b of each node of a, or -1.
        """
        pairs = self._checked(X)
        return self._model.partners(pairs)

    def predict_affinities(self, X: Any) -> list[np.ndarray]:
        """Predict how well each node of a fits to each node of b: minus its cost.

        Parameters
        ----------
        X : sequence of pairs (graph_a, graph_b)

        Returns
        -------
        list of array of shape (n_a, n_b)
            Without the costs of edges.
        """
        pairs = self._checked(X)
        return self._model.affinities(pairs)

    def predict_proba(self, X: Any) -> list[np.ndarray]:
        """Confidence in each pair of nodes.

        Parameters
        ----------
        X : sequence of pairs (graph_a, graph_b)

        Returns
        -------
        list of array of shape (n_a, n_b)
            Probabilities of the relaxed matching of the affinities, by Sinkhorn's iteration. No
            row and no column has a sum above 1. The costs of edges do not take part, so that the
            largest entry need not belong to the partner of ``predict``.
        """
        pairs = self._checked(X)
        return self._model.probabilities(pairs)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of the right partners, see :func:`skid.metrics.matching_score`.

        Parameters
        ----------
        X : sequence of pairs (graph_a, graph_b)
        y : sequence of int array-like of shape (n_a,)
        sample_weight : array-like of shape (n_pairs,), default=None

        Returns
        -------
        float
            Right pairs of nodes among the right ones, or, if nodes may be unmatched, the F1 score
            of the pairs.
        """
        pairs = self._checked(X)
        partners = checked_matches(y, pairs)
        return matching_score(
            partners,
            self._model.partners(pairs),
            f1=self.unmatched_,
            sample_weight=sample_weight,
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.single_output = False
        tags.input_tags.two_d_array = False
        return tags

    def _checked(self, X: Any) -> list[Pair]:
        check_is_fitted(self)
        return checked_pairs(X, self.edges, self._model.network.shape)[0]

    def _check_invariances(self) -> None:
        unknown = sorted({*map(str, self.invariances)} - {*INVARIANCES})
        if unknown:
            raise ValueError(
                f"invariances must hold names among {INVARIANCES}, got {self.invariances!r}"
            )

    def _may_be_unmatched(
        self, pairs: list[Pair], partners: list[np.ndarray], rows: np.ndarray
    ) -> bool:
        """Whether nodes of both graphs may be left without a partner; ``rows`` are those of X."""
        least = [min(a.n_nodes, b.n_nodes) for a, b in pairs]
        missing = [
            row
            for row, match, size in zip(rows, partners, least, strict=True)
            if (match >= 0).sum() < size
        ]
        if self.unmatched is False and missing:
            raise ValueError(
                f"unmatched must be True or 'auto' where nodes of both graphs have no partner, as "
                f"in y[{missing[0]}], got False"
            )
        self.unmatched_ = bool(missing) if self.unmatched == "auto" else bool(self.unmatched)
        return self.unmatched_
