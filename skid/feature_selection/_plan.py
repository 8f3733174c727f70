"""Training with one subset for all rows: its choice, then the networks that predict from it."""

from typing import Any, cast

import numpy as np

from skid.engine.seeds import draw_seeds
from skid.engine.training import Training, warn_of_interruption
from skid.feature_selection import _defaults as defaults
from skid.feature_selection._base_plan import SelectionPlan
from skid.feature_selection._data import TrainingData
from skid.feature_selection._models import SubsetModel
from skid.feature_selection._objective import DatasetSubsetObjective
from skid.feature_selection._prediction import PredictorPlan, on_chosen_columns
from skid.feature_selection._prior import prior_logits
from skid.networks import gains_by_xla


class SubsetPlan(SelectionPlan):
    """The choice of one subset, and then a training of fresh networks on its columns.

    ``size`` counts the units of ``always_include``, too. With ``one_pass`` there is one pass over
    the data and no training of fresh networks. ``n_predictors`` overrides the number of those
    networks.
    """

    objective: DatasetSubsetObjective

    def __init__(
        self,
        estimator: Any,
        data: TrainingData,
        size: int,
        random_state: np.random.RandomState,
        *,
        first_step: int = 0,
        one_pass: bool = False,
        n_predictors: int | None = None,
    ) -> None:
        super().__init__(estimator, data)
        self.estimator, self.size = estimator, size
        self.n_predictors = n_predictors
        self.trains_predictor = not one_pass
        self.predictor: PredictorPlan | None = None
        self.random_state = random_state
        n_networks = defaults.n_networks(estimator)
        self.network = defaults.network_on_all_columns(estimator, data)
        self.objective = DatasetSubsetObjective(
            self.network,
            n_networks,
            data.loss,
            defaults.subset_mask(estimator, data.units),
            compiled=gains_by_xla(self.device, self.network),
        )
        starting = np.random.RandomState(draw_seeds(random_state))
        prior = prior_logits(data, starting)
        self.start = data.initial_weights(self.network, n_networks, starting)
        spread = defaults.LOGIT_SPREAD * starting.standard_normal(prior.shape)
        self.start["logits"] = prior + spread.astype(data.X.dtype)
        self.constants = {"unit_of_column": data.units.unit_of_column, "prior": prior}
        controls = defaults.subset_controls(estimator, data, size, first_step, one_pass=one_pass)
        self.controls = controls.astype(data.X.dtype)
        self._learn_from(estimator, data.all_rows(n_networks), random_state)

    def finish(self, training: Training) -> Training:
        """Train fresh networks on the chosen columns, see :class:`Plan`.

        If the user stops them before their first validation, the networks of the choice are kept.
        """
        if not self.trains_predictor or training.interrupted:
            return training
        columns = self._columns(training.parameters)
        predictor = PredictorPlan(
            self.estimator, self.data, columns, self.random_state, n_networks=self.n_predictors
        )
        try:
            predictor.trained = predictor.train()
        except KeyboardInterrupt:
            warn_of_interruption("after the choice of the subset")
            training.interrupted = True
            return training
        if (
            predictor.trained.interrupted
            and predictor.trained.n_steps < predictor.steps_per_validation
        ):
            training.interrupted = True
            return training
        self.predictor = predictor
        training.validations = predictor.trained.validations
        return training

    @property
    def is_interrupted(self) -> bool:
        """Whether the user stopped the training of the networks on the chosen columns."""
        return self.predictor is not None and self.predictor.trained.interrupted

    def held_out_losses(self, parameters: dict) -> tuple[np.ndarray, np.ndarray]:
        """Loss and weight of each held-out row, with the networks on the chosen columns."""
        predictor = cast(PredictorPlan, self.predictor)
        return predictor.held_out_losses(predictor.trained.parameters)

    def fitted(self, parameters: dict) -> dict[str, Any]:
        """Subset, scores and model, see :class:`Plan`."""
        columns = self._columns(parameters)
        scores = self.data.units.scores(_mean_logits(parameters))
        if self.predictor is not None:
            network, weights = self.predictor.network_and_weights()
        else:
            weights = {name: np.asarray(value) for name, value in parameters.items()}
            del weights["logits"]
            network, weights = on_chosen_columns(self.network, weights, np.flatnonzero(columns))
        return self.attributes_of_size() | {
            "support_": columns,
            "feature_scores_": scores,
            "ranking_": _ranking(scores, columns),
            "_model": SubsetModel(columns, network, weights, self.data.standardization),
        }

    def _columns(self, parameters: dict) -> np.ndarray:
        """Mask of the columns of the largest logits."""
        units = self.data.units
        order = np.argsort(-_mean_logits(parameters), kind="stable")
        chosen = np.zeros(units.n_free, bool)
        chosen[order[: self.size - units.n_always]] = True
        return units.columns(chosen)


def _mean_logits(parameters: dict) -> np.ndarray:
    return np.asarray(parameters["logits"]).mean(axis=0)


def _ranking(scores: np.ndarray, support: np.ndarray) -> np.ndarray:
    """1 for the columns of the subset, then 2, 3, ... by falling score; equal scores are tied."""
    ranking = np.ones(len(scores), int)
    ranking[~support] = 2 + np.unique(-scores[~support], return_inverse=True)[1]
    return ranking
