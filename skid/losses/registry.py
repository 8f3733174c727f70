"""From the parameter ``loss`` of an estimator to a loss."""

from collections.abc import Mapping
from typing import Any


def loss_of(loss: Any, names: Mapping[str, type], *kinds: type) -> Any:
    """The loss that a parameter ``loss`` stands for.

    Parameters
    ----------
    loss : str or object
    names : dict of str to type
        The class of each name, such as `skid.losses.DECISION_LOSSES`.
    *kinds : type
        Base classes of the objects that may be given in place of a name.

    Returns
    -------
    object

    Raises
    ------
    ValueError
        If it is something else, such as the class of a loss.

    Examples
    --------
    >>> from skid.losses import RANKING_LOSSES, RankingLoss, loss_of
    >>> loss_of("ndcg", RANKING_LOSSES, RankingLoss)
    NDCG(k=None)
    """
    if isinstance(loss, str) and loss in names:
        return names[loss]()
    if isinstance(loss, kinds):
        return loss
    given = repr(loss)
    if isinstance(loss, type):
        given = f"the class {loss.__name__}: write {loss.__name__}()"
    instances = " or ".join(kind.__name__ for kind in kinds)
    raise ValueError(f"loss must be one of {(*names,)} or an instance of {instances}, got {given}")


def check_one_per_row(loss: Any, values: Any, n_rows: int) -> None:
    """Raise a ValueError unless a loss returned a value for each row of a batch."""
    if tuple(values.shape) != (n_rows,):
        raise ValueError(
            f"{loss!r} must return one value per row, of shape ({n_rows},), "
            f"got the shape {tuple(values.shape)}"
        )
