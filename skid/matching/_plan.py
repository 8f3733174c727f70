"""The training of a `GraphMatcher`: network, solver, fitted attributes."""

import math
from typing import Any

import numpy as np

from skid.engine.plan import RowsPlan, rows_to_learn_from
from skid.engine.seeds import draw_seeds
from skid.engine.training import Training
from skid.losses import MATCHING_LOSSES
from skid.matching import _defaults as defaults
from skid.matching._data import TrainingData
from skid.matching._geometry import Geometry
from skid.matching._model import MatchingModel, matching_solver
from skid.matching._network import MatchingNetwork
from skid.matching._objective import CONTEXT, MatchingObjective
from skid.networks import KerasNetwork, gains_by_xla
from skid.projections import check_projection
from skid.solver_objective import solver_rule


class MatchingPlan(RowsPlan):
    """The training of the network of a `GraphMatcher`; a row is a pair of graphs."""

    objective: MatchingObjective
    temperature: float = 1.0

    def __init__(
        self, estimator: Any, data: TrainingData, random_state: np.random.RandomState
    ) -> None:
        super().__init__(estimator)
        self.data, self.arrays, self.weights = data, data.arrays, data.weights
        self.constants = data.constants | {"scale": np.ones((), data.dtype)}
        with_edges = defaults.compares_edges(estimator)
        self.network = _network(estimator, data, with_edges)
        self.unmatched_cost = 0.0 if data.may_be_unmatched else None
        solver = matching_solver(
            data.sizes, with_edges, self.unmatched_cost, defaults.TRAINING_PROPOSALS
        )
        check_projection(estimator.projection, ("auto", *solver.projections))
        rule, noise_scale = solver_rule(estimator, solver, MATCHING_LOSSES)
        if rule.loss.needs_true_costs:
            raise ValueError(
                f"loss must be one that needs no true costs, such as 'hamming', got {rule.loss!r}"
            )
        keras = [network for network in (self.network.node_network,) if network is not None]
        self.objective = MatchingObjective(
            self.network,
            solver,
            rule,
            CONTEXT if with_edges else CONTEXT[:1],
            in_graph=False,
            xla=gains_by_xla(self.device, *keras),
        )
        self.start = self.network.initial(
            np.random.RandomState(draw_seeds(random_state)), data.dtype
        )
        rows = np.flatnonzero(data.weights)
        batch_size = defaults.batch_size(estimator, len(rows))
        self.steps_per_epoch = math.ceil(len(rows) / batch_size)
        controls = defaults.matching_controls(
            estimator, len(rows), self.steps_per_epoch, noise_scale
        )
        self.controls = controls.astype(data.dtype)
        folds = rows_to_learn_from(estimator, rows, self.arrays["n_nodes"], random_state)
        self.learn_from(folds, batch_size, shuffle=estimator.shuffle, random_state=random_state)

    def finish(self, training: Training) -> Training:
        """Find the temperature of the probabilities, see :class:`Plan`."""
        held_out = self.folds.held_out
        rows = (self.folds.training if held_out is None else held_out)[0][: defaults.CALIBRATED]
        pairs, partners = (
            [values[row] for row in rows] for values in (self.data.pairs, self.data.partners)
        )
        self.temperature = self._model(training.parameters).best_temperature(pairs, partners)
        return training

    def fitted(self, parameters: dict) -> dict[str, Any]:
        """The model, see :class:`Plan`."""
        return {"_model": self._model(parameters)}

    def _model(self, parameters: dict) -> MatchingModel:
        return MatchingModel(
            self.network,
            {name: np.asarray(value) for name, value in parameters.items()},
            self.constants,
            self.unmatched_cost,
            defaults.PROPOSALS,
            self.data.dtype,
            self.temperature,
        )


def _network(estimator: Any, data: TrainingData, with_edges: bool) -> MatchingNetwork:
    node_network = None
    if estimator.network is not None:
        node_network = KerasNetwork(
            estimator.network, data.shape.feature_shape, defaults.NODE_VECTOR
        )
    invariances = tuple(sorted(set(estimator.invariances)))
    return MatchingNetwork(
        data.shape,
        Geometry(data.shape.n_dimensions, invariances),
        estimator._hidden_layer_sizes(defaults.HIDDEN_LAYER_SIZES),
        node_network=node_network,
        n_inputs=defaults.NODE_VECTOR,
        with_edges=with_edges,
    )
