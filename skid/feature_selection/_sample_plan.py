"""A subset for each row: a selector network scores the columns, a predictor sees the best k.

This is *learning to explain* (Chen et al., ICML 2018) with the hard subset in training, too.
"""

import numpy as np

from skid.engine.backend import tensorflow
from skid.engine.plan import RowsPlan
from skid.engine.seeds import draw_seeds
from skid.engine.training import Training
from skid.feature_selection import _defaults as defaults
from skid.feature_selection._data import TrainingData
from skid.feature_selection._masks import SubsetMask
from skid.feature_selection._models import SampleModel
from skid.losses import ROW_LOSSES, weighted_mean
from skid.networks import DecayOfKernels, MultilayerPerceptron, gains_by_xla, part_of

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


class SamplePlan(RowsPlan):
    """The training of a selector network and a predictor for subsets of one size.

    Parameters
    ----------
    estimator : BaseSubsetSelector
    data : TrainingData
    size : int
        Units in each subset, those of ``always_include`` included.
    random_state : numpy.random.RandomState
    first_step : int, default=0
        Steps taken before.
    one_pass : bool, default=False
        Whether to take one pass over the data.
    """

    selection_path: list[dict] | None = None
    is_interrupted = False

    def __init__(
        self,
        estimator,
        data: TrainingData,
        size: int,
        random_state,
        *,
        first_step: int = 0,
        one_pass: bool = False,
    ) -> None:
        super().__init__(estimator)
        self.data, self.size = data, size
        self.arrays, self.weights, self.labels = data.arrays, data.weights, data.labels
        self.steps_per_epoch = defaults.steps_per_epoch(estimator, data)
        self.steps_per_validation = defaults.STEPS_BETWEEN_VALIDATIONS
        self.network = defaults.network_on_all_columns(estimator, data)
        sizes = (data.X.shape[1], *SELECTOR_HIDDEN_LAYER_SIZES, data.units.n_free)
        self.selector = MultilayerPerceptron(sizes)
        n_networks = defaults.n_networks(estimator)
        self.objective = SampleSubsetObjective(
            self.network,
            self.selector,
            n_networks,
            data.loss,
            defaults.subset_mask(estimator, data.units),
            one_draw=data.is_tiny,
            compiled=gains_by_xla(self.device, self.network),
        )
        self.constants = {"unit_of_column": data.units.unit_of_column}
        starting = np.random.RandomState(draw_seeds(random_state))
        self._set_start(n_networks, starting)
        controls = defaults.sample_controls(estimator, data, size, first_step, one_pass=one_pass)
        self.controls = controls.astype(data.X.dtype)
        self.learn_from(
            data.folds(n_networks, starting),
            defaults.batch_size(estimator, data),
            shuffle=estimator.shuffle,
            random_state=random_state,
        )

    def prepare(self, rows: dict) -> dict:
        """Rows as the program reads them, see :class:`Plan`."""
        return self.data.inputs(rows)

    def held_out_losses(self, training: Training) -> tuple[np.ndarray, np.ndarray]:
        """Loss and weight of each held-out row, under a network that never learnt from it."""
        return self.held_out.losses(training.parameters), self.held_out.weights

    def fitted(self, parameters: dict) -> dict:
        """Size and model, see :class:`Plan`."""
        parameters = {name: np.asarray(value) for name, value in parameters.items()}
        model = SampleModel(
            self.size - self.data.units.n_always,
            self.data.units,
            self.selector,
            self.network,
            part_of(parameters, PREFIX),
            _of_predictor(parameters),
            self.data.standardization,
        )
        path = {} if self.selection_path is None else {"selection_path_": self.selection_path}
        return path | {
            "n_features_to_select_": self.size,
            "_model": model,
            "_dtype": self.data.X.dtype.name,
        }

    def _set_start(self, n_networks: int, random_state) -> None:
        self.start = self.data.initial_weights(self.network, n_networks, random_state)
        weights = self.selector.initial(n_networks, random_state, self.data.X.dtype)
        # Logits that start far apart, compared with the noise, would settle the choice too early.
        weights[f"kernel_{self.selector.n_layers - 1}"] *= defaults.LOGIT_SPREAD
        self.start |= {PREFIX + name: value for name, value in weights.items()}


def _of_predictor(parameters: dict) -> dict:
    return {name: value for name, value in parameters.items() if not name.startswith(PREFIX)}
