"""Losses as parameters: names, objects, and what is neither."""

import pickle
from dataclasses import dataclass

import pytest

from skid import QueryRanker, RankingRetriever, SolverPredictor
from skid.engine.cache_key import cache_key_of
from skid.losses import (
    DECISION_LOSSES,
    MATCHING_LOSSES,
    NDCG,
    RANKING_LOSSES,
    ROW_LOSSES,
    DecisionLoss,
    EmbeddingLoss,
    Hamming,
    RankingLoss,
    Recall,
    RowLoss,
    SPOPlus,
    loss_of,
)
from skid.solvers import TopK

KINDS = [
    (DECISION_LOSSES, DecisionLoss),
    (MATCHING_LOSSES, DecisionLoss),
    (RANKING_LOSSES, RankingLoss),
    (ROW_LOSSES, RowLoss),
]


@dataclass(frozen=True)
class Power(Hamming):
    power: float = 2.0


class Undecorated(Power):
    def __init__(self, power, factor):
        super().__init__(power)
        vars(self)["factor"] = factor


@pytest.mark.parametrize(("names", "kind"), KINDS)
def test_every_name_is_an_object_that_survives_a_copy(names, kind):
    keys = set()
    for name, expected in names.items():
        loss = loss_of(name, names, kind)
        assert type(loss) is expected
        assert loss_of(loss, names, kind) is loss
        assert pickle.loads(pickle.dumps(loss)) == loss
        with pytest.raises(AttributeError):
            loss.margin = 1.0
        keys.add(cache_key_of(loss))
    assert len(keys) == len(names)


@pytest.mark.parametrize(
    ("loss", "given"),
    [
        ("auc", "'auc'"),
        (None, "None"),
        (NDCG(), r"NDCG\(k=None\)"),
        (SPOPlus, r"the class SPOPlus: write SPOPlus\(\)"),
    ],
)
def test_what_is_no_loss(loss, given):
    message = rf"loss must be one of \('hamming', .*\) or an instance of DecisionLoss, got {given}$"
    with pytest.raises(ValueError, match=message):
        loss_of(loss, DECISION_LOSSES, DecisionLoss)


def test_several_kinds_are_named():
    with pytest.raises(ValueError, match="an instance of RankingLoss or EmbeddingLoss, got 3"):
        loss_of(3, RANKING_LOSSES, RankingLoss, EmbeddingLoss)


@pytest.mark.parametrize(
    ("model", "loss"),
    [
        (SolverPredictor(TopK(1)), Hamming),
        (RankingRetriever(), Recall),
        (QueryRanker(), Recall),
    ],
    ids=lambda value: type(value).__name__,
)
def test_estimators_tell_how_to_write_a_class(model, loss):
    model.set_params(loss=loss)
    with pytest.raises(ValueError, match=rf"the class {loss.__name__}: write {loss.__name__}\(\)"):
        model.fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    model.set_params(loss="auc")
    with pytest.raises(ValueError, match="The 'loss' parameter of"):
        model.fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])


def test_keys_tell_losses_apart():
    assert cache_key_of(Power(1.0)) == cache_key_of(Power(1.0)) != cache_key_of(Power(2.0))
    assert cache_key_of(NDCG(3)) != cache_key_of(NDCG(4))
    # Equality of data classes ignores what a subclass adds.
    assert Undecorated(1.0, 2.0) == Undecorated(1.0, 3.0)
    assert cache_key_of(Undecorated(1.0, 2.0)) != cache_key_of(Undecorated(1.0, 3.0))
    assert cache_key_of(Undecorated(1.0, 2.0)) == cache_key_of(Undecorated(1.0, 2.0))
