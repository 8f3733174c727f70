"""The networks that predict from the chosen columns."""

from dataclasses import dataclass

import numpy as np

from skid.engine import Training, cached_program, train
from skid.engine.feed import Feed, ShuffledRows, padded_length
from skid.engine.validation import HeldOut
from skid.feature_selection._objective import PredictorObjective
from skid.feature_selection._problem import Problem
from skid.networks import KerasNetwork, MultilayerPerceptron

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

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Outputs from standardised X: its chosen columns, or all of them for a Keras network."""
        return self.network.predict(self.weights, X)


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
    steps_between_validations, patience : int
    tolerance : float
    """

    hidden_layer_sizes: tuple[int, ...]
    build: object
    n_networks: int
    n_steps: int
    batch_size: int
    network_rate: float
    decay: float
    shuffle: bool
    steps_between_validations: int
    patience: int
    tolerance: float


def fit_predictor(
    problem: Problem, columns: np.ndarray, settings: PredictorSettings, random_state
) -> Predictor:
    """Train fresh networks on the columns of a bool mask, and keep the best ones by held-out loss."""
    seeds = random_state.randint(np.iinfo(np.int32).max, size=4)
    network, weights, prepare = _network_on(problem, columns, settings, seeds[0])
    objective = PredictorObjective(network, settings.n_networks, problem.loss)
    n_inputs = len(columns) if settings.build is not None else network.layer_sizes[0]
    shapes = (padded_length(len(problem.X)), n_inputs, problem.X.dtype.name)
    program = cached_program(objective, shapes, problem.device)
    batch_size = min(settings.batch_size, min(map(len, problem.folds.training)))
    rows = ShuffledRows(
        problem.folds.training,
        batch_size,
        shuffle=settings.shuffle,
        random_state=np.random.RandomState(seeds[1]),
    )
    feed = Feed(
        {"X": problem.X, "y": problem.targets, "weight": problem.weights}, rows.draw, prepare
    )
    progress = np.arange(settings.n_steps) / max(settings.n_steps - 1, 1)
    controls = np.stack(
        [settings.network_rate * 0.1**progress, np.full(settings.n_steps, settings.decay)], axis=1
    ).astype(problem.X.dtype)
    held_out = None
    if problem.folds.held_out is not None:
        held_out = HeldOut(
            program,
            feed,
            problem.folds.held_out,
            problem.weights,
            controls[-1],
            np.random.RandomState(seeds[2]),
        )
    training = train(
        program,
        feed,
        weights,
        controls,
        rows_per_step=settings.n_networks * batch_size,
        seed=int(seeds[3]),
        validate=held_out.loss if held_out else None,
        steps_between_validations=settings.steps_between_validations,
        patience=settings.patience,
        tolerance=settings.tolerance,
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


def _network_on(problem: Problem, columns: np.ndarray, settings: PredictorSettings, seed):
    """Network, its initial weights, and what turns rows of X into its inputs.

    The perceptron reads the chosen columns, padded with zeros to one of a few widths so that
    one program serves many k. A Keras network reads all columns, those not chosen at zero.
    """
    initial = np.random.RandomState(seed)
    standardize = problem.standardization.apply
    if settings.build is not None:
        network = KerasNetwork(settings.build, len(columns), problem.n_outputs)
        mask = columns.astype(problem.X.dtype)
        weights = network.initial(settings.n_networks, initial, problem.X.dtype)
        return network, weights, lambda X: standardize(X) * mask
    chosen = np.flatnonzero(columns)
    width = _padded_width(len(chosen))
    layer_sizes = (*settings.hidden_layer_sizes, problem.n_outputs)
    weights = MultilayerPerceptron((len(chosen), *layer_sizes)).initial(
        settings.n_networks, initial, problem.X.dtype
    )
    padding = [(0, 0), (0, width - len(chosen)), (0, 0)]
    weights["kernel_0"] = np.pad(weights["kernel_0"], padding)
    return (
        MultilayerPerceptron((width, *layer_sizes)),
        weights,
        lambda X: np.pad(standardize(X[:, chosen], chosen), padding[:2]),
    )


def _padded_width(k: int) -> int:
    return max(8, 1 << (k - 1).bit_length())
