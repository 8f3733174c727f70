"""What stands for rules and functions of one's own in the keys of programs."""

from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.base import clone

from skid import RankingRetriever, SolverPredictor, SubsetSelectorRegressor
from skid.engine import trace_count
from skid.engine.cache_key import cache_key_of
from skid.gradients import GradientRule, Identity
from skid.noise import Gumbel, Noise
from skid.solvers import TopK


@dataclass
class Scaled(GradientRule):
    factor: float

    def __call__(self, solve, costs, *, seed=None):
        return self.factor * Identity()(solve, costs, seed=seed)


class Plain(GradientRule):
    def __call__(self, solve, costs, *, seed=None):
        return Identity()(solve, costs, seed=seed)


@dataclass
class Widened(Noise):
    width: float

    def quantile(self, uniform, *, xp=np):
        return self.width * Gumbel().quantile(uniform, xp=xp)


def test_fields_tell_data_classes_apart():
    assert hash(cache_key_of(Scaled(1.0))) == hash(cache_key_of(Scaled(1.0)))
    assert cache_key_of(Scaled(1.0)) == cache_key_of(Scaled(1.0)) != cache_key_of(Scaled(2.0))
    assert cache_key_of(Plain()) == cache_key_of(Plain())
    assert cache_key_of(np.ones(3)) == cache_key_of(np.ones(3)) != cache_key_of(np.zeros(3))


@pytest.mark.parametrize(
    "parameters",
    [{"gradient": Scaled(1.0)}, {"gradient": Plain()}, {"noise": Widened(2.0)}],
    ids=["data class", "plain class", "noise"],
)
@pytest.mark.parametrize(
    "model",
    [SubsetSelectorRegressor(2), SolverPredictor(TopK(2)), RankingRetriever()],
    ids=lambda model: type(model).__name__,
)
def test_rules_of_ones_own_are_traced_once(model, parameters):
    X = np.random.default_rng(0).normal(size=(40, 5))
    y = X[:, 0]
    if isinstance(model, SolverPredictor):
        y = TopK(2).solve(X)
    elif isinstance(model, RankingRetriever):
        y = y > 0
    model.set_params(max_iter=1, random_state=0, **parameters)
    model.fit(X, y)
    traced = trace_count()
    clone(model).fit(X, y)
    assert trace_count() == traced
