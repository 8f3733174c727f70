import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from skid.noise import next_seed, uniform_tf
from skid.noise.uniform import _threefry


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


def test_next_seeds_draw_other_numbers():
    seed = np.array([5, 9], np.int32)
    seeds = [seed, next_seed(seed), next_seed(seed, 2), next_seed(next_seed(seed, 2))]
    assert [tuple(np.asarray(other)) for other in seeds] == [(5, 9), (6, 9), (7, 9), (8, 9)]
    draws = np.array([uniform_tf((10_000,), seed=other, dtype="float64") for other in seeds])
    assert abs(np.corrcoef(draws) - np.eye(4)).max() < 0.05
