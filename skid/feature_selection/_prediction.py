"""The networks that predict from the chosen columns."""

import numpy as np

from skid.engine.plan import RowsPlan
from skid.engine.seeds import draw_seeds
from skid.engine.training import Training
from skid.feature_selection import _defaults as defaults
from skid.feature_selection._data import TrainingData
from skid.feature_selection._objective import PredictorObjective
from skid.networks import KerasNetwork, MultilayerPerceptron, gains_by_xla


class PredictorPlan(RowsPlan):
    """The training of fresh networks on the columns of a subset.

    A perceptron reads the chosen columns, padded with zeros to one of a few widths so that one
    program serves many k. A Keras network reads all columns, those that are not chosen at zero.

    Parameters
    ----------
    estimator : BaseSubsetSelector
    data : TrainingData
    columns : bool array of shape (n_columns,)
    random_state : numpy.random.RandomState
    n_networks : int, optional

    Attributes
    ----------
    trained : Training
        Set once the training is over.
    """

    trained: Training

    def __init__(
        self, estimator, data: TrainingData, columns, random_state, *, n_networks: int | None = None
    ) -> None:
        super().__init__(estimator)
        n_networks = n_networks or defaults.n_predictor_networks(estimator)
        self.data, self.columns = data, columns
        self.arrays, self.weights, self.labels = data.arrays, data.weights, data.labels
        self.steps_per_validation = defaults.STEPS_BETWEEN_VALIDATIONS
        batch_size = defaults.batch_size(estimator, data)
        starting = np.random.RandomState(draw_seeds(random_state))
        self._set_network(estimator, n_networks, starting)
        controls = defaults.predictor_controls(estimator, data)
        self.controls = controls.astype(data.X.dtype)
        self.steps_per_epoch = defaults.steps_per_epoch(estimator, data)
        self.objective = PredictorObjective(
            self.network,
            n_networks,
            data.loss,
            compiled=gains_by_xla(self.device, self.network),
        )
        self.learn_from(
            data.folds(n_networks, starting),
            batch_size,
            shuffle=estimator.shuffle,
            random_state=random_state,
        )

    def prepare(self, rows: dict) -> dict:
        """Rows as the program reads them, see :class:`Plan`."""
        data = self.data
        if isinstance(self.network, KerasNetwork):
            inputs = data.inputs(rows)
            return inputs | {"X": inputs["X"] * self.columns.astype(data.X.dtype)}
        chosen = np.flatnonzero(self.columns)
        padding = [(0, 0), (0, self.network.layer_sizes[0] - len(chosen))]
        if data.targets is None:
            inputs = data.inputs(rows)
            return inputs | {"X": np.pad(inputs["X"][:, chosen], padding)}
        X = data.standardization.apply(rows["X"][:, chosen], chosen)
        return rows | {"X": np.pad(X, padding)}

    def network_and_weights(self):
        """The trained networks, without the padding of their inputs."""
        n_chosen = int(np.count_nonzero(self.columns))
        return on_chosen_columns(self.network, self.trained.parameters, np.arange(n_chosen))

    def held_out_losses(self) -> tuple[np.ndarray, np.ndarray]:
        """Loss and weight of each held-out row, under a network that never learnt from it."""
        return self.held_out.losses(self.trained.parameters), self.held_out.weights

    def _set_network(self, estimator, n_networks: int, random_state) -> None:
        data, n_columns = self.data, len(self.columns)
        if estimator.network is not None:
            self.network = KerasNetwork(estimator.network, (n_columns,), data.n_outputs)
            self.start = self.network.initial(n_networks, random_state, data.X.dtype)
            return
        n_chosen = int(np.count_nonzero(self.columns))
        width = _padded_width(n_chosen)
        layer_sizes = (*defaults.predictor_layer_sizes(estimator), data.n_outputs)
        chosen_network = MultilayerPerceptron((n_chosen, *layer_sizes))
        self.start = data.initial_weights(chosen_network, n_networks, random_state)
        padding = [(0, 0), (0, width - n_chosen), (0, 0)]
        self.start["kernel_0"] = np.pad(self.start["kernel_0"], padding)
        self.network = MultilayerPerceptron((width, *layer_sizes))


def on_chosen_columns(network, weights: dict, columns: np.ndarray):
    """Drop the inputs of a perceptron that are not among the columns; a Keras network keeps all."""
    if not isinstance(network, MultilayerPerceptron):
        return network, weights
    network = MultilayerPerceptron((len(columns), *network.layer_sizes[1:]))
    return network, weights | {"kernel_0": weights["kernel_0"][:, columns]}


def _padded_width(k: int) -> int:
    return max(8, 1 << (k - 1).bit_length())
