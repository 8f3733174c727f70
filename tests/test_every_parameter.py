"""Every parameter of every estimator changes what its documentation says it changes.

A parameter without an entry in the tables fails. An entry is another value, with which the fitted
model must answer differently, or a check of what the parameter changes.
"""

import inspect
import sys
from dataclasses import dataclass, field

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.frozen import FrozenEstimator
from small_fits import (
    COSTS,
    DECISIONS,
    GRAPHS,
    LABELS,
    N_ROWS,
    QUERIES,
    ROWS,
    SHARES,
    SMALL_FITS,
    TEXTS,
    SmallFit,
    by_name,
    recorded,
    reference,
)

from skid.engine import Program
from skid.metrics import mean_ndcg, relative_regret
from skid.noise import Gumbel
from skid.solvers import TopK


@pytest.fixture(autouse=True, scope="module")
def _step_by_step():
    """Take the few steps of each fit one by one: tracing a program takes longer than they do."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
    reference.cache_clear()


@dataclass(frozen=True)
class Value:
    """Another value, which changes the answers of a model that is fitted under other parameters."""

    value: object
    under: dict = field(default_factory=dict)


def are_equal(answers, others) -> bool:
    return len(answers) == len(others) and all(
        np.array_equal(one, other) for one, other in zip(answers, others, strict=True)
    )


def assert_same_model(small: SmallFit, fitted, expected) -> None:
    assert are_equal(small.answers_of(fitted), small.answers_of(expected))


def assert_other_model(small: SmallFit, fitted, expected) -> None:
    assert not are_equal(small.answers_of(fitted), small.answers_of(expected))


def dense(input_shape, n_outputs):
    """A network of the user."""
    return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(n_outputs)])


# Parameters of all estimators.


def warm_start_continues(small: SmallFit, request) -> None:
    assert_same_model(small, small.fitted_again(small.fit()), reference(small.name))
    with recorded(Program.run) as first:
        model = small.fit(warm_start=True)
    with recorded(Program.run) as second:
        small.fitted_again(model)
    assert_other_model(small, model, reference(small.name))
    before, after = first.trainings[0], second.trainings[0]
    assert after.first_step == before.n_steps
    for part, expected in zip(after.start, before.end, strict=True):
        assert part.keys() == expected.keys()
        for name, value in part.items():
            # The map to numbers is estimated once more after the training.
            if not name.startswith("output_"):
                np.testing.assert_array_equal(value, expected[name], err_msg=name)


def random_state_is_the_seed(small: SmallFit, request) -> None:
    assert_same_model(small, small.fit(), reference(small.name))
    assert_other_model(small, small.fit(random_state=1), reference(small.name))


def device_is_looked_for(small: SmallFit, request) -> None:
    assert_same_model(small, small.fit(device="cpu"), reference(small.name))
    with pytest.raises(ValueError, match="gpu:7"):
        small.fit(device="gpu:7")


def verbose_draws_a_bar(small: SmallFit, request) -> None:
    capsys = request.getfixturevalue("capsys")
    silent = small.fit()
    assert capsys.readouterr().err == ""
    loud = small.fit(verbose=1)
    assert "epoch 1/1" in capsys.readouterr().err
    assert_same_model(small, loud, silent)


def n_iter_no_change_is_the_patience(small: SmallFit, request) -> None:
    # Networks that stay as they are never improve.
    for patience in (1, 3):
        fitted = small.fit_without_steps(
            early_stopping=True, n_iter_no_change=patience, max_iter=600
        )
        assert len(fitted.validation_scores_) == 1 + patience


# Of selectors: they have one every 100 steps.
FIVE_VALIDATIONS = {"n_iter_no_change": 2, "max_iter": 250}
# Settings with which the first validations already rise.
IMPROVING = {
    "RankingRetriever": {
        "n_classes_per_batch": 3,
        "hidden_layer_sizes": (),
        "learning_rate_init": 0.1,
    },
    "GraphMatcher": {"learning_rate_init": 0.05, "solver": "assignment"},
    "RationaleClassifier": {"learning_rate_init": 0.05},
    "RationaleRegressor": {"learning_rate_init": 0.05},
    "SubsetSelectorClassifier": FIVE_VALIDATIONS,
    "SubsetSelectorRegressor": FIVE_VALIDATIONS,
    "SubsetSelector": FIVE_VALIDATIONS,
}


def tol_is_what_counts_as_an_improvement(small: SmallFit, request) -> None:
    parameters = {
        "early_stopping": True,
        "validation_fraction": 0.5,
        "n_iter_no_change": 4,
        "max_iter": 600,
        **IMPROVING.get(type(small.estimator).__name__, {}),
    }
    # Long enough for a network to improve: these programs are worth tracing.
    tf.config.run_functions_eagerly(False)
    try:
        scores = small.fit(tol=1e9, **parameters).validation_scores_
    finally:
        tf.config.run_functions_eagerly(True)
    assert len(scores) == 1 + parameters["n_iter_no_change"]
    # With the default this rise would have been an improvement.
    assert max(scores) > scores[0] + 1e-3


ALL = {
    "network": Value(dense),
    "projection": Value("norm"),
    "noise": Value("normal"),
    "noise_scale": Value(0.25),
    "hidden_layer_sizes": Value((5,)),
    "gradient": Value("blackbox"),
    "standardize": Value("none"),
    "alpha": Value(0.25),
    "batch_size": Value(16),
    "learning_rate_init": Value(0.05),
    "max_iter": Value(2),
    "shuffle": Value(False),
    "early_stopping": Value(True),
    "validation_fraction": Value(0.4, {"early_stopping": True}),
    "n_iter_no_change": n_iter_no_change_is_the_patience,
    "tol": tol_is_what_counts_as_an_improvement,
    "warm_start": warm_start_continues,
    "device": device_is_looked_for,
    "random_state": random_state_is_the_seed,
    "verbose": verbose_draws_a_bar,
}


# Selectors.


def as_many_features_are_selected(small: SmallFit, request) -> None:
    for wanted, number in ((1, 1), (3, 3), (0.5, 3)):
        fitted = small.fit_without_steps(n_features_to_select=wanted)
        assert fitted.n_features_to_select_ == number
        assert set(fitted.explain(ROWS).sum(axis=1)) == {number}


def scope_is_all_rows_or_each(small: SmallFit, request) -> None:
    one, many = small.fit_without_steps(scope="dataset"), small.fit_without_steps(scope="sample")
    assert_other_model(small, one, many)
    assert one.get_support().sum() == 2
    with pytest.raises(AttributeError, match="get_support"):
        many.get_support()


def groups_are_selected_together(small: SmallFit, request) -> None:
    fitted = small.fit_without_steps(groups=[0, 0, 1, 1, 2, 2])
    pairs = fitted.explain(ROWS).reshape(N_ROWS, 3, 2)
    assert (pairs[..., 0] == pairs[..., 1]).all()
    assert (pairs[..., 0].sum(axis=1) == 2).all()


def some_features_are_always_included(small: SmallFit, request) -> None:
    rarest = np.argmin(reference(small.name).explain(ROWS).sum(axis=0))
    assert small.fit_without_steps(always_include=[rarest]).explain(ROWS)[:, rarest].all()


SELECTOR = {
    "n_features_to_select": as_many_features_are_selected,
    "scope": scope_is_all_rows_or_each,
    "groups": groups_are_selected_together,
    "always_include": some_features_are_always_included,
    "n_networks": Value(2),
    "early_stopping": Value(False),
    "validation_fraction": Value(0.4, {"n_networks": 1}),
}
CLASS_WEIGHT = {"class_weight": Value({0: 5.0, 1: 1.0, 2: 1.0})}


# SolverPredictor.


def solver_makes_the_decisions(small: SmallFit, request) -> None:
    model = small.unfitted(solver=TopK(3)).fit(ROWS, TopK(3).solve(COSTS))
    np.testing.assert_array_equal(model.predict(ROWS).sum(axis=1), 3)


def target_says_what_y_holds(small: SmallFit, request) -> None:
    model = small.unfitted(target="costs").fit(ROWS, COSTS)
    regret = relative_regret(COSTS, model.predict(ROWS), best=DECISIONS)
    assert regret > 0
    assert model.score(ROWS, COSTS) == pytest.approx(1 - regret)
    with pytest.raises(ValueError, match="target='costs'"):
        small.unfitted(target="solutions").fit(ROWS, COSTS)


def cost_sign_is_that_of_the_costs(small: SmallFit, request) -> None:
    for sign in (-1, 1):
        assert (sign * small.fit_without_steps(cost_sign=sign).predict_costs(ROWS) > 0).all()
    costs = small.fit_without_steps(cost_sign=0).predict_costs(ROWS)
    assert costs.min() < 0 < costs.max()


SOLVER_PREDICTOR = {
    "solver": solver_makes_the_decisions,
    "target": target_says_what_y_holds,
    "loss": Value("fenchel_young"),
    "cost_sign": cost_sign_is_that_of_the_costs,
    "noise": Value("gumbel"),
    "n_draws": Value(3),
}


# RankingRetriever.


def embeddings_have_as_many_components(small: SmallFit, request) -> None:
    assert small.fit_without_steps(n_components=5).transform(ROWS).shape == (N_ROWS, 5)


def as_many_neighbors_are_found_and_vote(small: SmallFit, request) -> None:
    model = small.fit(n_neighbors=N_ROWS)
    assert model.kneighbors(ROWS, return_distance=False).shape == (N_ROWS, N_ROWS)
    assert set(model.predict(ROWS)) == {np.bincount(LABELS).argmax()}
    assert len(set(small.fit(n_neighbors=1).predict(ROWS))) == 3
    assert_same_model(small, model, reference(small.name))


def approximate_search_is_that_of_faiss(small: SmallFit, request) -> None:
    monkeypatch = request.getfixturevalue("monkeypatch")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "faiss", None)
        expected = small.fit_without_steps(search="exact").kneighbors(
            ROWS, 3, return_distance=False
        )
        with pytest.raises(ImportError, match="faiss"):
            small.fit_without_steps(search="approximate")
    faiss = pytest.importorskip("faiss")
    asked = []
    with monkeypatch.context() as watched:
        search = faiss.IndexIVFFlat.search
        watched.setattr(
            faiss.IndexIVFFlat,
            "search",
            lambda index, *arguments, **named: (
                asked.append(1) or search(index, *arguments, **named)
            ),
        )
        model = small.fit_without_steps(search="approximate")
        asked.clear()
        found = model.kneighbors(ROWS, 3, return_distance=False)
    assert asked
    assert np.mean(found == expected) > 0.8


RANKING_RETRIEVER = {
    "loss": Value("map"),
    "n_components": embeddings_have_as_many_components,
    "n_classes_per_batch": Value(3),
    "n_samples_per_class": Value(4),
    "memory": Value(2),
    "n_neighbors": as_many_neighbors_are_found_and_vote,
    "search": approximate_search_is_that_of_faiss,
}


# QueryRanker.


def k_is_the_cut_off_of_score_and_training(small: SmallFit, request) -> None:
    model = small.fit(k=1)
    assert_other_model(small, model, reference(small.name))
    for k in (1, 2, None):
        model.set_params(k=k)
        expected = mean_ndcg(LABELS, model.predict(ROWS), qid=QUERIES, k=k)
        assert model.score(ROWS, LABELS, qid=QUERIES) == expected
    assert model.score(ROWS, LABELS, qid=QUERIES) != mean_ndcg(
        LABELS, model.predict(ROWS), qid=QUERIES, k=1
    )


def gain_is_that_of_score(small: SmallFit, request) -> None:
    model = small.fit(gain="linear")
    assert_same_model(small, model, reference(small.name))
    scores = [
        mean_ndcg(LABELS, model.predict(ROWS), qid=QUERIES, gain=gain)
        for gain in ("linear", "exponential")
    ]
    assert model.score(ROWS, LABELS, qid=QUERIES) == scores[0] != scores[1]


QUERY_RANKER = {
    "loss": Value("map"),
    "k": k_is_the_cut_off_of_score_and_training,
    "gain": gain_is_that_of_score,
    "n_networks": Value(1),
    "projection": Value("std"),
}


# DiscreteAutoencoder.


def ones_of_each_group(model) -> np.ndarray:
    return model.transform(SHARES).reshape(N_ROWS, model.n_groups, model.group_size).sum(axis=2)


def codes_have_as_many_groups(small: SmallFit, request) -> None:
    assert small.fit_without_steps(n_groups=3).transform(SHARES).shape == (N_ROWS, 3 * 4)


def groups_have_as_many_entries(small: SmallFit, request) -> None:
    model = small.fit_without_steps(group_size=5)
    assert model.transform(SHARES).shape == (N_ROWS, 2 * 5)
    np.testing.assert_array_equal(ones_of_each_group(model), 2)


def groups_have_as_many_ones(small: SmallFit, request) -> None:
    for k in (1, 3):
        np.testing.assert_array_equal(ones_of_each_group(small.fit_without_steps(k=k)), k)


def likelihood_is_the_one_in_use(small: SmallFit, request) -> None:
    model = small.fit(likelihood="gaussian")
    assert (model.likelihood_, reference(small.name).likelihood_) == ("gaussian", "bernoulli")
    assert_other_model(small, model, reference(small.name))


def codes_are_the_likeliest_or_drawn(small: SmallFit, request) -> None:
    model, likeliest = small.fit(codes="sampled"), reference(small.name).transform(SHARES)
    assert (model.transform(SHARES) != likeliest).any()
    np.testing.assert_array_equal(model.set_params(codes="map").transform(SHARES), likeliest)


DISCRETE_AUTOENCODER = {
    "n_groups": codes_have_as_many_groups,
    "group_size": groups_have_as_many_entries,
    "k": groups_have_as_many_ones,
    "likelihood": likelihood_is_the_one_in_use,
    "kl": Value("subset"),
    "network": Value((dense, None)),
    "noise": Value(Gumbel()),
    # Radius and bound of the logits follow from the temperature, unless they are given.
    "temperature": Value(2.0, {"radius": 1.0, "logit_bound": None}),
    "radius": Value(3.0),
    "logit_bound": Value(0.5),
    "codes": codes_are_the_likeliest_or_drawn,
    "learning_rate": Value("constant"),
}


# GraphMatcher.


def nodes_may_be_left_without_a_partner(small: SmallFit, request) -> None:
    may, must = (small.fit_without_steps(unmatched=unmatched) for unmatched in (True, False))
    assert (may.unmatched_, must.unmatched_) == (True, False)
    assert may.predict_proba(GRAPHS[:1])[0].sum() < 3.9
    assert must.predict_proba(GRAPHS[:1])[0].sum() > 3.95
    partners = [np.array([3, 2, 1, -1])] * N_ROWS
    with recorded():
        assert small.unfitted().fit(GRAPHS, partners).unmatched_
    with pytest.raises(ValueError, match="unmatched must be True or 'auto'"):
        small.unfitted(unmatched=False).fit(GRAPHS, partners)


GRAPH_MATCHER = {
    "solver": Value("assignment"),
    "edges": Value("complete"),
    "invariances": Value(("rotation",)),
    "unmatched": nodes_may_be_left_without_a_partner,
    "loss": Value("fenchel_young"),
    "noise": Value("gumbel", {"noise_scale": 2.0}),
    "noise_scale": Value(2.0),
}


# Estimators of texts.


def document_frequencies() -> dict:
    words = [set(text.lower().split()) for text in TEXTS]
    return {word: sum(word in text for text in words) for word in set().union(*words)}


def as_many_words_are_selected(small: SmallFit, request) -> None:
    for k, number in ((1, 1), (3, 3), (0.5, None)):
        for text, words in zip(TEXTS, small.fit_without_steps(k=k).explain(TEXTS), strict=True):
            assert len(words) == (number or -(-len(text.split()) // 2))


def vocabulary_has_at_most_so_many_words(small: SmallFit, request) -> None:
    assert len(small.fit_without_steps(max_features=4).vocabulary_) == 4


def words_of_few_texts_are_left_out(small: SmallFit, request) -> None:
    found = document_frequencies()
    for least, number in ((25, 25), (0.5, N_ROWS // 2)):
        expected = {word for word, count in found.items() if count >= number}
        assert set(small.fit_without_steps(min_df=least).vocabulary_) == expected != set(found)


def vocabulary_may_be_given(small: SmallFit, request) -> None:
    words = ["film", "good", "bad", "plot"]
    assert list(small.fit_without_steps(vocabulary=words).vocabulary_) == words


def words_are_lowered(small: SmallFit, request) -> None:
    assert "the" in reference(small.name).vocabulary_
    assert "The" in small.fit_without_steps(lowercase=False).vocabulary_


def pattern_says_what_a_word_is(small: SmallFit, request) -> None:
    vocabulary = small.fit_without_steps(token_pattern=r"\b\w{4}\b").vocabulary_
    assert set(vocabulary) == {word for word in document_frequencies() if len(word) == 4}


def beginnings(text):
    return [word[:2] for word in text.split()]


def tokenizer_cuts_the_texts(small: SmallFit, request) -> None:
    vocabulary = small.fit_without_steps(tokenizer=beginnings).vocabulary_
    assert set(vocabulary) == {word[:2] for word in document_frequencies()}


def places_of_words(model) -> np.ndarray:
    """First and last place of the selected words of each text."""
    places = [[place for _, place in words] for words in model.explain(TEXTS)]
    return np.array([(min(row), max(row)) for row in places])


def longer_texts_are_cut(small: SmallFit, request) -> None:
    assert places_of_words(reference(small.name))[:, 1].max() >= 3
    assert places_of_words(reference(small.name, max_length=3))[:, 1].max() < 3


def the_end_of_longer_texts_is_kept(small: SmallFit, request) -> None:
    lengths = np.array([len(text.split()) for text in TEXTS])
    fitted = small.fit(max_length=3, keep="end")
    assert (places_of_words(fitted)[:, 0] >= lengths - 3).all()
    # The training read other words, too.
    assert fitted.loss_curve_ != reference(small.name, max_length=3).loss_curve_


class Other:
    """A model to explain, which counts how often it is asked."""

    classes_ = np.array(["long", "short"])

    def __init__(self):
        self.asked = []

    def predict_proba(self, X):
        self.asked.append(len(X))
        is_short = np.array([len(text.split()) < 6 for text in X], float)
        return np.stack([1 - is_short, is_short], axis=1)

    def predict(self, X):
        return self.predict_proba(X)[:, 1]


def another_model_gives_the_targets(small: SmallFit, request) -> None:
    model = small.unfitted(explain_model=Other()).fit(TEXTS)
    short = np.array(["short" if len(text.split()) < 6 else "long" for text in TEXTS])
    if hasattr(model, "classes_"):
        assert model.classes_.tolist() == ["long", "short"]
        assert model.score(TEXTS) == model.score(TEXTS, short)
    else:
        assert model.score(TEXTS) == model.score(TEXTS, np.asarray(short == "short", float))
    assert_other_model(small, model, reference(small.name))


def the_other_model_is_asked_about_parts(small: SmallFit, request) -> None:
    for n_parts in (0, 1, 2):
        other = Other()
        model = small.unfitted(explain_model=FrozenEstimator(other), n_parts=n_parts)
        with recorded():
            model.fit(TEXTS)
        assert other.asked == [N_ROWS] * (1 + n_parts)


def embeddings_start_from_given_vectors(small: SmallFit, request) -> None:
    vectors = {word: np.full(4, place) for place, word in enumerate(document_frequencies())}
    assert_other_model(small, small.fit(embedding=vectors), reference(small.name))


def rare_words_are_preferred(small: SmallFit, request) -> None:
    counts = {}
    for word in " ".join(TEXTS).lower().split():
        counts[word] = counts.get(word, 0) + 1
    model = small.fit_without_steps(rarity_weight=1e6, early_stopping=False)
    for text, words in zip(TEXTS, model.explain(TEXTS), strict=True):
        rarest = sorted(counts[word] for word in text.lower().split())[:2]
        assert sorted(counts[word] for word, _ in words) == rarest


RATIONALE = {
    "k": as_many_words_are_selected,
    "max_features": vocabulary_has_at_most_so_many_words,
    "min_df": words_of_few_texts_are_left_out,
    "vocabulary": vocabulary_may_be_given,
    "lowercase": words_are_lowered,
    "token_pattern": pattern_says_what_a_word_is,
    "tokenizer": tokenizer_cuts_the_texts,
    "max_length": longer_texts_are_cut,
    "keep": the_end_of_longer_texts_is_kept,
    "explain_model": another_model_gives_the_targets,
    "n_parts": the_other_model_is_asked_about_parts,
    "embedding": embeddings_start_from_given_vectors,
    "embedding_size": Value(5),
    "freeze_embedding": Value(True),
    "n_filters": Value(5),
    "selector_network": Value(dense),
    "rarity_weight": rare_words_are_preferred,
}

TABLES = {
    "SubsetSelectorClassifier": SELECTOR | CLASS_WEIGHT,
    "SubsetSelectorClassifier-sample": SELECTOR | CLASS_WEIGHT,
    "SubsetSelectorRegressor": SELECTOR,
    "SubsetSelector": SELECTOR,
    "SolverPredictor": SOLVER_PREDICTOR,
    "RankingRetriever": RANKING_RETRIEVER,
    "QueryRanker": QUERY_RANKER,
    "DiscreteAutoencoder": DISCRETE_AUTOENCODER,
    "GraphMatcher": GRAPH_MATCHER,
    "RationaleClassifier": RATIONALE
    | {"evidence": Value("selected"), "class_weight": Value({0: 5.0, 1: 1.0})},
    "RationaleRegressor": RATIONALE | {"evidence": Value("random")},
}


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        (small.name, parameter)
        for small in SMALL_FITS
        for parameter in inspect.signature(type(small.estimator)).parameters
    ],
)
def test_every_parameter_changes_what_it_says(name, parameter, request):
    small, entries = by_name(name), ALL | TABLES[name]
    if parameter not in entries:
        pytest.fail(f"{parameter} of {name} is not tested: give it an entry")
    entry = entries[parameter]
    if not isinstance(entry, Value):
        entry(small, request)
        return
    assert entry.value != getattr(small.estimator, parameter)
    changed = small.fit(**{**entry.under, parameter: entry.value})
    assert_other_model(small, changed, reference(name, **entry.under))


@pytest.mark.parametrize(
    "name",
    [
        small.name
        for small in SMALL_FITS
        if "sample_weight" in inspect.signature(small.estimator.fit).parameters
    ],
)
def test_programs_weigh_the_rows_of_a_batch(name):
    run = Program.run

    def run_with_other_weights(program, parameters, moments, data, *others):
        factors = np.linspace(0.5, 1.5, len(data["weight"]), dtype=np.float32)
        data = {**data, "weight": data["weight"] * factors}
        return run(program, parameters, moments, data, *others)

    with recorded(run_with_other_weights):
        weighted = by_name(name).fit()
    assert_other_model(by_name(name), weighted, reference(name))
