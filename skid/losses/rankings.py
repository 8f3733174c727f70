"""Losses of a ranking: recall, average precision and discounted cumulative gain.

They are functions of ranks, whose gradient is that of *balanced Identity* or of another rule of
:mod:`skid.gradients`. All of them can be compiled.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from skid._parameter_checks import check_count
from skid.engine.backend import tensorflow
from skid.gradients import RANKING_GRADIENTS, GradientRule, Identity, gradient_rule
from skid.losses.lists import RowLists, project_lists
from skid.losses.registry import loss_of

if TYPE_CHECKING:
    import tensorflow as tf


class RankingLoss(ABC):
    """Base class of the losses of a ranking, which are sums over its relevant items.

    A subclass is a frozen dataclass, whose fields are its parameters. A relevant item with place p
    among the relevant items (1, 2, ...) and r irrelevant items above it has rank p + r.

    Attributes
    ----------
    both_ranks : bool
        Whether r, as in the papers, is the difference of two ranks that are both differentiated.
        If not, Identity is *balanced*.
    graded : bool
        Whether an item with a higher grade of relevance counts more.
    default_projection : {"none", "mean", "norm", "std"}
        Value of ``projection="auto"`` in a `QueryRanker`.
    has_cut_off : bool
        Whether it has a parameter ``k``.
    k : int or None
        Ranks above k do not count.
    """

    both_ranks: ClassVar[bool] = False
    graded: ClassVar[bool] = False
    default_projection: ClassVar[str] = "none"
    has_cut_off: ClassVar[bool] = False
    k: int | None = None

    @abstractmethod
    def value(self, place: tf.Tensor, above: tf.Tensor) -> tf.Tensor:
        """Loss of each relevant item, of shape (n, m).

        ``place`` and ``above`` are p and r of each item, of shape (n, m). Results for irrelevant
        items, whose p may be 0, are not used, but must be finite.
        """

    @abstractmethod
    def slope(self, place: tf.Tensor, above: tf.Tensor) -> tf.Tensor:
        """Gradient of each relevant item, usually the derivative of ``value`` by ``above``."""

    def ideal(self, n_items: int) -> np.ndarray | None:
        """Divisors of the sum over a list with 0, 1, ... n_items relevant items.

        None, the default, divides by the number of relevant items.
        """
        return None


@dataclass(frozen=True)
class Recall(RankingLoss):
    """Recall at all cut-offs, ``log(1 + log(1 + r))``.

    References
    ----------
    Rolinek et al., *Optimizing Rank-based Metrics with Blackbox Differentiation*, CVPR 2020,
    equation 13.
    """

    def value(self, place: tf.Tensor, above: tf.Tensor) -> tf.Tensor:
        """Loss of a relevant item."""
        tf = tensorflow()
        return tf.math.log1p(tf.math.log1p(above))

    def slope(self, place: tf.Tensor, above: tf.Tensor) -> tf.Tensor:
        """Gradient of a relevant item."""
        tf = tensorflow()
        return 1.0 / ((1.0 + above) * (1.0 + tf.math.log1p(above)))


@dataclass(frozen=True)
class PaperRecall(Recall):
    """`Recall` with both ranks differentiated, the form of the papers."""

    both_ranks: ClassVar[bool] = True
    default_projection: ClassVar[str] = "std"


@dataclass(frozen=True)
class AveragePrecision(RankingLoss):
    """1 - precision at a relevant item, ``r / (p + r)``; its mean is 1 - average precision."""

    def value(self, place: tf.Tensor, above: tf.Tensor) -> tf.Tensor:
        """Loss of a relevant item."""
        return tensorflow().math.divide_no_nan(above, place + above)

    def slope(self, place: tf.Tensor, above: tf.Tensor) -> tf.Tensor:
        """Gradient of a relevant item."""
        return tensorflow().math.divide_no_nan(place, (place + above) ** 2)


@dataclass(frozen=True)
class NDCG(RankingLoss):
    """Lost discount of a relevant item, ``D(p) - D(p + r)`` with ``D(i) = 1 / log2(1 + i)``.

    Divided by the `ideal` discounts, its sum is 1 - NDCG.

    Parameters
    ----------
    k : int, default=None
        ``D`` is zero for ranks above k, which must be at least 1.
    """

    graded: ClassVar[bool] = True
    has_cut_off: ClassVar[bool] = True

    k: int | None = None

    def __post_init__(self) -> None:
        if self.k is not None:
            check_count("k", self.k)

    def value(self, place: tf.Tensor, above: tf.Tensor) -> tf.Tensor:
        """Loss of a relevant item."""
        return self._discount(place) - self._discount(place + above)

    def slope(self, place: tf.Tensor, above: tf.Tensor) -> tf.Tensor:
        """Gradient of a relevant item: its loss, as the derivative is zero for ranks above k."""
        return self.value(place, above)

    def ideal(self, n_items: int) -> np.ndarray:
        """Sums of the discounts of the first 0, 1, ... n_items ranks."""
        places = np.arange(1, n_items + 1)
        discounts = 1.0 / np.log2(1.0 + places)
        if self.k is not None:
            discounts[self.k :] = 0.0
        return np.concatenate([[0.0], np.cumsum(discounts)])

    def _discount(self, rank: tf.Tensor) -> tf.Tensor:
        tf = tensorflow()
        # It may be 0 for an irrelevant item.
        rank = tf.maximum(rank, 1.0)
        discount = float(np.log(2.0)) / tf.math.log1p(rank)
        return discount if self.k is None else tf.where(rank <= self.k, discount, 0.0)


RANKING_LOSSES = {
    "recall": Recall,
    "recall_paper": PaperRecall,
    "map": AveragePrecision,
    "ndcg": NDCG,
}
"""Class of each loss of rankings by its name."""


def check_has_gradient(loss: RankingLoss, projection: Any, gradient: Any) -> None:
    """Raise a ValueError if the gradients of both ranks of a loss cancel."""
    unprojected = isinstance(projection, str) and projection == "none"
    if loss.both_ranks and unprojected and isinstance(gradient, Identity):
        raise ValueError(
            f"projection must scale the lists for loss={loss!r} and gradient='identity', got "
            "'none', which has no gradient: those of both ranks cancel. Use loss='recall' or "
            "projection='std'"
        )


class RankedLists:
    """Ranked scores of lists, for one or several losses of the ranking.

    Parameters
    ----------
    scores : float tensor of shape (n, m)
        The largest score has rank 1; of equal scores, the first one.
    lists : RowLists or GroupedLists
    projection : {"none", "mean", "norm", "std"}
    gradient : GradientRule
        ``Identity()`` is *balanced* Identity, which differentiates pairwise comparisons. With r
        irrelevant items above a relevant one, and the ``slope`` phi of its loss, the relevant item
        receives ``-phi`` and each of the r items ``phi / r``. The sum is zero, and nothing is
        received if r is 0. Other rules differentiate the ranks.
    noise : float tensor of shape (n, m), optional
        Added to the projected scores.
    seed : int tensor of shape (2,), optional
        Seed of a stochastic gradient rule.
    """

    def __init__(self, scores, lists, projection, gradient, noise=None, seed=None) -> None:
        tf = tensorflow()
        self.raw = scores
        self.lists = lists
        self.projection = projection
        self.gradient = gradient
        self.seed = seed
        self.scores = project_lists(scores, lists, projection)
        if noise is not None:
            self.scores += noise
        self.sorted = lists.sort(tf.stop_gradient(self.scores))

    def losses(self, loss, positive):
        """Loss of each relevant (``positive``) item, zero for the others, of shape (n, m)."""
        if loss.both_ranks:
            return self._paper(loss, positive)
        tf = tensorflow()
        dtype = self.scores.dtype
        negative = tf.cast(self.lists.mask & ~positive, dtype)
        positive = tf.cast(self.lists.mask & positive, dtype)
        place = self.sorted.sums_down_to(positive)
        if isinstance(self.gradient, Identity):
            return self._balanced(loss, positive, negative, place)
        above = tf.maximum(self._ranks(self.scores, self.lists.mask) - place, 0.0)
        return positive * loss.value(place, above)

    def _paper(self, loss, positive):
        """Loss of each relevant item with both ranks differentiated, as in the papers.

        r is the rank in the list minus the rank among its relevant items. With Identity their
        gradients cancel, but for the difference between the projections of the two lists.
        """
        tf = tensorflow()
        positive = self.lists.mask & positive
        projected = project_lists(self.raw, self.lists.restricted(positive), self.projection)
        same_order = projected + tf.stop_gradient(self.scores - projected)
        above = self._ranks(self.scores, self.lists.mask) - self._ranks(same_order, positive)
        counted = tf.cast(positive, above.dtype)
        place = self.sorted.sums_down_to(counted)
        return counted * loss.value(place, tf.maximum(counted * above, 0.0))

    def _ranks(self, scores, mask):
        tf = tensorflow()
        scores = tf.where(mask, scores, tf.constant(-np.inf, scores.dtype))
        return self.gradient(self.lists.ranks, scores, seed=self.seed)

    def _balanced(self, loss, positive, negative, place):
        tf = tensorflow()
        above = self.sorted.sums_down_to(negative)

        @tf.custom_gradient
        def losses(scores):
            def backward(upstream):
                # A relevant item without irrelevant ones above it has no gradient.
                slope = tf.where(above > 0, positive * upstream * loss.slope(place, above), 0.0)
                per_item = self.sorted.sums_up_to(tf.math.divide_no_nan(slope, above))
                return negative * per_item - slope

            return positive * loss.value(place, above), backward

        return losses(self.scores)


def rank_loss(
    scores: Any,
    relevance: Any,
    mask: Any = None,
    *,
    loss: RankingLoss | str = "recall",
    k: int | None = None,
    projection: Any = "std",
    gradient: GradientRule | Callable | str = "identity",
    noise: Any = None,
    seed: Any = None,
) -> tf.Tensor:
    """Loss of each row of scores as a ranking.

    Parameters
    ----------
    scores : float tensor of shape (n, m)
        The largest score has rank 1; of equal scores, the first one.
    relevance : tensor of shape (n, m)
        Items above 0 are relevant.
    mask : bool tensor of shape (n, m), optional
        Items of the lists, by default all.
    loss : {"recall", "recall_paper", "map", "ndcg"} or RankingLoss, default="recall"
        With r irrelevant items above a relevant one, which has place p among the relevant ones:

        - ``"recall"`` is the mean of ``log(1 + log(1 + r))`` over the relevant items,
        - ``"recall_paper"`` is the same with the ranks differentiated as in the papers; with
          Identity its gradient is zero unless the projection is ``"norm"`` or ``"std"``,
        - ``"map"`` is 1 minus the average precision, the mean of ``r / (p + r)``,
        - ``"ndcg"`` is 1 minus the normalised discounted cumulative gain, with equal gains of all
          relevant items.
    k : int, optional
        Largest rank that counts, at least 1, for a loss with a cut-off such as ``"ndcg"``.
    projection : {"none", "mean", "norm", "std"}, default="std"
        Projection of the scores of each list, see :func:`skid.projections.project`.
    gradient : GradientRule or {"identity", "blackbox", "imle", "perturbed"}, default="identity"
        Identity is *balanced*, except for losses with `both_ranks` such as ``"recall_paper"``.
    noise : float tensor of shape (n, m), optional
        Added to the projected scores.
    seed : int tensor of shape (2,), optional
        Seed of a stochastic gradient rule.

    Returns
    -------
    float tensor of shape (n,)
        Zero for a list without relevant items.

    Raises
    ------
    ValueError
        If a name is unknown, k is less than 1, or the loss has no cut-off.

    References
    ----------
    Rolinek, Musil, Paulus, Vlastelica, Michaelis, Martius: *Optimizing Rank-based Metrics with
    Blackbox Differentiation*, CVPR 2020, section 4.

    Sahoo, Paulus, Vlastelica, Musil, Kuleshov, Martius: *Backpropagation through Combinatorial
    Algorithms: Identity with Projection Works*, ICLR 2023, section 4.4.

    Examples
    --------
    >>> import tensorflow as tf
    >>> from skid.losses import rank_loss
    >>> scores = tf.constant([[3.0, 2.0, 1.0]])
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(scores)
    ...     loss = rank_loss(scores, [[0, 0, 1]], loss="map", projection="none")
    >>> loss.numpy().round(3)
    array([0.667], dtype=float32)
    >>> tape.gradient(loss, scores).numpy().round(3)
    array([[ 0.056,  0.056, -0.111]], dtype=float32)
    """
    tf = tensorflow()
    rule = gradient_rule(gradient, RANKING_GRADIENTS) if isinstance(gradient, str) else gradient
    scores = tf.convert_to_tensor(scores)
    if not scores.dtype.is_floating:
        scores = tf.cast(scores, tf.float32)
    positive = tf.convert_to_tensor(relevance) > 0
    mask = tf.ones_like(positive) if mask is None else tf.cast(mask, tf.bool)
    loss = with_cut_off(loss_of(loss, RANKING_LOSSES, RankingLoss), k)
    ranked = RankedLists(scores, RowLists(mask), projection, rule, noise, seed)
    n_positive = tf.reduce_sum(tf.cast(mask & positive, scores.dtype), axis=1)
    best, ideal = n_positive, loss.ideal(scores.shape[1])
    if ideal is not None:
        best = tf.gather(tf.constant(ideal, scores.dtype), tf.cast(n_positive, tf.int32))
    # Divided before the sum, so that BlackBox takes a step along the gradient of this loss.
    losses = tf.math.divide_no_nan(ranked.losses(loss, positive), best[:, np.newaxis])
    return tf.reduce_sum(losses, axis=1)


def with_cut_off(loss: RankingLoss, k: int | None) -> RankingLoss:
    """The loss with a cut-off k; unchanged if k is None."""
    if k is None:
        return loss
    if not loss.has_cut_off:
        raise ValueError(f"k must be None for loss={loss!r}, which has no cut-off, got {k!r}")
    return replace(cast(Any, loss), k=k)
