"""Parameters that the estimators share: their types, defaults and constraints, declared once."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skid.gradients import GRADIENTS, GradientRule
from skid.noise import NOISES, Noise
from skid.projections import PROJECTIONS

Auto = Literal["auto"]
Standardize = Literal["auto", "columns", "table", "none"]

POSITIVE = Interval(numbers.Real, 0, None, closed="neither")
NOT_NEGATIVE = Interval(numbers.Real, 0, None, closed="left")
COUNT = Interval(numbers.Integral, 1, None, closed="left")
COUNT_FROM_0 = Interval(numbers.Integral, 0, None, closed="left")
COUNT_FROM_2 = Interval(numbers.Integral, 2, None, closed="left")
AUTO = StrOptions({"auto"})


@dataclass(eq=False, repr=False, kw_only=True)
class TrainingParameters:
    """What every estimator has, in the vocabulary of scikit-learn's neural networks."""

    hidden_layer_sizes: int | Sequence[int] | Auto = "auto"
    network: Any = None
    projection: str | Callable[..., Any] = "auto"
    noise: str | Noise = "auto"
    gradient: str | GradientRule | Callable[..., Any] = "identity"
    alpha: float | Auto = "auto"
    learning_rate_init: float | Auto = "auto"
    max_iter: int | Auto = "auto"
    shuffle: bool = True
    early_stopping: bool | Auto = "auto"
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    tol: float = 1e-4
    warm_start: bool = False
    device: str = "auto"
    random_state: int | np.random.RandomState | None = None
    verbose: int = 0

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "hidden_layer_sizes": ["array-like", COUNT, AUTO],
        "network": [callable, None],
        "projection": [StrOptions({"auto", *PROJECTIONS}), callable],
        "noise": [StrOptions({"auto", *NOISES}), Noise],
        "gradient": [StrOptions(set(GRADIENTS)), callable],
        "alpha": [NOT_NEGATIVE, AUTO],
        "learning_rate_init": [POSITIVE, AUTO],
        "max_iter": [COUNT, AUTO],
        "shuffle": ["boolean"],
        "early_stopping": ["boolean", AUTO],
        "validation_fraction": [Interval(numbers.Real, 0, 0.5, closed="right")],
        "n_iter_no_change": [COUNT],
        "tol": [NOT_NEGATIVE],
        "warm_start": ["boolean"],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }


@dataclass(eq=False, repr=False, kw_only=True)
class BatchSizeParameter:
    """Rows of a batch, for estimators whose batches are not made in another way."""

    batch_size: int | Auto = "auto"

    _parameter_constraints: ClassVar[dict[str, list]] = {"batch_size": [COUNT, AUTO]}


@dataclass(eq=False, repr=False, kw_only=True)
class NoiseScaleParameter:
    """Factor of the noise, for estimators in which it has no name of its own."""

    noise_scale: float | Auto = "auto"

    _parameter_constraints: ClassVar[dict[str, list]] = {"noise_scale": [NOT_NEGATIVE, AUTO]}


@dataclass(eq=False, repr=False, kw_only=True)
class StandardizeParameter:
    """Scale of the inputs, for estimators that read numbers."""

    standardize: Standardize = "auto"

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "standardize": [StrOptions({"auto", "columns", "table", "none"})]
    }


def resolve_auto(value: Any, automatic: Any) -> Any:
    """The value of a parameter, or what suits if it is ``"auto"``."""
    return automatic if isinstance(value, str) and value == "auto" else value
