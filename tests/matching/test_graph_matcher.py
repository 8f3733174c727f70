from copy import deepcopy
from dataclasses import dataclass

import joblib
import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import (
    check_do_not_raise_errors_in_init_or_set_params,
    check_estimator_cloneable,
    check_estimator_repr,
    check_estimator_tags_renamed,
    check_get_params_invariance,
    check_mixin_order,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
    check_valid_tag_types,
)
from small_fits import recorded

from skid import GraphMatcher
from skid.engine import Program, trace_count
from skid.gradients import Perturbed
from skid.losses import DecisionLoss, SinkhornCrossEntropy
from skid.matching import Graph
from skid.matching._model import relaxed_matching
from skid.metrics import matching_score

from .conftest import moved_copies, quick, with_distraction


def distracted(n_pairs, seed, n_points=7, **settings):
    """Pairs of point sets with features of the nodes that say nothing, and the partners."""
    pairs, partners = moved_copies(n_pairs, seed, n_points, **settings)
    return with_distraction(pairs, seed), partners


@pytest.fixture(scope="module")
def training():
    return distracted(24, seed=0)


@pytest.fixture(scope="module")
def testing():
    return distracted(40, seed=1)


@pytest.fixture(scope="module")
def learnt(training):
    return quick().fit(*training)


@pytest.fixture(scope="module")
def learnt_without_edges(training):
    return quick(solver="assignment", max_iter=8).fit(*training)


def before_training(model, *data):
    """A model that has taken one step that changes nothing."""
    parameters = {"learning_rate_init": 1e-12, "max_iter": 1, "batch_size": 24}
    return clone(model).set_params(**parameters).fit(*data)


def are_equal(answers, others):
    return all(np.array_equal(one, other) for one, other in zip(answers, others, strict=True))


@pytest.mark.parametrize(
    ("parameters", "least"),
    [
        ({}, 0.8),
        ({"gradient": "blackbox"}, 0.8),
        ({"gradient": "imle"}, 0.8),
        ({"loss": "fenchel_young"}, 0.8),
        ({"edges": "complete", "projection": "norm"}, 0.8),
        ({"solver": "assignment", "gradient": "straight_through", "max_iter": 8}, 0.4),
        ({"loss": SinkhornCrossEntropy(5), "max_iter": 8}, 0.5),
    ],
)
def test_learns_what_tells_partners(parameters, least, training, testing):
    model = quick(**parameters)
    before = before_training(model, *training).score(*testing)
    assert before < 0.7
    model.fit(*training)
    assert model.score(*testing) > max(least, before + 0.1)
    assert model.loss_curve_[-1] < 0.7 * model.loss_curve_[0]


def test_learns_costs_of_nodes_alone(learnt_without_edges, training, testing):
    before = before_training(learnt_without_edges, *training).score(*testing)
    assert before < 0.4
    assert learnt_without_edges.score(*testing) > 0.65


def test_learns_through_the_average_of_perturbed_matchings():
    model = quick(gradient=Perturbed(50, sigma=2.0), edges="complete", learning_rate_init=0.01)
    model.set_params(max_iter=8)
    data = distracted(24, seed=0, n_points=4)
    testing = distracted(40, seed=1, n_points=4)
    before = before_training(model, *data).score(*testing)
    assert model.fit(*data).score(*testing) > before + 0.1
    assert model.loss_curve_[-1] < 0.7 * model.loss_curve_[0]


@dataclass(frozen=True)
class WrongNodes(DecisionLoss):
    """Number of wrong pairs of nodes, without those of edges."""

    def __call__(self, batch):
        wrong = batch.of_nodes(batch.decide()) - batch.of_nodes(batch.solutions)
        return tf.reduce_sum(tf.abs(wrong), axis=[1, 2])


def test_loss_of_ones_own_reads_the_pairs_of_nodes(training, testing):
    model = quick(loss=WrongNodes(), max_iter=2).fit(*training)
    assert model.loss_curve_[0] <= 14
    assert model.score(*testing) > 0.8


def test_edges_help(learnt, learnt_without_edges, testing):
    assert learnt.score(*testing) > learnt_without_edges.score(*testing) + 0.05


def test_points_in_space():
    model = quick().fit(*distracted(24, seed=0, n_dimensions=3))
    assert model.score(*distracted(40, seed=1, n_dimensions=3)) > 0.9


def test_matches_moved_copies(fitted, unseen):
    pairs, partners = unseen
    found = fitted.predict(pairs)
    assert fitted.score(pairs, partners) == matching_score(partners, found) > 0.95
    assert not fitted.unmatched_
    for match in found:
        assert match.dtype.kind == "i"
        assert sorted(match) == [*range(7)]


@pytest.fixture(scope="module")
def of_sizes():
    """A model of graphs of 3 to 8 points, and pairs that it has not seen."""
    model = quick().fit(*distracted(24, seed=0, n_points=range(3, 9)))
    return model, *distracted(30, seed=1, n_points=range(3, 9))


def test_graphs_of_different_sizes(of_sizes):
    model, pairs, partners = of_sizes
    assert model.score(pairs, partners) > 0.85
    for (a, b), match, affinities, probabilities in zip(
        pairs,
        model.predict(pairs),
        model.predict_affinities(pairs),
        model.predict_proba(pairs),
        strict=True,
    ):
        shape = (len(a["points"]), len(b["points"]))
        assert match.shape == shape[:1]
        assert affinities.shape == probabilities.shape == shape


def test_larger_graphs_than_in_training(of_sizes):
    assert of_sizes[0].score(*distracted(10, seed=2, n_points=16)) > 0.8


def test_predictions_do_not_depend_on_the_other_pairs(of_sizes):
    model, pairs, _ = of_sizes
    for method, atol in (("predict", 0), ("predict_affinities", 1e-8), ("predict_proba", 1e-8)):
        predict = getattr(model, method)
        for together, pair in zip(predict(pairs), pairs, strict=True):
            np.testing.assert_allclose(predict([pair])[0], together, rtol=0, atol=atol)


def test_more_pairs_than_are_predicted_at_a_time(of_sizes):
    model, pairs, _ = of_sizes
    assert are_equal(model.predict(3 * pairs), 3 * model.predict(pairs))


def test_nodes_of_the_larger_graph_are_left_over(fitted):
    pairs, partners = moved_copies(20, seed=3, n_points=8)
    parts = [(a[:7], b) for a, b in pairs]
    assert fitted.score(parts, [match[:7] for match in partners]) > 0.6
    assert all((match >= 0).all() for match in fitted.predict(parts))
    for match in fitted.predict([(b, a) for a, b in parts]):
        assert sorted(match) == [-1, *range(7)]


@pytest.fixture(scope="module")
def with_outliers():
    """A model of pairs with a point of each set that is not in the other, and unseen pairs."""
    model = quick(max_iter=8).fit(*moved_copies(24, seed=0, n_points=6, n_outliers=1))
    return model, *moved_copies(40, seed=1, n_points=6, n_outliers=1)


def test_finds_nodes_without_a_partner(with_outliers):
    model, pairs, partners = with_outliers
    assert model.unmatched_
    found = model.predict(pairs)
    assert model.score(pairs, partners) == matching_score(partners, found, f1=True) > 0.75
    is_alone, found_alone = (np.concatenate(matches) < 0 for matches in (partners, found))
    n_right = (is_alone & found_alone).sum()
    # One of seven is alone.
    assert n_right > 0.4 * is_alone.sum()
    assert n_right > 0.4 * found_alone.sum()


@pytest.mark.parametrize(
    ("unmatched", "n_outliers", "expected"),
    [("auto", 0, False), ("auto", 1, True), (True, 0, True), (False, 0, False)],
)
def test_unmatched_says_whether_nodes_may_be_alone(unmatched, n_outliers, expected):
    pairs, partners = moved_copies(24, seed=0, n_points=7 - n_outliers, n_outliers=n_outliers)
    with recorded():
        model = quick(unmatched=unmatched).fit(pairs, partners)
    assert model.unmatched_ is expected
    mass = np.mean([proba.sum() for proba in model.predict_proba(pairs)])
    assert (mass < 6.9) == expected
    if not expected:
        assert all((match >= 0).all() for match in model.predict(pairs))


def test_probabilities_are_those_of_matchings(fitted, with_outliers, unseen):
    for model, pairs in ((fitted, unseen[0]), with_outliers[:2]):
        for proba in model.predict_proba(pairs):
            assert (proba >= 0).all()
            assert (proba.sum(axis=0) <= 1 + 1e-9).all()
            assert (proba.sum(axis=1) <= 1 + 1e-9).all()


def test_right_partners_are_more_probable(learnt_without_edges, testing):
    pairs, partners = testing
    probabilities = learnt_without_edges.predict_proba(pairs)
    right = [
        proba[np.arange(7), match].mean()
        for proba, match in zip(probabilities, partners, strict=True)
    ]
    assert np.mean(right) > 3 * np.mean(probabilities)


@pytest.mark.parametrize("difference", [-3.0, 0.0, 0.5, 6.0])
def test_relaxed_matching_of_two_and_two(difference):
    scores = np.array([[difference, 1.0], [1.0, 2.0]])
    p = 1 / (1 + np.exp(-difference / 2))
    found = relaxed_matching(scores, may_be_unmatched=False)
    np.testing.assert_allclose(found, [[p, 1 - p], [1 - p, p]], atol=1e-6)


@pytest.mark.parametrize("score", [-30.0, 0.0, 2.0, 6.0])
def test_relaxed_matching_of_one_and_one(score):
    scores = np.array([[score]])
    found = relaxed_matching(scores, may_be_unmatched=True)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-score / 2)), atol=1e-6)
    np.testing.assert_allclose(relaxed_matching(scores, may_be_unmatched=False), 1)


@pytest.mark.parametrize("may_be_unmatched", [False, True])
@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
def test_relaxed_matching_of_large_scores_has_sums_of_at_most_one(shape, may_be_unmatched):
    scores = 300 * np.random.RandomState(0).normal(size=shape)
    found = relaxed_matching(scores, may_be_unmatched)
    assert np.isfinite(found).all()
    assert found.sum(axis=0).max() <= 1 + 1e-9
    assert found.sum(axis=1).max() <= 1 + 1e-9


def test_relaxed_matchings_of_several_pairs_at_once():
    scores = np.random.RandomState(0).normal(size=(2, 3, 4, 5))
    for may_be_unmatched in (False, True):
        together = relaxed_matching(scores, may_be_unmatched)
        alone = [[relaxed_matching(part, may_be_unmatched) for part in row] for row in scores]
        np.testing.assert_allclose(together, alone, atol=1e-12)


def test_features_without_points():
    random = np.random.RandomState(0)

    def pair():
        known, order = random.normal(size=(7, 2)), random.permutation(7)
        a, b = (np.c_[known, 2 * random.normal(size=(7, 4))] for _ in range(2))
        return ({"features": a}, Graph(features=b[order])), np.argsort(order)

    pairs, partners = zip(*(pair() for _ in range(64)), strict=True)
    model = quick(max_iter=5).fit(pairs[:24], partners[:24])
    before = before_training(model, pairs[:24], partners[:24])
    assert before.score(pairs[24:], partners[24:]) < 0.4
    assert model.score(pairs[24:], partners[24:]) > 0.6


def test_features_of_edges_decide():
    random = np.random.RandomState(0)

    def graph_of(points):
        """The distances of points, without the points."""
        first, second = np.triu_indices(len(points), 1)
        distances = np.linalg.norm(points[first] - points[second], axis=1)
        edges = np.stack([first, second], axis=1)
        return Graph(features=np.ones((len(points), 1)), edges=edges, edge_features=distances)

    def pair():
        points, order = random.normal(size=(6, 2)), random.permutation(6)
        return (graph_of(points), graph_of(points[order])), np.argsort(order)

    pairs, partners = zip(*(pair() for _ in range(44)), strict=True)
    model = quick().fit(pairs[:24], partners[:24])
    assert model.score(pairs[24:], partners[24:]) > 0.95
    exchanged = [
        (a, Graph(None, b.features, b.edges, random.permutation(b.edge_features)))
        for a, b in pairs[24:]
    ]
    assert model.score(exchanged, partners[24:]) < 0.5


def test_network_of_ones_own_reads_image_patches():
    random = np.random.RandomState(0)

    def pair():
        patches, order = random.normal(size=(5, 3, 3, 1)), random.permutation(5)
        a, b = (patches + 0.1 * random.normal(size=patches.shape) for _ in range(2))
        # The first line says nothing.
        for images in (a, b):
            images[:, :1] = 3 * random.normal(size=(5, 1, 3, 1))
        graphs = [Graph(features=images.astype(np.float32)) for images in (a, b[order])]
        return graphs, np.argsort(order)

    def build(input_shape, n_outputs):
        layers = [keras.layers.Flatten(), keras.layers.Dense(n_outputs)]
        return keras.Sequential([keras.Input(input_shape), *layers])

    pairs, partners = zip(*(pair() for _ in range(64)), strict=True)
    model = quick(network=build).fit(pairs[:24], partners[:24])
    before = before_training(model, pairs[:24], partners[:24])
    assert before.score(pairs[24:], partners[24:]) < 0.6
    assert model.score(pairs[24:], partners[24:]) > 0.75


def test_without_the_invariance_to_rotation_directions_tell(unseen):
    random = np.random.RandomState(0)
    pairs = [(a, a + 0.05 * random.normal(size=a.shape)) for a, _ in unseen[0]]
    turned = [(a, b @ [[0.0, -1.0], [1.0, 0.0]]) for a, b in pairs]
    right = [np.arange(7)] * 40
    model = quick(invariances=()).fit(pairs[:24], right[:24])
    assert model.score(pairs[24:], right[24:]) > 0.9
    assert model.score(turned[24:], right[24:]) < 0.6


def test_array_of_pairs_is_the_list_of_them(fitted, planted):
    pairs, partners = planted
    arrays = np.stack([np.stack(pair) for pair in pairs])
    again = clone(fitted).fit(arrays, np.stack(partners))
    assert are_equal(again.predict_affinities(arrays), fitted.predict_affinities(pairs))


def test_precision_is_that_of_the_graphs(fitted, planted):
    pairs, partners = planted
    assert fitted.predict_affinities(pairs)[0].dtype == np.float64
    with recorded():
        model = quick().fit(np.asarray(pairs, np.float32), partners)
    assert model.predict_affinities(pairs)[0].dtype == np.float32
    assert model.predict_proba(pairs)[0].dtype == np.float32


def test_pairs_without_weight_take_no_part():
    pairs, partners = moved_copies(12, seed=0, n_points=5)
    settings = {"edges": "complete", "max_iter": 2, "batch_size": 4}
    # Wrong partners, an unmatched node and another unit of length.
    wrong = [*partners[:8], *(np.r_[-1, match[:0:-1]] for match in partners[8:])]
    pairs = [*pairs[:8], *((100 * a, b) for a, b in pairs[8:])]
    weighted = quick(**settings).fit(pairs, wrong, sample_weight=np.arange(12) < 8)
    alone = quick(**settings).fit(pairs[:8], partners[:8])
    assert not weighted.unmatched_
    for found, expected in zip(
        weighted.predict_affinities(pairs), alone.predict_affinities(pairs), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


def test_weights_of_pairs(training, testing, learnt):
    pairs, partners = training
    is_wrong = np.arange(24) % 2 == 0
    wrong = [match[::-1] if odd else match for match, odd in zip(partners, is_wrong, strict=True)]
    model = quick().fit(pairs, wrong, sample_weight=np.where(is_wrong, 1e-3, 1.0))
    assert model.score(*testing) > 0.75
    of_wrong, of_right = (learnt.score(pairs[i::2], wrong[i::2]) for i in range(2))
    found = learnt.score(pairs, wrong, sample_weight=np.where(is_wrong, 3.0, 1.0))
    assert found == pytest.approx((3 * of_wrong + of_right) / 4)
    assert of_wrong < of_right


@pytest.mark.usefixtures("by_xla", "traced")
def test_same_seed_same_bits_and_nothing_traced_twice(planted, unseen):
    first = quick(max_iter=1).fit(*planted)
    n_traces = trace_count()
    again = clone(first).fit(*planted)
    other = clone(first).set_params(random_state=1, learning_rate_init=0.01, noise_scale=0.1)
    other.fit(*planted)
    assert trace_count() == n_traces
    expected, same, different = (
        model.predict_affinities(unseen[0]) for model in (first, again, other)
    )
    assert are_equal(same, expected)
    assert not are_equal(different, expected)


def test_another_process_predicts_without_tensorflow_and_learns_the_same_bits(
    fitted, planted, unseen, fresh_process, tmp_path
):
    pairs, _ = unseen
    expected = fitted.predict(pairs) + fitted.predict_affinities(pairs)
    joblib.dump((fitted, planted, pairs, expected), tmp_path / "model.joblib")
    code = """
import sys, joblib, numpy as np
model, planted, pairs, expected = joblib.load("model.joblib")
def is_as_expected():
    found = model.predict(pairs) + model.predict_affinities(pairs)
    return all(map(np.array_equal, found, expected))
print(is_as_expected(), "tensorflow" in sys.modules)
import tensorflow as tf
tf.config.run_functions_eagerly(True)
model.fit(*planted)
print(is_as_expected())
"""
    assert fresh_process(code, directory=tmp_path).stdout == "True False\nTrue\n"


def test_copies_predict_the_same(fitted, unseen):
    expected = fitted.predict_affinities(unseen[0])
    assert are_equal(deepcopy(fitted).predict_affinities(unseen[0]), expected)
    assert not hasattr(clone(fitted), "n_iter_")


def test_grid_search_slices_the_list_of_pairs(training):
    grid, split = {"learning_rate_init": [1e-12, 0.02]}, [(range(8), range(8, 24))]
    search = GridSearchCV(quick(), grid, cv=split).fit(*training)
    assert search.best_params_ == {"learning_rate_init": 0.02}
    assert search.best_score_ > 0.7
    assert search.score(*training) > 0.8


def test_warm_start_continues(training):
    model = quick(warm_start=True, max_iter=1).fit(*training)
    before = model.loss_curve_[0]
    assert model.fit(training[0][:23], training[1][:23]).loss_curve_[0] < 0.7 * before
    with pytest.raises(ValueError, match=r"solver was 'auto' and is 'assignment'"):
        model.set_params(solver="assignment").fit(*training)


def test_interrupted_fit_keeps_what_it_has_learnt(planted, unseen, monkeypatch):
    calls, run = [], Program.run

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(*arguments)

    # With a progress bar every epoch is a call of the program.
    monkeypatch.setattr(Program, "run", interrupted)
    with pytest.warns(UserWarning, match="the training was interrupted after 6 steps"):
        model = quick(verbose=1).fit(*planted)
    assert model.n_iter_ == len(model.loss_curve_) == 2
    assert model.score(*unseen) > 0.9


def test_conventions_of_estimators():
    estimator = GraphMatcher()
    tags = get_tags(estimator)
    assert tags.target_tags.required
    assert not tags.input_tags.two_d_array
    for check in (
        check_do_not_raise_errors_in_init_or_set_params,
        check_estimator_cloneable,
        check_estimator_repr,
        check_estimator_tags_renamed,
        check_get_params_invariance,
        check_mixin_order,
        check_no_attributes_set_in_init,
        check_parameters_default_constructible,
        check_set_params,
        check_valid_tag_types,
    ):
        check("GraphMatcher", estimator)


def test_no_number_of_features(fitted):
    assert not hasattr(fitted, "n_features_in_")
