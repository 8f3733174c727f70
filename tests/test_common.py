"""All estimators against scikit-learn's own checks."""

import pytest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from skid import (
    DiscreteAutoencoder,
    QueryRanker,
    RankingRetriever,
    SolverPredictor,
    SubsetSelector,
    SubsetSelectorClassifier,
    SubsetSelectorRegressor,
)
from skid.solvers import OneHot

INSTANCES = [
    # Fewer steps than the defaults take; the checks of accuracy need some hundred.
    SubsetSelectorClassifier(max_iter=15),
    SubsetSelectorRegressor(max_iter=15),
    SubsetSelector(1, max_iter=15),
    # All of two columns: a row that shows only one of them does not tell its class.
    SubsetSelectorClassifier(1.0, scope="sample", max_iter=15),
    # Single items are decisions whose right ones exist for any y that the checks pass.
    SolverPredictor(OneHot(), target="costs", max_iter=5),
    SolverPredictor(OneHot(), target="costs", loss="spo+", hidden_layer_sizes=(8,), max_iter=5),
    RankingRetriever(n_classes_per_batch=2, n_samples_per_class=4, max_iter=5),
    QueryRanker(hidden_layer_sizes=(8,), n_networks=2, max_iter=5),
    DiscreteAutoencoder(4, group_size=5, k=2, hidden_layer_sizes=(8,), max_iter=5),
]
EXPECTED_FAILURES: dict = {}
BEYOND_THE_DEFAULTS = [
    "check_dataframe_column_names_consistency",
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_global_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_set_output_transform_polars",
]


@parametrize_with_checks(INSTANCES, expected_failed_checks=lambda estimator: EXPECTED_FAILURES)
def test_estimator_keeps_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


# The checks transform both frames and bare arrays.
@pytest.mark.filterwarnings("ignore:X (does not have|has) .*feature names:UserWarning")
@pytest.mark.parametrize("check", BEYOND_THE_DEFAULTS)
@pytest.mark.parametrize(
    "estimator",
    [
        SubsetSelectorClassifier(1, max_iter=2),
        SubsetSelector(1, max_iter=2),
        RankingRetriever(max_iter=2),
        DiscreteAutoencoder(max_iter=2),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_estimator_keeps_the_names_of_data_frames(estimator, check):
    getattr(estimator_checks, check)(type(estimator).__name__, estimator)
