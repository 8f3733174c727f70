"""What the layers are made of: how their parts are checked, named and saved."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import keras
import numpy as np
from scipy import sparse

import skid.gradients
import skid.noise
import skid.solvers
from skid.engine.backend import tensorflow
from skid.gradients import GradientRule
from skid.noise import NOISES, Noise, SumOfGamma
from skid.solvers import CallableSolver, Solver


def next_seed(generator: keras.random.SeedGenerator) -> Any:
    """Seed of the next draw, int32 of shape (2,)."""
    return tensorflow().cast(generator.next(), "int32")


def floating(values: Any, dtype: str) -> Any:
    """The values; whole numbers in the precision of the layer, as Keras converts no others."""
    tf = tensorflow()
    values = tf.convert_to_tensor(values)
    return values if values.dtype.is_floating else tf.cast(values, dtype)


def named_noise(noise: Noise | str | None, k: int | None = None) -> Noise | None:
    """The noise that a name stands for; that of k-subsets with a size k only."""
    if noise is None or isinstance(noise, Noise):
        return noise
    named = NOISES if k is None else {"sum_of_gamma": partial(SumOfGamma, k), **NOISES}
    if noise not in named:
        raise ValueError(f"noise must be a Noise, None or one of {(*named,)}, but is {noise!r}.")
    return named[noise]()


def serialized(component: Solver | Noise | GradientRule | None) -> dict[str, Any] | None:
    """A part as Keras can save it."""
    if component is None:
        return None
    if isinstance(component, CallableSolver):
        parameters = {
            "function": keras.saving.serialize_keras_object(component.function),
            "batched": component.batched,
        }
    elif isinstance(component, Solver):
        parameters = {name: _saved(value) for name, value in component.get_config().items()}
    else:
        fields = dataclasses.fields(component)
        parameters = {field.name: getattr(component, field.name) for field in fields}
    kind = type(component)
    name = kind.__name__ if _own_class(kind.__name__) is kind else None
    return {
        "component": name or keras.saving.get_registered_name(kind),
        "parameters": parameters,
    }


def deserialized(config: dict[str, Any] | None) -> Solver | Noise | GradientRule | None:
    """The part that `serialized` described."""
    if config is None:
        return None
    name = config["component"]
    kind = _own_class(name) or keras.saving.get_registered_object(name)
    if kind is None:
        raise ValueError(
            f"The saved model uses {name!r}, which is no part of skid: register the class with "
            f"keras.saving.register_keras_serializable before loading."
        )
    parameters = dict(config["parameters"])
    if kind is CallableSolver:
        parameters["function"] = keras.saving.deserialize_keras_object(parameters["function"])
    return kind(**{name: _loaded(value) for name, value in parameters.items()})


def _saved(value: Any) -> Any:
    """Arrays and sparse matrices as lists, which JSON can hold, also those in a list or tuple."""
    if isinstance(value, list | tuple) and any(hasattr(item, "dtype") for item in value):
        return {"items": [_saved(item) for item in value], "is_tuple": isinstance(value, tuple)}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return {
            "array": value.ravel().tolist(),
            "shape": list(value.shape),
            "dtype": value.dtype.name,
        }
    if sparse.issparse(value):
        entries = value.tocoo()
        return {
            "sparse": [entries.data.tolist(), entries.row.tolist(), entries.col.tolist()],
            "shape": list(value.shape),
            "dtype": value.dtype.name,
        }
    return value


def _loaded(value: Any) -> Any:
    """What `_saved` described."""
    if isinstance(value, dict) and "items" in value:
        items = [_loaded(item) for item in value["items"]]
        return tuple(items) if value["is_tuple"] else items
    if isinstance(value, dict) and "array" in value:
        return np.array(value["array"], value["dtype"]).reshape(value["shape"])
    if isinstance(value, dict) and "sparse" in value:
        data, rows, columns = value["sparse"]
        entries = (np.array(data, value["dtype"]), (rows, columns))
        return sparse.csr_array(entries, shape=tuple(value["shape"]))
    return value


def _own_class(name: str) -> type | None:
    for module in (skid.solvers, skid.noise, skid.gradients):
        kind = getattr(module, name, None)
        if isinstance(kind, type) and issubclass(kind, (Solver, Noise, GradientRule)):
            return kind
    return None
