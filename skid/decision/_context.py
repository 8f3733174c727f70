"""What differs from instance to instance beside the costs: the ends of a path, a capacity."""

from numbers import Integral, Number

import numpy as np


def context_array(**fields) -> np.ndarray:
    """Bind arrays together, row by row, so that a cross-validation can split them.

    Parameters
    ----------
    **fields : array-like of shape (n, ...)
        Arrays by the name under which the solver takes them.

    Returns
    -------
    structured array of shape (n,)
        With one field for each argument.

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
    kinds = [(name, values.dtype, values.shape[1:]) for name, values in arrays.items()]
    context = np.empty(next(iter(lengths.values())), kinds)
    for name, values in arrays.items():
        context[name] = values
    return context


def checked_context(
    context, solver, n_rows: int, *, fields_of_fit: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """The arrays of a context by name.

    Parameters
    ----------
    context : dict, structured array, DataFrame or None
        Fields of ``n_rows`` rows each.
    solver : Solver
        Says which fields it takes.
    n_rows : int
    fields_of_fit : tuple of str, default=()
        None of them may be missing: the solver would take its own parameter instead.

    Raises
    ------
    ValueError
        If the solver takes no such field, a field of the fit is missing, or a length differs from
        ``n_rows``.
    """
    fields = _fields(context)
    missing = [name for name in fields_of_fit if name not in fields]
    if missing:
        raise ValueError(
            f"the estimator was fitted with the context {list(fields_of_fit)}, but {missing} is "
            "not given: pass context. In a search or a Pipeline, enable metadata routing and "
            "request it, set_fit_request(context=True) and set_score_request(context=True); "
            "to predict, call the best_estimator_ of a search, which passes none on"
        )
    for name, values in fields.items():
        if name not in solver.context:
            raise ValueError(
                f"context has the field {name!r}, but {type(solver).__name__} takes "
                f"{list(solver.context) or 'none'}"
            )
        if values.ndim == 0 or len(values) != n_rows:
            raise ValueError(
                f"context[{name!r}] must have one entry for each of the {n_rows} rows of X, "
                f"but has the shape {values.shape}. A cross-validation cuts arrays and data frames "
                "into its parts, but no dict: pass skid.decision.context_array(...) there"
            )
        if values.dtype.kind not in "biuf":
            raise ValueError(
                f"context[{name!r}] must hold numbers, but its dtype is {values.dtype}"
            )
    return dict(sorted(fields.items()))


def _fields(context) -> dict[str, np.ndarray]:
    if context is None:
        return {}
    if hasattr(context, "columns"):
        return {name: _numbers(context[name]) for name in context.columns}
    if isinstance(context, dict):
        return {name: _numbers(values) for name, values in context.items()}
    if getattr(getattr(context, "dtype", None), "names", None):
        return {name: np.ascontiguousarray(context[name]) for name in context.dtype.names}
    raise ValueError(
        "context must be a dict of arrays, a structured array (see skid.decision.context_array)"
        f" or a DataFrame, got {type(context).__name__}"
    )


def _numbers(values) -> np.ndarray:
    """Values as an array; numbers that pandas keeps as objects become integers or floats."""
    values = np.asarray(values)
    if values.dtype.kind == "O":
        for kind, dtype in ((Integral, np.int64), (Number, np.float64)):
            if all(isinstance(value, kind) for value in values.flat):
                return values.astype(dtype)
    return values
