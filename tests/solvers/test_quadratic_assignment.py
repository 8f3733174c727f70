import pickle
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.base import clone

import skid.solvers.algorithms.quadratic_matching as quadratic_matching
from skid.exceptions import TimeLimitWarning
from skid.solvers import Assignment, QuadraticAssignment
from skid.solvers.algorithms import threads


def matchings(n, m, *, partial):
    """Every matching, as the column of each row, -1 for none."""
    if partial:
        for columns in product(range(-1, m), repeat=n):
            matched = [column for column in columns if column >= 0]
            if len(set(matched)) == len(matched):
                yield np.array(columns)
    elif n <= m:
        yield from map(np.array, permutations(range(m), n))
    else:
        for rows in permutations(range(n), m):
            columns = np.full(n, -1)
            columns[list(rows)] = np.arange(m)
            yield columns


def energy(columns, node_costs, edge_costs, edges_a, edges_b, unmatched_cost=0):
    """The cost of a matching by its definition."""
    n, m = node_costs.shape
    x = np.zeros((n, m), bool)
    for i, j in enumerate(columns):
        if j >= 0:
            x[i, j] = True
    total = sum(node_costs[x]) + unmatched_cost * (n + m - 2 * x.sum())
    for e, (i, k) in enumerate(edges_a):
        for f, (j, h) in enumerate(edges_b):
            if x[i, j] and x[k, h]:
                total += edge_costs[e, f]
    return total


def cheapest(node_costs, edge_costs, edges_a, edges_b, unmatched_cost=None):
    candidates = matchings(*node_costs.shape, partial=unmatched_cost is not None)
    rest = (node_costs, edge_costs, edges_a, edges_b, unmatched_cost or 0)
    return min(energy(columns, *rest) for columns in candidates)


def random_edges(rng, n, density):
    pairs = np.argwhere(rng.random((n, n)) < density)
    return rng.permutation(pairs) if len(pairs) else np.empty((0, 2), int)


def all_edges(n):
    return np.array([(i, k) for i in range(n) for k in range(n) if i != k])


def assert_matchings(solver, solutions):
    x = solver.matchings_of(solutions)
    n, m = x.shape[1:]
    assert np.isin(solutions, (0, 1)).all()
    assert (x.sum(axis=1) <= 1).all()
    assert (x.sum(axis=2) <= 1).all()
    if solver.unmatched_cost is None:
        assert (x.sum(axis=(1, 2)) == min(n, m)).all()
    i, k = np.transpose(solver.edges_a)
    j, h = np.transpose(solver.edges_b)
    products = x[:, i][:, :, j] * x[:, k][:, :, h]
    np.testing.assert_array_equal(solutions[:, n * m :].reshape(products.shape), products)


# Eighths add up without rounding, so totals are exact.
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 5),
    m=st.integers(1, 5),
    density=st.sampled_from([0.0, 0.3, 0.7, 1.0]),
    unmatched_cost=st.sampled_from([None, None, 0, 0.125, -0.5]),
    dtype=st.sampled_from(["f4", "f8"]),
)
@settings(max_examples=150)
def test_agrees_with_brute_force(seed, n, m, density, unmatched_cost, dtype):
    rng = np.random.default_rng(seed)
    # Also loops, and sometimes the same edge twice.
    edges = [random_edges(rng, size, density) for size in (n, m)]
    edges = [np.concatenate([part, part[: rng.integers(2)]]) for part in edges]
    node_costs = rng.integers(-8, 9, size=(2, n, m)) / 8
    edge_costs = rng.integers(-8, 9, size=(2, len(edges[0]), len(edges[1]))) / 8
    solver = QuadraticAssignment(n, m, *edges, unmatched_cost=unmatched_cost)
    costs = solver.costs_of(node_costs, edge_costs).astype(dtype)
    solutions = solver.solve(costs)
    assert solutions.dtype == dtype
    if len(edges[0]) and len(edges[1]):
        assert_matchings(solver, solutions)
    expected = [
        cheapest(*instance, *edges, unmatched_cost)
        for instance in zip(node_costs, edge_costs, strict=True)
    ]
    np.testing.assert_array_equal(solver.total_costs(costs, solutions), expected)
    assert (solver.lower_bounds(costs) <= np.array(expected) + 1e-9).all()


@pytest.mark.parametrize(("n", "m"), [(7, 7), (4, 7), (7, 4)])
def test_agrees_with_brute_force_up_to_seven_nodes(n, m):
    rng = np.random.default_rng(n + 10 * m)
    edges = all_edges(n), all_edges(m)
    solver = QuadraticAssignment(n, m, *edges)
    costs = rng.normal(size=(2, *solver.cost_shape))
    costs[1] = np.sign(costs[1])
    solutions = solver.solve(costs)
    assert_matchings(solver, solutions)
    x = np.array(list(matchings(n, m, partial=False)))
    i, k = edges[0].T
    j, h = edges[1].T
    for cost, total in zip(costs, solver.total_costs(costs, solutions), strict=True):
        # The last column is that of no match.
        node_costs = np.pad(cost[: n * m].reshape(n, m), ((0, 0), (0, 1)))
        table = np.zeros((len(i), m + 1, m + 1))
        table[:, j, h] = cost[n * m :].reshape(len(i), -1)
        totals = node_costs[np.arange(n), x].sum(axis=1)
        for edge in range(len(i)):
            totals += table[edge, x[:, i[edge]], x[:, k[edge]]]
        np.testing.assert_allclose(total, totals.min())


@pytest.mark.parametrize("unmatched_cost", [None, 0.3])
def test_forbidden_pairs_are_avoided(unmatched_cost):
    rng = np.random.default_rng(1)
    edges = all_edges(4), all_edges(5)
    solver = QuadraticAssignment(4, 5, *edges, unmatched_cost=unmatched_cost)
    costs = rng.normal(size=(20, *solver.cost_shape))
    costs[rng.random(costs.shape) < 0.15] = np.inf
    solutions = solver.solve(costs)
    assert_matchings(solver, solutions)
    expected = [
        cheapest(cost[:20].reshape(4, 5), cost[20:].reshape(12, 20), *edges, unmatched_cost)
        for cost in costs
    ]
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(solver.total_costs(costs, solutions), expected)


def test_instances_without_a_matching_are_named():
    edges = [(0, 1)]
    costs = np.zeros((3, 5))
    costs[1, [0, 1]] = np.inf
    message = "costs must allow a matching, got too many infinite costs in instance 1"
    with pytest.raises(ValueError, match=message):
        QuadraticAssignment(2, 2, edges, edges).solve(costs)
    np.testing.assert_array_equal(
        QuadraticAssignment(2, 2, edges, edges).lower_bounds(costs), [0, np.inf, 0]
    )
    # Either of two pairs of pairs, and both must not occur.
    costs = np.zeros((1, 8))
    costs[0, 4:] = np.inf
    both = [(0, 1), (1, 0)]
    message = "costs must allow a matching, got too many infinite costs in instance 0"
    with pytest.raises(ValueError, match=message):
        QuadraticAssignment(2, 2, both, both).solve(costs)
    solver = QuadraticAssignment(2, 2, both, both, unmatched_cost=1)
    np.testing.assert_array_equal(solver.total_costs(costs, solver.solve(costs)), [2])


def cycles(*lengths):
    """Both directions of the edges of cycles, one after the other."""
    starts = np.cumsum([0, *lengths[:-1]])
    edges = [
        (start + i, start + (i + 1) % length)
        for start, length in zip(starts, lengths, strict=True)
        for i in range(length)
    ]
    return np.array(edges + [edge[::-1] for edge in edges])


def test_a_search_that_finds_nothing_is_told_from_a_proof_that_there_is_nothing():
    """One cycle does not fit on two, which neither degrees nor the bound can tell."""
    missing = ~np.eye(14, dtype=bool)
    missing[tuple(cycles(7, 7).T)] = False
    solver = QuadraticAssignment(14, 14, cycles(14), np.argwhere(missing))
    costs = np.zeros((1, *solver.cost_shape))
    costs[0, 14 * 14 :] = np.inf
    message = "No matching without infinite costs was found in instance 0, which may have none"
    with pytest.raises(ValueError, match=message):
        solver.solve(costs)
    message = "costs must allow a matching, got too many infinite costs in instance 0"
    with pytest.raises(ValueError, match=message):
        solver.set_params(max_search=10**7).solve(costs)


def test_large_instances_with_forbidden_pairs():
    """Only one matching is possible, and the edges do not help to find it."""
    rng = np.random.default_rng(3)
    n = 20
    solver = QuadraticAssignment(n, n, all_edges(n)[::7], all_edges(n)[::5])
    hidden = rng.permutation(n)
    costs = rng.normal(size=(1, *solver.cost_shape))
    node_costs = costs[0, : n * n].reshape(n, n)
    node_costs[np.arange(n) < np.arange(n)[:, None]] = np.inf
    node_costs[:] = node_costs[:, hidden]
    (x,) = solver.matchings_of(solver.solve(costs))
    np.testing.assert_array_equal(hidden[x.argmax(axis=1)], np.arange(n))
    costs[0, : n * n] = np.inf
    with pytest.raises(ValueError, match=r"costs must allow a matching, .* in instance 0"):
        solver.solve(costs)


def padded_batch(rng, n_instances=12):
    parts = []
    for _ in range(n_instances):
        n, m = rng.integers(1, 6, size=2)
        edges = random_edges(rng, n, 0.5), random_edges(rng, m, 0.5)
        parts.append((rng.normal(size=(n, m)), rng.normal(size=tuple(map(len, edges))), *edges))
    return parts


@pytest.mark.parametrize("unmatched_cost", [None, 0.2])
def test_padded_instances_are_solved_as_alone(unmatched_cost):
    rng = np.random.default_rng(4)
    parts = padded_batch(rng)
    costs, context = QuadraticAssignment.pad(*zip(*parts, strict=True))
    n, m = context["n_nodes"].max(axis=0)
    solver = QuadraticAssignment(n, m, None, None, unmatched_cost=unmatched_cost)
    assert solver.cost_shape == (None,)
    solutions = solver.solve(costs, **context)
    totals = solver.total_costs(costs, solutions, n_nodes=context["n_nodes"])
    bounds = solver.lower_bounds(costs, **context)
    for index, (node_costs, edge_costs, *edges) in enumerate(parts):
        alone = QuadraticAssignment(*node_costs.shape, *edges, unmatched_cost=unmatched_cost)
        cost = alone.costs_of(node_costs[None], edge_costs[None])
        solution = alone.solve(cost)
        matched, alone_matched = solver.matchings_of(solutions)[index], alone.matchings_of(solution)
        np.testing.assert_array_equal(
            matched[: len(node_costs), : node_costs.shape[1]], alone_matched[0]
        )
        assert matched.sum() == alone_matched.sum()
        assert solutions[index].sum() == solution.sum()
        np.testing.assert_allclose(totals[index], alone.total_costs(cost, solution)[0])
        np.testing.assert_allclose(bounds[index], alone.lower_bounds(cost)[0])
    # What stands in the padding has no influence.
    noisy = costs.copy()
    for index, (node_costs, _, edges_a, edges_b) in enumerate(parts):
        nodes = noisy[index, : n * m].reshape(n, m)
        edges = noisy[index, n * m :].reshape(-1, context["edges_b"].shape[1])
        for table, shape in (
            (nodes, node_costs.shape),
            (edges, (len(edges_a), len(edges_b))),
        ):
            table[shape[0] :] = 1e200
            table[:, shape[1] :] = np.inf
    np.testing.assert_array_equal(solver.solve(noisy, **context), solutions)


def test_without_edges_it_is_an_assignment():
    costs = np.random.default_rng(5).normal(size=(10, 30, 40))
    solver = QuadraticAssignment(30, 40)
    solutions = solver.solve(costs.reshape(10, -1))
    np.testing.assert_array_equal(solver.matchings_of(solutions), Assignment(30, 40).solve(costs))
    totals = solver.total_costs(costs.reshape(10, -1), solutions)
    np.testing.assert_allclose(solver.lower_bounds(costs.reshape(10, -1)), totals)


def planar_instances(seed, n_instances, n, m):
    """Points and their displaced images, with an edge to each of the four nearest points."""
    rng = np.random.default_rng(seed)
    points = rng.random((n_instances, max(n, m), 2))
    images = points + 0.02 * rng.normal(size=points.shape)
    parts = []
    for a, b in zip(points[:, :n], images[:, :m], strict=True):
        edges, lengths = [], []
        for nodes in (a, b):
            distance = np.linalg.norm(nodes[:, None] - nodes, axis=2)
            near = np.argsort(distance, axis=1)[:, 1:5]
            edges.append(np.stack([np.repeat(np.arange(len(nodes)), 4), near.ravel()], axis=1))
            lengths.append(distance[tuple(edges[-1].T)])
        edge_costs = -np.exp(-((lengths[0][:, None] - lengths[1]) ** 2) / 0.005)
        parts.append((np.zeros((n, m)), edge_costs, *edges))
    return QuadraticAssignment.pad(*zip(*parts, strict=True))


def test_displaced_points_are_found_again():
    costs, context = planar_instances(0, 10, 20, 25)
    solver = QuadraticAssignment(20, 25, None, None)
    solutions = solver.solve(costs, **context)
    x = solver.matchings_of(solutions)
    assert x[:, np.arange(20), np.arange(20)].mean() > 0.9
    totals = solver.total_costs(costs, solutions)
    truth = np.eye(20, 25)
    for index, cost in enumerate(costs):
        edges = [context[name][index] for name in ("edges_a", "edges_b")]
        columns = truth.argmax(axis=1)
        planted = energy(columns, np.zeros((20, 25)), cost[500:].reshape(80, 100), *edges)
        assert totals[index] <= planted + 1e-9
    bounds = solver.lower_bounds(costs, **context)
    assert (bounds <= totals + 1e-9).all()
    looser = solver.lower_bounds(costs, **context, n_sweeps=2)
    assert (looser < bounds).all()


@pytest.mark.parametrize("n", [7, 12, 20])
def test_more_proposals_and_another_search_are_never_better_than_exact(n):
    rng = np.random.default_rng(n)
    edges = all_edges(n)
    solver = QuadraticAssignment(n, n, edges, edges, max_search=0, n_proposals=1)
    flows, distances = rng.integers(0, 9, size=(2, 3, n, n))
    i, k = edges.T
    costs = solver.costs_of(np.zeros((3, n, n)), flows[:, i, k, None] * distances[:, None, i, k])
    few = solver.total_costs(costs, solver.solve(costs))
    many = solver.total_costs(costs, clone(solver).set_params(n_proposals=40).solve(costs))
    assert (many <= few).all()
    assert (solver.lower_bounds(costs) <= many).all()
    if n <= 12:
        exact = solver.total_costs(costs, clone(solver).set_params(max_search=10**7).solve(costs))
        assert (exact <= many).all()


def test_a_known_optimum_of_twelve_nodes():
    """Nugent's twelve rooms of a 3 x 4 grid; QAPLIB gives the optimum 578."""
    flows = np.zeros((12, 12))
    flows[np.triu_indices(12, 1)] = [
        5, 2, 4, 1, 0, 0, 6, 2, 1, 1, 1, 3, 0, 2, 2, 2, 0, 4, 5, 0, 0, 0, 0, 0, 0, 5, 5, 2, 2, 2,
        5, 2, 2, 10, 0, 0, 5, 5, 10, 0, 0, 0, 5, 1, 1, 5, 1, 1, 5, 4, 0, 10, 5, 2, 3, 3, 0, 0, 5, 0,
        0, 10, 10, 5, 0, 2,
    ]  # fmt: skip
    rooms = np.array(list(product(range(3), range(4))))
    distances = abs(rooms[:, None] - rooms).sum(axis=2)
    edges = all_edges(12)
    i, k = edges.T
    solver = QuadraticAssignment(12, 12, edges, edges, max_search=10**7)
    costs = solver.costs_of(
        np.zeros((1, 12, 12)), (flows + flows.T)[None, i, k, None] * distances[None, None, i, k]
    )
    for scale in (1, 1 / 7, 1e-300, 1e290):
        assert solver.total_costs(costs, solver.solve(scale * costs)) == 578


@pytest.mark.parametrize("unmatched_cost", [None, -0.3])
def test_relabelled_and_exchanged_graphs_cost_the_same(unmatched_cost):
    rng = np.random.default_rng(6)
    n, m = 6, 7
    edges_a, edges_b = random_edges(rng, n, 0.5), random_edges(rng, m, 0.5)
    node_costs = rng.normal(size=(3, n, m))
    edge_costs = rng.normal(size=(3, len(edges_a), len(edges_b)))

    def totals(nodes, edges, first, second):
        solver = QuadraticAssignment(*nodes.shape[1:], first, second, unmatched_cost=unmatched_cost)
        costs = solver.costs_of(nodes, edges)
        return solver.total_costs(costs, solver.solve(costs))

    expected = totals(node_costs, edge_costs, edges_a, edges_b)
    rows, columns = rng.permutation(n), rng.permutation(m)
    relabelled = totals(
        node_costs[:, rows][:, :, columns],
        edge_costs,
        np.argsort(rows)[edges_a],
        np.argsort(columns)[edges_b],
    )
    np.testing.assert_allclose(relabelled, expected)
    exchanged = totals(node_costs.swapaxes(1, 2), edge_costs.swapaxes(1, 2), edges_b, edges_a)
    np.testing.assert_allclose(exchanged, expected)
    order = rng.permutation(len(edges_a))
    np.testing.assert_allclose(
        totals(node_costs, edge_costs[:, order], edges_a[order], edges_b), expected
    )


def test_a_factor_changes_nothing():
    costs, context = planar_instances(1, 4, 15, 15)
    solver = QuadraticAssignment(15, 15, None, None)
    solutions = solver.solve(costs, **context)
    for factor in (2.0**-1000, 3.7, 2.0**1000):
        np.testing.assert_array_equal(solver.solve(factor * costs, **context), solutions)


def test_solutions_do_not_depend_on_threads_and_batches(monkeypatch):
    costs, context = planar_instances(2, 12, 20, 22)
    solver = QuadraticAssignment(20, 22, None, None)
    solutions = solver.solve(costs, **context)
    for n_threads in (1, 5):
        monkeypatch.setattr(threads, "n_threads", lambda n_threads=n_threads: n_threads)
        np.testing.assert_array_equal(solver.solve(costs, **context), solutions)
    for index in range(len(costs)):
        part = {name: values[index : index + 1] for name, values in context.items()}
        alone = solver.solve(costs[index : index + 1], **part)
        np.testing.assert_array_equal(alone[0], solutions[index])


def test_time_limit_is_reported_with_instance_and_gap():
    edges = all_edges(14)
    solver = QuadraticAssignment(14, 14, edges, edges, time_limit=1e-6, max_search=10**9)
    assert not solver.binary
    costs = np.zeros((2, *solver.cost_shape))
    costs[1] = np.random.default_rng(7).normal(size=costs.shape[1])
    with pytest.warns(TimeLimitWarning, match=r"in 1 of 2 instances \(1\).* gap is .*instance 1"):
        solutions = solver.solve(costs)
    assert_matchings(solver, solutions)


def test_a_longer_time_limit_finds_more():
    edges = all_edges(10)
    solver = QuadraticAssignment(10, 10, edges, edges, max_search=10**9)
    costs = np.random.default_rng(8).normal(size=(3, *solver.cost_shape))
    expected = solver.solve(costs)
    np.testing.assert_array_equal(solver.set_params(time_limit=1000).solve(costs), expected)


def test_instances_too_large_for_a_bound(monkeypatch):
    costs, context = planar_instances(9, 3, 15, 15)
    solver = QuadraticAssignment(15, 15, None, None)
    expected = solver.total_costs(costs, solver.solve(costs, **context))
    monkeypatch.setattr(quadratic_matching, "_LARGEST_DUAL", 10)
    solver.set_params(n_proposals=60)
    solutions = solver.solve(costs, **context)
    np.testing.assert_allclose(solver.total_costs(costs, solutions), expected)
    np.testing.assert_array_equal(solver.lower_bounds(costs, **context), [-np.inf] * 3)


EDGE = [(0, 1)]


@pytest.mark.parametrize(
    ("solver", "costs", "context", "message"),
    [
        (
            QuadraticAssignment(2, 3, EDGE, EDGE),
            np.zeros((1, 6)),
            {},
            r"shape \(n, 7\), got \(1, 6\)",
        ),
        (
            QuadraticAssignment(1),
            [[0.0], [np.nan]],
            {},
            "costs must be finite or inf, got nan in instance 1",
        ),
        (QuadraticAssignment(0), np.zeros((1, 0)), {}, "n must be .* at least 1, got 0"),
        (QuadraticAssignment(1, 1.5), np.zeros((1, 1)), {}, "m must be .* at least 1, got 1.5"),
        (
            QuadraticAssignment(2, 2, [(0, 2)], EDGE),
            np.zeros((1, 5)),
            {},
            r"edges_a must connect nodes from 0 to 1, got \(0, 2\) as edge 0",
        ),
        (
            QuadraticAssignment(2, 2, EDGE, [(0.0, 1.0)]),
            np.zeros((1, 5)),
            {},
            "edges_b must be integers, got dtype float64",
        ),
        (
            QuadraticAssignment(2, 2, EDGE, [0, 1]),
            np.zeros((1, 5)),
            {},
            r"edges_b must have shape \(e, 2\), got \(2,\)",
        ),
        (
            QuadraticAssignment(2, 2, None, EDGE),
            np.zeros((1, 5)),
            {},
            "edges_a must be passed to solve if it is None",
        ),
        (
            QuadraticAssignment(2, 2, None, EDGE),
            np.zeros((2, 5)),
            {"edges_a": [EDGE]},
            r"edges_a must have shape \(2, e, 2\), got \(1, 1, 2\)",
        ),
        (
            QuadraticAssignment(2, 2, None, EDGE),
            np.zeros((2, 5)),
            {"edges_a": [EDGE, [(-1, 1)]]},
            r"edges_a must connect .* got \(-1, 1\) as edge 0 of instance 1",
        ),
        (
            QuadraticAssignment(2, 2, EDGE, EDGE),
            np.zeros((2, 5)),
            {"n_nodes": [[2, 2], [1, 2]]},
            r"edges_a must connect nodes from 0 to 0, got \(0, 1\) as edge 0 of instance 1",
        ),
        (
            QuadraticAssignment(2),
            np.zeros((2, 4)),
            {"n_nodes": [[2, 2], [1, 3]]},
            r"n_nodes must be at least 1 and at most \(2, 2\), got \(1, 3\) in instance 1",
        ),
        (
            QuadraticAssignment(2),
            np.zeros((2, 4)),
            {"n_nodes": [2, 2]},
            r"n_nodes must be integers of shape \(2, 2\)",
        ),
        (
            QuadraticAssignment(1, unmatched_cost=np.inf),
            np.zeros((1, 1)),
            {},
            "unmatched_cost must be None or a finite number, got inf",
        ),
        (QuadraticAssignment(1, n_proposals=0), np.zeros((1, 1)), {}, "n_proposals must be .* 0"),
        (QuadraticAssignment(1, max_search=-1), np.zeros((1, 1)), {}, "max_search must be .* -1"),
        (QuadraticAssignment(1, time_limit=0), np.zeros((1, 1)), {}, "time_limit must be .* 0"),
    ],
)
def test_faulty_input_is_named(solver, costs, context, message):
    with pytest.raises(ValueError, match=message):
        solver.solve(costs, **context)


def test_parameters_are_readable_and_decide_equality():
    solver = QuadraticAssignment(3, 4, EDGE, np.array(EDGE), unmatched_cost=1)
    assert solver.cost_shape == (13,)
    assert QuadraticAssignment(3).cost_shape == (9,)
    assert solver.binary
    assert not QuadraticAssignment(3, 9).binary
    for copy in (clone(solver), pickle.loads(pickle.dumps(solver))):
        assert copy == solver
        assert hash(copy) == hash(solver)
    assert copy.set_params(edges_a=[(1, 0)]) != solver
