"""What the benchmarks build from the parts of the package still fits them."""

import sys
from pathlib import Path

import numpy as np
import pytest

from skid import RankingRetriever

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _benchmarks_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    yield
    for name in [name for name in sys.modules if name.startswith("retrieval_losses")]:
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
