"""Costs of pairs of nodes and of edges, in NumPy and in TensorFlow."""

import numpy as np
import pytest
import tensorflow as tf

from skid.matching import Graph
from skid.matching._data import PaddedSizes, padded_arrays
from skid.matching._geometry import INVARIANCES, Geometry
from skid.matching._graphs import checked_pairs
from skid.matching._network import INPUTS, MatchingNetwork

N_EDGE_FEATURES = 2


def graph(random, n_nodes, n_dimensions, has_features):
    """A random graph; one without points has a cycle as its edges."""
    edges = edge_features = None
    if has_features:
        edges = np.stack([np.arange(n_nodes), np.roll(np.arange(n_nodes), 1)], axis=1)
        edge_features = random.normal(size=(n_nodes, N_EDGE_FEATURES))
    return Graph(
        random.normal(size=(n_nodes, n_dimensions)) if n_dimensions else None,
        random.normal(size=(n_nodes, 3)) if has_features else None,
        edges,
        edge_features,
    )


def permuted(original, order):
    """The same graph with its nodes in another order."""
    place = np.argsort(order)
    return Graph(
        None if original.points is None else original.points[order],
        None if original.features is None else original.features[order],
        None if original.edges is None else place[original.edges],
        original.edge_features,
    )


class Compared:
    """A network with random weights, and the costs of pairs."""

    def __init__(self, n_dimensions, has_features, *, with_edges=True):
        random = np.random.RandomState(0)
        sizes = [(4, 5), (6, 3), (5, 6)]
        self.pairs = [
            tuple(graph(random, n, n_dimensions, has_features) for n in pair) for pair in sizes
        ]
        _, self.shape = checked_pairs(self.pairs, "delaunay")
        geometry = Geometry(self.shape.n_dimensions, INVARIANCES)
        self.network = MatchingNetwork(self.shape, geometry, (8, 8), with_edges=with_edges)
        self.weights = self.network.initial(random, np.float64)
        for name, value in self.weights.items():
            if name.startswith("bias"):
                self.weights[name] = random.normal(size=value.shape)
        self.constants = {
            "length": np.array(1.5),
            "feature_location": np.array(0.1),
            "feature_scale": np.array(2.0),
            "edge_location": np.array(0.2),
            "edge_scale": np.array(3.0),
        }

    def arrays(self, pairs, sizes=None):
        checked, _ = checked_pairs(pairs, "delaunay", self.shape)
        sizes = sizes or PaddedSizes.of(checked)
        arrays = padded_arrays(checked, sizes, np.float64, self.shape)
        return {name: arrays[name] for name in INPUTS}, sizes

    def costs(self, pairs, sizes=None):
        """Node costs (n, n_a, n_b) and edge costs (n, e_a, 2 e_b)."""
        X, sizes = self.arrays(pairs, sizes)
        costs = self.network.predict(self.weights, X, self.constants)
        n_nodes = np.prod(sizes.n_nodes)
        edges = costs[:, n_nodes:]
        of_edges = (-1, sizes.n_edges[0], 2 * sizes.n_edges[1]) if edges.size else (-1, 0, 0)
        return costs[:, :n_nodes].reshape(-1, *sizes.n_nodes), edges.reshape(of_edges)


@pytest.fixture(
    params=[(2, False), (3, False), (0, True), (2, True)],
    ids=["plane", "space", "features", "plane with features"],
)
def compared(request):
    return Compared(*request.param)


@pytest.mark.parametrize("with_edges", [True, False])
def test_numpy_and_tensorflow_agree(compared, with_edges):
    compared.network.with_edges = with_edges
    X, sizes = compared.arrays(compared.pairs)
    expected = compared.network.predict(compared.weights, X, compared.constants)
    tensors = {name: tf.constant(values) for name, values in X.items()}
    weights = {name: tf.constant(values) for name, values in compared.weights.items()}
    constants = {name: tf.constant(values) for name, values in compared.constants.items()}
    found = compared.network.apply(weights, tensors, constants)
    while_training, updates = compared.network.train(weights, tensors, constants)
    np.testing.assert_allclose(found, expected, atol=1e-10)
    np.testing.assert_allclose(while_training, expected, atol=1e-10)
    assert updates == {}
    n_entries = np.prod(sizes.n_nodes) + with_edges * 2 * np.prod(sizes.n_edges)
    assert expected.shape == (3, n_entries)
    assert expected.std() > 0.01


def test_a_pair_alone_has_the_costs_that_it_has_in_a_batch(compared):
    nodes, edges = compared.costs(compared.pairs)
    checked, _ = checked_pairs(compared.pairs, "delaunay")
    for index, (a, b) in enumerate(checked):
        alone_nodes, alone_edges = compared.costs(compared.pairs[index : index + 1])
        inside = np.zeros(nodes.shape[1:], bool)
        inside[: a.n_nodes, : b.n_nodes] = True
        np.testing.assert_allclose(nodes[index][inside], alone_nodes[0].ravel(), atol=1e-10)
        assert not nodes[index][~inside].any()
        inside = np.zeros(edges.shape[1:], bool)
        inside[: len(a.edges), : 2 * len(b.edges)] = True
        np.testing.assert_allclose(edges[index][inside], alone_edges[0].ravel(), atol=1e-10)
        assert not edges[index][~inside].any()


def test_nodes_in_another_order_have_the_same_costs(compared):
    random = np.random.RandomState(1)
    (a, b), (n_a, n_b) = compared.pairs[0], (4, 5)
    orders = random.permutation(n_a), random.permutation(n_b)
    other = (permuted(a, orders[0]), permuted(b, orders[1]))
    nodes, edges = compared.costs([(a, b)])
    other_nodes, other_edges = compared.costs([other])
    np.testing.assert_allclose(other_nodes[0], nodes[0][np.ix_(*orders)], atol=1e-10)
    there, back = (
        costs_by_ends(checked_pairs([pair], "delaunay")[0][0], of_edges[0])
        for pair, of_edges in (((a, b), edges), (other, other_edges))
    )
    order_a, order_b = orders
    moved = {
        (order_a[i], order_a[k], order_b[j], order_b[m]): cost
        for (i, k, j, m), cost in back.items()
    }
    # An edge that is compared in the other direction, with edges in the other direction.
    moved |= {(k, i, m, j): cost for (i, k, j, m), cost in moved.items()}
    assert there.keys() <= moved.keys()
    for ends, cost in there.items():
        assert moved[ends] == pytest.approx(cost, abs=1e-10)


def costs_by_ends(pair, costs):
    """Costs of matching the edge from i to k with that from j to m."""
    a, b = pair
    directed = np.concatenate([b.edges, b.edges[:, ::-1]]).tolist()
    return {
        (i, k, j, m): costs[e, f]
        for e, (i, k) in enumerate(a.edges.tolist())
        for f, (j, m) in enumerate(directed)
    }


def test_costs_compare_both_graphs_by_the_same_weights(compared):
    a, b = compared.pairs[0]
    there, back = compared.costs([(a, b)])[0], compared.costs([(b, a)])[0]
    np.testing.assert_allclose(back[0], there[0].T, atol=1e-10)


def test_edges_and_their_features_change_the_costs():
    compared = Compared(0, True)
    a, b = compared.pairs[0]
    expected = compared.costs([(a, b)])[0]
    for other in (
        Graph(None, b.features, b.edges, b.edge_features + 1),
        Graph(None, b.features, b.edges[:-1], b.edge_features[:-1]),
    ):
        assert np.abs(compared.costs([(a, other)])[0] - expected).max() > 1e-3


def test_moved_points_have_the_same_costs():
    compared = Compared(2, False)
    a, b = compared.pairs[0]
    moved = Graph(2.5 * b.points @ [[0.6, -0.8], [0.8, 0.6]] + [3.0, -1.0])
    expected = compared.costs([(a, b)])
    for found, cost in zip(compared.costs([(a, moved)]), expected, strict=True):
        np.testing.assert_allclose(found, cost, atol=1e-4)
