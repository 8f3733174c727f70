"""Inputs of a solver in addition to the costs, such as the ends of a path or a capacity."""

from numbers import Integral, Number
from typing import Any

import numpy as np

from skid.solvers import Solver


def context_array(**fields: Any) -> np.ndarray:
    """Join arrays into one structured array, which a cross-validation can split.

    Parameters
    ----------
    **fields : array-like of shape (n, ...)
        Arrays by the name that the solver uses for them.

    Returns
    -------
    structured array of shape (n,)
        One field for each argument.

    Raises
    ------
    ValueError
        If the lengths differ, or there is no field.

    Examples
    --------
    >>> from skid.decision import context_array
    >>> context = context_array(capacity=[10.0, 12.0], weights=[[1, 2, 3], [3, 2, 1]])
    >>> context["weights"][1]
    array([3, 2, 1])
    """
    arrays = {name: np.asarray(values) for name, values in fields.items()}
    if not arrays:
        raise ValueError("context_array needs at least one field")
    lengths = {name: len(values) if values.ndim else 1 for name, values in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the fields of a context must have one length, got {lengths}")
    dtypes = [(name, values.dtype, values.shape[1:]) for name, values in arrays.items()]
    context = np.empty(next(iter(lengths.values())), dtypes)
    for name, values in arrays.items():
        context[name] = values
    return context


def checked_context(
    context: Any, solver: Solver, n_rows: int, *, fields_of_fit: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """The arrays of a dict, structured array or DataFrame by name, each of length ``n_rows``.

    None of ``fields_of_fit`` may be missing: the solver would use its own parameter instead.
    """
    fields = _fields(context)
    if any(name not in fields for name in fields_of_fit):
        raise ValueError(
            f"context must have the fields of fit, {list(fields_of_fit)}, got {list(fields)}. In a "
            "search or a Pipeline, enable metadata routing and request the context with "
            "set_fit_request(context=True) and set_score_request(context=True). A search does not "
            "pass it to predict: call predict of its best_estimator_"
        )
    for name, values in fields.items():
        if name not in solver.context:
            raise ValueError(
                f"context must have no other fields than {type(solver).__name__} takes, "
                f"{list(solver.context)}, got {name!r}"
            )
        if values.ndim == 0 or len(values) != n_rows:
            raise ValueError(
                f"context[{name!r}] must have one entry for each of the {n_rows} rows of X, "
                f"got shape {values.shape}. A cross-validation splits arrays and data frames, "
                "but not a dict: pass skid.decision.context_array(...) there"
            )
        if values.dtype.kind not in "biuf":
            raise ValueError(f"context[{name!r}] must hold numbers, got dtype {values.dtype}")
    return dict(sorted(fields.items()))


def _fields(context: Any) -> dict[str, np.ndarray]:
    if context is None:
        return {}
    if hasattr(context, "columns"):
        return {name: _numbers(context[name]) for name in context.columns}
    if isinstance(context, dict):
        return {name: _numbers(values) for name, values in context.items()}
    if getattr(getattr(context, "dtype", None), "names", None):
        return {name: np.ascontiguousarray(context[name]) for name in context.dtype.names}
    raise ValueError(
        "context must be a dict of arrays, a structured array (see skid.decision.context_array) "
        f"or a DataFrame, got {type(context).__name__}"
    )


def _numbers(values: Any) -> np.ndarray:
    """Values as an array; numbers that pandas stores as objects become integers or floats."""
    values = np.asarray(values)
    if values.dtype.kind == "O":
        for kind, dtype in ((Integral, np.int64), (Number, np.float64)):
            if all(isinstance(value, kind) for value in values.flat):
                return values.astype(dtype)
    return values
