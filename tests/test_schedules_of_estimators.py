"""What arrives at the training programs step by step is what the estimators document."""

import numpy as np
import pytest
from small_fits import (
    COSTS,
    DECISIONS,
    GRAPHS,
    LABELS,
    N_ROWS,
    NUMBERS,
    PARTNERS,
    QUERIES,
    RATINGS,
    ROWS,
    SHARES,
    TEXTS,
    recorded,
    untrained,
)

from skid import (
    DiscreteAutoencoder,
    GraphMatcher,
    QueryRanker,
    RankingRetriever,
    RationaleClassifier,
    RationaleRegressor,
    SolverPredictor,
    SubsetSelector,
    SubsetSelectorClassifier,
    SubsetSelectorRegressor,
)
from skid.engine import Program
from skid.solvers import QuadraticAssignment, TopK, TravelingSalesman

SELECTORS = [
    (SubsetSelectorClassifier, (ROWS, LABELS)),
    (SubsetSelectorRegressor, (ROWS, NUMBERS)),
    (SubsetSelector, (ROWS,)),
]
RATIONALES = [
    (RationaleClassifier, (TEXTS, np.arange(N_ROWS) % 2)),
    (RationaleRegressor, (TEXTS, RATINGS)),
]
QUICK = {"max_iter": 20, "batch_size": 12, "random_state": 0}
N_STEPS = 20 * N_ROWS // 12
# A fit of one pass goes through all of its schedules.
PASS = {**QUICK, "max_iter": 1}


def trained(fit, *arguments, **metadata):
    """What the programs of a fit are given. No step is taken."""
    with recorded() as recorder:
        fit(*arguments, **metadata)
    return recorder.trainings


def falling(n_steps, *, until, end):
    """One until a share of the training is over, then linearly to ``end``."""
    return np.interp(np.linspace(0, 1, n_steps), [0, until, 1], [1, 1, end])


def assert_close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5)


# SolverPredictor.


def test_the_rate_of_a_solver_predictor_falls_to_a_fiftieth_in_the_second_half():
    model = SolverPredictor(TopK(2), learning_rate_init=0.03, alpha=0.7, **QUICK)
    (training,) = trained(model.fit, ROWS, DECISIONS)
    assert training.n_steps == N_STEPS
    assert_close(training.controls["rate"], 0.03 * falling(N_STEPS, until=0.5, end=0.02))
    assert_close(training.controls["decay"], 0.7)


def tours():
    """Costs of the edges of graphs of five cities, and their best tours."""
    costs = np.random.RandomState(0).rand(N_ROWS, 5, 5).astype(np.float32)
    costs += costs.transpose(0, 2, 1)
    return ROWS, TravelingSalesman(5).solve(costs)


@pytest.mark.parametrize(
    ("solver", "parameters", "before", "after"),
    [
        (TravelingSalesman(5), {}, 0.6, 0.0),
        (TravelingSalesman(5), {"noise_scale": 0.25}, 0.25, 0.25),
        (TopK(2), {}, TopK.default_noise_scale, TopK.default_noise_scale),
        (TopK(2), {"noise_scale": 0.25}, 0.25, 0.25),
        (TopK(2), {"noise_scale": 0.0}, 0.0, 0.0),
        (TopK(2), {"loss": "fenchel_young"}, 1.0, 1.0),
        (TopK(2), {"gradient": "perturbed"}, 0.0, 0.0),
    ],
)
def test_noise_stays_unless_it_is_automatic_and_of_tours(solver, parameters, before, after):
    data = tours() if isinstance(solver, TravelingSalesman) else (ROWS, DECISIONS)
    model = SolverPredictor(solver, **QUICK, **parameters)
    (training,) = trained(model.fit, *data)
    noise = training.controls["noise_scale"]
    half = len(noise) // 2
    assert_close(noise[:half], before)
    assert_close(noise[half:], after)


@pytest.mark.parametrize(
    ("estimator", "data"),
    [
        (SolverPredictor(TravelingSalesman(5), **PASS), tours()),
        (DiscreteAutoencoder(2, group_size=4, k=2, **PASS), (SHARES,)),
    ],
    ids=["SolverPredictor", "DiscreteAutoencoder"],
)
def test_passes_stay_at_the_start_of_the_schedules(estimator, data):
    def passes():
        for _ in range(3):
            estimator.partial_fit(*data)

    (whole,) = trained(estimator.fit, *data)
    (training,) = trained(passes)
    assert training.first_step == 0
    assert training.n_steps == 3 * N_ROWS // 12
    for name, values in training.controls.items():
        assert_close(values, whole.controls[name][0])


# GraphMatcher.


def test_the_rate_of_a_graph_matcher_falls_to_a_fiftieth_in_the_second_half():
    model = GraphMatcher(learning_rate_init=0.03, alpha=0.7, **QUICK)
    (training,) = trained(model.fit, GRAPHS, PARTNERS)
    assert training.n_steps == N_STEPS
    assert_close(training.controls["rate"], 0.03 * falling(N_STEPS, until=0.5, end=0.02))
    assert_close(training.controls["decay"], 0.7)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, QuadraticAssignment.default_noise_scale),
        ({"noise_scale": 0.25}, 0.25),
        ({"loss": "fenchel_young"}, 1.0),
        ({"loss": "sinkhorn"}, 0.0),
        ({"gradient": "perturbed"}, 0.0),
    ],
)
def test_noise_of_a_graph_matcher_stays(parameters, expected):
    (training,) = trained(GraphMatcher(**QUICK, **parameters).fit, GRAPHS, PARTNERS)
    assert_close(training.controls["noise_scale"], expected)


# QueryRanker.


def test_the_rate_of_a_query_ranker_falls_to_a_twentieth_in_the_second_half():
    model = QueryRanker(alpha=0.7, learning_rate_init=0.03, noise_scale=0.25, **QUICK)
    (training,) = trained(model.fit, ROWS, LABELS, qid=QUERIES)
    assert training.n_steps == N_STEPS
    assert_close(training.controls["rate"], 0.03 * falling(N_STEPS, until=0.5, end=0.05))
    assert_close(training.controls["noise_scale"], 0.25)
    assert model.alpha_ == 0.7
    assert_close(training.constants["decays"], [0.7, 0.7])


def test_a_query_ranker_tries_five_decays_in_half_of_the_steps():
    qid = np.arange(N_ROWS) // 2
    model = QueryRanker(**QUICK)
    choice, training = trained(model.fit, ROWS, LABELS, qid=qid)
    assert choice.n_steps == training.n_steps // 2 > 0
    assert_close(choice.constants["decays"], 0.6 * 2.0 ** np.arange(5))
    assert_close(training.constants["decays"], model.alpha_)
    seen = np.unique(qid[np.unique(choice.rows)])
    # A fifth of the 24 queries, those of equal documents too, judge the decays.
    assert len(np.unique(qid[np.unique(training.rows)])) - len(seen) >= 4


# RankingRetriever.


def test_the_rate_of_a_retriever_is_a_fifth_for_the_last_three_tenths():
    model = RankingRetriever(
        n_classes_per_batch=3,
        n_samples_per_class=4,
        learning_rate_init=0.03,
        noise_scale=0.25,
        alpha=0.7,
        max_iter=20,
        random_state=0,
    )
    (training,) = trained(model.fit, ROWS, LABELS)
    assert training.n_steps == N_STEPS
    place = np.arange(N_STEPS)
    assert_close(training.controls["rate"], np.where(place < 0.7 * N_STEPS, 0.03, 0.006))
    assert_close(training.controls["noise_scale"], 0.25)
    assert_close(training.controls["decay"], 0.7)


# DiscreteAutoencoder.


@pytest.mark.parametrize("learning_rate", ["falling", "constant"])
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_the_rate_of_an_autoencoder_falls_to_a_fiftieth_in_the_last_tenth(
    learning_rate, temperature
):
    model = DiscreteAutoencoder(
        2,
        group_size=4,
        k=2,
        learning_rate=learning_rate,
        learning_rate_init=0.03,
        temperature=temperature,
        logit_bound=2.5,
        alpha=0.7,
        **QUICK,
    )
    (training,) = trained(model.fit, SHARES)
    assert training.n_steps == N_STEPS
    end = 0.02 if learning_rate == "falling" else 1.0
    assert_close(training.controls["rate"], 0.03 * falling(N_STEPS, until=0.9, end=end))
    assert_close(training.controls["temperature"], temperature)
    assert_close(training.controls["logit_bound"], 2.5)
    assert_close(training.controls["decay"], 0.7)


# Estimators of texts.


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(("estimator", "data"), RATIONALES)
def test_the_rate_of_rationales_falls_geometrically_to_a_tenth(estimator, data, frozen):
    model = estimator(
        2,
        freeze_embedding=frozen,
        learning_rate_init=0.03,
        noise_scale=0.25,
        alpha=0.7,
        early_stopping=False,
        **QUICK,
    )
    (training,) = trained(model.fit, *data)
    expected = np.geomspace(0.03, 0.003, N_STEPS)
    assert_close(training.controls["rate"], expected)
    assert_close(training.controls["embedding_rate"], 0 * expected if frozen else expected)
    assert_close(training.controls["noise_scale"], 0.25)
    assert_close(training.controls["decay"], 0.7)


@pytest.mark.parametrize(("n_texts", "expected"), [(2 * N_ROWS, 10.0), (250 * N_ROWS, 50 / 12)])
def test_the_decay_of_rationales_falls_with_the_number_of_texts(n_texts, expected):
    texts, labels = n_texts // N_ROWS * TEXTS, np.arange(n_texts) % 2
    model = RationaleClassifier(2, early_stopping=False, max_iter=1)
    (training,) = trained(model.fit, texts, labels)
    assert_close(training.controls["decay"], expected)


# Selectors.


@pytest.mark.parametrize(("estimator", "data"), SELECTORS)
def test_the_subset_shrinks_and_noise_and_rate_fall_while_it_is_chosen(estimator, data):
    model = estimator(2, learning_rate_init=0.03, noise_scale=0.5, alpha=0.7, **QUICK)
    choice, prediction = trained(model.fit, *data)
    assert choice.n_steps == N_STEPS
    sizes, progress = choice.controls["k"], np.linspace(0, 1, N_STEPS)
    geometric = 6 * (2 / 6) ** np.minimum(1, progress / 0.7)
    assert sizes[0] == 6
    assert (np.abs(sizes - geometric) <= 0.5).all()
    assert (np.diff(sizes) <= 0).all()
    assert (sizes[progress >= 0.7] == 2).all()
    assert_close(choice.controls["noise_scale"], np.geomspace(0.5, 0.05, N_STEPS))
    assert_close(choice.controls["rate"], np.geomspace(0.03, 0.003, N_STEPS))
    assert_close(choice.controls["selector_rate"], choice.controls["selector_rate"][0])
    assert_close(choice.controls["decay"], 0.7)
    assert prediction.first_step == 0
    n_steps = prediction.n_steps
    assert n_steps <= N_STEPS
    assert_close(prediction.controls["rate"], np.geomspace(0.03, 0.003, N_STEPS)[:n_steps])
    assert_close(prediction.controls["decay"], 0.7)


@pytest.mark.parametrize(("estimator", "data"), SELECTORS)
def test_the_size_and_the_rate_stay_where_every_row_has_a_subset(estimator, data):
    model = estimator(
        2, scope="sample", learning_rate_init=0.03, noise_scale=0.5, alpha=0.7, **QUICK
    )
    (training,) = trained(model.fit, *data)
    assert training.n_steps == N_STEPS
    assert_close(training.controls["k"], 2)
    assert_close(training.controls["rate"], 0.03)
    assert_close(training.controls["noise_scale"], np.geomspace(0.5, 0.05, N_STEPS))
    assert_close(training.controls["decay"], 0.7)


@pytest.mark.parametrize("scope", ["dataset", "sample"])
@pytest.mark.parametrize(("estimator", "data"), SELECTORS)
def test_schedules_of_selectors_go_over_all_passes_together(estimator, data, scope):
    model = estimator(2, scope=scope, **QUICK)

    def passes():
        for _ in range(30):
            model.partial_fit(*data)

    (training,) = trained(passes)
    n_steps = 30 * N_ROWS // 12
    assert (training.first_step, training.n_steps) == (0, n_steps)
    progress = np.arange(n_steps) / 1999
    assert_close(training.controls["noise_scale"], 0.1**progress)
    if scope == "dataset":
        geometric = 6 * (2 / 6) ** (progress / 0.7)
        assert (np.abs(training.controls["k"] - geometric) <= 0.5).all()


# Batches, and the number of steps.

FITS = {
    "SubsetSelectorClassifier": (SubsetSelectorClassifier(2), (ROWS, LABELS), 64),
    "SubsetSelectorRegressor": (SubsetSelectorRegressor(2), (ROWS, NUMBERS), 64),
    "SubsetSelector": (SubsetSelector(2), (ROWS,), 64),
    "sample": (SubsetSelectorClassifier(2, scope="sample"), (ROWS, LABELS), 64),
    "SolverPredictor": (SolverPredictor(TopK(2)), (ROWS, DECISIONS), 32),
    "DiscreteAutoencoder": (DiscreteAutoencoder(2, group_size=4, k=2), (SHARES,), 100),
    "GraphMatcher": (GraphMatcher(), (GRAPHS, PARTNERS), 8),
    "RationaleClassifier": (RationaleClassifier(2), RATIONALES[0][1], 64),
    "RationaleRegressor": (RationaleRegressor(2), RATIONALES[1][1], 64),
}
every_fit_of_rows = pytest.mark.parametrize("name", FITS)


def repeated(data, times):
    return tuple(
        times * values if isinstance(values, list) else np.concatenate(times * [values])
        for values in data
    )


@every_fit_of_rows
@pytest.mark.parametrize("batch_size", ["auto", 7, 10**4])
def test_batches_are_of_the_given_size_and_an_epoch_is_one_pass(name, batch_size):
    estimator, data, automatic = FITS[name]
    estimator.set_params(batch_size=batch_size, max_iter=3, early_stopping=False, random_state=0)
    training, *_ = trained(estimator.fit, *repeated(data, 5))
    n_rows = 5 * N_ROWS
    expected = min(automatic if batch_size == "auto" else batch_size, n_rows)
    assert training.batch_size == expected
    steps_of_epoch = -(-n_rows // expected)
    assert training.n_steps == 3 * steps_of_epoch
    assert estimator.n_iter_ == len(estimator.loss_curve_) == 3
    passes = training.rows.reshape(training.n_steps, -1, expected).swapaxes(0, 1)
    for rows in passes.reshape(passes.shape[0], -1):
        # A text comes near others of its length, and so not once in exactly one pass.
        if not name.startswith("Rationale"):
            assert np.unique(rows[:n_rows]).tolist() == list(range(n_rows))
        assert np.isin(np.arange(n_rows), rows).all()


@every_fit_of_rows
def test_rows_come_in_order_unless_they_are_shuffled(name):
    estimator, data, _ = FITS[name]
    if name.startswith("Rationale"):
        # Texts of one length: batches are sorted by it.
        data = ([" ".join(text.split()[:4]) for text in TEXTS], data[1])
    estimator.set_params(batch_size=12, max_iter=2, early_stopping=False, random_state=0)
    for shuffle in (False, True):
        for training in trained(estimator.set_params(shuffle=shuffle).fit, *data):
            n_steps = training.n_steps
            passes = training.rows.reshape(n_steps, -1, 12).swapaxes(0, 1).reshape(-1, n_steps * 12)
            for rows in passes:
                assert (rows.tolist() == 2 * list(range(N_ROWS))) != shuffle


def test_queries_come_in_order_unless_they_are_shuffled():
    model = QueryRanker(alpha=0.0, **QUICK)
    for shuffle in (False, True):
        (training,) = trained(model.set_params(shuffle=shuffle).fit, ROWS, LABELS, qid=QUERIES)
        assert (training.rows[:4].ravel().tolist() == list(range(N_ROWS))) != shuffle


def test_classes_come_in_the_same_order_in_each_pass_unless_they_are_shuffled():
    labels = np.arange(N_ROWS) // 12
    model = RankingRetriever(
        n_classes_per_batch=2, n_samples_per_class=6, max_iter=3, random_state=0
    )
    for shuffle in (False, True):
        (training,) = trained(model.set_params(shuffle=shuffle).fit, ROWS, labels)
        passes = training.rows.reshape(3, N_ROWS)
        assert (passes == passes[0]).all() != shuffle


@pytest.mark.parametrize(
    ("n_classes", "n_samples", "expected"), [(16, 8, 128), (5, 3, 15), (4, 1000, 240)]
)
def test_batches_of_a_retriever_hold_several_rows_of_several_classes(
    n_classes, n_samples, expected
):
    rows, labels = repeated((ROWS, np.arange(N_ROWS) % 24), 5)
    model = RankingRetriever(
        n_classes_per_batch=n_classes, n_samples_per_class=n_samples, max_iter=3, random_state=0
    )
    (training,) = trained(model.fit, rows, labels)
    assert training.batch_size == expected
    assert training.n_steps == 3 * -(-240 // expected)
    counts = [np.unique(labels[batch], return_counts=True)[1] for batch in training.rows]
    if n_classes * n_samples < 240:
        assert {(len(count), count.max()) for count in counts} == {(n_classes, n_samples)}


@pytest.mark.parametrize(
    ("lengths", "batch_size", "expected"),
    [
        ([6] * 300, "auto", 1024),
        ([6] * 300, 48, 48),
        ([2048] + [6] * 20, "auto", 2048),
        ([5000] + [6] * 20, "auto", 4096),
    ],
)
def test_batches_of_a_ranker_have_room_for_whole_lists(lengths, batch_size, expected):
    queries = np.repeat(np.arange(len(lengths)), lengths)
    random = np.random.RandomState(0)
    rows, grades = random.normal(size=(len(queries), 2)), np.arange(len(queries)) % 3
    model = QueryRanker(alpha=0.0, batch_size=batch_size, max_iter=3, random_state=0)
    (training,) = trained(model.fit, rows, grades, qid=queries)
    assert training.batch_size == expected
    n_documents = np.minimum(lengths, expected).sum()
    assert training.n_steps == 3 * -(-n_documents // expected)
    counts = np.bincount(queries[np.unique(training.rows[0])])
    assert set(counts[counts > 0]) <= set(np.minimum(lengths, expected))


@pytest.mark.parametrize(
    ("estimator", "data", "times", "expected"),
    [
        (SolverPredictor(TopK(2)), (ROWS, DECISIONS), 1, 2000),
        (SolverPredictor(TopK(2)), (ROWS, DECISIONS), 100, 20 * 150),
        (SolverPredictor(TopK(2), batch_size=4), (ROWS, DECISIONS), 100, 20_000),
        (RankingRetriever(), (ROWS, LABELS), 1, 600),
        (RankingRetriever(n_classes_per_batch=3), (ROWS, LABELS), 20, 20 * 40),
        (RankingRetriever(n_classes_per_batch=3), (ROWS, LABELS), 300, 10_000),
        (QueryRanker(alpha=0.0), (ROWS, LABELS), 1, 500),
        (QueryRanker(alpha=0.0, batch_size=48), (ROWS, LABELS), 20, 50 * 20),
        (QueryRanker(alpha=0.0, batch_size=48), (ROWS, LABELS), 250, 10_000),
        (GraphMatcher(), (GRAPHS, PARTNERS), 1, 1500),
        (GraphMatcher(batch_size=1), (GRAPHS, PARTNERS), 2, 20 * 96),
        (GraphMatcher(batch_size=1), (GRAPHS, PARTNERS), 12, 10_000),
        (DiscreteAutoencoder(2, group_size=4, k=2), (SHARES,), 1, 2000),
        (DiscreteAutoencoder(2, group_size=4, k=2), (SHARES,), 50, 100 * 24),
        (DiscreteAutoencoder(2, group_size=4, k=2, batch_size=4), (SHARES,), 52, 60_000),
        (RationaleClassifier(2, early_stopping=False), RATIONALES[0][1], 1, 800),
        (RationaleRegressor(2, early_stopping=False), RATIONALES[1][1], 240, 5 * 180),
        (SubsetSelectorClassifier(2), (ROWS, LABELS), 1, 2000),
        (SubsetSelectorRegressor(2), (ROWS, NUMBERS), 600, 5 * 450),
        (SubsetSelector(2), (ROWS,), 1700, 6000),
        (SubsetSelectorClassifier(2, scope="sample"), (ROWS, LABELS), 1, 2000),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else None,
)
def test_automatic_numbers_of_steps(estimator, data, times, expected):
    estimator.set_params(random_state=0, early_stopping=False)
    metadata = {}
    if isinstance(estimator, QueryRanker):
        metadata = {"qid": np.arange(times * N_ROWS) // 6}
    training, *_ = trained(estimator.fit, *repeated(data, times), **metadata)
    assert training.n_steps == expected


@pytest.mark.parametrize(
    ("estimator", "data"),
    [
        *((estimator(2), data) for estimator, data in (*SELECTORS, *RATIONALES)),
        (SubsetSelectorClassifier(2, scope="sample"), (ROWS, LABELS)),
        (SolverPredictor(TopK(2)), (ROWS, DECISIONS)),
        (SolverPredictor(TopK(2), target="costs", loss="spo+"), (ROWS, COSTS)),
        (GraphMatcher(), (GRAPHS, PARTNERS)),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else None,
)
def test_rows_without_weight_are_never_drawn_and_the_others_weigh_what_they_should(
    estimator, data, monkeypatch
):
    seen = []

    def keep(program, parameters, moments, arrays, *others):
        seen.append(np.array(arrays["weight"])[: len(in_program)])
        return untrained(parameters, moments, others[3])

    estimator.set_params(max_iter=3, batch_size=10, random_state=0)
    weights = np.arange(N_ROWS) % 4
    # Pairs of graphs without weight do not even become arrays.
    in_program = weights[weights > 0] if isinstance(estimator, GraphMatcher) else weights
    trainings = trained(estimator.fit, *data, sample_weight=weights.astype(float))
    for training in trainings:
        assert (in_program[training.rows] > 0).all()
    monkeypatch.setattr(Program, "run", keep)
    estimator.fit(*data, sample_weight=weights.astype(float))
    for found in seen:
        np.testing.assert_allclose(found / found.sum(), in_program / in_program.sum(), rtol=1e-5)
