"""Checks and serialisation of the components of layers: solvers, projections, noise, rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
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
from skid.projections import Projection
from skid.solvers import CallableSolver, Solver

Component = Solver | Noise | GradientRule | Projection | str | None


def drawn_seed(generator: keras.random.SeedGenerator) -> Any:
    """Draw a seed, int32 of shape (2,)."""
    return tensorflow().cast(generator.next(), "int32")


def floating(values: Any, dtype: str) -> Any:
    """Return the values as floats; Keras does not convert integers to the dtype of the layer."""
    tf = tensorflow()
    values = tf.convert_to_tensor(values)
    return values if values.dtype.is_floating else tf.cast(values, dtype)


def named_noise(noise: Noise | str | None, k: int | None = None) -> Noise | None:
    """Return the noise that a parameter ``noise`` selects; ``"sum_of_gamma"`` needs a size k."""
    if noise is None or isinstance(noise, Noise):
        return noise
    named: dict[str, Callable[[], Noise]] = {**NOISES}
    if k is not None:
        named = {"sum_of_gamma": partial(SumOfGamma, k), **named}
    if noise not in named:
        raise ValueError(f"noise must be a Noise, None or one of {(*named,)}, got {noise!r}")
    return named[noise]()


def serialized(component: Component) -> Any:
    """Describe a component in a form that Keras can save."""
    if component is None or isinstance(component, str):
        return component
    if not isinstance(component, (Solver, Noise, GradientRule)):
        return keras.saving.serialize_keras_object(component)
    if isinstance(component, CallableSolver):
        parameters = {
            "function": keras.saving.serialize_keras_object(component.function),
            "batched": component.batched,
        }
    elif isinstance(component, Solver):
        parameters = {name: _saved(value) for name, value in component.get_config().items()}
    else:
        # Noise and gradient rules are dataclasses by convention only.
        fields = dataclasses.fields(component)  # type: ignore[arg-type]
        parameters = {field.name: getattr(component, field.name) for field in fields}
    kind = type(component)
    name = kind.__name__ if _package_class(kind.__name__) is kind else None
    return {"component": name or keras.saving.get_registered_name(kind), "parameters": parameters}


def deserialized(config: Any) -> Component:
    """Build the component that `serialized` described."""
    if config is None or isinstance(config, str):
        return config
    if "component" not in config:
        return keras.saving.deserialize_keras_object(config)
    name = config["component"]
    kind = _package_class(name) or keras.saving.get_registered_object(name)
    if kind is None:
        raise ValueError(
            f"component must be a class of skid or registered, got {name!r}: register the class "
            "with keras.saving.register_keras_serializable before loading"
        )
    parameters = dict(config["parameters"])
    if kind is CallableSolver:
        parameters["function"] = keras.saving.deserialize_keras_object(parameters["function"])
    return kind(**{name: _loaded(value) for name, value in parameters.items()})


def _saved(value: Any) -> Any:
    """Convert arrays and sparse matrices, also in a list or tuple, to lists for JSON."""
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
    """Return the value that `_saved` converted."""
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


def _package_class(name: str) -> type | None:
    for module in (skid.solvers, skid.noise, skid.gradients):
        kind = getattr(module, name, None)
        if isinstance(kind, type) and issubclass(kind, (Solver, Noise, GradientRule)):
            return kind
    return None
