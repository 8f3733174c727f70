"""`to_keras` gives models from raw rows to what the estimator says, and they survive a file."""

import keras
import numpy as np
import pytest

from skid import DiscreteAutoencoder, QueryRanker, RankingRetriever, SolverPredictor
from skid.layers import SolverLayer
from skid.solvers import GridShortestPath, Knapsack, TopK

RANDOM = np.random.RandomState(0)
TABLE = 3 + 5 * RANDOM.normal(size=(120, 4))
ITEMS = 4 + RANDOM.normal(size=(80, 6, 3)) * [1, 5, 9]
IMAGES = (255 * RANDOM.uniform(size=(60, 4, 4, 3))).astype(np.uint8)
QUICK = {"max_iter": 3, "random_state": 0}


def convolution(input_shape, n_outputs):
    layers = [keras.Input(input_shape), keras.layers.Conv2D(1, 3, padding="same")]
    return keras.Sequential([*layers, keras.layers.Flatten()], name="maps")


def from_file(model, directory):
    model.save(directory / "model.keras")
    return keras.saving.load_model(directory / "model.keras")


PACKING = Knapsack([3, 4, 2, 5], 7)
DECISIONS = {
    "costs of one sign": (SolverPredictor(PACKING, **QUICK), TABLE, PACKING.solve(-np.abs(TABLE))),
    "costs far from zero": (
        SolverPredictor(TopK(2), target="costs", loss="squared_costs", **QUICK),
        TABLE,
        50 + TABLE,
    ),
    "items": (
        SolverPredictor(TopK(2), hidden_layer_sizes=8, **QUICK),
        ITEMS,
        TopK(2).solve(ITEMS @ [1.0, 2.0, 3.0]),
    ),
    "images": (
        SolverPredictor(GridShortestPath((4, 4)), network=convolution, **QUICK),
        IMAGES,
        GridShortestPath((4, 4)).solve(IMAGES.mean(axis=3, dtype=float)),
    ),
}


@pytest.mark.parametrize("name", DECISIONS)
def test_costs_and_the_decisions_by_them(name, tmp_path):
    model, X, y = DECISIONS[name]
    model.fit(X, y)
    costs = from_file(model.to_keras(), tmp_path)(X)
    np.testing.assert_allclose(costs, model.predict_costs(X), rtol=1e-5, atol=1e-5)
    decide = SolverLayer(model.solver, projection="none", dtype=costs.dtype.name)
    np.testing.assert_array_equal(decide(costs), model.predict(X))


@pytest.mark.parametrize("X", [TABLE, IMAGES])
def test_embedding(X, tmp_path):
    model = RankingRetriever(n_components=3, **QUICK).fit(X, np.arange(len(X)) % 5)
    exported = from_file(model.to_keras(), tmp_path)
    np.testing.assert_allclose(exported(X), model.transform(X), atol=1e-5)


def test_scores_of_documents_with_heavy_tails(tmp_path):
    X = TABLE.copy()
    X[:, [0, 2]] = np.sinh(TABLE[:, [0, 2]] - 3)
    model = QueryRanker(**QUICK).fit(X, np.arange(120) % 3, qid=np.arange(120) // 10)
    assert model._model.inputs.tails.tolist() == [0, 2]
    exported = from_file(model.to_keras(), tmp_path)
    np.testing.assert_allclose(exported(X)[:, 0], model.predict(X), atol=1e-5)


@pytest.mark.parametrize("X", [TABLE, IMAGES / 255], ids=["gaussian", "bernoulli"])
def test_codes_and_rows_from_codes(X, tmp_path):
    model = DiscreteAutoencoder(3, group_size=5, k=2, **QUICK).fit(X)
    encoder, decoder = model.to_keras()
    codes = model.transform(X)
    logits = from_file(encoder, tmp_path)(X).numpy().reshape(-1, 5)
    np.testing.assert_array_equal(TopK(2).solve(-logits).reshape(codes.shape), codes)
    rows = from_file(decoder, tmp_path)(codes)
    np.testing.assert_allclose(rows, model.inverse_transform(codes), atol=1e-5)
