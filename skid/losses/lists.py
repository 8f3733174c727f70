"""Lists of items in the rows of a batch: one list per row, or several."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skid.engine.backend import tensorflow
from skid.projections import PROJECTIONS
from skid.solvers import Ranking


@dataclass(frozen=True)
class SortedLists:
    """Items of each row, list after list, sorted from the best to the worst.

    Attributes
    ----------
    order, place : int32 tensor of shape (n, m)
        Item at each place, and place of each item.
    ends : tuple of two int32 tensor of shape (m,)
        First and last place of the list at each place; empty if a row is one list.
    """

    order: Any
    place: Any
    ends: tuple = ()

    def sums_down_to(self, values):
        """Sum over each item and those above it in its list."""
        tf = tensorflow()
        if not self.ends:
            return self._back(tf.cumsum(self._sorted(values), axis=1))
        values, sums = self._running_sums(values)
        before = tf.gather(sums - values, self.ends[0], axis=1)
        return self._back(sums - before)

    def sums_up_to(self, values):
        """Sum over each item and those below it in its list."""
        tf = tensorflow()
        if not self.ends:
            return self._back(tf.cumsum(self._sorted(values), axis=1, reverse=True))
        values, sums = self._running_sums(values)
        whole = tf.gather(sums, self.ends[1], axis=1)
        return self._back(whole - sums + values)

    def _sorted(self, values):
        return tensorflow().gather(values, self.order, batch_dims=1)

    def _running_sums(self, values):
        tf = tensorflow()
        values = self._sorted(values)
        # The sum of a list is the difference of two long sums.
        return values, tf.cast(tf.cumsum(tf.cast(values, tf.float64), axis=1), values.dtype)

    def _back(self, values):
        return tensorflow().gather(values, self.place, batch_dims=1)


@dataclass(frozen=True)
class RowLists:
    """Each row is a list of the items in ``mask``, a bool tensor of shape (n, m)."""

    mask: Any

    def mean(self, values):
        """Mean over each list, shape (n, 1); 0 for an empty one."""
        tf = tensorflow()
        counted = tf.cast(self.mask, values.dtype)
        total = tf.reduce_sum(counted * values, axis=1, keepdims=True)
        return tf.math.divide_no_nan(total, tf.reduce_sum(counted, axis=1, keepdims=True))

    def largest(self, values):
        """Largest value of each list, shape (n, 1)."""
        tf = tensorflow()
        values = tf.where(self.mask, values, values.dtype.min)
        return tf.reduce_max(values, axis=1, keepdims=True)

    def restricted(self, mask) -> "RowLists":
        """The same lists with the items of another mask."""
        return replace(self, mask=mask)

    def ranks(self, scores):
        """Rank of each item in its list, 1 for the largest score; of equal scores, the first.

        ``scores`` may hold several draws, (n_draws n, m), and minus infinity outside the lists.
        """
        return Ranking().solve_tf(scores)

    def sort(self, scores) -> SortedLists:
        """Order of the items by falling score."""
        tf = tensorflow()
        place = tf.cast(Ranking().solve_tf(scores), tf.int32) - 1
        return SortedLists(_inverse(place), place)


@dataclass(frozen=True)
class GroupedLists:
    """Lists of any lengths, one after the other in each row.

    Parameters
    ----------
    group : int32 tensor of shape (m,)
        Number of the list of each item, in rising order from 0.
    mask : bool tensor of shape (n, m)
        Items of the lists.
    """

    group: Any
    mask: Any

    def mean(self, values):
        """Mean over the list of each item, shape (n, m); 0 for an empty one."""
        tf = tensorflow()
        counted = tf.cast(self.mask, values.dtype)
        total = self._of_lists(tf.math.unsorted_segment_sum, counted * values)
        return tf.math.divide_no_nan(total, self._of_lists(tf.math.unsorted_segment_sum, counted))

    def largest(self, values):
        """Largest value of the list of each item, shape (n, m)."""
        tf = tensorflow()
        values = tf.where(self.mask, values, values.dtype.min)
        return self._of_lists(tf.math.unsorted_segment_max, values)

    def restricted(self, mask) -> "GroupedLists":
        """The same lists with the items of another mask."""
        return replace(self, mask=mask)

    def ranks(self, scores):
        """Rank of each item in its list, see :meth:`RowLists.ranks`."""
        tf = tensorflow()
        ordered = self.sort(scores)
        first = tf.gather(ordered.ends[0], ordered.place)
        return tf.cast(ordered.place - first + 1, scores.dtype)

    def sort(self, scores) -> SortedLists:
        """Order of the items by list and falling score."""
        tf = tensorflow()
        by_score = _inverse(tf.cast(Ranking().solve_tf(scores), tf.int32) - 1)
        by_group = tf.argsort(tf.gather(self.group, by_score), axis=1, stable=True)
        order = tf.gather(by_score, by_group, batch_dims=1)
        places = tf.range(self.group.shape[0])
        ends = tuple(
            tf.gather(of_list(places, self.group, self.group.shape[0]), self.group)
            for of_list in (tf.math.unsorted_segment_min, tf.math.unsorted_segment_max)
        )
        return SortedLists(order, _inverse(order), ends)

    def _of_lists(self, of_segments, values):
        tf = tensorflow()
        columns = of_segments(tf.transpose(values), self.group, self.group.shape[0])
        return tf.transpose(tf.gather(columns, self.group))


def project_lists(scores, lists, projection):
    """Scores (n, m) of each list projected as by :func:`skid.projections.project`.

    A callable projection is for `RowLists` only. Named projections other than ``"none"`` give
    zeros outside the lists.
    """
    tf = tensorflow()
    if callable(projection) and isinstance(lists, RowLists):
        return projection(scores, mask=lists.mask, xp=tf.experimental.numpy)
    if projection not in PROJECTIONS:
        raise ValueError(f"projection must be one of {PROJECTIONS}, got {projection!r}")
    if projection == "none":
        return scores
    counted = tf.cast(lists.mask, scores.dtype)
    if projection in ("mean", "std"):
        # Equal scores become exact zeros, which stay zeros when divided by the norm.
        shifted = scores - tf.stop_gradient(lists.largest(scores))
        scores = shifted - lists.mean(shifted)
    scores = counted * scores
    if projection in ("norm", "std"):
        largest = tf.stop_gradient(lists.largest(tf.abs(scores)))
        positive = largest > 0
        scores /= tf.where(positive, largest, tf.ones_like(largest))
        mean_square = lists.mean(tf.square(scores))
        scores /= tf.sqrt(tf.where(positive, mean_square, tf.ones_like(mean_square)))
    return scores


def _inverse(permutations):
    """Inverse of the permutation in each row."""
    tf = tensorflow()
    n, m = tf.unstack(tf.shape(permutations))
    columns = tf.range(m)
    targets = tf.reshape(permutations + m * tf.range(n)[:, np.newaxis], [-1, 1])
    inverse = tf.scatter_nd(targets, tf.tile(columns, [n]), [n * m])
    return tf.reshape(inverse, tf.shape(permutations))
