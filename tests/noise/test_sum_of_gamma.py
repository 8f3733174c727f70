import numpy as np
import pytest
from scipy import stats

from skid.noise import SumOfGamma

N_DRAWS = 200_000


def direct_sum_of_gamma(k, tau, s, size, *, as_released=False):
    rng = np.random.default_rng(7)
    scales = [i / k if as_released else k / i for i in range(1, s + 1)]
    total = sum(rng.gamma(1 / k, scale, size=size) for scale in scales)
    return tau / k * (total - np.log(s))


def sum_of_gamma_moments(k, tau, s):
    i = np.arange(1, s + 1)
    return tau / k * (np.sum(1 / i) - np.log(s)), tau / np.sqrt(k) * np.sqrt(np.sum(1 / i**2))


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
