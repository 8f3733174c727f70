"""Graphs to match: what a user may pass as one, and the checks of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse

from skid.matching._edges import EDGES


@dataclass(frozen=True, eq=False)
class Graph:
    """One graph of a pair to match.

    At least one of ``points`` and ``features`` is needed.

    Parameters
    ----------
    points : array-like of shape (n, 2) or (n, 3), default=None
        Coordinates of the nodes.
    features : array-like of shape (n, n_features) or (n, ...), default=None
        Features of the nodes, such as descriptors of key points. With ``network`` they may be
        arrays of any shape, such as image patches.
    edges : int array-like of shape (e, 2), sparse matrix of shape (n, n), or networkx graph, \
            default=None
        Undirected edges, each one once. The entries of a symmetric sparse matrix, and the
        attribute ``"weight"`` of a networkx graph, are features of the edges; the nodes of a
        networkx graph are numbered in its order. If None, the parameter ``edges`` of the estimator
        says which points are connected; without points there are no edges.
    edge_features : array-like of shape (e,) or (e, n_edge_features), default=None
        Features of the edges of an edge list.

    Examples
    --------
    >>> from skid.matching import Graph
    >>> Graph([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]], edges=[(0, 1), (1, 2)]).edges
    [(0, 1), (1, 2)]
    """

    points: ArrayLike | None = None
    features: ArrayLike | None = None
    edges: Any = None
    edge_features: ArrayLike | None = None


@dataclass(frozen=True, eq=False)
class CheckedGraph:
    """A graph as arrays: points (n, d), features (n, ...), edges (e, 2), edge features (e, f)."""

    points: np.ndarray
    features: np.ndarray
    edges: np.ndarray
    edge_features: np.ndarray

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.points)

    @property
    def n_edges(self) -> int:
        """Number of edges."""
        return len(self.edges)

    @property
    def dtype(self) -> np.dtype:
        """Precision of what the graph holds."""
        arrays = (self.points, self.features, self.edge_features)
        return np.result_type(*(array for array in arrays if array.size))

    def part(self, nodes: np.ndarray) -> CheckedGraph:
        """The graph of some of the nodes, with the edges between them."""
        place = np.full(self.n_nodes, -1)
        place[nodes] = np.arange(len(nodes))
        edges = place[self.edges]
        kept = (edges >= 0).all(axis=1)
        return CheckedGraph(
            self.points[nodes], self.features[nodes], edges[kept], self.edge_features[kept]
        )


@dataclass(frozen=True)
class GraphShape:
    """What all graphs of a fit have in common; ``feature_shape`` is that of one node."""

    n_dimensions: int
    feature_shape: tuple[int, ...]
    n_edge_features: int


def checked_pairs(
    pairs: Any, edges: str, shape: GraphShape | None = None
) -> tuple[list[tuple[CheckedGraph, CheckedGraph]], GraphShape]:
    """Check pairs of graphs, of the given shape or of the same shape as the first one.

    Raises
    ------
    ValueError
        If something is wrong; the message names the pair and the graph, as in ``X[3][1]``.
    """
    if isinstance(pairs, (str, bytes, Mapping)) or not hasattr(pairs, "__len__"):
        raise ValueError(f"X must be a list of pairs of graphs, got {type(pairs).__name__}")
    if not len(pairs):
        raise ValueError("X must hold at least one pair of graphs, got 0 sample(s)")
    checked = []
    for index, pair in enumerate(pairs):
        if isinstance(pair, (str, bytes, Mapping, Graph)) or not hasattr(pair, "__len__"):
            raise ValueError(
                f"X[{index}] must be a pair of graphs, (graph_a, graph_b), "
                f"got {type(pair).__name__}"
            )
        if len(pair) != 2:
            raise ValueError(f"X[{index}] must be a pair of graphs, got {len(pair)} of them")
        graphs = []
        for side, graph in enumerate(pair):
            graphs.append(_checked_graph(graph, f"X[{index}][{side}]", edges))
        checked.append((graphs[0], graphs[1]))
    shape = _shape_of(checked) if shape is None else shape
    for index, graphs_of_pair in enumerate(checked):
        for side, graph in enumerate(graphs_of_pair):
            _check_shape(graph, f"X[{index}][{side}]", shape)
    return checked, shape


def checked_matches(matches: Any, pairs: Sequence[tuple[CheckedGraph, CheckedGraph]]) -> list:
    """Check the right partners of each pair: int arrays of shape (n_a,), -1 for none."""
    if not hasattr(matches, "__len__") or len(matches) != len(pairs):
        got = len(matches) if hasattr(matches, "__len__") else type(matches).__name__
        raise ValueError(
            f"y must hold the partners of all {len(pairs)} pairs of X, got {got}: "
            "X and y have inconsistent numbers of samples"
        )
    checked = []
    for index, (match, (a, b)) in enumerate(zip(matches, pairs, strict=True)):
        try:
            partners = np.asarray(match)
        except ValueError as error:
            raise ValueError(f"y[{index}] must hold integers: {error}") from None
        if partners.shape != (a.n_nodes,):
            raise ValueError(
                f"y[{index}] must have shape ({a.n_nodes},), one partner for each node of "
                f"X[{index}][0], got {partners.shape}"
            )
        if partners.dtype.kind not in "iu":
            whole = partners.dtype.kind == "f" and np.isfinite(partners).all()
            if not whole or (partners != np.round(partners)).any():
                raise ValueError(f"y[{index}] must hold integers, got dtype {partners.dtype}")
        partners = partners.astype(np.int64)
        wrong = (partners < -1) | (partners >= b.n_nodes)
        if wrong.any():
            raise ValueError(
                f"y[{index}] must hold nodes of X[{index}][1], from 0 to {b.n_nodes - 1}, or -1 "
                f"for no partner, got {partners[wrong][0]}"
            )
        found, counts = np.unique(partners[partners >= 0], return_counts=True)
        if (counts > 1).any():
            raise ValueError(
                f"y[{index}] must match each node of X[{index}][1] at most once, got node "
                f"{found[counts.argmax()]} {counts.max()} times"
            )
        checked.append(partners)
    return checked


def _checked_graph(graph: Any, name: str, edges: str) -> CheckedGraph:
    given = _fields_of(graph, name)
    points = _numbers(given["points"], f"points of {name}")
    features = _numbers(given["features"], f"features of {name}")
    if points is None and features is None:
        raise ValueError(f"{name} must have points or features, got neither")
    lengths = {len(values) for values in (points, features) if values is not None}
    if len(lengths) > 1:
        raise ValueError(
            f"points and features of {name} must have one row for each node, "
            f"got {len(points)} and {len(features)}"  # type: ignore[arg-type]
        )
    (n_nodes,) = lengths
    if not n_nodes:
        raise ValueError(f"{name} must have at least one node, got 0")
    if points is None:
        points = np.zeros((n_nodes, 0), np.float32)
    elif points.ndim != 2 or points.shape[1] not in (2, 3):
        raise ValueError(f"points of {name} must have shape (n, 2) or (n, 3), got {points.shape}")
    if features is None:
        features = np.zeros((n_nodes, 0), np.float32)
    elif features.ndim == 1:
        raise ValueError(
            f"features of {name} must have shape (n, n_features), got {features.shape}"
        )
    found, values = _edges_of(given["edges"], given["edge_features"], points, name, edges)
    return CheckedGraph(points, features, found, values)


def _fields_of(graph: Any, name: str) -> dict[str, Any]:
    """Parts of a graph by the names of the fields of `Graph`."""
    names = [field.name for field in fields(Graph)]
    if isinstance(graph, Graph):
        return {key: getattr(graph, key) for key in names}
    if isinstance(graph, Mapping):
        unknown = sorted(map(str, graph.keys() - {*names}))
        if unknown:
            raise ValueError(f"{name} must have keys among {names}, got {unknown}")
        return {key: graph.get(key) for key in names}
    return dict.fromkeys(names) | {"points": graph}


def _numbers(values: Any, name: str) -> np.ndarray | None:
    if values is None:
        return None
    try:
        numbers = np.asarray(values)
        numbers = numbers.astype(np.result_type(numbers.dtype, np.float32), copy=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers of one shape: {error}") from None
    if numbers.dtype.kind != "f":
        raise ValueError(f"{name} must hold real numbers, got dtype {numbers.dtype}")
    if numbers.ndim == 0:
        raise ValueError(f"{name} must have one row for each node, got a single number")
    if not np.isfinite(numbers).all():
        row = int(np.flatnonzero(~np.isfinite(numbers).reshape(len(numbers), -1).all(axis=1))[0])
        raise ValueError(f"{name} must be finite, got NaN or infinity in row {row}")
    return numbers


def _edges_of(
    edges: Any, edge_features: Any, points: np.ndarray, name: str, rule: str
) -> tuple[np.ndarray, np.ndarray]:
    """Edges (e, 2) with the smaller node first, in order, and their features."""
    n_nodes = len(points)
    values = _numbers(edge_features, f"edge_features of {name}")
    if edges is None:
        if values is not None:
            raise ValueError(f"{name} must have edges to have edge_features, got None")
        found = EDGES[rule](points) if points.shape[1] else np.zeros((0, 2), np.int64)
        return found, np.zeros((len(found), 0))
    if hasattr(edges, "edges") and hasattr(edges, "nodes"):
        if len(edges.nodes) != n_nodes:
            raise ValueError(
                f"edges of {name} must be a graph with its {n_nodes} nodes, "
                f"got one with {len(edges.nodes)}"
            )
        edges, values = _edges_of_networkx(edges, name, values)
    elif issparse(edges):
        if values is not None:
            raise ValueError(
                f"edge_features of {name} must be None with a sparse matrix of edges, whose "
                f"entries they are, got shape {values.shape}"
            )
        if edges.shape != (n_nodes, n_nodes) or abs(edges - edges.T).nnz:
            raise ValueError(
                f"edges of {name} must be a symmetric matrix of shape ({n_nodes}, {n_nodes}), "
                f"got a matrix of shape {edges.shape}"
                + ("" if edges.shape != (n_nodes, n_nodes) else " that is not symmetric")
            )
        upper = edges.tocoo()
        kept = upper.row < upper.col
        edges = np.stack([upper.row[kept], upper.col[kept]], axis=1)
        values = _numbers(upper.data[kept, np.newaxis], f"edges of {name}")
    edges = np.asarray(edges)
    if not edges.size:
        edges = edges.reshape(0, 2).astype(np.int64)
    if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "iu":
        raise ValueError(
            f"edges of {name} must be integers of shape (e, 2), got shape {edges.shape} and "
            f"dtype {edges.dtype}"
        )
    wrong = (edges < 0) | (edges >= n_nodes)
    if wrong.any():
        raise ValueError(
            f"edges of {name} must hold nodes from 0 to {n_nodes - 1}, got {edges[wrong][0]}"
        )
    loops = edges[:, 0] == edges[:, 1]
    if loops.any():
        raise ValueError(
            f"edges of {name} must join different nodes, got ({edges[loops][0, 0]}, "
            f"{edges[loops][0, 0]})"
        )
    if values is None:
        values = np.zeros((len(edges), 0))
    values = values[:, np.newaxis] if values.ndim == 1 else values
    if values.ndim != 2 or len(values) != len(edges):
        raise ValueError(
            f"edge_features of {name} must have shape ({len(edges)}, n_edge_features), "
            f"got {values.shape}"
        )
    edges = np.sort(edges.astype(np.int64), axis=1)
    edges, first, counts = np.unique(edges, axis=0, return_index=True, return_counts=True)
    if (counts > 1).any():
        i, k = edges[counts.argmax()].tolist()
        raise ValueError(
            f"edges of {name} must hold each edge once, got ({i}, {k}) {counts.max()} times"
        )
    return edges, values[first]


def _edges_of_networkx(graph: Any, name: str, values: Any) -> tuple[np.ndarray, Any]:
    number = {node: place for place, node in enumerate(graph.nodes)}
    found = np.array([(number[i], number[k]) for i, k in graph.edges()], int).reshape(-1, 2)
    weights = [weight for _, _, weight in graph.edges(data="weight")]
    missing = weights.count(None)
    if values is None and 0 < missing < len(weights):
        raise ValueError(
            f"edges of {name} must all have a weight, or none, got {missing} of {len(weights)} "
            "without"
        )
    if values is None and weights and not missing:
        values = _numbers(weights, f"weights of the edges of {name}")
    return found, values


def _shape_of(pairs: Sequence[tuple[CheckedGraph, CheckedGraph]]) -> GraphShape:
    """Shape of the first graph, and of the first edges."""
    first = pairs[0][0]
    of_edges = (graph.edge_features.shape[1] for pair in pairs for graph in pair if graph.n_edges)
    return GraphShape(first.points.shape[1], first.features.shape[1:], next(of_edges, 0))


def _check_shape(graph: CheckedGraph, name: str, shape: GraphShape) -> None:
    # A graph without edges says nothing about their features.
    n_edge_features = graph.edge_features.shape[1] if graph.n_edges else shape.n_edge_features
    for what, got, expected in (
        ("coordinates of the points", graph.points.shape[1], shape.n_dimensions),
        ("shape of the features of a node", graph.features.shape[1:], shape.feature_shape),
        ("number of features of an edge", n_edge_features, shape.n_edge_features),
    ):
        if got != expected:
            raise ValueError(
                f"{name} must be like the other graphs, but the {what} is {got} and not {expected}"
            )
