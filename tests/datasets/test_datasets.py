from itertools import permutations, product

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from skid.datasets import (
    make_knapsack,
    make_matching_pairs,
    make_planted_subset,
    make_shortest_path,
    make_terrain_paths,
)
from skid.solvers.graph_path import ShortestPath
from skid.solvers.knapsack import Knapsack

GENERATORS = (
    make_knapsack,
    make_matching_pairs,
    make_planted_subset,
    make_shortest_path,
    make_terrain_paths,
)


@pytest.fixture(scope="module")
def maps():
    """More maps than are drawn at once."""
    return make_terrain_paths(70, shape=(6, 9), random_state=0)


def polynomial(X, mixing, degree):
    """The formula of the costs, one number at a time and without noise."""
    p = X.shape[1]
    costs = np.empty((len(X), len(mixing)))
    for i, features in enumerate(X):
        for j, chosen in enumerate(mixing):
            linear = sum(x for x, b in zip(features, chosen, strict=True) if b)
            costs[i, j] = ((linear / p**0.5 + 3) ** degree + 1) / 3.5**degree
    return costs


def cheapest_cost(costs):
    """Cost of the cheapest path across a map, by Dijkstra on its graph of steps."""
    rows, columns = costs.shape
    steps = np.zeros((rows * columns, rows * columns))
    for a in range(rows * columns):
        for b in range(rows * columns):
            apart = np.abs(np.subtract(divmod(a, columns), divmod(b, columns)))
            if a != b and apart.max() == 1:
                steps[a, b] = costs.flat[b]
    return costs[0, 0] + dijkstra(csr_array(steps), indices=0)[-1]


@pytest.mark.parametrize("generator", GENERATORS)
def test_same_seed_same_bits_and_no_global_draw(generator):
    np.random.seed(0)
    before = np.random.get_state()[1].tolist(), np.random.get_state()[2]
    first, second = generator(5, random_state=3), generator(5, random_state=3)
    other = generator(5, random_state=4)
    assert (np.random.get_state()[1].tolist(), np.random.get_state()[2]) == before
    for one, same in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, same)
    assert not np.array_equal(first[0], other[0])
    from_object = generator(5, random_state=np.random.RandomState(3))
    np.testing.assert_array_equal(first[0], from_object[0])


# The expected numbers are those of genData of PyEPO 2.2.7 with the same arguments and seed 42.
def test_shortest_path_agrees_with_the_published_generator():
    X, costs, edges = make_shortest_path(2, 2, grid=(2, 2), random_state=42)
    np.testing.assert_allclose(
        X, [[1.5792128155073915, 0.7674347291529088], [-0.4694743859349521, 0.5425600435859647]]
    )
    np.testing.assert_allclose(
        costs,
        [
            [0.7202218174934387, 2.150899887084961, 0.4394693076610565, 1.082465410232544],
            [0.8202747702598572, 0.4625563323497772, 0.6075597405433655, 0.5628665685653687],
        ],
        rtol=1e-7,
    )
    assert edges.tolist() == [[0, 1], [0, 2], [1, 3], [2, 3]]


def test_knapsack_agrees_with_the_published_generator():
    X, costs, weights, capacity = make_knapsack(
        2, 2, n_items=3, n_dimensions=2, random_state=42, capacity_share=0.5
    )
    np.testing.assert_allclose(
        X, [[-0.580878134023515, -0.5251698071781478], [-0.5713801657541415, -0.9240828377471049]]
    )
    assert costs.tolist() == [[-2, -3, -1], [-2, -2, -1]]
    assert weights.tolist() == [[402, 735, 648], [570, 406, 371]]
    assert capacity.tolist() == [892, 673]


@pytest.mark.parametrize("degree", [1, 4, 6])
def test_costs_follow_the_formula(degree):
    X, costs, edges = make_shortest_path(
        20, 3, grid=(3, 4), degree=degree, noise_width=0, random_state=5
    )
    mixing = np.random.RandomState(5).binomial(1, 0.5, (len(edges), 3))
    np.testing.assert_allclose(costs, polynomial(X, mixing, degree))
    X, costs, _, _ = make_knapsack(20, 3, n_items=7, degree=degree, noise_width=0, random_state=5)
    draws = np.random.RandomState(5)
    draws.choice(range(300, 800), size=(1, 7))
    values = 5 * polynomial(X, draws.binomial(1, 0.5, (7, 3)), degree)
    np.testing.assert_array_equal(costs, -np.ceil(values))


def test_noise_is_uniform_around_the_formula():
    settings = {"grid": (3, 3), "random_state": 0}
    _, without, _ = make_shortest_path(500, noise_width=0, **settings)
    _, costs, _ = make_shortest_path(500, noise_width=0.5, **settings)
    factors = np.sort((costs / without).ravel())
    assert 0.5 <= factors[0] < 0.51
    assert 1.49 < factors[-1] <= 1.5
    np.testing.assert_allclose(factors, np.linspace(0.5, 1.5, factors.size), atol=0.03)


@pytest.mark.parametrize("grid", [(5, 5), (2, 6), (1, 4), (4, 1)])
def test_edges_are_all_steps_east_and_south(grid):
    rows, columns = grid
    _, costs, edges = make_shortest_path(1, grid=grid, random_state=0)
    east = {(v, v + 1) for v in range(rows * columns) if (v + 1) % columns}
    south = {(v, v + columns) for v in range((rows - 1) * columns)}
    assert {tuple(edge) for edge in edges.tolist()} == east | south
    assert costs.shape == (1, len(edges))
    assert np.issubdtype(edges.dtype, np.integer)


def test_capacity_is_a_share_of_the_weight_of_each_dimension():
    _, _, weights, capacity = make_knapsack(
        1, n_items=40, n_dimensions=3, capacity_share=0.3, random_state=0
    )
    assert capacity.tolist() == [int(0.3 * total) for total in weights.sum(axis=1)]
    assert 300 <= weights.min() <= weights.max() <= 799


@pytest.mark.parametrize("n_dimensions", [1, 2])
def test_knapsacks_are_what_the_solver_takes(n_dimensions):
    _, costs, weights, capacity = make_knapsack(
        4, n_items=8, n_dimensions=n_dimensions, random_state=0
    )
    packings = np.array(list(product([0, 1], repeat=8)))
    fitting = packings[(packings @ weights.T <= capacity).all(axis=1)]
    solutions = Knapsack(weights, capacity).solve(costs)
    np.testing.assert_array_equal((costs * solutions).sum(axis=1), (costs @ fitting.T).min(axis=1))
    assert (solutions @ weights.T <= capacity).all()


def test_edges_are_what_the_solver_takes():
    _, costs, edges = make_shortest_path(5, grid=(3, 4), random_state=0)
    solutions = ShortestPath(edges, 0, 11).solve(costs)
    assert (solutions.sum(axis=1) == 5).all()
    for cost, solution in zip(costs, solutions, strict=True):
        distances = dijkstra(csr_array((cost, tuple(edges.T)), shape=(12, 12)), indices=0)
        assert (cost * solution).sum() == pytest.approx(distances[-1])


def test_paths_are_connected_and_no_path_is_cheaper(maps):
    _, costs, paths = maps
    assert set(np.unique(paths)) == {0, 1}
    for cost, path in zip(costs, paths, strict=True):
        on_path = np.where(path == 1, cost, 1e6)
        assert cheapest_cost(on_path) == pytest.approx((cost * path).sum())
        assert cheapest_cost(cost) == pytest.approx((cost * path).sum())


def test_terrains_share_each_map_equally_and_lie_in_patches():
    _, costs, _ = make_terrain_paths(50, shape=(10, 10), tile_pixels=1, random_state=0)
    for cost in costs:
        values, counts = np.unique(cost, return_counts=True)
        assert values.tolist() == [0.8, 1.2, 5.3, 7.7, 9.2]
        assert counts.tolist() == [20] * 5
    alike = np.mean(costs[:, 1:] == costs[:, :-1])
    _, scattered, _ = make_terrain_paths(
        50, shape=(10, 10), tile_pixels=1, smoothness=0, random_state=0
    )
    assert np.mean(scattered[:, 1:] == scattered[:, :-1]) < 0.25 < 0.45 < alike


def test_terrains_trade_places_from_map_to_map():
    # In one fixed order of heights the first terrain would hardly touch the last.
    _, costs, _ = make_terrain_paths(400, tile_pixels=1, terrain_costs=range(3), random_state=0)
    pairs = np.sort(np.stack([costs[:, 1:].ravel(), costs[:, :-1].ravel()]), axis=0)
    contacts = [np.mean((pair == pairs.T).all(axis=1)) for pair in ((0, 1), (0, 2), (1, 2))]
    np.testing.assert_allclose(contacts, np.mean(contacts), rtol=0.1)


def test_pictures_tell_the_terrain():
    terrain_of_tile = {}
    for seed in (0, 1):
        images, costs, _ = make_terrain_paths(
            40, shape=(6, 6), brightness=0, noise=0, dtype=np.uint8, random_state=seed
        )
        tiles = images.reshape(40, 6, 8, 6, 8, 3).transpose(0, 1, 3, 2, 4, 5).reshape(-1, 8, 8, 3)
        for tile, cost in zip(tiles, costs.ravel(), strict=True):
            terrain_of_tile.setdefault(tile[1:-1, 1:-1].tobytes(), set()).add(cost)
    assert all(len(costs) == 1 for costs in terrain_of_tile.values())
    textures = [cost for costs in terrain_of_tile.values() for cost in costs]
    assert sorted(textures) == sorted([0.8, 1.2, 5.3, 7.7, 9.2] * 4)


def test_noise_brightness_and_borders_change_the_pictures():
    settings = {"shape": (5, 5), "tile_pixels": 6, "random_state": 0}
    plain, *_ = make_terrain_paths(30, brightness=0, noise=0, **settings)
    noisy, *_ = make_terrain_paths(30, brightness=0, noise=0.02, **settings)
    assert np.std(noisy - plain) == pytest.approx(0.02, rel=0.05)
    lit, *_ = make_terrain_paths(30, brightness=0.1, noise=0, **settings)
    light = [
        pictures.reshape(30, 5, 6, 5, 6, 3)[:, :, 1:-1, :, 1:-1].sum(axis=(2, 4, 5))
        for pictures in (lit, plain)
    ]
    ratios = np.sort((light[0] / light[1]).ravel())
    np.testing.assert_allclose(ratios, np.linspace(0.9, 1.1, ratios.size), atol=0.02)
    steps = np.abs(np.diff(plain, axis=1)).mean(axis=(0, 2, 3)).reshape(-1)
    between = np.arange(len(steps)) % 6 == 5
    # A border is spread over three steps: half of it, and a quarter on either side.
    first_and_last = np.isin(np.arange(len(steps)) % 6, (0, 4))[1:-1]
    assert steps[between].min() > steps[1:-1][first_and_last].max() > steps[2]


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_the_same_picture_in_every_dtype(dtype, maps):
    images, costs, paths = make_terrain_paths(70, shape=(6, 9), dtype=dtype, random_state=0)
    assert images.dtype == dtype
    assert images.shape == (70, 48, 72, 3)
    scale = 255 if dtype == "uint8" else 1
    assert 0 <= images.min() < 0.1 * scale < 0.9 * scale < images.max() <= scale
    np.testing.assert_allclose(images / scale, maps[0], atol=1e-6)
    np.testing.assert_array_equal(costs, maps[1])
    assert costs.dtype == paths.dtype == np.float64


@pytest.mark.parametrize("n_informative", [1, 2, 3, 4, 5, 6])
def test_target_is_the_formula_of_the_support(n_informative):
    X, y, support = make_planted_subset(
        60, 15, n_informative=n_informative, n_redundant=3, noise=0, random_state=n_informative
    )
    assert support.sum() == n_informative

    def standard(term):
        return (term - term.mean()) / term.std()

    def formula(a, b=None, c=None, d=None, e=None, f=None):
        terms = [a]
        terms += [] if b is None else [np.tanh(2 * b)]
        terms += [] if c is None else [c**2]
        terms += [] if d is None else [d if e is None else d * e]
        terms += [] if f is None else [np.abs(f)]
        return sum(map(standard, terms))

    gaps = [np.abs(formula(*columns) - y).max() for columns in permutations(X[:, support].T)]
    assert min(gaps) < 1e-12


def test_decoys_imitate_informative_columns_and_say_nothing_more():
    X, y, support = make_planted_subset(
        20_000, 30, n_informative=4, n_redundant=6, redundancy=0.8, random_state=0
    )
    correlations = np.corrcoef(X, rowvar=False)[~support][:, support]
    imitates = np.abs(correlations) > 0.1
    assert imitates.sum(axis=1).max() == 1
    assert sorted(imitates.sum(axis=0)) == [1, 1, 2, 2]
    np.testing.assert_allclose(correlations[imitates], 0.8, atol=0.02)
    np.testing.assert_allclose(X.std(axis=0), 1, atol=0.03)
    for decoy, of in np.argwhere(imitates):
        rest = X[:, ~support][:, decoy] - 0.8 * X[:, support][:, of]
        for function in (np.abs, np.asarray, np.square):
            assert abs(np.corrcoef(function(rest), y)[0, 1]) < 0.03


def test_half_of_the_support_has_no_linear_correlation_with_the_target():
    X, y, support = make_planted_subset(20_000, 40, n_informative=6, random_state=0, noise=0.1)
    linear = np.abs([np.corrcoef(column, y)[0, 1] for column in X[:, support].T])
    assert sorted(linear > 0.1) == [False] * 4 + [True] * 2
    terms = 5 * 1.1
    assert y.var() == pytest.approx(terms, rel=0.03)


def test_classes_are_terciles_of_the_same_target():
    settings = {"n_samples": 300, "n_features": 20, "random_state": 1}
    X, classes, support = make_planted_subset(classification=True, **settings)
    same_X, y, same_support = make_planted_subset(**settings)
    np.testing.assert_array_equal(X, same_X)
    np.testing.assert_array_equal(support, same_support)
    assert np.bincount(classes).tolist() == [100, 100, 100]
    assert y[classes == 0].max() < y[classes == 1].min()
    assert y[classes == 1].max() < y[classes == 2].min()


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_partners_are_rotated_and_scaled_copies(n_dimensions):
    X, y = make_matching_pairs(
        50, (4, 9), n_outliers=2, n_dimensions=n_dimensions, jitter=0, scale=2, random_state=0
    )
    factors = []
    for (first, second), partners in zip(X, y, strict=True):
        matched = partners >= 0
        assert (~matched).sum() == 2
        assert len(first) == len(second) == len(partners)
        ends = [first[matched], second[partners[matched]]]
        ends = [points - points.mean(axis=0) for points in ends]
        # A rotation times a number maps one onto the other: the determinant is not negative.
        mapping = np.linalg.lstsq(*ends)[0]
        factor = np.linalg.det(mapping) ** (1 / n_dimensions)
        np.testing.assert_allclose(mapping @ mapping.T, factor**2 * np.eye(n_dimensions), atol=1e-9)
        np.testing.assert_allclose(ends[0] @ mapping, ends[1], atol=1e-9)
        factors.append(factor)
    assert 0.5 <= min(factors) < 0.6
    assert 1.7 < max(factors) <= 2
    assert {len(partners) for partners in y} == {*range(6, 12)}


def test_jitter_is_a_share_of_the_distance_of_neighbours():
    X, y = make_matching_pairs(200, 25, jitter=0.3, rotation=False, scale=1, random_state=0)
    moves = [second[partners] - first for (first, second), partners in zip(X, y, strict=True)]
    assert np.std(moves) == pytest.approx(0.3 / 5, rel=0.03)
    _, y = make_matching_pairs(2, 4, rotation=False, random_state=1)
    assert all(sorted(partners) == [0, 1, 2, 3] for partners in y)


@pytest.mark.parametrize(
    ("generator", "parameters", "message"),
    [
        (make_shortest_path, {"n_samples": 0}, "'n_samples'.* Got 0"),
        (make_shortest_path, {"degree": 0}, "'degree'.* Got 0"),
        (make_shortest_path, {"noise_width": 1.5}, "'noise_width'.* Got 1.5"),
        (make_shortest_path, {"grid": (5, 5, 5)}, r"grid must be two .*, got \(5, 5, 5\)"),
        (make_shortest_path, {"grid": (2.5, 5)}, r"grid must be two .*, got \(2.5, 5\)"),
        (make_shortest_path, {"grid": (1, 1)}, r"at least two vertices, got \(1, 1\)"),
        (make_knapsack, {"capacity_share": 0}, "'capacity_share'.* Got 0"),
        (make_knapsack, {"n_dimensions": 0}, "'n_dimensions'.* Got 0"),
        (make_terrain_paths, {"shape": (0, 3)}, r"shape must be two .*, got \(0, 3\)"),
        (make_terrain_paths, {"tile_pixels": 0}, "'tile_pixels'.* Got 0"),
        (make_terrain_paths, {"brightness": -0.1}, "'brightness'.* Got -0.1"),
        (make_terrain_paths, {"dtype": np.int64}, "dtype must be float32, .* got int64"),
        (
            make_terrain_paths,
            {"terrain_costs": [1.0]},
            r"2 to 8 numbers, got an array of shape \(1,\)",
        ),
        (make_terrain_paths, {"terrain_costs": [1.0, -1.0]}, r"at least 0, got \[1.0, -1.0\]"),
        (make_planted_subset, {"n_features": 9}, r"at most n_features=9, got 5 \+ 5"),
        (make_planted_subset, {"redundancy": 1.1}, "'redundancy'.* Got 1.1"),
        (make_planted_subset, {"n_samples": 1}, "'n_samples'.* Got 1"),
        (make_matching_pairs, {"n_points": 0}, "'n_points'.* Got 0"),
        (make_matching_pairs, {"n_points": (5, 4)}, r"both at least 1, got \(5, 4\)"),
        (make_matching_pairs, {"n_points": (2.5, 4)}, r"both at least 1, got \(2.5, 4\)"),
        (make_matching_pairs, {"n_points": (3, 4, 5)}, r"both at least 1, got \(3, 4, 5\)"),
        (make_matching_pairs, {"n_outliers": -1}, "'n_outliers'.* Got -1"),
        (make_matching_pairs, {"n_dimensions": 4}, "'n_dimensions'.* Got 4"),
        (make_matching_pairs, {"jitter": -0.1}, "'jitter'.* Got -0.1"),
        (make_matching_pairs, {"scale": 0.5}, "'scale'.* Got 0.5"),
    ],
)
def test_faulty_parameters_are_named(generator, parameters, message):
    with pytest.raises(ValueError, match=message):
        generator(**parameters)
