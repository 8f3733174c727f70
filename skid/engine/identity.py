"""What stands for the user's functions and rules in the key of a training program."""

import pickle
import sys
from collections.abc import Hashable
from dataclasses import fields, is_dataclass
from typing import Any

import joblib


def identity_of(value: Any) -> Hashable:
    """Two values with the same identity do the same, and may share a program.

    What can be imported, and what says itself what it equals, stand for themselves, and a data
    class for its fields. Any other, such as a function of a script or of a notebook, a closure or
    a partial function, is a new object in each task of a parallel search and in each copy of an
    estimator: its code stands for it, with the values that it is bound to.

    Parameters
    ----------
    value : object

    Returns
    -------
    hashable
        The value itself, its type with its fields, or the bytes that it is pickled to.

    Examples
    --------
    >>> from functools import partial
    >>> from skid.engine.identity import identity_of
    >>> identity_of(partial(max, 3)) == identity_of(partial(max, 3)) != identity_of(partial(max, 4))
    True
    """
    if is_dataclass(value) and not isinstance(value, type):
        return (type(value), *(identity_of(getattr(value, field.name)) for field in fields(value)))
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
