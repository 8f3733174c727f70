"""Pairs of point sets of which one is a moved copy of the other, and quick settings."""

import numpy as np
import pytest
import tensorflow as tf

from skid import GraphMatcher


def rotation(n_dimensions, random):
    """A random rotation, without a reflection."""
    axes, _ = np.linalg.qr(random.normal(size=(n_dimensions, n_dimensions)))
    axes[:, 0] *= np.sign(np.linalg.det(axes))
    return axes


def moved_copy(random, n_points, *, n_dimensions=2, n_outliers=0):
    """Points, a jittered, rotated, scaled, shifted and permuted copy of them, and the partners.

    The last ``n_outliers`` points of both sets are drawn independently of each other.
    """
    points = random.normal(size=(n_points + n_outliers, n_dimensions))
    copy = points + 0.03 * random.normal(size=points.shape)
    copy[n_points:] = random.normal(size=(n_outliers, n_dimensions))
    copy = random.uniform(0.5, 2) * copy @ rotation(n_dimensions, random)
    copy += random.normal(size=n_dimensions)
    order_a, order_b = (random.permutation(len(points)) for _ in range(2))
    partners = np.where(order_a < n_points, np.argsort(order_b)[order_a], -1)
    return (points[order_a], copy[order_b]), partners


def with_distraction(pairs, seed, n_features=4):
    """The same pairs with features of the nodes that say nothing."""
    random = np.random.RandomState(seed)
    return [
        [
            {"points": points, "features": random.normal(size=(len(points), n_features))}
            for points in pair
        ]
        for pair in pairs
    ]


def moved_copies(n_pairs, seed, n_points=7, **settings):
    """Pairs of point sets and their partners; ``n_points`` may be a range of sizes."""
    random = np.random.RandomState(seed)
    sizes = [n_points] if isinstance(n_points, int) else n_points
    pairs = [moved_copy(random, random.choice(sizes), **settings) for _ in range(n_pairs)]
    return [pair for pair, _ in pairs], [partners for _, partners in pairs]


def quick(**parameters):
    """An estimator that is trained in a second."""
    settings = {"hidden_layer_sizes": 16, "max_iter": 10, "learning_rate_init": 0.01}
    return GraphMatcher(**(settings | {"random_state": 0} | parameters))


@pytest.fixture(scope="session")
def planted():
    return moved_copies(40, seed=0)


@pytest.fixture(scope="session")
def unseen():
    return moved_copies(40, seed=1)


@pytest.fixture(scope="session")
def fitted(planted):
    return quick().fit(*planted)


@pytest.fixture
def step_by_step():
    """Take the steps one by one: tracing a program takes longer than twenty of them."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
