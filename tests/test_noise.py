import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from skid.noise import (
    Constant,
    Geometric,
    Gumbel,
    Normal,
    OffAfter,
    SumOfGamma,
    TwoPoint,
    _threefry,
    uniform_tf,
)

N_DRAWS = 200_000
ALL = [TwoPoint(0.6), Gumbel(), Normal(), SumOfGamma(10, tau=10.0)]


def direct_sum_of_gamma(k, tau, s, size, *, as_released=False):
    rng = np.random.default_rng(7)
    scales = [i / k if as_released else k / i for i in range(1, s + 1)]
    total = sum(rng.gamma(1 / k, scale, size=size) for scale in scales)
    return tau / k * (total - np.log(s))


def sum_of_gamma_moments(k, tau, s):
    i = np.arange(1, s + 1)
    return tau / k * (np.sum(1 / i) - np.log(s)), tau / np.sqrt(k) * np.sqrt(np.sum(1 / i**2))


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


@pytest.mark.parametrize("as_released", [False, True])
@pytest.mark.parametrize(("k", "tau", "s"), [(1, 1.0, 10), (10, 10.0, 10), (5, 2.0, 100)])
def test_sum_of_gamma_has_the_law_of_its_definition(k, tau, s, as_released):
    noise = SumOfGamma(k, tau=tau, s=s, as_released=as_released)
    draws = noise.sample((N_DRAWS,), random_state=0)
    direct = direct_sum_of_gamma(k, tau, s, N_DRAWS, as_released=as_released)
    assert noise.standard_deviation == pytest.approx(np.std(direct), rel=0.02)
    assert stats.ks_2samp(draws, direct).pvalue > 1e-3
    low, high = np.quantile(direct, [1e-3, 1 - 1e-3])
    in_tails = np.array([np.sum(draws < low), np.sum(draws > high)])
    np.testing.assert_allclose(in_tails, 1e-3 * N_DRAWS, atol=5 * np.sqrt(2e-3 * N_DRAWS))


@pytest.mark.parametrize(("k", "tau", "s"), [(1, 1.0, 1), (3, 2.0, 10), (100, 5.0, 10)])
def test_sum_of_gamma_moments_of_the_quantile_function(k, tau, s):
    # The quantile function integrated over a fine grid even in the logit.
    logit = np.linspace(-19.9, 30, 200_001)
    uniform = 1 / (1 + np.exp(-logit))
    weight = uniform / (1 + np.exp(logit)) * (logit[1] - logit[0])
    values = SumOfGamma(k, tau=tau, s=s).quantile(uniform)
    mean = np.sum(weight * values)
    deviation = np.sqrt(np.sum(weight * (values - mean) ** 2))
    expected_mean, expected_deviation = sum_of_gamma_moments(k, tau, s)
    np.testing.assert_allclose(mean, expected_mean, atol=1e-5 * expected_deviation)
    np.testing.assert_allclose(deviation, expected_deviation, rtol=1e-5)


@pytest.mark.parametrize("s", [1, 10, 100])
def test_sum_of_gamma_for_one_item_is_exact_in_both_tails(s):
    # For k = 1 it is the largest of s exponentials less log s.
    uniform = np.array([1e-8, 1e-4, 0.01, 0.5, 0.99, 1 - 1e-4, 1 - 1e-7])
    expected = -np.log(-np.expm1(np.log(uniform) / s)) - np.log(s)
    np.testing.assert_allclose(SumOfGamma(1, s=s).quantile(uniform), expected, atol=1e-5)


def test_sum_over_the_subset_tends_to_gumbel():
    k, tau = 5, 2.0
    draws = SumOfGamma(k, tau=tau, s=100).sample((100_000, k), random_state=3).sum(axis=1)
    assert stats.kstest(draws, stats.gumbel_r(0, tau).cdf).statistic < 0.01
    coarse = SumOfGamma(k, tau=tau, s=2).sample((100_000, k), random_state=3).sum(axis=1)
    assert stats.kstest(coarse, stats.gumbel_r(0, tau).cdf).statistic > 0.05


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


@pytest.mark.parametrize(
    ("key", "counter", "expected"),
    [
        ([0, 0], [0, 0], [0x6B200159, 0x99BA4EFE]),
        ([2**32 - 1] * 2, [2**32 - 1] * 2, [0x1CB996FC, 0xBB002BE7]),
        ([0x13198A2E, 0x03707344], [0x243F6A88, 0x85A308D3], [0xC4923A9C, 0x483DF7A0]),
    ],
)
def test_generator_gives_the_published_answers(key, counter, expected):
    words = _threefry(tf, tf.constant(key, tf.uint32), *tf.constant(counter, tf.uint32))
    assert [int(word) for word in words] == expected


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniforms_of_neighbouring_seeds_are_uniform_and_unrelated(dtype):
    seeds = [[3, 4], [3, 5], [4, 4]]
    draws = np.array([uniform_tf((100_000,), seed=seed, dtype=dtype) for seed in seeds])
    assert draws.dtype == dtype
    assert min(stats.kstest(row, "uniform").pvalue for row in draws) > 1e-3
    lagged = [np.corrcoef(draws[0][:-1], draws[0][1:])[0, 1]]
    assert np.abs([*np.corrcoef(draws)[np.triu_indices(3, 1)], *lagged]).max() < 0.015


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
        (lambda: TwoPoint(-1.0), "alpha must be .* above 0, but is -1.0"),
        (lambda: SumOfGamma(0), "k must be an integer of at least 1, but is 0"),
        (lambda: SumOfGamma(2, tau=np.nan), "tau must be a finite number"),
        (lambda: SumOfGamma(2, s=101), "s must be .* at most 100, but is 101"),
        (lambda: OffAfter(1.5), r"share must lie in \[0, 1\], but is 1.5"),
        (lambda: Geometric(0.0), "end must be"),
    ],
)
def test_errors_name_parameter_limit_and_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_schedules():
    progress = np.array([0.0, 0.25, 0.5, 1.0])
    np.testing.assert_array_equal(Constant()(progress), [1, 1, 1, 1])
    np.testing.assert_array_equal(OffAfter(0.5)(progress), [1, 1, 0, 0])
    np.testing.assert_allclose(Geometric(0.02, start=2.0)(progress), [2, 2 * 0.1**0.5, 0.2, 0.02])
