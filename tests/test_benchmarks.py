"""What the benchmarks build from the parts of the package still fits them."""

import sys
from pathlib import Path

import numpy as np
import pytest

from skid import RankingRetriever
from skid.datasets import make_matching_pairs
from skid.metrics import matching_score

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _benchmarks_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    yield
    for name in [
        name for name in sys.modules if name.startswith(("retrieval_losses", "matching_"))
    ]:
        del sys.modules[name]


@pytest.mark.parametrize(
    "name",
    [
        "triplet",
        "multi-similarity",
        "SmoothAP",
        "supervised contrastive",
        "proxy anchor",
        "proxy NCA",
    ],
)
def test_rivals_of_the_retrieval_train(name):
    from retrieval_losses import RIVALS

    random = np.random.default_rng(0)
    y = np.repeat(np.arange(4), 15)
    X = (np.eye(4)[y] + 0.3 * random.normal(size=(60, 4))).astype(np.float32)
    parameters = {"n_classes_per_batch": 4, "n_samples_per_class": 4, "max_iter": 100}
    model = RankingRetriever(hidden_layer_sizes=(16,), random_state=0, **RIVALS[name], **parameters)
    model.fit(X, y)
    losses = model.loss_curve_
    assert np.mean(losses[-10:]) < np.mean(losses[:10])


def test_matchings_without_learning_find_rotated_copies():
    import matching_peers as peers

    X, y = make_matching_pairs(5, 15, jitter=0, random_state=0)
    affinity = peers.Affinity(0.1, unit="radius", node_weight=3.0, angles="centre", threshold=1.0)
    found = {
        "solver": [peers.by_skid(*pair, affinity) for pair in X],
        "registration": [peers.by_registration(*pair, limit=0.1, partial=True) for pair in X],
        "shape contexts": [peers.by_shape_context(*pair, angles="centre") for pair in X],
    }
    assert {name: matching_score(y, guesses) for name, guesses in found.items()} == {
        "solver": 1.0,
        "registration": 1.0,
        "shape contexts": 1.0,
    }
