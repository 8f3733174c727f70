"""A solver function, a solver class, a projection and a model to put a layer into."""

import keras
import numpy as np

from skid.layers import IdentitySubsetLayer
from skid.solvers import Solver, TopK


@keras.saving.register_keras_serializable(package="test_layers")
def cheapest(costs):
    return np.eye(costs.shape[1], dtype=costs.dtype)[costs.argmin(axis=1)]


@keras.saving.register_keras_serializable(package="test_layers")
class Cheapest(Solver):
    def __init__(self, n_extra=0):
        self.n_extra = n_extra

    def solve(self, costs):
        return TopK(1 + self.n_extra).solve(costs)


@keras.saving.register_keras_serializable(package="test_layers")
def centred(values, *, mask=None, xp=np):
    return values - xp.mean(values, axis=-1, keepdims=True)


def subset_model(d=6, k=2, layer=None):
    inputs = keras.Input((d,))
    costs = keras.layers.Dense(d, kernel_initializer="identity")(inputs)
    layer = layer or IdentitySubsetLayer(k, noise_scale=0.1, seed=3)
    chosen = layer(costs)
    outputs = keras.layers.Dense(1, kernel_initializer="ones")(
        keras.layers.Multiply()([chosen, inputs])
    )
    return keras.Model(inputs, [outputs, chosen])
