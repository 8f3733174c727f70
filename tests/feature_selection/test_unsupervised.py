import numpy as np
import pytest

from skid import SubsetSelector


@pytest.fixture(scope="module")
def pairs():
    """Four independent columns, each of them twice."""
    columns = np.random.default_rng(0).normal(size=(300, 4))
    return np.repeat(columns, 2, axis=1) * [1, 2, 1, -1, 1, 10, 1, 1]


def test_one_of_each_pair_of_copies_reconstructs_everything(pairs):
    model = SubsetSelector(4, random_state=0).fit(pairs)
    assert (model.get_support(indices=True) // 2).tolist() == [0, 1, 2, 3]
    assert model.score(pairs) > 0.95
    np.testing.assert_allclose(
        model.reconstruct(pairs), pairs, atol=0.6 * np.abs(pairs).max(axis=0).max()
    )


def test_the_score_is_the_share_of_variance_in_standardised_units(pairs, short):
    model = SubsetSelector(2, **short).fit(pairs)
    scale = pairs.std(axis=0)
    residual = np.square((pairs - model.reconstruct(pairs)) / scale).sum()
    total = np.square((pairs - pairs.mean(axis=0)) / scale).sum()
    assert model.score(pairs) == pytest.approx(1 - residual / total)
    twice = np.r_[pairs, pairs[:100]]
    weights = np.r_[np.full(100, 2.0), np.ones(200)]
    assert model.score(pairs, sample_weight=weights) == pytest.approx(model.score(twice))


def test_y_is_ignored(X, short):
    without = SubsetSelector(3, **short).fit(X)
    ignored = SubsetSelector(3, **short).fit(X, np.full(len(X), np.nan))
    np.testing.assert_array_equal(ignored.feature_scores_, without.feature_scores_)


def test_score_of_a_constant_table(X, short):
    model = SubsetSelector(2, **short).fit(X)
    assert model.score(np.ones((5, 8))) == 0
