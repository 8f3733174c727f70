"""A subset for each row: a selector network scores the columns, a predictor sees the best k.

This is *learning to explain* (Chen et al., ICML 2018) with the hard subset in training, too.
"""

from dataclasses import dataclass, replace

import numpy as np

from skid.engine import Training
from skid.engine.backend import tensorflow
from skid.engine.fitting import fit_networks
from skid.engine.folds import Validation
from skid.engine.state import TrainingState, without_state
from skid.feature_selection._masks import SubsetMask
from skid.feature_selection._models import SampleModel
from skid.feature_selection._problem import Problem
from skid.feature_selection._selection import FINAL_NOISE, LOGIT_SPREAD, SelectionSettings
from skid.losses import ROW_LOSSES, weighted_mean
from skid.networks import DecayOfKernels, MultilayerPerceptron, gains_by_xla, part_of
from skid.schedules import Geometric, progress_of

SELECTOR_HIDDEN_LAYER_SIZES = (100, 100)
PREFIX = "selector_"


class SampleSubsetObjective(DecayOfKernels):
    """Networks that see, of each row, the columns that a selector network chose for it.

    Parameters
    ----------
    network : MultilayerPerceptron or KerasNetwork
        From all columns to the outputs.
    selector : MultilayerPerceptron
        From all columns to the logits of the units.
    n_networks : int
    loss : {"cross_entropy", "squared"}
    mask : SubsetMask
    one_draw : bool
        Whether all rows of a batch see the same noise. A row that stands twice then counts as
        one of twice the weight, which tables of few rows are expected to obey.
    compiled : bool
        Whether XLA compiles the program.
    """

    controls = ("k", "noise_scale", "rate", "decay")
    prefixes = (PREFIX,)

    def __init__(
        self,
        network,
        selector,
        n_networks: int,
        loss: str,
        mask: SubsetMask,
        *,
        one_draw: bool,
        compiled: bool,
    ) -> None:
        self.compiled = compiled
        self.network = network
        self.selector = selector
        self.row_loss = ROW_LOSSES[loss]()
        self.mask = mask
        self.one_draw = one_draw
        self.key = (
            type(self).__name__,
            network.key,
            selector.key,
            n_networks,
            loss,
            mask.key,
            one_draw,
        )

    def loss(self, parameters, batch, constants, control, seed):
        """Sum over the networks of their mean losses."""
        tf = tensorflow()
        mask = self._masks(parameters, batch["X"], constants, control, seed)
        outputs, updates = self.network.train(_of_predictor(parameters), batch["X"] * mask)
        losses = weighted_mean(self.row_loss(outputs, batch["y"]), batch["weight"])
        return tf.reduce_sum(losses), tf.reduce_mean(losses), updates

    def evaluate(self, parameters, batch, constants, control):
        """Loss of each row under its hard subset, shape (n_networks, n)."""
        mask = self._masks(parameters, batch["X"], constants, control, seed=None)
        outputs = self.network.apply(_of_predictor(parameters), batch["X"] * mask)
        return self.row_loss(outputs, batch["y"])

    def _masks(self, parameters, X, constants, control, seed):
        tf = tensorflow()
        logits = self.selector.apply(part_of(parameters, PREFIX), X)
        if self.one_draw and seed is not None and not self.mask.rule_draws:
            shape = (logits.shape[0], 1, logits.shape[2])
            noise = self.mask.noise.sample_tf(shape, seed=seed, dtype=logits.dtype)
            logits, seed = logits + control["noise_scale"] * noise, None
        # No -1: it would have no meaning where no unit is left to choose.
        logits = tf.reshape(logits, [logits.shape[0] * logits.shape[1], logits.shape[2]])
        return tf.reshape(self.mask(logits, constants, control, seed), X.shape)


@dataclass
class SampleCandidate:
    """A selector and predictors for subsets of one size.

    Attributes
    ----------
    size : int
        Units in each subset, those that are always in included.
    selector, network : network
    selector_weights, weights : dict of str to array
    training : Training
    held_out_losses, held_out_weights : float array of shape (n_held_out,), or None
    """

    size: int
    selector: MultilayerPerceptron
    network: object
    selector_weights: dict
    weights: dict
    training: Training
    held_out_losses: np.ndarray | None = None
    held_out_weights: np.ndarray | None = None

    def model(self, problem: Problem) -> SampleModel:
        """What predicts once the fit is over."""
        return SampleModel(
            self.size - problem.units.n_always,
            problem.units,
            self.selector,
            self.network,
            self.selector_weights,
            self.weights,
            problem.standardization,
        )

    def without_training_state(self) -> "SampleCandidate":
        """The same without what only a warm start needs: to be kept beside others."""
        return replace(self, training=without_state(self.training))

    @property
    def training_losses(self) -> np.ndarray:
        """Loss of each step."""
        return self.training.losses

    @property
    def validations(self) -> list[tuple[int, float]]:
        """Steps taken and held-out loss."""
        return self.training.validations

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped the fit."""
        return self.training.interrupted


def fit_sample_candidate(
    problem: Problem,
    size: int,
    settings: SelectionSettings,
    validation: Validation,
    random_state,
    report=None,
    state=None,
) -> SampleCandidate:
    """Train a selector and a predictor together, and keep the best by held-out loss."""
    units = problem.units
    selector = MultilayerPerceptron(
        (problem.X.shape[1], *SELECTOR_HIDDEN_LAYER_SIZES, units.n_free)
    )
    objective = SampleSubsetObjective(
        settings.network,
        selector,
        settings.n_networks,
        problem.loss,
        settings.mask(units.grouped),
        one_draw=problem.is_tiny,
        compiled=gains_by_xla(problem.device, settings.network),
    )

    def candidate(training):
        return SampleCandidate(
            size,
            selector,
            settings.network,
            part_of(training.parameters, PREFIX),
            _of_predictor(training.parameters),
            training,
        )

    def report_epoch(parameters, losses):
        arrays = {name: value.numpy() for name, value in parameters.items()}
        now = Training(arrays, ({}, {}), losses)
        return report(float(losses.mean()), lambda: candidate(now))

    initial = np.random.RandomState(random_state.randint(np.iinfo(np.int32).max))
    fresh = _initial_state(problem, settings, selector, initial)
    state = state.checked_against(fresh) if state else fresh
    steps = state.n_steps + np.arange(settings.n_steps)
    training, held_out = fit_networks(
        problem,
        problem.folds(settings.n_networks, initial),
        objective,
        state,
        _controls(steps, size - units.n_always, settings).astype(problem.X.dtype),
        random_state,
        batch_size=settings.batch_size,
        shuffle=settings.shuffle,
        prepare=problem.inputs,
        validation=validation,
        constants={"unit_of_column": units.unit_of_column},
        report=report and report_epoch,
    )
    fitted = candidate(training)
    if held_out is not None:
        fitted.held_out_losses = held_out.losses(training.parameters)
        fitted.held_out_weights = held_out.weights
    return fitted


def _initial_state(problem, settings, selector, random_state) -> TrainingState:
    dtype = problem.X.dtype
    parameters = problem.initial_weights(settings.network, settings.n_networks, random_state)
    selector_weights = selector.initial(settings.n_networks, random_state, dtype)
    # Logits that start far apart, compared with the noise, would settle the choice too early.
    selector_weights[f"kernel_{selector.n_layers - 1}"] *= LOGIT_SPREAD
    parameters |= {PREFIX + name: value for name, value in selector_weights.items()}
    return TrainingState(parameters)


def _of_predictor(parameters: dict) -> dict:
    return {name: value for name, value in parameters.items() if not name.startswith(PREFIX)}


def _controls(steps, k: int, settings: SelectionSettings) -> np.ndarray:
    progress = progress_of(steps, settings.schedule_length)
    return np.stack(
        [
            np.full(len(progress), k),
            settings.noise_scale * Geometric(FINAL_NOISE)(progress),
            np.full(len(progress), settings.network_rate),
            np.full(len(progress), settings.decay),
        ],
        axis=1,
    )
