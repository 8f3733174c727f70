from itertools import product

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings, strategies as st

from skid.gradients import IMLE, BlackBox, Identity, Perturbed
from skid.losses import (
    NDCG,
    RANKING_LOSSES,
    AveragePrecision,
    GroupedLists,
    PaperRecall,
    RankedLists,
    RankingLoss,
    Recall,
    RowLists,
    check_has_gradient,
    rank_loss,
)
from skid.losses.lists import project_lists
from skid.projections import PROJECTIONS, project

BALANCED = ["recall", "map", "ndcg"]
CUT_OFFS = [("ndcg", 1), ("ndcg", 4)]


def value_and_gradient(scores, relevance, mask=None, *, compiled=False, **parameters):
    scores = tf.constant(scores)

    def both(scores):
        with tf.GradientTape() as tape:
            tape.watch(scores)
            losses = rank_loss(scores, relevance, mask, **parameters)
        return losses, tape.gradient(losses, scores)

    if compiled:
        both = tf.function(both, jit_compile=True)
    losses, gradient = both(scores)
    return losses.numpy(), gradient.numpy()


def brute_force(scores, relevance, mask, loss, k=None):
    """Losses and balanced gradient of one list, item by item."""
    items = sorted(np.flatnonzero(mask), key=lambda item: (-scores[item], item))
    positives = [item for item in items if relevance[item] > 0]
    gradient = np.zeros(len(scores))
    if not positives:
        return 0.0, gradient

    def discount(place):
        return 1 / np.log2(1 + place) if k is None or place <= k else 0.0

    best = sum(discount(p) for p in range(1, len(positives) + 1))
    total = 0.0
    for p, item in enumerate(positives, start=1):
        above = [other for other in items[: items.index(item)] if other not in positives]
        r = len(above)
        if loss == "recall":
            value, slope = np.log(1 + np.log(1 + r)), 1 / ((1 + r) * (1 + np.log(1 + r)))
        elif loss == "map":
            value, slope = r / (p + r), p / (p + r) ** 2
        else:
            value = slope = discount(p) - discount(p + r)
        share = best if loss == "ndcg" else len(positives)
        total += value / share
        if r:
            gradient[item] -= slope / share
            gradient[above] += slope / share / r
    return total, gradient


def random_lists(seed, n=6, m=9, ties=True):
    random = np.random.RandomState(seed)
    scores = random.normal(size=(n, m))
    if ties:
        scores = np.round(scores)
    return scores, random.randint(0, 2, size=(n, m)), random.random_sample((n, m)) < 0.8


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    loss_and_cut_off=st.sampled_from([*((loss, None) for loss in BALANCED), *CUT_OFFS]),
)
def test_loss_and_gradient_are_those_of_the_formula(seed, loss_and_cut_off):
    loss, k = loss_and_cut_off
    scores, relevance, mask = random_lists(seed)
    losses, gradient = value_and_gradient(
        scores, relevance, mask, loss=loss, k=k, projection="none"
    )
    for row in range(len(scores)):
        value, slope = brute_force(scores[row], relevance[row], mask[row], loss, k)
        np.testing.assert_allclose(losses[row], value, atol=1e-12)
        np.testing.assert_allclose(gradient[row], slope, atol=1e-12)


@pytest.mark.parametrize("loss", BALANCED)
def test_gradient_sums_to_zero_and_vanishes_where_the_list_is_right(loss):
    scores, relevance, mask = random_lists(0)
    _, gradient = value_and_gradient(scores, relevance, mask, loss=loss, projection="none")
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-12)
    right = np.where(relevance > 0, 10.0, 0.0) + scores
    losses, gradient = value_and_gradient(right, relevance, mask, loss=loss)
    assert not losses.any()
    assert not gradient.any()


def test_average_precision_and_gain_are_those_of_scikit_learn():
    from sklearn.metrics import average_precision_score, ndcg_score

    scores, relevance, _ = random_lists(3, ties=False)
    precision, _ = value_and_gradient(scores, relevance, loss="map")
    gain, _ = value_and_gradient(scores, relevance, loss="ndcg", k=5)
    for row in range(len(scores)):
        expected = average_precision_score(relevance[row], scores[row])
        assert precision[row] == pytest.approx(1 - expected)
        expected = ndcg_score(relevance[row : row + 1], scores[row : row + 1], k=5)
        assert gain[row] == pytest.approx(1 - expected)


@pytest.mark.parametrize(
    ("loss", "gradient", "compiled"),
    [
        *product(RANKING_LOSSES, [Identity(), BlackBox(5.0), IMLE(5.0), Perturbed(3)], [False]),
        *product(RANKING_LOSSES, [Identity()], [True]),
        *product(["map"], [BlackBox(5.0), IMLE(5.0), Perturbed(3)], [True]),
    ],
)
def test_everything_is_finite_on_hard_lists(loss, gradient, compiled):
    scores = np.float32([[1, 1, 1, 1], [2, 1, 2, 1], [0, 0, 0, 0], [3, 2, 1, 0], [3, 2, 1, 0]])
    relevance = np.array([[0, 0, 0, 1], [1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0]])
    mask = np.array([[1] * 4, [1] * 4, [1] * 4, [0] * 4, [1, 1, 0, 0]], bool)
    losses, slopes = value_and_gradient(
        scores, relevance, mask, loss=loss, gradient=gradient, seed=[0, 1], compiled=compiled
    )
    assert np.isfinite(losses).all()
    assert np.isfinite(slopes).all()
    assert (losses >= 0).all()
    assert not losses[2:4].any()


def test_many_items_are_ranked_like_few():
    scores, relevance, mask = random_lists(1, n=2, m=300)
    for compiled in (False, True):
        losses, gradient = value_and_gradient(
            scores, relevance, mask, loss="recall", projection="none", compiled=compiled
        )
        value, slope = brute_force(scores[1], relevance[1], mask[1], "recall")
        np.testing.assert_allclose(losses[1], value)
        np.testing.assert_allclose(gradient[1], slope, atol=1e-12)


@pytest.mark.parametrize("projection", ["none", "mean"])
def test_form_of_the_paper_cancels_unless_the_lists_are_scaled_apart(projection):
    scores, relevance, mask = random_lists(2)
    _, gradient = value_and_gradient(
        scores, relevance, mask, loss="recall_paper", projection=projection
    )
    if projection == "none":
        np.testing.assert_allclose(gradient, 0, atol=1e-12)
    _, gradient = value_and_gradient(scores, relevance, mask, loss="recall_paper")
    assert np.abs(gradient).max() > 0.01


def test_form_of_the_paper_has_the_value_of_the_balanced_one():
    scores, relevance, mask = random_lists(2)
    ours, _ = value_and_gradient(scores, relevance, mask)
    theirs, _ = value_and_gradient(scores, relevance, mask, loss="recall_paper")
    np.testing.assert_allclose(theirs, ours)


def test_black_box_moves_by_a_difference_of_two_rankings():
    scores = np.float32([[3, 2, 1]])
    _, gradient = value_and_gradient(
        scores, [[0, 0, 1]], loss="map", projection="none", gradient=BlackBox(100.0)
    )
    # One step of 100 along the gradient 1 / 9 of the last rank puts its item first.
    np.testing.assert_allclose(gradient, [[0.01, 0.01, -0.02]], rtol=1e-5)


@pytest.mark.parametrize("projection", PROJECTIONS)
def test_projection_of_whole_rows_is_the_ordinary_one(projection):
    scores, _, _ = random_lists(4)
    scores[2] = 7.1
    lists = RowLists(tf.ones(scores.shape, tf.bool))
    ours = project_lists(tf.constant(scores), lists, projection)
    np.testing.assert_allclose(ours, project(scores, projection), atol=1e-12)


@pytest.mark.parametrize("projection", PROJECTIONS)
def test_lists_in_one_row_are_like_lists_in_rows(projection):
    scores, relevance, mask = random_lists(5)
    group = np.repeat(np.arange(len(scores), dtype=np.int32), scores.shape[1])
    rows = RowLists(tf.constant(mask))
    together = GroupedLists(tf.constant(group), tf.constant(mask.reshape(1, -1)))
    results = []
    for lists, shape in ((rows, scores.shape), (together, (1, -1))):
        for rule in (Identity(), BlackBox(3.0)):
            values = tf.reshape(tf.constant(scores), shape)
            with tf.GradientTape() as tape:
                tape.watch(values)
                ranked = RankedLists(values, lists, projection, rule)
                losses = ranked.losses(Recall(), tf.reshape(relevance > 0, shape))
            results += [losses, tape.gradient(losses, values)]
    for in_rows, in_one in zip(results[:4], results[4:], strict=True):
        np.testing.assert_allclose(tf.reshape(in_one, scores.shape), in_rows, atol=1e-9)


def test_ranks_within_lists():
    lists = GroupedLists(tf.constant([0, 0, 1, 1, 1]), tf.ones((1, 5), tf.bool))
    ranks = lists.ranks(tf.constant([[1.0, 2.0, 5.0, 7.0, 5.0]]))
    np.testing.assert_array_equal(ranks, [[2, 1, 2, 1, 3]])


def test_discounts_end_after_k():
    np.testing.assert_allclose(NDCG(2).ideal(4), [0, 1] + [1 + 1 / np.log2(3)] * 3)


@pytest.mark.parametrize(
    ("loss", "k", "message"),
    [
        ("ndcg", 0, "k must be an integer of at least 1, got 0"),
        ("ndcg", 1.5, "k must be an integer of at least 1, got 1.5"),
        ("map", 5, r"k must be None for loss=AveragePrecision\(\), .* got 5"),
        (Recall(), 5, r"k must be None for loss=Recall\(\), .* got 5"),
    ],
)
def test_cut_off_that_means_nothing(loss, k, message):
    with pytest.raises(ValueError, match=message):
        rank_loss(np.zeros((1, 2)), np.zeros((1, 2)), loss=loss, k=k)


def test_rules_have_names_and_whole_numbers_will_do():
    scores, relevance, mask = [[3, 1, 2]], [[0, 1, 0]], [[1, 1, 1]]
    plain = rank_loss(np.array(scores, np.float32), relevance)
    np.testing.assert_array_equal(rank_loss(scores, relevance, mask), plain)
    for name in ("identity", "blackbox", "imle", "perturbed"):
        rank_loss(scores, relevance, gradient=name)
    with pytest.raises(ValueError, match="got 'straight_through'"):
        rank_loss(scores, relevance, gradient="straight_through")


def test_unknown_names():
    with pytest.raises(ValueError, match=r"loss must be one of \('recall'.* got 'auc'"):
        rank_loss(np.zeros((1, 2)), np.zeros((1, 2)), loss="auc")
    with pytest.raises(ValueError, match=r"projection must be one of .* got 'half'"):
        rank_loss(np.zeros((1, 2)), np.zeros((1, 2)), projection="half")


@pytest.mark.parametrize("loss", [Recall(), PaperRecall(), AveragePrecision()])
def test_slope_is_the_derivative_of_the_value(loss):
    place, above = (tf.constant(values) for values in np.indices((5, 9)).astype(float))
    place, step = place + 1.0, 1e-6
    difference = (loss.value(place, above + step) - loss.value(place, above - step)) / (2 * step)
    np.testing.assert_allclose(loss.slope(place, above), difference, atol=1e-8)


@pytest.mark.parametrize("k", [None, 3])
def test_slope_of_the_gain_is_what_an_item_in_the_way_costs(k):
    place, above = tf.constant([[1.0, 2.0, 2.0, 4.0]]), tf.constant([[1.0, 2.0, 0.0, 1.0]])
    np.testing.assert_array_equal(NDCG(k).slope(place, above), NDCG(k).value(place, above))
    expected = [1 - 1 / np.log2(3), 1 / np.log2(3), 0, 0]
    if k is None:
        expected = [expected[0], expected[1] - 1 / np.log2(5), 0, 1 / np.log2(5) - 1 / np.log2(6)]
    np.testing.assert_allclose(NDCG(k).value(place, above), [expected], atol=1e-7)


@pytest.mark.parametrize("name", RANKING_LOSSES)
def test_a_name_stands_for_an_object(name):
    scores, relevance, mask = random_lists(6)
    losses, gradient = value_and_gradient(scores, relevance, mask, loss=name)
    others = value_and_gradient(scores, relevance, mask, loss=RANKING_LOSSES[name]())
    np.testing.assert_array_equal(losses, others[0])
    np.testing.assert_array_equal(gradient, others[1])


def test_cut_off_belongs_to_the_loss_or_is_given():
    scores, relevance, mask = random_lists(6)
    np.testing.assert_array_equal(
        rank_loss(scores, relevance, mask, loss="ndcg", k=2),
        rank_loss(scores, relevance, mask, loss=NDCG(2)),
    )


def test_a_loss_of_ones_own_gets_balanced_identity():
    class Above(RankingLoss):
        def value(self, place, above):
            return above

        def slope(self, place, above):
            return tf.ones_like(above)

    losses, gradient = value_and_gradient(
        [[4.0, 3.0, 2.0, 1.0]], [[0, 1, 0, 1]], loss=Above(), projection="none"
    )
    assert losses == [(1 + 2) / 2]
    # The first item is in the way of two, and half in that of the second one.
    np.testing.assert_allclose(gradient, [[0.75, -0.5, 0.25, -0.5]])


def test_form_of_the_paper_needs_scaled_lists():
    with pytest.raises(ValueError, match=r"PaperRecall\(\).*got 'none', which has no gradient"):
        check_has_gradient(PaperRecall(), "none", Identity())
    check_has_gradient(Recall(), "none", Identity())
    check_has_gradient(PaperRecall(), "none", BlackBox())


def test_projection_of_ones_own_takes_the_lists():
    def centred(values, *, mask=None, xp=np):
        counted = xp.where(mask, xp.ones_like(values), xp.zeros_like(values))
        total = xp.sum(counted * values, axis=1, keepdims=True)
        return values - total / xp.sum(counted, axis=1, keepdims=True)

    scores, relevance, mask = random_lists(7)
    ours = value_and_gradient(scores, relevance, mask, projection=centred)
    named = value_and_gradient(scores, relevance, mask, projection="mean")
    np.testing.assert_allclose(ours[0], named[0])
    np.testing.assert_allclose(np.where(mask, ours[1], 0), named[1], atol=1e-12)
    lists = GroupedLists(tf.constant([0, 0]), tf.ones((1, 2), tf.bool))
    with pytest.raises(ValueError, match="projection must be one of"):
        project_lists(tf.ones((1, 2)), lists, centred)
