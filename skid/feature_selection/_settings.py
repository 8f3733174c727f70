"""What the parameters of a selector say about its training, and what ``"auto"`` stands for.

The constants were chosen on validation parts of training data, see ``benchmarks/README.md``.
"""

import numpy as np

from skid.base import given, n_steps_of
from skid.engine.fitting import steps_of_epoch
from skid.engine.folds import Validation
from skid.feature_selection._prediction import PredictorSettings
from skid.feature_selection._problem import Problem
from skid.feature_selection._selection import SelectionSettings
from skid.networks import network_of

BATCH_SIZE = 64
NETWORK_RATE = 3e-3
HIDDEN_LAYER_SIZES = {"dataset": (64,), "sample": (200, 200)}

SELECTION_STEPS = 2000
MAXIMUM_SELECTION_STEPS = 6000
SELECTION_EPOCHS = 5
SELECTION_NETWORKS = {"dataset": 3, "sample": 1}
SELECTION_DECAY = 2.0
SELECTOR_RATE = 1e-2
HOLD = 0.5

PREDICTOR_STEPS = 3000
MAXIMUM_PREDICTOR_STEPS = 15_000
PREDICTOR_EPOCHS = 5
PREDICTOR_NETWORKS = 5
PREDICTOR_DECAY = 0.01
STEPS_BETWEEN_VALIDATIONS = 100


def selection_settings(estimator, problem: Problem) -> SelectionSettings:
    """Settings of the choice of the subset."""
    n_rows = np.count_nonzero(problem.weights)
    batch_size = min(given(estimator.batch_size, BATCH_SIZE), n_rows)
    # A large table is not learnt by heart in a few passes, and more steps find weaker columns.
    automatic = SELECTION_EPOCHS * steps_of_epoch(problem, batch_size)
    automatic = min(max(automatic, SELECTION_STEPS), MAXIMUM_SELECTION_STEPS)
    n_steps = n_steps_of(estimator.max_iter, n_rows, batch_size, automatic)
    return SelectionSettings(
        network=_network(estimator, problem),
        n_networks=given(estimator.n_networks, SELECTION_NETWORKS[estimator.scope]),
        n_steps=n_steps,
        schedule_length=n_steps,
        batch_size=batch_size,
        projection=given(estimator.projection, "std"),
        noise=estimator._noise_law("gumbel"),
        noise_scale=given(estimator.noise_scale, 1.0),
        gradient=estimator._gradient_rule(),
        selector_rate=SELECTOR_RATE,
        network_rate=given(estimator.learning_rate_init, NETWORK_RATE),
        decay=given(estimator.alpha, SELECTION_DECAY),
        hold=HOLD,
        shuffle=estimator.shuffle,
    )


def predictor_settings(
    estimator, problem: Problem, selection: SelectionSettings
) -> PredictorSettings:
    """Settings of the networks that are trained on the chosen columns."""
    automatic = PREDICTOR_EPOCHS * steps_of_epoch(problem, selection.batch_size)
    automatic = min(max(automatic, PREDICTOR_STEPS), MAXIMUM_PREDICTOR_STEPS)
    return PredictorSettings(
        hidden_layer_sizes=estimator._hidden_layer_sizes(HIDDEN_LAYER_SIZES["dataset"]),
        build=estimator.network,
        n_networks=given(estimator.n_networks, PREDICTOR_NETWORKS),
        n_steps=automatic if estimator.max_iter == "auto" else selection.n_steps,
        batch_size=selection.batch_size,
        network_rate=selection.network_rate,
        decay=given(estimator.alpha, PREDICTOR_DECAY),
        shuffle=estimator.shuffle,
        validation=validation_settings(estimator),
    )


def validation_settings(estimator) -> Validation:
    """When networks are judged by their held-out rows, and stopped."""
    return Validation(STEPS_BETWEEN_VALIDATIONS, estimator.n_iter_no_change, estimator.tol)


def _network(estimator, problem: Problem):
    hidden_layer_sizes = estimator._hidden_layer_sizes(HIDDEN_LAYER_SIZES[estimator.scope])
    return network_of(estimator.network, problem.X.shape[1:], hidden_layer_sizes, problem.n_outputs)
