"""A subset for each row: a selector network scores the columns, a predictor reads the best k.

This is *learning to explain* (Chen et al., ICML 2018), but with hard subsets in training, too.
"""

from typing import Any

import numpy as np

from skid.engine.backend import tensorflow
from skid.engine.seeds import draw_seeds
from skid.feature_selection import _defaults as defaults
from skid.feature_selection._base_plan import SelectionPlan
from skid.feature_selection._data import TrainingData
from skid.feature_selection._masks import SubsetMask
from skid.feature_selection._models import SampleModel
from skid.losses import ROW_LOSSES, weighted_mean
from skid.networks import DecayOfKernels, MultilayerPerceptron, gains_by_xla, part_of

SELECTOR_HIDDEN_LAYER_SIZES = (100, 100)
PREFIX = "selector_"


class SampleSubsetObjective(DecayOfKernels):
    """Loss of networks that read, of each row, the columns that a selector network chose.

    With ``one_draw`` all rows of a batch get the same noise. A repeated row then counts as one of
    twice the weight, as is expected of tables with few rows.
    """

    controls = ("k", "noise_scale", "rate", "decay")
    prefixes = (PREFIX,)

    def __init__(
        self,
        network: Any,
        selector: MultilayerPerceptron,
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
        networks = (network.key, selector.key, n_networks)
        self.key = (type(self).__name__, *networks, loss, mask.key, one_draw)

    def loss(self, parameters, batch, constants, control, seed):
        """Sum over the networks of their mean losses."""
        tf = tensorflow()
        mask = self._masks(parameters, batch["X"], constants, control, seed)
        outputs, updates = self.network.train(_of_predictor(parameters), batch["X"] * mask)
        losses = weighted_mean(self.row_loss(outputs, batch["y"]), batch["weight"])
        return tf.reduce_sum(losses), tf.reduce_mean(losses), updates

    def evaluate(self, parameters, batch, constants, control):
        """Loss of each row with its hard subset, shape (n_networks, n)."""
        mask = self._masks(parameters, batch["X"], constants, control, seed=None)
        outputs = self.network.apply(_of_predictor(parameters), batch["X"] * mask)
        return self.row_loss(outputs, batch["y"])

    def _masks(self, parameters, X, constants, control, seed):
        tf = tensorflow()
        logits = self.selector.apply(part_of(parameters, PREFIX), X)
        if self.one_draw and seed is not None and not self.mask.rule_adds_noise:
            shape = (logits.shape[0], 1, logits.shape[2])
            noise = self.mask.noise.sample_tf(shape, seed=seed, dtype=logits.dtype)
            logits, seed = logits + control["noise_scale"] * noise, None
        # -1 would be undefined if there are no free units.
        logits = tf.reshape(logits, [logits.shape[0] * logits.shape[1], logits.shape[2]])
        return tf.reshape(self.mask(logits, constants, control, seed), X.shape)


class SamplePlan(SelectionPlan):
    """The training of a selector network and predictors, for subsets of one size.

    ``size`` counts the units of ``always_include``, too.
    """

    objective: SampleSubsetObjective

    def __init__(
        self,
        estimator: Any,
        data: TrainingData,
        size: int,
        random_state: np.random.RandomState,
        *,
        first_step: int = 0,
        one_pass: bool = False,
    ) -> None:
        super().__init__(estimator, data)
        self.size = size
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
        self.start = data.initial_weights(self.network, n_networks, starting)
        weights = self.selector.initial(n_networks, starting, data.X.dtype)
        # Logits far apart at the start, compared with the noise, would end the choice too early.
        weights[f"kernel_{self.selector.n_layers - 1}"] *= defaults.LOGIT_SPREAD
        self.start |= {PREFIX + name: value for name, value in weights.items()}
        controls = defaults.sample_controls(estimator, data, size, first_step, one_pass=one_pass)
        self.controls = controls.astype(data.X.dtype)
        self._learn_from(estimator, data.folds(n_networks, starting), random_state)

    def fitted(self, parameters: dict) -> dict[str, Any]:
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
        return self.attributes_of_size() | {"_model": model}


def _of_predictor(parameters: dict) -> dict:
    return {name: value for name, value in parameters.items() if not name.startswith(PREFIX)}
