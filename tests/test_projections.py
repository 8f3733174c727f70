import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from skid.projections import PROJECTIONS, project
from skid.solvers import TopK

tnp = tf.experimental.numpy


def jacobian_product(costs, weights, projection):
    costs = tf.constant(costs)
    with tf.GradientTape() as tape:
        tape.watch(costs)
        value = tf.reduce_sum(project(costs, projection, xp=tnp) * weights)
    return tape.gradient(value, costs).numpy()


@pytest.mark.parametrize("projection", PROJECTIONS)
@pytest.mark.parametrize("shape", [(3, 7), (2, 3, 4)])
def test_gradient_agrees_with_finite_differences(projection, shape):
    rng = np.random.default_rng(0)
    costs, weights, direction = rng.normal(size=(3, *shape))
    step = 1e-6
    expected = np.sum(
        (
            project(costs + step * direction, projection)
            - project(costs - step * direction, projection)
        )
        * weights
        / (2 * step)
    )
    actual = np.sum(jacobian_product(costs, weights, projection) * direction)
    np.testing.assert_allclose(actual, expected, rtol=1e-7)


@pytest.mark.parametrize("projection", PROJECTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_and_tensorflow_agree_and_keep_the_dtype(projection, dtype):
    costs = np.random.default_rng(1).normal(3.0, 2.0, size=(4, 5, 2)).astype(dtype)
    costs[1] = 0
    costs[2] = 0.1
    expected = project(costs, projection)
    actual = project(tf.constant(costs), projection, xp=tnp)
    assert expected.dtype == actual.dtype.as_numpy_dtype == np.dtype(dtype)
    np.testing.assert_allclose(actual.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_std_is_standardisation_and_norm_has_unit_rms():
    costs = np.random.default_rng(2).normal(5.0, 3.0, size=(6, 11))
    standardised = (costs - costs.mean(1, keepdims=True)) / costs.std(1, keepdims=True)
    np.testing.assert_allclose(project(costs, "std"), standardised)
    np.testing.assert_allclose(np.mean(project(costs, "norm") ** 2, axis=1), 1)


@given(
    costs=hnp.arrays(np.float64, (3, 6), elements=st.integers(-50, 50).map(lambda v: v / 8)),
    k=st.integers(0, 6),
    projection=st.sampled_from(PROJECTIONS),
)
def test_solution_is_invariant(costs, k, projection):
    # Rounding may part costs that tie; the cost of the solution is what must not change.
    chosen = TopK(k).solve(project(costs, projection))
    expected = TopK(k).solve(costs)
    np.testing.assert_allclose((chosen * costs).sum(1), (expected * costs).sum(1), atol=1e-9)


@pytest.mark.parametrize("projection", PROJECTIONS)
@pytest.mark.parametrize("value", [0.0, 0.1, -7.3, 1e-30, 1e30])
def test_zero_and_constant_rows_are_finite(projection, value):
    costs = np.full((2, 7), value, dtype=np.float32)
    projected = project(costs, projection)
    gradient = jacobian_product(costs, np.linspace(-1, 1, 14).reshape(2, 7), projection)
    assert np.isfinite(projected).all()
    assert np.isfinite(gradient).all()
    if projection == "std":
        assert (projected == 0).all()


@pytest.mark.parametrize("projection", PROJECTIONS)
@pytest.mark.parametrize("outside", [0.0, 1e9, np.inf])
def test_entries_outside_the_mask_count_for_nothing(projection, outside):
    rng = np.random.default_rng(0)
    costs, sizes = rng.normal(size=(4, 6)), np.array([6, 4, 1, 0])
    mask = np.arange(6) < sizes[:, np.newaxis]
    projected = project(np.where(mask, costs, outside), projection, mask=mask)
    for row, size in enumerate(sizes):
        alone = project(costs[[row], :size], projection)[0] if size else np.empty(0)
        np.testing.assert_allclose(projected[row, :size], alone, atol=1e-12)
        assert (projected[row, size:] == 0).all()
    tensors = project(tf.constant(np.where(mask, costs, outside)), projection, mask=mask, xp=tnp)
    np.testing.assert_allclose(tensors, projected, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_tiny_and_huge_costs_do_not_lose_their_norm(scale):
    costs = np.float32(scale) * np.array([[3.0, 4.0, 5.0]], dtype=np.float32)
    np.testing.assert_allclose(np.mean(project(costs, "norm") ** 2), 1, rtol=1e-6)


def softplus(values, *, mask=None, xp=np):
    return xp.log1p(xp.exp(values))


def mean(values, *, mask=None, xp=np):
    axes = tuple(range(1, len(values.shape)))
    counted = xp.ones_like(values) if mask is None else xp.where(mask, 1.0, 0.0)
    total = xp.sum(xp.divide(values, 1.0), axis=axes, keepdims=True)
    return xp.subtract(values, xp.divide(total, xp.sum(counted, axis=axes, keepdims=True)))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_function_projects_as_the_name_of_the_same_formula(dtype, masked):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4, 3, 2)).astype(dtype)
    mask = rng.random(values.shape) < 0.6 if masked else None
    expected = project(values, "mean", mask=mask)
    for actual in (
        project(values, mean, mask=mask),
        project(tf.constant(values), mean, mask=mask, xp=tnp).numpy(),
    ):
        assert actual.dtype == dtype
        np.testing.assert_allclose(actual, expected, rtol=1e-3, atol=1e-6)
        if masked:
            assert (actual[~mask] == 0).all()


def test_the_gradient_passes_through_a_function():
    values, weights = np.random.default_rng(1).normal(size=(2, 3, 5))
    expected = weights / (1 + np.exp(-values))
    np.testing.assert_allclose(jacobian_product(values, weights, softplus), expected)


def test_a_function_of_another_shape_is_named():
    for values, xp in ((np.ones((3, 2)), np), (tf.ones((3, 2)), tnp)):
        with pytest.raises(ValueError, match=r"values of shape \(3, 2\), got \(3,\)"):
            project(values, lambda values, mask, xp: values[:, 0], xp=xp)


@pytest.mark.parametrize("projection", ["sphere", None, int, 3])
def test_unknown_projection_is_named(projection):
    with pytest.raises(ValueError, match=r"projection must be one of .* or a callable, got"):
        project(np.ones((1, 2)), projection)
