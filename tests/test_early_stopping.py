"""Early stopping judges networks by rows they never learn from, and keeps the best ones."""

import numpy as np
import pytest
from sklearn.metrics import log_loss
from small_fits import (
    DECISIONS,
    GRAPHS,
    LABELS,
    N_ROWS,
    NUMBERS,
    PARTNERS,
    QUERIES,
    ROWS,
    SHARES,
    TEXTS,
    by_name,
    recorded,
)

from skid.engine import Program

PARAMETERS = {
    "early_stopping": True,
    "validation_fraction": 0.25,
    "n_iter_no_change": 5,
    "tol": 0.0,
    "max_iter": 400,
    # Too high: networks that are trained for longer are soon worse.
    "learning_rate_init": 0.2,
}


def reconstruction_error(model, rows):
    return np.mean((model.reconstruct(ROWS[rows]) - ROWS[rows]) ** 2)


def wrong_entries_of_matchings(model, rows):
    """A node with a wrong partner makes two wrong entries."""
    found, right = model.predict([GRAPHS[row] for row in rows]), [PARTNERS[row] for row in rows]
    return 2 * np.sum(np.array(found) != right) / len(rows)


# For each estimator its own settings, and the loss of a fitted one on some rows.
CASES = {
    "SubsetSelectorClassifier": (
        {"n_networks": 1},
        lambda model, rows: log_loss(LABELS[rows], model.predict_proba(ROWS[rows])),
    ),
    "SubsetSelectorClassifier-sample": (
        {"n_networks": 1},
        lambda model, rows: log_loss(LABELS[rows], model.predict_proba(ROWS[rows])),
    ),
    "SubsetSelectorRegressor": (
        {"n_networks": 1, "n_features_to_select": 1},
        lambda model, rows: (
            np.mean((model.predict(ROWS[rows]) - NUMBERS[rows]) ** 2) / np.var(NUMBERS)
        ),
    ),
    "SubsetSelector": ({"n_networks": 1, "standardize": "none"}, reconstruction_error),
    "SolverPredictor": (
        {"noise_scale": 3.0, "random_state": 2},
        lambda model, rows: np.mean(np.sum(model.predict(ROWS[rows]) != DECISIONS[rows], axis=1)),
    ),
    "RankingRetriever": ({}, lambda model, rows: 1 - model.score(ROWS[rows], LABELS[rows])),
    "QueryRanker": (
        {"learning_rate_init": 1.0},
        lambda model, rows: 1 - model.score(ROWS[rows], LABELS[rows], qid=QUERIES[rows]),
    ),
    # Codes without noise are the same in every validation.
    "DiscreteAutoencoder": ({"temperature": 0.0}, lambda model, rows: -model.score(SHARES[rows])),
    "GraphMatcher": (
        {"solver": "assignment", "noise_scale": 3.0, "learning_rate_init": 0.5},
        wrong_entries_of_matchings,
    ),
    "RationaleClassifier": (
        {"learning_rate_init": 0.05, "n_iter_no_change": 2, "random_state": 2},
        lambda model, rows: 1 - model.score([TEXTS[row] for row in rows], rows % 2),
    ),
}


WITHOUT_STEPS = {"early_stopping": True, "validation_fraction": 0.25}


def held_out_rows(recorder) -> np.ndarray:
    return np.setdiff1d(np.arange(N_ROWS), recorder.trainings[-1].rows)


@pytest.mark.parametrize("name", CASES)
def test_the_best_networks_are_kept_by_rows_that_were_never_drawn(name):
    parameters, loss = CASES[name]
    with recorded(Program.run) as recorder:
        model = by_name(name).fit(**{**PARAMETERS, **parameters})
    drawn, held_out = np.unique(recorder.trainings[-1].rows), held_out_rows(recorder)
    assert len(held_out) == N_ROWS / 4
    scores = model.validation_scores_
    assert max(scores) > scores[-1]
    best = 1 - max(scores) if min(scores) >= 0 else -max(scores)
    assert model.best_loss_ == pytest.approx(best)
    assert model.best_loss_ == pytest.approx(loss(model, held_out), rel=1e-4)
    assert loss(model, drawn) != pytest.approx(model.best_loss_, rel=1e-4)


def test_the_validation_of_queries_has_the_cut_off_of_the_training():
    with recorded() as recorder:
        model = by_name("QueryRanker").fit(k=1, **WITHOUT_STEPS)
    rows = held_out_rows(recorder)
    (score,) = {*model.validation_scores_}
    assert score == model.score(ROWS[rows], LABELS[rows], qid=QUERIES[rows])
    assert score != model.set_params(k=None).score(ROWS[rows], LABELS[rows], qid=QUERIES[rows])


def test_the_validation_of_texts_weighs_them():
    with recorded() as recorder:
        model = by_name("RationaleClassifier").fit(class_weight={0: 5.0, 1: 1.0}, **WITHOUT_STEPS)
    rows = held_out_rows(recorder)
    texts, labels = [TEXTS[row] for row in rows], rows % 2
    (score,) = {*model.validation_scores_}
    weights = np.where(labels == 0, 5.0, 1.0)
    assert score == pytest.approx(model.score(texts, labels, sample_weight=weights))
    assert score != pytest.approx(model.score(texts, labels))
