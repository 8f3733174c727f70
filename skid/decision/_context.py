"""What differs from instance to instance beside the costs: the ends of a path, a capacity."""

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


def checked_context(context, solver, n_rows: int) -> dict[str, np.ndarray]:
    """The arrays of a context by name.

    Parameters
    ----------
    context : dict, structured array, DataFrame or None
        Fields of ``n_rows`` rows each.
    solver : Solver
        Says which fields it takes.
    n_rows : int

    Raises
    ------
    ValueError
        If the solver takes no such field, or a length differs from ``n_rows``.
    """
    if context is None:
        return {}
    if hasattr(context, "columns"):
        fields = {name: np.asarray(context[name]) for name in context.columns}
    elif isinstance(context, dict):
        fields = {name: np.asarray(values) for name, values in context.items()}
    elif getattr(getattr(context, "dtype", None), "names", None):
        fields = {name: np.ascontiguousarray(context[name]) for name in context.dtype.names}
    else:
        raise ValueError(
            "context must be a dict of arrays, a structured array (see skid.decision.context_array)"
            f" or a DataFrame, got {type(context).__name__}"
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
                f"but has the shape {values.shape}"
            )
    return dict(sorted(fields.items()))
