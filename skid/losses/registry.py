"""The loss of an estimator, and a check of its result."""

from collections.abc import Mapping
from typing import Any


def loss_of(loss: Any, names: Mapping[str, type], *kinds: type) -> Any:
    """The loss for a parameter ``loss``: an instance of ``kinds``, or a key of ``names``.

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
    got = repr(loss)
    if isinstance(loss, type):
        got = f"the class {loss.__name__}: write {loss.__name__}()"
    instances = " or ".join(kind.__name__ for kind in kinds)
    raise ValueError(f"loss must be one of {(*names,)} or an instance of {instances}, got {got}")


def check_one_per_row(loss: Any, values: Any, n_rows: int) -> None:
    """Raise a ValueError unless a loss returned one value per row."""
    if tuple(values.shape) != (n_rows,):
        raise ValueError(
            f"{loss!r} must return one value per row, of shape ({n_rows},), "
            f"got shape {tuple(values.shape)}"
        )
