"""What later passes and later fits keep of earlier ones, and which rows judge a choice."""

import math

import numpy as np
import pytest
from small_fits import (
    COSTS,
    LABELS,
    N_ROWS,
    RATINGS,
    ROWS,
    SHARES,
    SHORT,
    TEXTS,
    by_name,
    recorded,
)

from skid import QueryRanker, RankingRetriever, SolverPredictor
from skid.solvers import TopK

WITH_PASSES = ["SubsetSelectorClassifier", "SolverPredictor", "DiscreteAutoencoder"]


@pytest.mark.parametrize("name", WITH_PASSES[1:])
def test_a_pass_holds_nothing_out(name):
    small = by_name(name)
    with recorded() as recorder:
        model = small.unfitted(early_stopping=True).partial_fit(*small.arguments)
    assert not hasattr(model, "validation_scores_")
    assert {*recorder.trainings[0].rows.ravel()} == {*range(N_ROWS)}


@pytest.mark.parametrize("name", WITH_PASSES)
def test_each_pass_has_an_order_of_its_own(name):
    small = by_name(name)
    model = small.unfitted()
    with recorded() as first:
        model.partial_fit(*small.arguments)
    with recorded() as second:
        model.partial_fit(*small.arguments)
    assert (first.trainings[0].rows != second.trainings[0].rows).any()


def test_later_passes_keep_the_scale_of_the_costs():
    model = SolverPredictor(TopK(2), target="costs", loss="regret", **SHORT)
    scale = model.partial_fit(ROWS, COSTS)._model.constants["scale"]
    assert model.partial_fit(ROWS, 10 * COSTS)._model.constants["scale"] == scale


def test_later_passes_keep_the_likelihood():
    model = by_name("DiscreteAutoencoder").unfitted().partial_fit(SHARES)
    with pytest.raises(ValueError, match="bernoulli"):
        model.partial_fit(ROWS)
    assert model.likelihood_ == "bernoulli"


@pytest.mark.parametrize("name", WITH_PASSES)
def test_later_passes_standardise_by_all_rows_so_far(name):
    small = by_name(name)
    own = (
        {"likelihood": "gaussian"} if name == "DiscreteAutoencoder" else {"standardize": "columns"}
    )
    model = small.unfitted(**own)
    X, *others = small.arguments
    with recorded():
        model.partial_fit(X, *others).partial_fit(3 * X + 5, *others)
    standardization = getattr(model._model, "inputs", model._model).standardization
    expected = np.concatenate([X, 3 * X + 5]).mean(axis=0)
    np.testing.assert_allclose(standardization.location, expected, rtol=1e-5)


def test_a_warm_start_keeps_the_vocabulary():
    small = by_name("RationaleClassifier")
    model = small.fit_without_steps(warm_start=True)
    before = dict(model.vocabulary_)
    with recorded():
        model.fit([f"{text} new words" for text in TEXTS], small.arguments[1])
    assert model.vocabulary_ == before
    assert "new" not in before


def test_predicted_numbers_have_the_mean_of_the_targets():
    small = by_name("RationaleRegressor")
    for weights in (None, np.linspace(0.5, 2.0, N_ROWS)):
        with recorded():
            model = small.unfitted().fit(*small.arguments, sample_weight=weights)
        found, expected = (
            np.average(values, weights=weights) for values in (model.predict(TEXTS), RATINGS)
        )
        assert found == pytest.approx(expected, rel=1e-5)


def test_a_warm_start_keeps_the_weight_decay_that_was_chosen():
    ranker = QueryRanker(hidden_layer_sizes=(), alpha="auto", warm_start=True, **SHORT)
    with recorded() as first:
        chosen = ranker.fit(ROWS, LABELS, qid=np.arange(N_ROWS) // 2).alpha_
    with recorded() as second:
        assert ranker.fit(ROWS, LABELS, qid=np.arange(N_ROWS) // 2).alpha_ == chosen
    assert len(first.trainings) == 2
    assert len(second.trainings) == 1


def test_schedules_of_a_selector_stay_at_their_end_in_a_warm_start():
    small = by_name("SubsetSelectorClassifier")
    model = small.fit_without_steps(warm_start=True, max_iter=5)
    with recorded() as recorder:
        small.fitted_again(model)
    choice = recorder.with_control("k")[0].controls
    np.testing.assert_array_equal(choice["k"], 2)
    np.testing.assert_allclose(choice["noise_scale"], 0.1, rtol=1e-6)
    np.testing.assert_allclose(choice["rate"], 0.0003, rtol=1e-6)


def test_a_path_is_judged_by_rows_that_no_network_of_it_has_seen():
    small = by_name("SubsetSelectorRegressor")
    with recorded() as recorder:
        model = small.fit(n_features_to_select="auto", early_stopping=True, max_iter=3)
    of_path = recorder.trainings[: 2 * len(model.selection_path_)]
    seen = {row for training in of_path for row in training.rows.ravel().tolist()}
    assert len(seen) == N_ROWS - math.ceil(0.2 * N_ROWS)
    final = {*recorder.trainings[-2].rows.ravel().tolist()}
    assert final == {*range(N_ROWS)}


@pytest.mark.parametrize("fraction", [0.1, 0.3])
def test_a_fraction_of_the_classes_is_held_out(fraction):
    labels = np.arange(N_ROWS) // 2
    retriever = RankingRetriever(
        hidden_layer_sizes=(), early_stopping=True, validation_fraction=fraction, random_state=0
    )
    with recorded() as recorder:
        retriever.set_params(max_iter=6).fit(ROWS, labels)
    held_out = {*range(N_ROWS)} - {*recorder.trainings[0].rows.ravel().tolist()}
    assert len(held_out) == 2 * math.ceil(fraction * 24)
    assert {row // 2 for row in held_out} == {row // 2 for row in held_out if row % 2}


@pytest.mark.parametrize("name", [*WITH_PASSES, "RankingRetriever", "QueryRanker"])
def test_a_fit_that_fails_leaves_the_earlier_one(name):
    small = by_name(name)
    model = small.fit()
    before = vars(model).copy()
    X, *others = small.arguments
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full_like(X, np.nan), *others, **small.metadata)
    assert vars(model) == before
