"""Training of the networks that predict from the chosen columns."""

from typing import Any

import numpy as np

from skid._parameters import resolve_auto
from skid.engine.seeds import draw_seeds
from skid.engine.training import Training
from skid.feature_selection import _defaults as defaults
from skid.feature_selection._base_plan import SelectionPlan
from skid.feature_selection._data import TrainingData
from skid.feature_selection._objective import PredictorObjective
from skid.networks import KerasNetwork, MultilayerPerceptron, gains_by_xla


class PredictorPlan(SelectionPlan):
    """The training of fresh networks on a bool mask of columns; ``trained`` is its result.

    A perceptron reads the chosen columns, padded with zeros to one of a few widths so that many
    sizes share a program. A Keras network reads all columns, with the others at zero.
    """

    objective: PredictorObjective
    network: MultilayerPerceptron | KerasNetwork
    steps_per_validation: int = defaults.STEPS_BETWEEN_VALIDATIONS
    trained: Training

    def __init__(
        self,
        estimator: Any,
        data: TrainingData,
        columns: np.ndarray,
        random_state: np.random.RandomState,
        *,
        n_networks: int | None = None,
    ) -> None:
        super().__init__(estimator, data)
        n_networks = n_networks or resolve_auto(estimator.n_networks, defaults.PREDICTOR_NETWORKS)
        self.columns = columns
        starting = np.random.RandomState(draw_seeds(random_state))
        self._set_network(estimator, n_networks, starting)
        self.controls = defaults.predictor_controls(estimator, data).astype(data.X.dtype)
        self.objective = PredictorObjective(
            self.network,
            n_networks,
            data.loss,
            compiled=gains_by_xla(self.device, self.network),
        )
        self._learn_from(estimator, data.folds(n_networks, starting), random_state)

    def prepare(self, rows: dict) -> dict:
        """Standardise X and keep the chosen columns, see :class:`Plan`."""
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

    def network_and_weights(self) -> tuple[MultilayerPerceptron | KerasNetwork, dict]:
        """The trained networks, without the padding of their inputs."""
        n_chosen = int(np.count_nonzero(self.columns))
        return on_chosen_columns(self.network, self.trained.parameters, np.arange(n_chosen))

    def _set_network(
        self, estimator: Any, n_networks: int, random_state: np.random.RandomState
    ) -> None:
        data, n_columns = self.data, len(self.columns)
        if estimator.network is not None:
            self.network = KerasNetwork(estimator.network, (n_columns,), data.n_outputs)
            self.start = self.network.initial(n_networks, random_state, data.X.dtype)
            return
        n_chosen = int(np.count_nonzero(self.columns))
        width = _padded_width(n_chosen)
        hidden = estimator._hidden_layer_sizes(defaults.HIDDEN_LAYER_SIZES["dataset"])
        layer_sizes = (*hidden, data.n_outputs)
        chosen_network = MultilayerPerceptron((n_chosen, *layer_sizes))
        self.start = data.initial_weights(chosen_network, n_networks, random_state)
        padding = [(0, 0), (0, width - n_chosen), (0, 0)]
        self.start["kernel_0"] = np.pad(self.start["kernel_0"], padding)
        self.network = MultilayerPerceptron((width, *layer_sizes))


def on_chosen_columns(
    network: MultilayerPerceptron | KerasNetwork, weights: dict, columns: np.ndarray
) -> tuple[MultilayerPerceptron | KerasNetwork, dict]:
    """Network and weights without the other inputs of a perceptron; a Keras network keeps all."""
    if not isinstance(network, MultilayerPerceptron):
        return network, weights
    network = MultilayerPerceptron((len(columns), *network.layer_sizes[1:]))
    return network, weights | {"kernel_0": weights["kernel_0"][:, columns]}


def _padded_width(k: int) -> int:
    return max(8, 1 << (k - 1).bit_length())
