"""What stands for a user's function in the key of a training program."""

import pickle
import sys
from collections.abc import Callable, Hashable

import joblib


def identity_of(function: Callable) -> Hashable:
    """Two functions with the same identity do the same, and may share a program.

    A function that can be imported, and an object that says itself what it equals, stand for
    themselves. Any other, such as a function of a script or of a notebook, a closure or a partial
    function, is a new object in each task of a parallel search and in each copy of an estimator:
    its code stands for it, with the values that it is bound to.

    Parameters
    ----------
    function : callable

    Returns
    -------
    hashable
        The function itself, or the bytes that it is pickled to.

    Examples
    --------
    >>> from functools import partial
    >>> from skid.engine.identity import identity_of
    >>> identity_of(partial(max, 3)) == identity_of(partial(max, 3)) != identity_of(partial(max, 4))
    True
    """
    if _is_importable(function) or _has_equals(function):
        return function
    try:
        # The wrapper pickles code where pickle itself only writes names.
        return pickle.dumps(joblib.wrap_non_picklable_objects(function))
    except Exception:  # What does not survive pickling may raise anything.
        if not isinstance(function, Hashable):
            raise
        return function


def _is_importable(function: Callable) -> bool:
    module = getattr(function, "__module__", None)
    if module in (None, "__main__"):
        return False
    found = sys.modules.get(module)
    for name in getattr(function, "__qualname__", "").split("."):
        found = getattr(found, name, None)
    return found is function


def _has_equals(function: Callable) -> bool:
    kind = type(function)
    return kind.__hash__ is not None and kind.__eq__ is not object.__eq__
