"""The networks that predict from the chosen columns."""

from dataclasses import dataclass

import numpy as np

from skid.engine import Training
from skid.engine.fitting import fit_networks
from skid.engine.folds import Validation
from skid.engine.state import TrainingState
from skid.feature_selection._objective import PredictorObjective
from skid.feature_selection._problem import Problem
from skid.networks import KerasNetwork, MultilayerPerceptron, gains_by_xla
from skid.schedules import Geometric, progress_of

FINAL_RATE = 0.1
"""The learning rate falls to this share of its first value."""


@dataclass
class Predictor:
    """Fitted networks on the chosen columns.

    Attributes
    ----------
    network : MultilayerPerceptron or KerasNetwork
    weights : dict of str to array
    training : Training or None
        None for networks that were trained while the subset was chosen.
    held_out_losses, held_out_weights : float array of shape (n_held_out,), or None
        Loss of each held-out row under the network that never learnt from it, and its sample
        weight.
    """

    network: object
    weights: dict
    training: Training | None = None
    held_out_losses: np.ndarray | None = None
    held_out_weights: np.ndarray | None = None

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped the training."""
        return self.training is not None and self.training.interrupted


@dataclass(frozen=True)
class PredictorSettings:
    """What the parameters of an estimator say about the training of a predictor.

    Attributes
    ----------
    hidden_layer_sizes : tuple of int
    build : callable or None
        The user's function that builds a Keras model.
    n_networks, n_steps, batch_size : int
    network_rate, decay : float
    shuffle : bool
    validation : Validation
    """

    hidden_layer_sizes: tuple[int, ...]
    build: object
    n_networks: int
    n_steps: int
    batch_size: int
    network_rate: float
    decay: float
    shuffle: bool
    validation: Validation


def fit_predictor(
    problem: Problem, columns: np.ndarray, settings: PredictorSettings, random_state
) -> Predictor:
    """Train fresh networks on the columns of a bool mask, and keep the best by held-out loss."""
    initial = np.random.RandomState(random_state.randint(np.iinfo(np.int32).max))
    network, weights, prepare = _network_on(problem, columns, settings, initial)
    progress = progress_of(np.arange(settings.n_steps), settings.n_steps)
    rates = settings.network_rate * Geometric(FINAL_RATE)(progress)
    controls = np.stack([rates, np.full(settings.n_steps, settings.decay)], axis=1)
    training, held_out = fit_networks(
        problem,
        problem.folds(settings.n_networks, initial),
        PredictorObjective(
            network,
            settings.n_networks,
            problem.loss,
            compiled=gains_by_xla(problem.device, network),
        ),
        TrainingState(weights),
        controls.astype(problem.X.dtype),
        random_state,
        batch_size=settings.batch_size,
        shuffle=settings.shuffle,
        prepare=prepare,
        validation=settings.validation,
    )
    predictor = Predictor(network, training.parameters, training)
    if held_out:
        predictor.held_out_losses = held_out.losses(training.parameters)
        predictor.held_out_weights = held_out.weights
    return _on_chosen_columns(predictor, np.arange(columns.sum()))


def joint_predictor(columns: np.ndarray, parameters: dict, network) -> Predictor:
    """The networks on all columns that were trained with the subset, cut down to its columns."""
    weights = {name: value for name, value in parameters.items() if name != "logits"}
    return _on_chosen_columns(Predictor(network, weights), np.flatnonzero(columns))


def _on_chosen_columns(predictor: Predictor, columns: np.ndarray) -> Predictor:
    """Drop the inputs of a perceptron that it does not see. A Keras network keeps them all."""
    network = predictor.network
    if isinstance(network, MultilayerPerceptron):
        predictor.network = MultilayerPerceptron((len(columns), *network.layer_sizes[1:]))
        kernel = predictor.weights["kernel_0"][:, columns]
        predictor.weights = predictor.weights | {"kernel_0": kernel}
    return predictor


def _network_on(problem: Problem, columns: np.ndarray, settings: PredictorSettings, initial):
    """Network, its initial weights, and what turns rows of X into its inputs.

    The perceptron reads the chosen columns, padded with zeros to one of a few widths so that
    one program serves many k. A Keras network reads all columns, those not chosen at zero.
    """
    chosen = np.flatnonzero(columns)
    if settings.build is not None:
        network = KerasNetwork(settings.build, (len(columns),), problem.n_outputs)
        weights = network.initial(settings.n_networks, initial, problem.X.dtype)
        mask = columns.astype(problem.X.dtype)

        def prepare(X):
            inputs = problem.inputs(X)
            return inputs | {"X": inputs["X"] * mask}

        return network, weights, prepare
    width = _padded_width(len(chosen))
    layer_sizes = (*settings.hidden_layer_sizes, problem.n_outputs)
    weights = problem.initial_weights(
        MultilayerPerceptron((len(chosen), *layer_sizes)), settings.n_networks, initial
    )
    padding = [(0, 0), (0, width - len(chosen)), (0, 0)]
    weights["kernel_0"] = np.pad(weights["kernel_0"], padding)

    def prepare(X):
        if problem.targets is None:
            inputs = problem.inputs(X)
            return inputs | {"X": np.pad(inputs["X"][:, chosen], padding[:2])}
        return {"X": np.pad(problem.standardization.apply(X[:, chosen], chosen), padding[:2])}

    return MultilayerPerceptron((width, *layer_sizes)), weights, prepare


def _padded_width(k: int) -> int:
    return max(8, 1 << (k - 1).bit_length())
