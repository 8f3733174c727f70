"""A fitted model: a network that predicts costs, and the solver that decides by them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skid.decision._costs import CostNetwork
from skid.engine.backend import tensorflow
from skid.inputs import Inputs
from skid.solvers import Solver
from skid.solvers.base import solve


@dataclass
class DecisionModel:
    """Costs from rows, decisions from costs; ``constants`` are location and scale of the costs."""

    inputs: Inputs
    network: CostNetwork
    weights: dict[str, np.ndarray]
    constants: dict[str, np.ndarray]
    solver: Solver

    def costs(self, X: np.ndarray) -> np.ndarray:
        """Predicted costs of each row, shape (n, *cost_shape)."""
        costs = self.network.predict(self.weights, self.inputs.apply(X), self.constants)
        return np.maximum(costs, 0) if self.solver.nonnegative_costs else costs

    def to_keras(self) -> Any:
        """Keras model from raw rows to costs."""
        tensorflow()
        import keras

        rows = keras.Input(self.inputs.row_shape, dtype=self.inputs.dtype.name)
        costs = self.network.keras_costs(self.weights, self.inputs.to_keras(rows), self.constants)
        if self.solver.nonnegative_costs:
            costs = keras.layers.ReLU(dtype=rows.dtype)(costs)
        return keras.Model(rows, costs)

    def decisions(self, X: np.ndarray, context: dict[str, np.ndarray]) -> np.ndarray:
        """Cheapest feasible solution of each row, shape (n, *cost_shape)."""
        return solve(self.solver, self.costs(X), context)
