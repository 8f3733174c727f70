import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from skid.noise import Gumbel, Normal, SumOfGamma, TwoPoint

N_DRAWS = 200_000
ALL = [TwoPoint(0.6), Gumbel(), Normal(), SumOfGamma(10, tau=10.0)]


@pytest.mark.parametrize("noise", [TwoPoint(), Gumbel(), Normal()])
def test_centred_with_the_stated_variance(noise):
    draws = noise.sample((N_DRAWS,), random_state=0)
    assert abs(draws.mean()) < 5 * draws.std() / np.sqrt(N_DRAWS)
    expected = 0.5 if isinstance(noise, TwoPoint) else 1.0
    assert draws.std() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    ("noise", "law"),
    [
        (Normal(), stats.norm()),
        (Gumbel(), stats.gumbel_r(-np.euler_gamma * np.sqrt(6) / np.pi, np.sqrt(6) / np.pi)),
    ],
)
def test_quantiles_of_known_laws(noise, law):
    uniform = np.array([1e-6, 0.01, 0.3, 0.5, 0.99, 1 - 1e-6])
    np.testing.assert_allclose(noise.quantile(uniform), law.ppf(uniform), rtol=1e-9)


@pytest.mark.parametrize("noise", ALL, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensorflow_draws_follow_the_same_law_and_seed(noise, dtype):
    def sample(seed):
        return noise.sample_tf((1000, 100), seed=seed, dtype=dtype)

    eager = sample([3, 4])
    compiled = tf.function(sample, jit_compile=True)(tf.constant([3, 4]))
    assert eager.dtype == dtype
    np.testing.assert_allclose(compiled, eager, rtol=2e-5, atol=2e-5)
    assert not np.array_equal(eager, sample([3, 5]))
    assert np.isfinite(eager).all()
    reference = noise.sample((100_000,), random_state=0, dtype=dtype)
    assert stats.ks_2samp(eager.numpy().ravel(), reference).pvalue > 1e-3


@pytest.mark.parametrize("noise", ALL, ids=repr)
def test_extreme_uniforms_are_finite(noise):
    uniform = tf.constant([2.0**-24, 1 - 2.0**-24], tf.float32)
    assert np.isfinite(noise.quantile(uniform, xp=tf.experimental.numpy)).all()


def test_numpy_draws_are_reproducible_and_leave_the_global_generator_alone():
    before = np.random.get_state()[1].copy()
    draws = Gumbel().sample((3, 2), random_state=1, dtype=np.float32)
    assert draws.dtype == np.float32
    np.testing.assert_array_equal(draws, Gumbel().sample((3, 2), random_state=1, dtype="float32"))
    np.testing.assert_array_equal(before, np.random.get_state()[1])


def test_parameter_objects_compare_by_their_parameters():
    assert SumOfGamma(3, tau=2.0) == SumOfGamma(3, tau=2.0) != SumOfGamma(3, tau=1.0)
    assert len({TwoPoint(0.5), TwoPoint(0.5), TwoPoint(1.0), Gumbel()}) == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TwoPoint(-1.0), "alpha must be .* above 0, got -1.0"),
        (lambda: SumOfGamma(0), "k must be an integer of at least 1, got 0"),
        (lambda: SumOfGamma(2, tau=np.nan), "tau must be a finite number"),
        (lambda: SumOfGamma(2, s=101), "s must be .* at most 100, got 101"),
    ],
)
def test_errors_name_parameter_limit_and_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()
