import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, strategies as st

from skid.matching import Graph
from skid.matching._edges import complete_edges, delaunay_edges
from skid.matching._graphs import checked_matches, checked_pairs

from .conftest import rotation

SQUARE = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.2], [0.0, 1.0]])
EDGES = [(2, 0), (0, 1), (3, 2)]
SORTED = [[0, 1], [0, 2], [2, 3]]


def checked(graph, edges="delaunay"):
    ((found, _),), _ = checked_pairs([(graph, graph)], edges)
    return found


def edge_set(points):
    return {tuple(edge) for edge in delaunay_edges(np.asarray(points, float)).tolist()}


@pytest.mark.parametrize(
    "graph",
    [
        SQUARE,
        SQUARE.tolist(),
        {"points": SQUARE},
        Graph(SQUARE),
        Graph(points=SQUARE.tolist()),
        {"points": SQUARE, "features": None, "edges": None},
    ],
)
def test_points_in_any_form(graph):
    found = checked(graph)
    np.testing.assert_array_equal(found.points, SQUARE)
    assert found.features.shape == (4, 0)
    assert found.edges.tolist() == delaunay_edges(SQUARE).tolist()
    assert found.edge_features.shape == (5, 0)
    assert checked(graph, "complete").edges.tolist() == complete_edges(SQUARE).tolist()


def sparse_of(values):
    matrix = np.zeros((4, 4))
    for (i, k), value in zip(EDGES, values, strict=True):
        matrix[i, k] = matrix[k, i] = value
    return matrix


@pytest.mark.parametrize("kind", [sp.csr_array, sp.coo_array, sp.csc_matrix, sp.lil_matrix])
def test_sparse_matrix_holds_edges_and_a_feature_of_each(kind):
    matrix = sparse_of([3.0, 1.0, 5.0])
    np.fill_diagonal(matrix, 7.0)
    found = checked(Graph(SQUARE, edges=kind(matrix)))
    assert found.edges.tolist() == SORTED
    assert found.edge_features.tolist() == [[1.0], [3.0], [5.0]]


@pytest.mark.parametrize("form", [list, np.array, tuple])
def test_list_of_edges_and_their_features(form):
    found = checked(Graph(SQUARE, edges=form(EDGES), edge_features=[3, 1, 5]))
    assert found.edges.tolist() == SORTED
    assert found.edge_features.tolist() == [[1.0], [3.0], [5.0]]
    wide = checked({"points": SQUARE, "edges": EDGES, "edge_features": np.eye(3)})
    assert wide.edge_features.tolist() == np.eye(3)[[1, 0, 2]].tolist()
    assert checked(Graph(SQUARE, edges=EDGES)).edge_features.shape == (3, 0)


def test_networkx_graph_is_numbered_in_its_order():
    networkx = pytest.importorskip("networkx")
    graph = networkx.Graph()
    graph.add_nodes_from("wxyz")
    graph.add_edges_from(("wxyz"[i], "wxyz"[k]) for i, k in EDGES)
    assert checked(Graph(SQUARE, edges=graph)).edges.tolist() == SORTED
    assert checked(Graph(SQUARE, edges=graph)).edge_features.shape == (3, 0)
    for (i, k), weight in zip(EDGES, [3.0, 1.0, 5.0], strict=True):
        graph["wxyz"[i]]["wxyz"[k]]["weight"] = weight
    assert checked(Graph(SQUARE, edges=graph)).edge_features.tolist() == [[1.0], [3.0], [5.0]]
    empty = networkx.empty_graph(4)
    assert checked(Graph(SQUARE, edges=empty)).edges.shape == (0, 2)


def test_no_edges_are_no_edges():
    for edges in ([], np.zeros((0, 2), int), sp.csr_array((4, 4))):
        found = checked(Graph(SQUARE, edges=edges))
        assert found.edges.shape == (0, 2)
    assert checked(Graph(features=np.ones((4, 2)))).edges.shape == (0, 2)


def test_graph_without_edges_among_others_with_features():
    whole = Graph(SQUARE, edges=EDGES, edge_features=[3.0, 1.0, 5.0])
    pairs, shape = checked_pairs([(whole, Graph(SQUARE, edges=[]))], "delaunay")
    assert shape.n_edge_features == 1
    assert len(pairs[0][1].edges) == 0


def test_first_graph_without_edges_says_nothing_about_their_features():
    whole = Graph(SQUARE, edges=EDGES, edge_features=[3.0, 1.0, 5.0])
    _, shape = checked_pairs([(Graph(SQUARE, edges=[]), whole)], "delaunay")
    assert shape.n_edge_features == 1


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(np.float32, np.float32), (np.float64, np.float64), (np.int16, np.float32), (int, float)],
)
def test_precision_of_points(dtype, expected):
    assert checked(np.arange(6).reshape(3, 2).astype(dtype)).dtype == expected


def test_part_of_a_graph():
    graph = checked(Graph(SQUARE, SQUARE[:, :1], EDGES, [3.0, 1.0, 5.0]))
    part = graph.part(np.array([3, 0, 2]))
    np.testing.assert_array_equal(part.points, SQUARE[[3, 0, 2]])
    np.testing.assert_array_equal(part.features[:, 0], SQUARE[[3, 0, 2], 0])
    assert part.edges.tolist() == [[1, 2], [2, 0]]
    assert part.edge_features.tolist() == [[3.0], [5.0]]


def test_partners_in_any_form():
    pairs, _ = checked_pairs([(SQUARE, SQUARE)] * 4, "delaunay")
    forms = [[1, -1, 0, 3], (1.0, -1.0, 0.0, 3.0), np.array([1, -1, 0, 3], np.int8)]
    forms.append(np.array([1, 2, 0, 3], np.uint8))
    found = checked_matches(forms, pairs)
    assert [match.tolist() for match in found] == [[1, -1, 0, 3]] * 3 + [[1, 2, 0, 3]]
    assert all(match.dtype == np.int64 for match in found)


def test_square_has_its_sides_and_the_shorter_diagonal():
    assert edge_set(SQUARE) == {(0, 1), (1, 2), (2, 3), (0, 3), (1, 3)}


def test_lattice_has_its_sides_and_one_diagonal_in_each_square():
    points = np.stack(np.mgrid[:3, :3], axis=-1).reshape(-1, 2)
    edges = edge_set(points)
    sides = {(i, k) for i in range(9) for k in range(i) if np.abs(points[i] - points[k]).sum() == 1}
    assert {(k, i) for i, k in sides} <= edges
    diagonals = [edge for edge in edges if np.abs(points[edge[0]] - points[edge[1]]).max() == 1]
    assert len(edges) == len(diagonals) == 12 + 4


def test_points_inside_of_a_triangle_and_of_a_tetrahedron():
    triangle = [[0, 0], [4, 0], [0, 4], [1, 1]]
    assert edge_set(triangle) == {(i, k) for k in range(4) for i in range(k)}
    tetrahedron = [[0, 0, 0], [4, 0, 0], [0, 4, 0], [0, 0, 4], [1, 1, 1]]
    assert edge_set(tetrahedron) == {(i, k) for k in range(5) for i in range(k)}


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_points_on_a_line_are_a_path(n_dimensions):
    random = np.random.RandomState(0)
    places = np.array([3.0, 0.0, 4.5, 1.0, 9.0])
    direction = random.normal(size=n_dimensions)
    points = places[:, None] * direction + random.normal(size=n_dimensions)
    assert edge_set(points) == {(1, 3), (0, 3), (0, 2), (2, 4)}


def test_points_in_a_plane_in_space_have_the_edges_of_the_plane():
    random = np.random.RandomState(0)
    points = random.normal(size=(12, 2))
    in_space = np.c_[points, np.zeros(12)] @ rotation(3, random) + random.normal(size=3)
    assert edge_set(in_space) == edge_set(points)


def test_copies_of_a_point_are_joined_to_it():
    repeated = np.concatenate([SQUARE, SQUARE[[2, 2]]])
    # The copy that comes first has the other edges.
    assert edge_set(repeated) == edge_set(SQUARE) | {(2, 4), (2, 5)}
    assert edge_set(np.zeros((3, 2))) == {(0, 1), (0, 2)}


def test_few_points():
    for n_dimensions in (2, 3):
        assert edge_set(np.ones((1, n_dimensions))) == set()
        assert edge_set(np.eye(n_dimensions)[:2]) == {(0, 1)}
        assert edge_set(np.eye(n_dimensions + 1)[:3, :n_dimensions]) == {(0, 1), (0, 2), (1, 2)}


@given(
    seed=st.integers(0, 10_000),
    n=st.integers(2, 14),
    n_dimensions=st.sampled_from([2, 3]),
    digits=st.integers(0, 3),
    scale=st.sampled_from([1e-9, 1.0, 1e9]),
)
def test_every_node_has_an_edge_and_edges_are_unique(seed, n, n_dimensions, digits, scale):
    # Few digits: many points coincide, or lie on lines.
    points = scale * np.random.RandomState(seed).normal(size=(n, n_dimensions)).round(digits)
    edges = delaunay_edges(points)
    assert set(edges.ravel().tolist()) == {*range(n)}
    assert (edges[:, 0] < edges[:, 1]).all()
    assert len(np.unique(edges, axis=0)) == len(edges)


@given(seed=st.integers(0, 10_000), n_dimensions=st.sampled_from([2, 3]))
def test_edges_move_with_the_points(seed, n_dimensions):
    random = np.random.RandomState(seed)
    points, order = random.normal(size=(9, n_dimensions)), random.permutation(9)
    moved = 3.7 * points @ rotation(n_dimensions, random) + random.normal(size=n_dimensions)
    there = {tuple(sorted((order[i], order[k]))) for i, k in edge_set(moved[order])}
    assert there == edge_set(points)
