from copy import deepcopy

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError

from skid import GraphMatcher
from skid.losses import Recall, Regret, SinkhornCrossEntropy
from skid.matching import Graph

from .conftest import moved_copies, quick, rotation

POINTS = np.random.RandomState(0).normal(size=(4, 2))
RIGHT = np.arange(4)
NOT_A_NUMBER = np.where(np.arange(8).reshape(4, 2) == 5, np.nan, POINTS)
ASYMMETRIC = sp.csr_array(np.eye(4, k=1))


def fit(*, pair=None, match=None, sample_weight=None, **parameters):
    """A fit of three pairs of which the last one is another one."""
    pairs = [(POINTS, POINTS)] * 2 + [(POINTS, POINTS) if pair is None else pair]
    partners = [RIGHT, RIGHT, RIGHT if match is None else match]
    return quick(max_iter=1, **parameters).fit(pairs, partners, sample_weight=sample_weight)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (np.zeros((0, 2)), r"^X\[2\]\[1\] must have at least one node, got 0$"),
        ([], r"^X\[2\]\[1\] must have at least one node, got 0$"),
        (NOT_A_NUMBER, r"^points of X\[2\]\[1\] must be finite, got NaN or infinity in row 2$"),
        (
            POINTS[:, :1],
            r"^points of X\[2\]\[1\] must have shape \(n, 2\) or \(n, 3\), got \(4, 1\)",
        ),
        (POINTS[:, 0], r"^points of X\[2\]\[1\] must have shape \(n, 2\) or \(n, 3\), got \(4,\)"),
        (POINTS + 1j, r"^points of X\[2\]\[1\] must hold real numbers, got dtype complex128$"),
        ([[0, 1], [2]], r"^points of X\[2\]\[1\] must hold numbers of one shape: "),
        ([["a", "b"]], r"^points of X\[2\]\[1\] must hold real numbers, got dtype <U"),
        (3.0, r"^points of X\[2\]\[1\] must have one row for each node, got a single number$"),
        (Graph(), r"^X\[2\]\[1\] must have points or features, got neither$"),
        ({"nodes": POINTS}, r"^X\[2\]\[1\] must have keys among .*, got \['nodes'\]$"),
        (
            Graph(POINTS, np.zeros((3, 1))),
            r"^points and features of X\[2\]\[1\] must have one row for each node, got 4 and 3$",
        ),
        (Graph(POINTS, np.zeros(4)), r"^features of X\[2\]\[1\] must have shape \(n, n_features\)"),
        (
            Graph(POINTS, np.zeros((4, 2))),
            r"^X\[2\]\[1\] must be like .* features of a node is \(2,\) and not \(0,\)$",
        ),
        (
            np.zeros((4, 3)),
            r"^X\[2\]\[1\] must be like .* coordinates of the points is 3 and not 2$",
        ),
        (
            Graph(POINTS, edges=[(0, 1)], edge_features=[1.0]),
            r"^X\[2\]\[1\] must be like .* number of features of an edge is 1 and not 0$",
        ),
        (
            Graph(POINTS, edges=[(0, 4)]),
            r"^edges of X\[2\]\[1\] must hold nodes from 0 to 3, got 4$",
        ),
        (Graph(POINTS, edges=[(-1, 2)]), r"^edges of X\[2\]\[1\] .* from 0 to 3, got -1$"),
        (Graph(POINTS, edges=[(2, 2)]), r"^edges of X\[2\]\[1\] must join .*, got \(2, 2\)$"),
        (
            Graph(POINTS, edges=[(0, 1), (1, 2), (1, 0)]),
            r"^edges of X\[2\]\[1\] must hold each edge once, got \(0, 1\) 2 times$",
        ),
        (Graph(POINTS, edges=[0, 1]), r"^edges of X\[2\]\[1\] must be integers of shape \(e, 2\)"),
        (Graph(POINTS, edges=[(0.0, 1.0)]), r"^edges of X\[2\]\[1\] must be integers .*float64$"),
        (
            Graph(POINTS, edges=[(0, 1)], edge_features=[1.0, 2.0]),
            r"^edge_features of X\[2\]\[1\] must have shape \(1, n_edge_features\), got \(2, 1\)$",
        ),
        (
            Graph(POINTS, edges=[(0, 1)], edge_features=[np.inf]),
            r"^edge_features of X\[2\]\[1\] must be finite",
        ),
        (
            Graph(POINTS, edge_features=[1.0]),
            r"^X\[2\]\[1\] must have edges to have edge_features, got None$",
        ),
        (
            Graph(POINTS, edges=ASYMMETRIC),
            r"^edges of X\[2\]\[1\] must be a symmetric matrix .* that is not symmetric$",
        ),
        (
            Graph(POINTS, edges=sp.eye_array(3)),
            r"^edges of X\[2\]\[1\] .* of shape \(4, 4\), got a matrix of shape \(3, 3\)$",
        ),
    ],
)
def test_graphs_that_are_none(graph, message):
    with pytest.raises(ValueError, match=message):
        fit(pair=(POINTS, graph))


def test_networkx_graph_of_another_size():
    networkx = pytest.importorskip("networkx")
    message = r"^edges of X\[2\]\[1\] must be a graph with its 4 nodes, got one with 5$"
    with pytest.raises(ValueError, match=message):
        fit(pair=(POINTS, Graph(POINTS, edges=networkx.path_graph(5))))


def test_networkx_graph_with_some_weights():
    networkx = pytest.importorskip("networkx")
    graph = networkx.path_graph(4)
    graph.edges[0, 1]["weight"] = 2.0
    message = r"^edges of X\[2\]\[1\] must all have a weight, or none, got 2 of 3 without$"
    with pytest.raises(ValueError, match=message):
        fit(pair=(POINTS, Graph(POINTS, edges=graph)))


def test_features_of_edges_given_twice():
    matrix = sp.csr_array(np.eye(4, k=1) + np.eye(4, k=-1))
    message = r"^edge_features of X\[2\]\[1\] must be None with a sparse matrix"
    with pytest.raises(ValueError, match=message):
        fit(pair=(POINTS, Graph(POINTS, edges=matrix, edge_features=[1.0, 2.0, 3.0])))


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ((POINTS,), r"^X\[2\] must be a pair of graphs, got 1 of them$"),
        ((POINTS, POINTS, POINTS), r"^X\[2\] must be a pair of graphs, got 3 of them$"),
        (Graph(POINTS), r"^X\[2\] must be a pair of graphs, .*, got Graph$"),
        ({"points": POINTS}, r"^X\[2\] must be a pair of graphs, .*, got dict$"),
        ("ab", r"^X\[2\] must be a pair of graphs, .*, got str$"),
        (3, r"^X\[2\] must be a pair of graphs, .*, got int$"),
    ],
)
def test_pairs_that_are_none(pair, message):
    with pytest.raises(ValueError, match=message):
        fit(pair=pair)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], r"^X must hold at least one pair of graphs, got 0 sample\(s\)$"),
        (None, "^X must be a list of pairs of graphs, got NoneType$"),
        (((POINTS, POINTS) for _ in range(3)), "^X must be a list .*, got generator$"),
        ({"a": POINTS, "b": POINTS}, "^X must be a list of pairs of graphs, got dict$"),
        ("graphs", "^X must be a list of pairs of graphs, got str$"),
        ([POINTS, POINTS, POINTS], r"^X\[0\] must be a pair of graphs, got 4 of them$"),
    ],
)
def test_data_that_are_no_list_of_pairs(X, message):
    with pytest.raises(ValueError, match=message):
        quick().fit(X, [RIGHT] * 3)


@pytest.mark.parametrize(
    ("match", "message"),
    [
        (
            [0, 1, 2, 4],
            r"^y\[2\] must hold nodes of X\[2\]\[1\], from 0 to 3, or -1 for no partner, got 4$",
        ),
        ([0, 1, 2, -2], r"^y\[2\] must hold nodes of X\[2\]\[1\], .*, got -2$"),
        ([0, 1, 1, 1], r"^y\[2\] must match each .* X\[2\]\[1\] at most once, got node 1 3 times$"),
        ([0, 1, 2], r"^y\[2\] must have shape \(4,\), one partner .* X\[2\]\[0\], got \(3,\)$"),
        (np.eye(4, dtype=int), r"^y\[2\] must have shape \(4,\), .*, got \(4, 4\)$"),
        ([0, 1, 2, 2.5], r"^y\[2\] must hold integers, got dtype float64$"),
        ([0, 1, 2, np.nan], r"^y\[2\] must hold integers, got dtype float64$"),
        (["0", "1", "2", "3"], r"^y\[2\] must hold integers, got dtype <U1$"),
        ([0, 1, 2, None], r"^y\[2\] must hold integers, got dtype object$"),
        ([[0], [1, 2], [], []], r"^y\[2\] must hold integers: "),
    ],
)
def test_partners_that_are_none(match, message):
    with pytest.raises(ValueError, match=message):
        fit(match=match)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ([RIGHT] * 2, "^y must hold the partners of all 3 pairs of X, got 2: .*inconsistent"),
        (5, "^y must hold the partners of all 3 pairs of X, got int: "),
    ],
)
def test_wrong_number_of_matchings(y, message):
    with pytest.raises(ValueError, match=message):
        quick().fit([(POINTS, POINTS)] * 3, y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"invariances": ("rotation", "shear")}, r"^invariances must hold names .*got .*'shear'"),
        ({"invariances": "rotation"}, "The 'invariances' parameter of GraphMatcher must be"),
        ({"invariances": [3]}, r"^invariances must hold names .*, got \[3\]$"),
        ({"solver": "hungarian"}, "The 'solver' parameter of GraphMatcher must be"),
        ({"edges": "nearest"}, "The 'edges' parameter of GraphMatcher must be"),
        ({"loss": "recall"}, "The 'loss' parameter of GraphMatcher must be"),
        ({"loss": Recall()}, "The 'loss' parameter of GraphMatcher must be"),
        ({"loss": SinkhornCrossEntropy}, r"write SinkhornCrossEntropy\(\)"),
        ({"solver": "quadratic", "loss": "sinkhorn"}, "^solver must be 'assignment' or 'auto'"),
        (
            {"solver": "quadratic", "loss": SinkhornCrossEntropy(5)},
            "^solver must be 'assignment' or 'auto'",
        ),
        ({"loss": Regret()}, r"^loss must .* no true costs, such as 'hamming', got Regret\(\)$"),
        ({"projection": "std"}, "^projection must be one of .*'norm'.*, got 'std'$"),
        ({"hidden_layer_sizes": (8, 0)}, "^hidden_layer_sizes must hold positive integers"),
    ],
)
def test_parameters_that_are_not_valid(parameters, message):
    with pytest.raises(ValueError, match=message):
        fit(**parameters)


def test_nodes_that_must_be_matched_but_are_not():
    message = r"^unmatched must be True or 'auto' .*, as in y\[2\], got False$"
    for weights in (None, [0.0, 1.0, 1.0]):
        with pytest.raises(ValueError, match=message):
            fit(match=[0, 1, -1, -1], unmatched=False, sample_weight=weights)
    # One node of a is left over in any case.
    larger = np.concatenate([POINTS, [[5.0, 5.0]]])
    assert not fit(pair=(larger, POINTS), match=[0, 1, 2, 3, -1], unmatched=False).unmatched_


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, 2.0], "inconsistent|sample_weight.shape"),
        ([1.0, -1.0, 1.0], "Negative values"),
        ([0.0, 0.0, 0.0], "at least one (non-zero|sample)"),
        ([1.0, np.nan, 1.0], "NaN"),
    ],
)
def test_weights_that_are_not_valid(weights, message):
    with pytest.raises(ValueError, match=message):
        quick().fit([(POINTS, POINTS)] * 3, [RIGHT] * 3, sample_weight=weights)


def test_graphs_unlike_those_of_the_fit(fitted, unseen):
    pairs, partners = unseen
    for graph, message in (
        (np.zeros((7, 3)), "coordinates of the points is 3 and not 2"),
        (Graph(np.zeros((7, 2)), np.ones((7, 1))), r"of a node is \(1,\) and not \(0,\)"),
        (
            Graph(np.zeros((7, 2)), edges=[(0, 1)], edge_features=[1.0]),
            "number of features of an edge is 1 and not 0",
        ),
    ):
        X = [*pairs[:3], (pairs[3][0], graph)]
        for method in (
            fitted.predict,
            fitted.predict_affinities,
            fitted.predict_proba,
            lambda X: fitted.score(X, partners[:4]),
        ):
            with pytest.raises(ValueError, match=rf"^X\[3\]\[1\] must be like .*{message}"):
                method(X)


def test_scores_of_partners_that_are_not_valid(fitted, unseen):
    pairs, partners = unseen
    with pytest.raises(ValueError, match=r"^y\[1\] must have shape \(7,\)"):
        fitted.score(pairs, [partners[0], partners[1][:5], *partners[2:]])
    with pytest.raises(ValueError, match=r"^y must hold the partners of all 40 pairs"):
        fitted.score(pairs, partners[:5])


def test_methods_before_the_fit():
    for method in ("predict", "predict_affinities", "predict_proba"):
        with pytest.raises(NotFittedError):
            getattr(GraphMatcher(), method)([(POINTS, POINTS)])
    with pytest.raises(NotFittedError):
        GraphMatcher().score([(POINTS, POINTS)], [RIGHT])


def test_failed_fit_leaves_nothing_behind():
    model = quick(max_iter=1)
    before = vars(model).copy()
    for X, y in (
        ([(POINTS, NOT_A_NUMBER)], [RIGHT]),
        ([(POINTS, POINTS)], [[0, 1, 2, 4]]),
        ([(POINTS, POINTS)], None),
    ):
        with pytest.raises(ValueError, match=r"^points of|^y\[0\]|requires y"):
            model.fit(X, y)
        assert vars(model) == before


def test_failed_fit_leaves_the_earlier_one(fitted, planted, unseen):
    model = deepcopy(fitted)
    before = vars(model).copy()
    with pytest.raises(ValueError, match=r"^y\[0\] must match"):
        model.fit(planted[0], [[0] * 7, *planted[1][1:]])
    assert vars(model) == before
    assert len(model.predict(unseen[0])) == 40


def test_pairs_of_single_nodes():
    pairs = [(POINTS[:1], POINTS[1:2])] * 4
    model = quick(max_iter=1).fit(pairs, [[0]] * 4)
    assert model.predict(pairs)[0].tolist() == [0]
    np.testing.assert_allclose(model.predict_proba(pairs)[0], [[1.0]])
    assert model.score(pairs, [[0]] * 4) == 1.0


def test_graphs_with_one_node_among_others(fitted, unseen):
    pairs = [unseen[0][0], (POINTS[:1], unseen[0][1][1]), (unseen[0][1][0], POINTS[:1])]
    whole, one_of_a, one_of_b = fitted.predict(pairs)
    assert whole.tolist() == fitted.predict(pairs[:1])[0].tolist()
    assert one_of_a.shape == (1,)
    assert 0 <= one_of_a[0] < 7
    assert sorted(one_of_b) == [-1] * 6 + [0]


def flat(n_points, rank, n_dimensions, seed):
    """Points on a line or in a plane, and a rotated copy of them."""
    random = np.random.RandomState(seed)
    points = np.zeros((n_points, n_dimensions))
    points[:, :rank] = random.normal(size=(n_points, rank))
    points = points @ rotation(n_dimensions, random) + random.normal(size=n_dimensions)
    return points, points @ rotation(n_dimensions, random)


def test_points_on_a_line_are_matched_as_others(fitted):
    pairs = [flat(7, 1, 2, seed) for seed in range(10)]
    assert fitted.score(pairs, [np.arange(7)] * 10) > 0.9
    assert all(np.isfinite(values).all() for values in fitted.predict_affinities(pairs))


def test_training_on_points_that_coincide_or_lie_on_a_line():
    pairs, partners = moved_copies(4, seed=0)
    repeated = np.repeat([[1.0, 2.0], [3.0, 5.0]], [3, 4], axis=0)
    pairs += [flat(7, 1, 2, seed=0), (repeated, repeated[::-1]), (np.zeros((7, 2)),) * 2]
    model = quick(max_iter=4).fit(pairs, [*partners, *[np.arange(7)] * 3])
    assert np.isfinite(model.loss_curve_).all()
    assert all(np.isfinite(values).all() for values in model.predict_affinities(pairs))
    assert all(sorted(found) == [*range(7)] for found in model.predict(pairs))
    # Three points are at one place in a and, in reverse order, the last three of b.
    assert set(model.predict(pairs)[5][:3]) == {4, 5, 6}


@pytest.mark.parametrize("scale", [1e-18, 1e-6, 1e6, 1e18])
def test_points_of_any_size(scale, fitted, unseen):
    pairs, partners = unseen
    moved = [(scale * a, scale * b) for a, b in pairs]
    assert fitted.score(moved, partners) == pytest.approx(fitted.score(pairs, partners), abs=0.02)
