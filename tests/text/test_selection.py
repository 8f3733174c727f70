import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax

from skid.gradients import IMLE, Identity, Perturbed, RelaxedTopK
from skid.noise import Gumbel
from skid.projections import project
from skid.text._batches import LengthBatches
from skid.text._documents import Documents
from skid.text._frequency import hidden_fractions, rarity, word_counts
from skid.text._networks import WordScorer
from skid.text._objective import support_of_words
from skid.text._selection import SelectionRule, chosen, rationale_sizes
from skid.text._vocabulary import Vocabulary

RANDOM = np.random.RandomState(0)
SCORES = RANDOM.normal(size=(4, 9))
KNOWN = np.arange(9) < np.array([9, 6, 2, 0])[:, None]
KNOWN[0, 3] = False
SIZES = np.minimum(3, KNOWN.sum(axis=1))
SHARE = np.array([0.4, 0.3, 0.2, 0.1])
SLOPES = RANDOM.normal(size=SCORES.shape)


def select(gradient, noise_scale=0.0, projection="std"):
    """Selected words, and what the scores receive."""
    rule = SelectionRule(projection, Gumbel(), gradient)
    scores = tf.constant(SCORES)
    with tf.GradientTape() as tape:
        tape.watch(scores)
        mask = rule(
            scores,
            tf.constant(KNOWN),
            tf.constant(SIZES[:, None], tf.int32),
            tf.constant(SHARE),
            tf.constant(noise_scale, tf.float64),
            tf.constant([0, 1]),
        )
        loss = tf.reduce_sum(mask * SLOPES * SHARE[:, None])
    return mask.numpy(), tape.gradient(loss, scores).numpy()


def test_training_and_prediction_select_the_same_words():
    mask, _ = select(Identity())
    np.testing.assert_array_equal(mask, chosen(SCORES, KNOWN, SIZES))
    np.testing.assert_array_equal(mask.sum(axis=1), SIZES)
    best = np.argsort(-np.where(KNOWN[1], SCORES[1], -np.inf))[:3]
    assert set(np.flatnonzero(mask[1])) == set(best)


@pytest.mark.parametrize("gradient", [Identity(), IMLE(), Perturbed(), RelaxedTopK(3)])
def test_nothing_but_known_words_is_selected_or_moved(gradient):
    mask, received = select(gradient, noise_scale=1.0)
    assert not mask[~KNOWN].any()
    assert not received[~KNOWN].any()
    assert np.isfinite(received).all()
    assert received[1].any()


def test_gradient_is_that_of_the_projected_scores():
    _, received = select(Identity())
    for row in range(2):
        scores = tf.constant(SCORES[row : row + 1, KNOWN[row]])
        with tf.GradientTape() as tape:
            tape.watch(scores)
            value = project(scores, xp=tf.experimental.numpy) * SLOPES[row, KNOWN[row]]
            loss = tf.reduce_sum(value) * SHARE[row]
        np.testing.assert_allclose(received[row, KNOWN[row]], tape.gradient(loss, scores)[0])


def test_weight_of_a_text_does_not_reach_the_rule():
    # Implicit MLE is not linear in the gradient: a step of lambda along it finds other words.
    _, received = select(IMLE(lambda_=1.0), projection="none")
    theirs = SLOPES[1, :6]
    expected = chosen(SCORES[1:2, :6] - theirs, KNOWN[1:2, :6], SIZES[1:2])
    difference = chosen(SCORES[1:2, :6], KNOWN[1:2, :6], SIZES[1:2]).astype(float) - expected
    np.testing.assert_allclose(received[1, :6], SHARE[1] * difference[0])


def test_rare_words_are_hidden_more_often_and_those_never_seen_always():
    vocabulary = Vocabulary(["often", "once", "never"], ["often", "once", "never"])
    texts = [["often"] * 3 + ["other"], ["once", "often"], ["once"] * 9]
    corpus = vocabulary.encode(Documents("words", texts, texts), None, "start")
    counts = word_counts(corpus, len(vocabulary), np.array([0, 1]))
    assert counts.tolist() == [0, 1, 4, 1, 0]
    np.testing.assert_allclose(hidden_fractions(counts), [0, 0, 1 / 2, 4 / 5, 1])
    assert (np.diff(rarity(counts)[2:]) > 0).all()


def test_a_preference_decides_between_words_of_nearly_the_same_score():
    scores = np.array([[5.0, 0.0, 0.1, -5.0, 9.0]])
    known = np.array([[True, True, True, True, False]])
    rare = np.array([[0.0, 1.0, 0.0, 1.0, 1.0]]) / scores[known].std()
    for weight, expected in ((0.0, [0, 2]), (0.2, [0, 1]), (99.0, [1, 3])):
        mask = chosen(scores, known, np.array([2]), weight * rare)
        assert np.flatnonzero(mask[0]).tolist() == expected
        in_other_units = chosen(30 * scores + 7, known, np.array([2]), weight * rare)
        np.testing.assert_array_equal(in_other_units, mask)


def test_a_share_of_the_words_is_rounded_up():
    assert rationale_sizes(0.1, np.array([0, 1, 10, 11, 30])).tolist() == [0, 1, 1, 2, 3]


def test_scores_do_not_depend_on_padding_and_are_the_same_in_tensorflow():
    scorer = WordScorer(4, 6, 2, gain=0.5)
    weights = scorer.initial(np.random.RandomState(0), np.float64)
    weights["bias_first"] += 0.3
    words, inside = RANDOM.normal(size=(3, 7, 4)), np.arange(7) < np.array([7, 4, 1])[:, None]
    words *= inside[:, :, None]
    answers, support = RANDOM.normal(size=(3, 2)), RANDOM.normal(size=(3, 7))
    scores = scorer.scores(weights, words, inside, answers, support, np)
    for row, length in enumerate(inside.sum(axis=1)):
        one = slice(row, row + 1)
        parts = (values[one, :length] for values in (words, inside))
        alone = scorer.scores(weights, *parts, answers[one], support[one, :length], np)
        np.testing.assert_allclose(alone[0], scores[row, :length])
    tensors = {name: tf.constant(value) for name, value in weights.items()}
    inputs = map(tf.constant, (words, inside, answers, support))
    same = scorer.scores(tensors, *inputs, tf.experimental.numpy)
    np.testing.assert_allclose(same, scores)


def test_score_depends_on_the_context_near_and_far_on_the_answer_and_on_the_support_for_it():
    scorer = WordScorer(4, 32, 2, gain=0.5)
    weights = scorer.initial(np.random.RandomState(0), np.float64)
    words, inside = RANDOM.normal(size=(1, 12, 4)), np.ones((1, 12), bool)
    answers, support = np.zeros((1, 2)), np.zeros((1, 12))
    scores = scorer.scores(weights, words, inside, answers, support, np)
    for place in (1, 11):
        other = words.copy()
        other[0, place] += 5.0
        assert scorer.scores(weights, other, inside, answers, support, np)[0, 0] != scores[0, 0]
    other = scorer.scores(weights, words, inside, answers + np.eye(2)[:1], support, np)
    assert (other != scores).all()
    support[0, 3] = 2.0
    other = scorer.scores(weights, words, inside, answers, support, np)
    np.testing.assert_allclose(other - scores, 0.5 * support, atol=1e-12)


@pytest.mark.parametrize("loss", ["cross_entropy", "squared"])
def test_support_of_a_word_is_its_share_in_the_answer_of_the_text(loss):
    alone, answers = RANDOM.normal(size=(2, 5, 3)), RANDOM.normal(size=(2, 3))
    support = support_of_words(alone, answers, loss, np)
    targets = {"cross_entropy": softmax(answers, axis=1) - 1 / 3, "squared": answers}[loss]
    for text in range(2):
        for word in range(5):
            expected = sum(targets[text] * alone[text, word])
            np.testing.assert_allclose(support[text, word], expected)
    tensors = support_of_words(
        tf.constant(alone), tf.constant(answers), loss, tf.experimental.numpy
    )
    np.testing.assert_allclose(tensors, support)


def test_every_text_is_used_once_in_each_pass_beside_texts_of_its_length():
    lengths = np.random.RandomState(0).randint(1, 400, 500)
    rows = np.arange(100, 500)
    batches = LengthBatches(rows, lengths, 20, shuffle=True, random_state=np.random.RandomState(0))
    for _ in range(2):
        drawn = batches.draw(20)
        assert sorted(drawn.ravel().tolist()) == rows.tolist()
        padding = lengths[drawn].max(axis=1, keepdims=True) - lengths[drawn]
        assert padding.sum() < 0.05 * lengths[rows].sum()
    again = LengthBatches(rows, lengths, 20, shuffle=True, random_state=np.random.RandomState(0))
    np.testing.assert_array_equal(np.concatenate([again.draw(7), again.draw(33)])[20:], drawn)


def test_very_long_texts_come_in_smaller_batches():
    lengths = np.array([10] * 6 + [200_000] * 2)
    batches = LengthBatches(
        np.arange(8), lengths, 8, shuffle=False, random_state=np.random.RandomState(0)
    )
    drawn = batches.draw(3)
    absent = drawn == 8
    assert np.where(absent, 0, lengths[np.minimum(drawn, 7)]).max(axis=1).tolist() == [
        10,
        200_000,
        200_000,
    ]
    assert sorted(drawn[~absent].tolist()) == list(range(8))
