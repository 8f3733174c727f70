"""Fits that are watched, in the families that draw batches by rules of their own."""

import numpy as np
import pytest

from skid import DiscreteAutoencoder, QueryRanker, RankingRetriever, RationaleClassifier

RANDOM = np.random.RandomState(0)
ROWS = RANDOM.rand(60, 5).astype(np.float32)
LABELS = np.arange(60) % 3
TEXTS = ["good film", "bad film", "good one", "bad thing"] * 30


@pytest.mark.parametrize(
    ("estimator", "data", "fit_parameters"),
    [
        (DiscreteAutoencoder(2, group_size=4, k=2), (ROWS,), {}),
        (RankingRetriever(), (ROWS, LABELS), {}),
        (QueryRanker(), (ROWS, LABELS), {"qid": np.arange(60) // 6}),
        (RationaleClassifier(1), (TEXTS, [1, 0] * 60), {}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_watched_fit_tells_of_every_epoch_and_ends_with_the_same_bits(
    estimator, data, fit_parameters, capsys
):
    estimator.set_params(max_iter=4, random_state=0)
    silent = estimator.fit(*data, **fit_parameters)._model
    curve = estimator.loss_curve_
    assert capsys.readouterr().err == ""
    estimator.set_params(verbose=1).fit(*data, **fit_parameters)
    bar = capsys.readouterr().err
    assert all(f"epoch {epoch}/4" in bar for epoch in (1, 2, 3, 4))
    assert estimator.loss_curve_ == curve
    assert len(curve) == estimator.n_iter_ == 4
    weights = estimator._model.weights
    assert weights.keys() == silent.weights.keys()
    for name, values in weights.items():
        np.testing.assert_array_equal(values, silent.weights[name])
