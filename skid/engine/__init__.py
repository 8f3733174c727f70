"""Trainings: plans, the compiled program and its cache, data and device."""

from skid.engine.backend import tensorflow
from skid.engine.feed import Feed, ShuffledRows
from skid.engine.folds import Folds
from skid.engine.plan import Plan, RowsPlan, rows_to_learn_from
from skid.engine.program import Objective, Program, cached_program, clear_cache, trace_count
from skid.engine.training import Training, train

__all__ = [
    "Feed",
    "Folds",
    "Objective",
    "Plan",
    "Program",
    "RowsPlan",
    "ShuffledRows",
    "Training",
    "cached_program",
    "clear_cache",
    "rows_to_learn_from",
    "tensorflow",
    "trace_count",
    "train",
]
