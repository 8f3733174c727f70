"""The training of an autoencoder: networks, batches, and fitted attributes."""

import math
from typing import Any

import numpy as np

from skid._parameters import resolve_auto
from skid.decomposition import _defaults as defaults
from skid.decomposition._model import AutoencoderModel, log_volume
from skid.decomposition._objective import DECODER, ENCODER, LOG_SCALE, AutoencoderObjective
from skid.engine.folds import Folds
from skid.engine.plan import RowsPlan, rows_to_learn_from
from skid.engine.seeds import draw_seeds
from skid.inputs import Inputs
from skid.networks import gains_by_xla, network_of


class AutoencoderPlan(RowsPlan):
    """The training of the networks of a `DiscreteAutoencoder`, or one pass with ``one_pass``."""

    objective: AutoencoderObjective

    def __init__(
        self,
        estimator,
        X: np.ndarray,
        inputs: Inputs,
        likelihood: str,
        random_state: np.random.RandomState,
        *,
        one_pass: bool,
    ) -> None:
        super().__init__(estimator)
        self.arrays = {"X": X}
        self.inputs, self.likelihood = inputs, likelihood
        batch_size = min(resolve_auto(estimator.batch_size, defaults.BATCH_SIZE), len(X))
        self.steps_per_epoch = math.ceil(len(X) / batch_size)
        self.rule, self.scalars = defaults.code_rule(estimator)
        code_shape = (estimator.n_groups, estimator.group_size)
        n_codes, row_shape = math.prod(code_shape), inputs.row_shape
        build_encoder, build_decoder = estimator.network or (None, None)
        sizes = estimator._hidden_layer_sizes(defaults.HIDDEN_LAYER_SIZES)
        encoder = network_of(build_encoder, row_shape, sizes, n_codes)
        decoder = network_of(build_decoder, (n_codes,), sizes[::-1], math.prod(row_shape))
        self.objective = AutoencoderObjective(
            encoder,
            decoder,
            code_shape,
            self.rule,
            likelihood,
            estimator.kl,
            gains_by_xla(self.device, encoder, decoder),
        )
        weights_seed, self.sampling_seed = map(int, draw_seeds(random_state, 2))
        starting = np.random.RandomState(weights_seed)
        self.start = {
            prefix + name: value
            for prefix, network in ((ENCODER, encoder), (DECODER, decoder))
            for name, value in network.initial(1, starting, inputs.dtype).items()
        }
        if likelihood == "gaussian":
            self.start[LOG_SCALE] = np.zeros((), inputs.dtype)
        controls = defaults.code_controls(
            estimator, self.steps_per_epoch, self.scalars, one_pass=one_pass
        )
        self.controls = controls.astype(inputs.dtype)
        self.constants = {"log_volume": np.asarray(log_volume(inputs), inputs.dtype)}
        rows = np.arange(len(X))
        folds = Folds([rows]) if one_pass else rows_to_learn_from(estimator, rows, X, random_state)
        self.learn_from(folds, batch_size, shuffle=estimator.shuffle, random_state=random_state)

    def prepare(self, rows: dict) -> dict:
        """Rows as the program reads them, see :class:`Plan`."""
        return {"X": self.inputs.apply(rows["X"])}

    def fitted(self, parameters: dict) -> dict[str, Any]:
        """Likelihood, model and seed of the sampled codes, see :class:`Plan`."""
        model = AutoencoderModel(
            self.inputs,
            self.objective.encoder,
            self.objective.decoder,
            self.objective.code_shape,
            {name: np.asarray(value) for name, value in parameters.items()},
            self.rule,
            self.likelihood,
            self.scalars["temperature"],
            self.scalars["subset_temperature"],
            self.scalars["logit_bound"],
        )
        return {"likelihood_": self.likelihood, "_model": model, "_seed": self.sampling_seed}
