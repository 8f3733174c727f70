"""One subset for all rows: its choice, and the networks that predict from it."""

import numpy as np

from skid.engine.plan import RowsPlan
from skid.engine.seeds import draw_seeds
from skid.engine.training import Training, warn_of_interruption
from skid.feature_selection import _defaults as defaults
from skid.feature_selection._data import TrainingData
from skid.feature_selection._models import SubsetModel
from skid.feature_selection._objective import DatasetSubsetObjective
from skid.feature_selection._prediction import PredictorPlan, on_chosen_columns
from skid.feature_selection._prior import prior_logits
from skid.networks import gains_by_xla


class SubsetPlan(RowsPlan):
    """The choice of one subset, and then a training of fresh networks on its columns.

    Parameters
    ----------
    estimator : BaseSubsetSelector
    data : TrainingData
    size : int
        Units in the subset, those of ``always_include`` included.
    random_state : numpy.random.RandomState
    first_step : int, default=0
        Steps taken before.
    one_pass : bool, default=False
        Whether to take one pass over the data, and leave it at the networks of the choice.
    n_predictors : int, optional
        Networks on the chosen columns; by default as many as the estimator says.
    """

    selection_path: list[dict] | None = None

    def __init__(
        self,
        estimator,
        data: TrainingData,
        size: int,
        random_state,
        *,
        first_step: int = 0,
        one_pass: bool = False,
        n_predictors: int | None = None,
    ) -> None:
        super().__init__(estimator)
        self.estimator, self.data, self.size = estimator, data, size
        self.arrays, self.weights, self.labels = data.arrays, data.weights, data.labels
        self.n_predictors = n_predictors
        self.predicts_alone = not one_pass
        self.predictor: PredictorPlan | None = None
        self.random_state = random_state
        batch_size = defaults.batch_size(estimator, data)
        self.steps_per_epoch = defaults.steps_per_epoch(estimator, data)
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
        self.learn_from(
            data.all_rows(n_networks),
            batch_size,
            shuffle=estimator.shuffle,
            random_state=random_state,
        )

    def prepare(self, rows: dict) -> dict:
        """Rows as the program reads them, see :class:`Plan`."""
        return self.data.inputs(rows)

    def finish(self, training: Training) -> Training:
        """Train fresh networks on the chosen columns, see :class:`Plan`.

        If the user stops them when they have just begun, the networks of the choice are better.
        """
        if not self.predicts_alone or training.interrupted:
            return training
        predictor = PredictorPlan(
            self.estimator,
            self.data,
            self._columns(training.parameters),
            self.random_state,
            n_networks=self.n_predictors,
        )
        try:
            predictor.trained = predictor.train()
        except KeyboardInterrupt:
            warn_of_interruption("after the choice of the subset")
            training.interrupted = True
            return training
        just_begun = predictor.trained.n_steps < predictor.steps_per_validation
        if predictor.trained.interrupted and just_begun:
            training.interrupted = True
            return training
        self.predictor = predictor
        training.validations = predictor.trained.validations
        return training

    @property
    def is_interrupted(self) -> bool:
        """Whether the user stopped the training of the networks on the chosen columns."""
        return self.predictor is not None and self.predictor.trained.interrupted

    def held_out_losses(self, training: Training) -> tuple[np.ndarray, np.ndarray]:
        """Loss and weight of each held-out row, under a network that never learnt from it."""
        return self.predictor.held_out_losses()

    def fitted(self, parameters: dict) -> dict:
        """Subset, scores and model, see :class:`Plan`."""
        logits = np.asarray(parameters["logits"]).mean(axis=0)
        columns = self._columns(parameters)
        scores = self.data.units.scores(logits)
        if self.predictor is not None:
            network, weights = self.predictor.network_and_weights()
        else:
            weights = {name: np.asarray(value) for name, value in parameters.items()}
            del weights["logits"]
            network, weights = on_chosen_columns(self.network, weights, np.flatnonzero(columns))
        path = {} if self.selection_path is None else {"selection_path_": self.selection_path}
        return path | {
            "n_features_to_select_": self.size,
            "support_": columns,
            "feature_scores_": scores,
            "ranking_": _ranking(scores, columns),
            "_model": SubsetModel(columns, network, weights, self.data.standardization),
            "_dtype": self.data.X.dtype.name,
        }

    def _columns(self, parameters: dict) -> np.ndarray:
        """The subset of the largest logits, bool of shape (n_columns,)."""
        units = self.data.units
        logits = np.asarray(parameters["logits"]).mean(axis=0)
        chosen = np.zeros(units.n_free, bool)
        chosen[np.argsort(-logits, kind="stable")[: self.size - units.n_always]] = True
        return units.columns(chosen)


def _ranking(scores: np.ndarray, support: np.ndarray) -> np.ndarray:
    """1 for the columns of the subset, then 2, 3, ... by falling score; equal scores share."""
    ranking = np.ones(len(scores), int)
    left_out = ~support
    ranking[left_out] = 2 + np.unique(-scores[left_out], return_inverse=True)[1]
    return ranking
