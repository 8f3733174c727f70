"""What a ranking costs, and the gradient that its scores receive."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skid._parameter_checks import check_count
from skid.engine.backend import tensorflow
from skid.gradients import RANKING_GRADIENTS, GradientRule, Identity, gradient_rule
from skid.rank_losses.lists import RowLists, project_lists


@dataclass(frozen=True)
class Recall:
    """Recall at all cut-offs: ``log(1 + log(1 + r))`` with r irrelevant items above.

    Rolinek et al., *Optimizing Rank-based Metrics with Blackbox Differentiation*, CVPR 2020,
    equation 13.
    """

    def value(self, place, above):
        """Loss of a relevant item at a place among the relevant ones, with so many above it."""
        tf = tensorflow()
        return tf.math.log1p(tf.math.log1p(above))

    def slope(self, place, above):
        """Gradient of a relevant item: the derivative of its loss by the number above it."""
        tf = tensorflow()
        return 1.0 / ((1.0 + above) * (1.0 + tf.math.log1p(above)))


@dataclass(frozen=True)
class Precision:
    """Missing precision at a relevant item, ``r / (p + r)``; its mean is 1 - average precision."""

    def value(self, place, above):
        """Loss of a relevant item, see :class:`Recall`."""
        return tensorflow().math.divide_no_nan(above, place + above)

    def slope(self, place, above):
        """Gradient of a relevant item, see :class:`Recall`."""
        return tensorflow().math.divide_no_nan(place, (place + above) ** 2)


@dataclass(frozen=True)
class Discount:
    """Lost discount of a relevant item, ``D(p) - D(p + r)`` with ``D(i) = 1 / log2(1 + i)``.

    Parameters
    ----------
    k : int or None
        ``D`` is zero after place k.
    """

    k: int | None = None

    def value(self, place, above):
        """Loss of a relevant item, see :class:`Recall`."""
        return self._discount(place) - self._discount(place + above)

    def slope(self, place, above):
        """Gradient of a relevant item: its loss, as the derivative is zero after place k."""
        return self.value(place, above)

    def ideal(self, n_items: int) -> np.ndarray:
        """Sum of the discounts of the first 0, 1, ... n_items places."""
        places = np.arange(1, n_items + 1)
        discounts = 1.0 / np.log2(1.0 + places)
        if self.k is not None:
            discounts[self.k :] = 0.0
        return np.concatenate([[0.0], np.cumsum(discounts)])

    def _discount(self, place):
        tf = tensorflow()
        # An item that is not relevant may have the place 0.
        place = tf.maximum(place, 1.0)
        discount = float(np.log(2.0)) / tf.math.log1p(place)
        return discount if self.k is None else tf.where(place <= self.k, discount, 0.0)


RANK_LOSSES = ("recall", "recall_paper", "map", "ndcg")


def item_loss(name: str, k: int | None = None):
    """The loss of a relevant item that a name of `RANK_LOSSES` stands for."""
    if name not in RANK_LOSSES:
        raise ValueError(f"loss must be one of {RANK_LOSSES}, but is {name!r}.")
    if k is not None and name != "ndcg":
        raise ValueError(f"only loss='ndcg' has a cut-off, but loss={name!r} and k={k!r}.")
    if k is not None:
        check_count("k", k)
    if name == "ndcg":
        return Discount(k)
    return Precision() if name == "map" else Recall()


def check_has_gradient(loss: str, projection: str, gradient: GradientRule) -> None:
    """Raise a ValueError if the gradients of the ranks that a loss is made of cancel."""
    if loss == "recall_paper" and projection == "none" and isinstance(gradient, Identity):
        raise ValueError(
            "loss='recall_paper' with gradient='identity' and projection='none' has no gradient: "
            "both of its ranks hand the same one back with opposite signs. Use loss='recall' or "
            "projection='std'"
        )


class RankedLists:
    """Scores of lists, ranked once, for one or several losses of the ranking.

    Parameters
    ----------
    scores : float tensor of shape (n, m)
        The largest is ranked first, of equal ones the first in the row.
    lists : RowLists or GroupedLists
    projection : {"none", "mean", "norm", "std"}
    gradient : GradientRule
        ``Identity()`` is *balanced* Identity: the ranking counts as its pairwise comparisons, and
        with r irrelevant items above a relevant one, and phi the ``slope`` of its loss, the
        relevant item receives ``-phi`` and each of the r items ``phi / r``. It sums to zero,
        reaches all that stands in the way, and vanishes where r is 0. Other rules see the
        permutation of the ranks.
    noise : float tensor of shape (n, m), optional
        Added to the projected scores.
    seed : int tensor of shape (2,), optional
        Randomness of the rules that draw.
    """

    def __init__(self, scores, lists, projection: str, gradient, noise=None, seed=None) -> None:
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
        """Loss of each relevant item, zero for the others.

        Parameters
        ----------
        loss : Recall, Precision or Discount
        positive : bool tensor of shape (n, m)
            The relevant items.

        Returns
        -------
        float tensor of shape (n, m)
        """
        tf = tensorflow()
        dtype = self.scores.dtype
        negative = tf.cast(self.lists.mask & ~positive, dtype)
        positive = tf.cast(self.lists.mask & positive, dtype)
        place = self.sorted.sums_down_to(positive)
        if isinstance(self.gradient, Identity):
            return self._balanced(loss, positive, negative, place)
        above = tf.maximum(self._ranks(self.scores, self.lists.mask) - place, 0.0)
        return positive * loss.value(place, above)

    def paper_losses(self, loss, positive):
        """Loss of each relevant item with both ranks differentiated, as in the papers.

        r is the rank in the list minus the rank among its relevant items. Identity hands the same
        gradient with opposite signs to both: all that is left of it is what the projections of the
        two lists make different.
        """
        tf = tensorflow()
        positive = self.lists.mask & positive
        apart = project_lists(self.raw, self.lists.restricted(positive), self.projection)
        same_order = apart + tf.stop_gradient(self.scores - apart)
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
                # A relevant item with nothing above it asks for nothing.
                asked = tf.where(above > 0, positive * upstream * loss.slope(place, above), 0.0)
                given = self.sorted.sums_up_to(tf.math.divide_no_nan(asked, above))
                return negative * given - asked

            return positive * loss.value(place, above), backward

        return losses(self.scores)


def rank_loss(
    scores: Any,
    relevance: Any,
    mask: Any = None,
    *,
    loss: str = "recall",
    k: int | None = None,
    projection: str = "std",
    gradient: GradientRule | str = "identity",
    noise: Any = None,
    seed: Any = None,
):
    """Loss of each row of scores as a ranking.

    Parameters
    ----------
    scores : float tensor of shape (n, m)
        The largest is ranked first, of equal ones the first in the row.
    relevance : tensor of shape (n, m)
        Relevant items are those above 0.
    mask : bool tensor of shape (n, m), optional
        Items that belong to the lists; all of them without it.
    loss : {"recall", "recall_paper", "map", "ndcg"}, default="recall"
        With r irrelevant items above a relevant one, which has place p among the relevant ones:

        - ``"recall"`` is the mean of ``log(1 + log(1 + r))`` over the relevant items,
        - ``"recall_paper"`` the same with the ranks differentiated as in the papers, which cancels
          under Identity unless the lists are projected by ``"norm"`` or ``"std"``,
        - ``"map"`` 1 minus the average precision, the mean of ``r / (p + r)``,
        - ``"ndcg"`` 1 minus the normalised discounted cumulative gain, in which all relevant
          items are worth the same.
    k : int, optional
        Cut-off of ``"ndcg"``, at least 1.
    projection : {"none", "mean", "norm", "std"}, default="std"
        Projection of the scores of each list, see :func:`skid.projections.project`.
    gradient : GradientRule or {"identity", "blackbox", "imle", "perturbed"}, default="identity"
        Identity is *balanced* except for ``"recall_paper"``.
    noise : float tensor of shape (n, m), optional
        Added to the projected scores.
    seed : int tensor of shape (2,), optional
        Randomness of the rules that draw.

    Returns
    -------
    float tensor of shape (n,)
        Zero where a list has no relevant item.

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
    >>> from skid.rank_losses import rank_loss
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
    of_item = item_loss(loss, k)
    lists = RowLists(mask)
    ranked = RankedLists(scores, lists, projection, rule, noise, seed)
    losses = ranked.paper_losses if loss == "recall_paper" else ranked.losses
    n_positive = tf.reduce_sum(tf.cast(mask & positive, scores.dtype), axis=1)
    best = n_positive
    if isinstance(of_item, Discount):
        ideal = tf.constant(of_item.ideal(scores.shape[1]), scores.dtype)
        best = tf.gather(ideal, tf.cast(n_positive, tf.int32))
    # Divided before they are summed: a rule that takes a step along the gradient sees the loss.
    shares = tf.math.divide_no_nan(losses(of_item, positive), best[:, np.newaxis])
    return tf.reduce_sum(shares, axis=1)
