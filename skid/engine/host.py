"""Calls of NumPy functions from a compiled program."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from skid.engine.backend import tensorflow

_errors: dict[Hashable, Exception] = {}
"""Last exception that a function on the host raised, by the key of the objective."""


def call_on_host(
    function: Callable[..., np.ndarray], tensors: Sequence[Any], dtype: Any, key: Hashable
) -> Any:
    """Tensor that a NumPy function without side effects returns for the values of ``tensors``."""

    def call(*arrays: np.ndarray) -> np.ndarray:
        try:
            return function(*arrays)
        except Exception as error:
            # TensorFlow reports the text of an exception only: `host_error` returns the exception.
            _errors[key] = error
            raise

    return tensorflow().numpy_function(call, tensors, dtype, stateful=False)


def host_error(key: Hashable) -> Exception | None:
    """Last exception that a function called with this key raised; it is returned once."""
    return _errors.pop(key, None)
