import itertools

import numpy as np
import pytest
import tensorflow as tf

from skid.matching._geometry import INVARIANCES, Geometry

from .conftest import rotation

SUBSETS = [
    subset for n in range(len(INVARIANCES) + 1) for subset in itertools.combinations(INVARIANCES, n)
]
LENGTH = 1.3


def attributes(geometry, points, xp=np, present=None):
    if present is None:
        present = np.ones(points.shape[:2], points.dtype)
    if xp is not np:
        points, present = tf.constant(points), tf.constant(present)
    length = np.asarray(LENGTH, points.dtype if xp is np else points.dtype.as_numpy_dtype)
    return [np.asarray(found) for found in geometry.attributes(points, present, length, xp)]


def changed(points, change):
    random = np.random.RandomState(1)
    n_dimensions = points.shape[-1]
    return {
        "rotation": lambda: points @ rotation(n_dimensions, random),
        "translation": lambda: points + random.normal(size=n_dimensions),
        "scale": lambda: 1.7 * points,
    }[change]()


@pytest.fixture(params=[2, 3])
def points(request):
    return np.random.RandomState(0).normal(size=(2, 6, request.param))


@pytest.mark.parametrize("change", INVARIANCES)
@pytest.mark.parametrize("invariances", SUBSETS, ids=str)
def test_attributes_change_with_what_is_no_invariance(invariances, change, points):
    geometry = Geometry(points.shape[-1], invariances)
    before = attributes(geometry, points)
    after = attributes(geometry, changed(points, change))
    if "translation" not in invariances and change == "rotation":
        # The last attributes of points are their positions, which a rotation moves.
        before, after = ([part[0][..., : -points.shape[-1]], part[1]] for part in (before, after))
    is_same = all(np.allclose(one, two, atol=1e-5) for one, two in zip(before, after, strict=True))
    assert is_same == (change in invariances)


@pytest.mark.parametrize("invariances", SUBSETS, ids=str)
def test_numpy_and_tensorflow_agree(invariances, points):
    geometry = Geometry(points.shape[-1], tuple(invariances))
    of_points, of_pairs = attributes(geometry, points)
    assert of_points.shape == (2, 6, geometry.n_node_attributes)
    assert of_pairs.shape == (2, 6, 6, geometry.n_pair_attributes)
    for found, expected in zip(
        attributes(geometry, points, tf.experimental.numpy), (of_points, of_pairs), strict=True
    ):
        assert found.dtype == expected.dtype == np.float64
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_mirror_images_differ_in_the_plane():
    points = np.random.RandomState(0).normal(size=(1, 6, 2))
    geometry = Geometry(2, INVARIANCES)
    mirrored = attributes(geometry, points * [1, -1])[1]
    assert not np.allclose(mirrored, attributes(geometry, points)[1], atol=1e-3)


def test_padding_does_not_change_the_attributes_of_points(points):
    geometry = Geometry(points.shape[-1], INVARIANCES)
    padded = np.concatenate([points, np.zeros_like(points[:, :3])], axis=1)
    present = np.repeat([[1.0, 0.0]], [6, 3], axis=1).repeat(2, axis=0)
    found = attributes(geometry, padded, present=present)
    expected = attributes(geometry, points)
    np.testing.assert_allclose(found[0][:, :6], expected[0], atol=1e-12)
    np.testing.assert_allclose(found[1][:, :6, :6], expected[1], atol=1e-12)


def test_points_at_one_place_have_finite_attributes():
    for n_dimensions in (2, 3):
        geometry = Geometry(n_dimensions, INVARIANCES)
        for xp in (np, tf.experimental.numpy):
            for found in attributes(geometry, np.ones((2, 4, n_dimensions)), xp):
                assert np.isfinite(found).all()


def test_graphs_without_points_have_no_attributes():
    geometry = Geometry(0, INVARIANCES)
    of_points, of_pairs = attributes(geometry, np.zeros((2, 5, 0)))
    assert geometry.n_node_attributes == geometry.n_pair_attributes == 0
    assert of_points.shape == (2, 5, 0)
    assert of_pairs.shape == (2, 5, 5, 0)
