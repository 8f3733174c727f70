"""Keys by which training programs are cached: what stands for a user's functions and rules."""

import pickle
import sys
from collections.abc import Hashable
from dataclasses import fields, is_dataclass
from typing import Any

import joblib


def cache_key_of(value: Any) -> Hashable:
    """Key of a value: two values with the same key compute the same and may share a program.

    Importable objects and objects that define equality are their own keys; a dataclass is keyed by
    its fields. Anything else, such as a function of a script or notebook, a closure or a partial
    function, is a new object in each worker of a parallel search and in each copy of an estimator,
    so it is keyed by its code and the values bound to it.

    Examples
    --------
    >>> from functools import partial
    >>> from skid.engine.cache_key import cache_key_of
    >>> cache_key_of(partial(max, 3)) == cache_key_of(partial(max, 3))
    True
    >>> cache_key_of(partial(max, 3)) == cache_key_of(partial(max, 4))
    False
    """
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value)]
        if "__dataclass_fields__" not in vars(type(value)):
            # A subclass that is not a dataclass itself has parameters in addition to the fields.
            names += sorted({*getattr(value, "__dict__", {})} - {*names})
        return (type(value), *(cache_key_of(getattr(value, name)) for name in names))
    if _is_importable(value) or _has_equals(value):
        return value
    try:
        # The wrapper pickles code where pickle itself only writes names.
        return pickle.dumps(joblib.wrap_non_picklable_objects(value))
    except Exception:  # What does not survive pickling may raise anything.
        if not isinstance(value, Hashable):
            raise
        return value


def _is_importable(value: Any) -> bool:
    module = getattr(value, "__module__", None)
    if module in (None, "__main__"):
        return False
    found = sys.modules.get(module)
    for name in getattr(value, "__qualname__", "").split("."):
        found = getattr(found, name, None)
    return found is value


def _has_equals(value: Any) -> bool:
    kind = type(value)
    return kind.__hash__ is not None and kind.__eq__ is not object.__eq__
