"""One fit: the networks and their start, the training, and what the estimator keeps of it."""

import math
from dataclasses import dataclass

import numpy as np

from skid._callbacks import FitCall, FitProgress
from skid.decomposition._model import AutoencoderModel, log_volume
from skid.decomposition._objective import DECODER, ENCODER, LOG_SCALE, AutoencoderObjective
from skid.decomposition._settings import (
    HIDDEN_LAYER_SIZES,
    AutoencoderSettings,
    autoencoder_settings,
)
from skid.engine.fitting import fit_networks, steps_of_epoch, training_attributes
from skid.engine.folds import folds_of
from skid.engine.state import TrainingState
from skid.engine.training import epoch_means
from skid.inputs import Inputs
from skid.networks import gains_by_xla, network_of


@dataclass
class Problem:
    """What a fit works on.

    Attributes
    ----------
    X : array of shape (n_rows, ...)
        May be a memory-mapped file.
    weights : float array of shape (n_rows,)
        All ones.
    inputs : Inputs
    likelihood : {"bernoulli", "gaussian"}
    device : str
        Name of a TensorFlow device.
    """

    X: np.ndarray
    weights: np.ndarray
    inputs: Inputs
    likelihood: str
    device: str

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Arrays with one entry for each row."""
        return {"X": self.X}

    def prepare(self, X: np.ndarray) -> dict[str, np.ndarray]:
        """Rows as they are sent to the program."""
        return {"X": self.inputs.apply(X)}


def fit_autoencoder(
    estimator, problem: Problem, random_state, state, call: FitCall, *, one_pass: bool
) -> dict:
    """Train the networks of an estimator, and return the attributes of the fitted one.

    Parameters
    ----------
    estimator : DiscreteAutoencoder
    problem : Problem
    random_state : numpy.random.RandomState
    state : TrainingState or None
        To go on from.
    call : FitCall
    one_pass : bool
        Whether to take one pass over the data, with the learning rate of the start.
    """
    settings = autoencoder_settings(estimator, len(problem.weights))
    objective = _objective(estimator, problem, settings)
    weights_seed, estimator_seed = random_state.randint(np.iinfo(np.int32).max, size=2)
    fresh = TrainingState(_initial(objective, np.random.RandomState(weights_seed), problem))
    state = state.checked_against(fresh) if state else fresh
    epoch = steps_of_epoch(problem, settings.batch_size)
    n_steps = epoch if one_pass else settings.n_steps
    steps = np.zeros(n_steps) if one_pass else np.arange(n_steps)
    progress = FitProgress(estimator, -(-n_steps // epoch), call)

    def fitted(parameters) -> dict:
        return {
            "likelihood_": problem.likelihood,
            "_model": _model(problem, objective, settings, parameters),
            "_seed": int(estimator_seed),
        }

    rows = np.arange(len(problem.weights))
    folds, validation = folds_of(estimator, rows, problem.X, epoch, random_state, one_pass=one_pass)
    training, _ = fit_networks(
        problem,
        folds,
        objective,
        state,
        settings.controls(steps, problem.inputs.dtype),
        random_state,
        batch_size=settings.batch_size,
        shuffle=estimator.shuffle,
        prepare=problem.prepare,
        validation=validation,
        constants={"log_volume": np.asarray(log_volume(problem.inputs), problem.inputs.dtype)},
        report=progress.reporter(fitted),
    )
    curve = epoch_means(training.losses, epoch)
    attributes = fitted(training.parameters) | training_attributes(curve, training.validations)
    progress.close(lambda: attributes)
    return attributes | {"_training_state": TrainingState.after(training)}


def _model(problem: Problem, objective, settings, parameters: dict) -> AutoencoderModel:
    return AutoencoderModel(
        problem.inputs,
        objective.encoder,
        objective.decoder,
        objective.code_shape,
        {name: np.asarray(value) for name, value in parameters.items()},
        settings.rule,
        problem.likelihood,
        settings.temperature,
        settings.subset_temperature,
        settings.logit_bound,
    )


def _objective(estimator, problem: Problem, settings: AutoencoderSettings) -> AutoencoderObjective:
    code_shape = (estimator.n_groups, estimator.group_size)
    encoder, decoder = _networks(estimator, problem.inputs.row_shape, math.prod(code_shape))
    return AutoencoderObjective(
        encoder,
        decoder,
        *code_shape,
        settings.rule,
        problem.likelihood,
        estimator.kl,
        gains_by_xla(problem.device, encoder, decoder),
    )


def _networks(estimator, row_shape: tuple[int, ...], n_codes: int):
    build_encoder, build_decoder = estimator.network or (None, None)
    sizes = estimator._hidden_layer_sizes(HIDDEN_LAYER_SIZES)
    encoder = network_of(build_encoder, row_shape, sizes, n_codes)
    decoder = network_of(build_decoder, (n_codes,), sizes[::-1], math.prod(row_shape))
    return encoder, decoder


def _initial(objective: AutoencoderObjective, random_state, problem: Problem) -> dict:
    """Weights of fresh networks, and the scale of the errors of a Gaussian likelihood."""
    dtype = problem.inputs.dtype
    parts = ((ENCODER, objective.encoder), (DECODER, objective.decoder))
    parameters = {
        prefix + name: value
        for prefix, network in parts
        for name, value in network.initial(1, random_state, dtype).items()
    }
    if problem.likelihood == "gaussian":
        parameters[LOG_SCALE] = np.zeros((), dtype)
    return parameters
