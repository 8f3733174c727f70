import numpy as np
import pytest

from skid.learning_to_rank._averages import (
    MEAN,
    SCALE,
    averaged_weights,
    initial_parameters,
    split_parameters,
    updated_averages,
    weights_of_averages,
)
from skid.networks import MultilayerPerceptron

NETWORK = MultilayerPerceptron((4, 5, 1), activation="silu")


@pytest.fixture
def parameters():
    random = np.random.RandomState(0)
    fresh = initial_parameters(NETWORK, 3, random, np.float64)
    return {name: value + random.normal(size=value.shape) for name, value in fresh.items()}


def test_averaged_weights_are_the_averages_times_the_scales(parameters):
    X = np.random.RandomState(1).normal(size=(7, 4))
    means = {name.removeprefix(MEAN): v for name, v in parameters.items() if MEAN in name}
    scale = means.pop(SCALE)
    scores = [
        NETWORK.predict({name: value[i : i + 1] for name, value in means.items()}, scale[i] * X)
        for i in range(3)
    ]
    final = averaged_weights(parameters)
    np.testing.assert_allclose(NETWORK.predict(final, X), np.mean(scores, axis=0), atol=1e-12)
    assert [*final] == [*split_parameters(parameters)[0]]


def test_means_go_a_share_of_the_way(parameters):
    moved = updated_averages(parameters, 0.25)
    for name, value in moved.items():
        weight = parameters[name.removeprefix(MEAN)]
        np.testing.assert_allclose(value, 0.75 * parameters[name] + 0.25 * weight)
    assert len(moved) == len(split_parameters(parameters)[0]) + 1


def test_a_state_of_the_network_has_no_mean_and_stays():
    parameters = {"weight_000": np.ones(2), "state_000": np.full(2, 7.0)}
    parameters[MEAN + "weight_000"] = np.zeros(2)
    final = averaged_weights(parameters)
    np.testing.assert_array_equal(final["weight_000"], 0)
    np.testing.assert_array_equal(final["state_000"], 7)


def test_means_forget_the_start():
    weights = np.zeros(1000)
    for step, share in enumerate(weights_of_averages(1000)):
        weights *= 1 - share
        weights[step] += share
    assert weights.sum() == pytest.approx(1)
    assert weights[700:].sum() > 0.95
    assert weights[:500].sum() < 1e-2
