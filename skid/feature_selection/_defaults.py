"""Default values and schedules of a selector.

The constants were chosen on validation parts of training data, see ``benchmarks/README.md``.
"""

import math
from typing import Any

import numpy as np

from skid._parameters import resolve_auto
from skid.feature_selection._data import TrainingData
from skid.feature_selection._masks import SubsetMask
from skid.feature_selection._units import SelectionUnits
from skid.networks import network_of
from skid.schedules import Geometric, progress_of

BATCH_SIZE = 64
NETWORK_RATE = 3e-3
FINAL_RATE = 0.1
"""The learning rate of the networks falls to this fraction of its first value."""
HIDDEN_LAYER_SIZES = {"dataset": (64,), "sample": (200, 200)}

SUBSET_STEPS = 2000
MAXIMUM_SUBSET_STEPS = 6000
SUBSET_EPOCHS = 5
SUBSET_NETWORKS = {"dataset": 3, "sample": 1}
SUBSET_DECAY = 2.0
SELECTOR_RATE = 1e-2
LOGIT_DECAY = 0.5
"""Decay of the logits to the association of each unit with the target."""
LOGIT_SPREAD = 0.1
ANNEALED_FRACTION = 0.7
"""Fraction of the steps in which the number of chosen units falls to k."""
NOISE_SCALE = 1.0
FINAL_NOISE = 0.1
"""The scale of the noise falls to this fraction of its first value."""

PREDICTOR_STEPS = 3000
MAXIMUM_PREDICTOR_STEPS = 15_000
PREDICTOR_EPOCHS = 5
PREDICTOR_NETWORKS = 5
PREDICTOR_DECAY = 0.01
STEPS_BETWEEN_VALIDATIONS = 100


def batch_size(estimator: Any, data: TrainingData) -> int:
    """Rows of a batch of each network."""
    return min(resolve_auto(estimator.batch_size, BATCH_SIZE), data.n_rows)


def steps_per_epoch(estimator: Any, data: TrainingData) -> int:
    """Steps in which each network reads ``n_rows`` rows."""
    return math.ceil(data.n_rows / batch_size(estimator, data))


def n_networks(estimator: Any) -> int:
    """Networks that are trained while the subset is chosen."""
    return resolve_auto(estimator.n_networks, SUBSET_NETWORKS[estimator.scope])


def network_on_all_columns(estimator: Any, data: TrainingData):
    """Network that is trained while the subset is chosen."""
    hidden_layer_sizes = estimator._hidden_layer_sizes(HIDDEN_LAYER_SIZES[estimator.scope])
    return network_of(estimator.network, data.X.shape[1:], hidden_layer_sizes, data.n_outputs)


def subset_mask(estimator: Any, units: SelectionUnits) -> SubsetMask:
    """The solver, with projection, noise and gradient rule."""
    return SubsetMask(
        projection=resolve_auto(estimator.projection, "std"),
        noise=estimator._noise_law("gumbel"),
        gradient=estimator._gradient_rule(),
        grouped=units.grouped,
    )


def subset_controls(
    estimator: Any, data: TrainingData, size: int, first_step: int, *, one_pass: bool
) -> np.ndarray:
    """Scalars of each step, in the order of ``DatasetSubsetObjective.controls``.

    The number of chosen units falls geometrically to ``size`` in the first ``ANNEALED_FRACTION`` of
    the steps, so that a column with a weak effect alone is first tried together with others.
    """
    progress = _progress(estimator, data, first_step, one_pass=one_pass)
    k, n_free = size - data.units.n_always, data.units.n_free
    annealed = np.clip(progress / ANNEALED_FRACTION, 0.0, 1.0)
    sizes = np.maximum(k, np.round(n_free * (max(k, 1) / max(n_free, 1)) ** annealed))
    sizes[annealed >= 1.0] = k
    rate = resolve_auto(estimator.learning_rate_init, NETWORK_RATE)
    controls = (
        sizes,
        _noise_scales(estimator, progress),
        SELECTOR_RATE,
        LOGIT_DECAY,
        rate * Geometric(FINAL_RATE)(progress),
        resolve_auto(estimator.alpha, SUBSET_DECAY),
    )
    return np.stack(np.broadcast_arrays(*controls), axis=1)


def sample_controls(
    estimator: Any, data: TrainingData, size: int, first_step: int, *, one_pass: bool
) -> np.ndarray:
    """Scalars of each step, in the order of ``SampleSubsetObjective.controls``."""
    progress = _progress(estimator, data, first_step, one_pass=one_pass)
    controls = (
        size - data.units.n_always,
        _noise_scales(estimator, progress),
        resolve_auto(estimator.learning_rate_init, NETWORK_RATE),
        resolve_auto(estimator.alpha, SUBSET_DECAY),
    )
    return np.stack(np.broadcast_arrays(*controls), axis=1)


def predictor_controls(estimator: Any, data: TrainingData) -> np.ndarray:
    """Scalars of each step, in the order of ``PredictorObjective.controls``."""
    epoch = steps_per_epoch(estimator, data)
    automatic = np.clip(PREDICTOR_EPOCHS * epoch, PREDICTOR_STEPS, MAXIMUM_PREDICTOR_STEPS)
    n_steps = estimator._n_steps(epoch, automatic)
    rate = resolve_auto(estimator.learning_rate_init, NETWORK_RATE)
    rates = rate * Geometric(FINAL_RATE)(progress_of(np.arange(n_steps), n_steps))
    decay = resolve_auto(estimator.alpha, PREDICTOR_DECAY)
    return np.stack(np.broadcast_arrays(rates, decay), axis=1)


def _progress(estimator: Any, data: TrainingData, first_step: int, *, one_pass: bool) -> np.ndarray:
    """Progress of the schedules at each step, which passes of ``partial_fit`` continue."""
    epoch = steps_per_epoch(estimator, data)
    if one_pass:
        return progress_of(first_step + np.arange(epoch), SUBSET_STEPS)
    # Networks do not overfit a large table in a few passes, and more steps find weaker columns.
    automatic = np.clip(SUBSET_EPOCHS * epoch, SUBSET_STEPS, MAXIMUM_SUBSET_STEPS)
    n_steps = estimator._n_steps(epoch, automatic)
    return progress_of(first_step + np.arange(n_steps), n_steps)


def _noise_scales(estimator: Any, progress: np.ndarray) -> np.ndarray:
    return resolve_auto(estimator.noise_scale, NOISE_SCALE) * Geometric(FINAL_NOISE)(progress)
