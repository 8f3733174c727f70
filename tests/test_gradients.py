import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as hnp

from skid import RankingRetriever
from skid.gradients import (
    IMLE,
    RANKING_GRADIENTS,
    BlackBox,
    Identity,
    RelaxedTopK,
    StraightThroughSoftmax,
    gradient_rule,
)
from skid.solvers import TopK

RULES = [Identity(), BlackBox(3.0), IMLE(3.0), StraightThroughSoftmax(0.7)]


def solution_and_gradient(rule, costs, upstream, *, k=2, seed=None):
    costs = tf.constant(costs)
    with tf.GradientTape() as tape:
        tape.watch(costs)
        solution = rule(TopK(k).solve_tf, costs, seed=seed)
        loss = tf.reduce_sum(solution * upstream)
    return solution.numpy(), tape.gradient(loss, costs).numpy()


@pytest.fixture
def instance():
    rng = np.random.default_rng(0)
    return rng.normal(size=(4, 6)), rng.normal(size=(4, 6))


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_forward_is_the_solver(rule, instance):
    costs, upstream = instance
    np.testing.assert_array_equal(
        solution_and_gradient(rule, costs, upstream, seed=[0, 1])[0], TopK(2).solve(costs)
    )


def test_identity_is_the_negative_upstream(instance):
    costs, upstream = instance
    np.testing.assert_array_equal(solution_and_gradient(Identity(), costs, upstream)[1], -upstream)


@pytest.mark.parametrize(("rule", "divisor"), [(BlackBox(3.0), 3.0), (IMLE(3.0), 1.0)])
def test_finite_step_rules(rule, divisor, instance):
    costs, upstream = instance
    moved = TopK(2).solve(costs + 3.0 * upstream) - TopK(2).solve(costs)
    assert moved.any()
    np.testing.assert_allclose(solution_and_gradient(rule, costs, upstream)[1], moved / divisor)


def test_imle_in_scores_is_the_original_difference(instance):
    costs, upstream = instance
    scores = -costs

    def maximise(scores):
        return np.sort(scores)[:, -2:-1] <= scores

    original = maximise(scores).astype(float) - maximise(scores - 3.0 * upstream)
    gradient_of_scores = -solution_and_gradient(IMLE(3.0), costs, upstream)[1]
    np.testing.assert_array_equal(gradient_of_scores, original)


def test_straight_through_softmax_is_the_gradient_of_k_softmaxes(instance):
    costs, upstream = instance
    with tf.GradientTape() as tape:
        point = tf.Variable(costs)
        loss = tf.reduce_sum(2 * tf.nn.softmax(-point / 0.7) * upstream)
    np.testing.assert_allclose(
        solution_and_gradient(StraightThroughSoftmax(0.7), costs, upstream)[1],
        tape.gradient(loss, point),
        rtol=1e-10,
        atol=1e-12,
    )


@pytest.mark.parametrize("rule", [*RULES, RelaxedTopK(2)], ids=repr)
def test_compiled_agrees_with_eager_in_float32(rule, instance):
    costs, upstream = (part.astype(np.float32) for part in instance)

    @tf.function(jit_compile=True)
    def compiled(costs, seed):
        with tf.GradientTape() as tape:
            tape.watch(costs)
            solution = rule(TopK(2).solve_tf, costs, seed=seed)
            loss = tf.reduce_sum(solution * upstream)
        return solution, tape.gradient(loss, costs)

    seed = tf.constant([5, 6])
    expected = solution_and_gradient(rule, costs, upstream, seed=seed)
    for actual, reference in zip(compiled(costs, seed), expected, strict=True):
        assert actual.dtype == tf.float32
        np.testing.assert_allclose(actual, reference, rtol=1e-4, atol=1e-5)


@given(
    costs=hnp.arrays(np.float64, (1, 6), elements=st.integers(-20, 20).map(lambda v: v / 16)),
    upstream=hnp.arrays(np.float64, (1, 6), elements=st.integers(-9, 9).map(float)),
    k=st.integers(1, 5),
)
@settings(deadline=None, max_examples=150)
def test_identity_reaches_a_lower_linearised_loss_whenever_there_is_one(costs, upstream, k):
    """Theorem 1 of the paper: the first new solution on the way of the gradient is better."""
    # Generic costs: the theorem needs ties decided for the present solution.
    costs = costs + 1e-3 * np.sqrt([2.0, 3.0, 5.0, 7.0, 11.0, 13.0])
    solution, gradient = solution_and_gradient(Identity(), costs, upstream, k=k)
    present = np.sum(upstream * solution)
    best = np.sort(upstream)[0, :k].sum()
    # Descent on w leads along w - t * gradient; all exchanges happen at crossings of two costs.
    gaps = costs[0][:, None] - costs[0][None, :]
    speeds = gradient[0][:, None] - gradient[0][None, :]
    crossings = np.unique((gaps / np.where(speeds == 0, np.nan, speeds)).ravel())
    crossings = crossings[crossings > 0]
    middles = np.append((crossings[1:] + crossings[:-1]) / 2, crossings[-1:] + 1)
    on_the_way = (TopK(k).solve(costs - t * gradient) for t in middles)
    changed = [y for y in on_the_way if not np.array_equal(y, solution)]
    if best < present:
        assert np.sum(upstream * changed[0]) < present
    else:
        assert not changed


def test_relaxed_top_k_is_a_relaxation_of_the_right_subset():
    costs = np.array([[0.0, 9.0, 0.0, 9.0]])
    relaxed = RelaxedTopK(8, temperature=0.05)
    draw, gradient = solution_and_gradient(relaxed, costs, np.ones((1, 4)), seed=[1, 2])
    assert (draw >= 0).all()
    assert (draw <= 1).all()
    np.testing.assert_allclose(draw, [[1, 0, 1, 0]], atol=0.05)
    again, _ = solution_and_gradient(relaxed, costs, np.ones((1, 4)), seed=[1, 2])
    np.testing.assert_array_equal(draw, again)
    assert np.isfinite(gradient).all()


def test_relaxed_top_k_is_the_largest_of_k_gumbel_softmax_draws():
    # With one draw at temperature one the entries are Gumbel-softmax: their largest entry falls
    # on i with the softmax probability.
    costs = np.tile(-np.log([[0.5, 0.3, 0.2]]), (20_000, 1))
    draws = RelaxedTopK(1, temperature=1.0)(TopK(1).solve_tf, tf.constant(costs), seed=[3, 4])
    np.testing.assert_allclose(draws.numpy().sum(1), 1)
    shares = np.bincount(draws.numpy().argmax(1)) / len(costs)
    np.testing.assert_allclose(shares, [0.5, 0.3, 0.2], atol=0.015)


def test_relaxed_top_k_differentiates_exactly():
    costs = np.random.default_rng(1).normal(size=(2, 5))
    weights = np.random.default_rng(2).normal(size=(2, 5))
    rule = RelaxedTopK(2, temperature=0.5)
    _, gradient = solution_and_gradient(rule, costs, weights, seed=[0, 3])
    step = 1e-6 * np.random.default_rng(3).normal(size=(2, 5))
    higher, lower = (
        np.sum(solution_and_gradient(rule, costs + s, weights, seed=[0, 3])[0] * weights)
        for s in (step, -step)
    )
    np.testing.assert_allclose(np.sum(gradient * step), (higher - lower) / 2, rtol=1e-5)


def test_relaxed_top_k_without_a_seed_is_the_solver(instance):
    costs, _ = instance
    np.testing.assert_array_equal(
        RelaxedTopK(2)(TopK(2).solve_tf, tf.constant(costs)), TopK(2).solve(costs)
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BlackBox(0.0), "lambda_ must be a finite number above 0, got 0.0"),
        (lambda: IMLE(-1.0), "lambda_ must be .* got -1.0"),
        (lambda: StraightThroughSoftmax(0), "temperature must be"),
        (lambda: BlackBox("a"), "lambda_ must be a finite number above 0, got 'a'"),
        (lambda: BlackBox(True), "lambda_ must be a finite number above 0, got True"),
        (lambda: RelaxedTopK(0), "k must be an integer of at least 1, got 0"),
    ],
)
def test_errors_name_parameter_limit_and_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_rule_is_found_by_name_or_taken_as_it_is():
    assert gradient_rule("blackbox") == BlackBox()
    rule = IMLE(3.0)
    assert gradient_rule(rule) is rule


@pytest.mark.parametrize(
    ("gradient", "message"),
    [
        ("softmax", r"one of \('identity', 'blackbox', 'imle', 'perturbed'\), got 'softmax'"),
        ("straight_through", "got 'straight_through'"),
        (StraightThroughSoftmax(), r"got StraightThroughSoftmax\(temperature=1.0\)"),
        (BlackBox, r"got the class BlackBox: write BlackBox\(\)"),
        (None, "got None"),
        (len, "got <built-in function len>"),
    ],
)
def test_what_is_no_rule_for_the_solver_is_refused(gradient, message):
    with pytest.raises(ValueError, match=message):
        gradient_rule(gradient, RANKING_GRADIENTS)


@pytest.mark.parametrize("gradient", [StraightThroughSoftmax(), BlackBox])
def test_estimators_refuse_it_too(gradient):
    X = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.raises(ValueError, match="gradient must be a GradientRule or one of"):
        RankingRetriever(gradient=gradient).fit(X, X[:, 0] > 0)
