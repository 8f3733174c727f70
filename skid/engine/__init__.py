"""The compiled training program, its cache, its data and its device."""

from skid.engine.program import Program, cached_program, clear_cache, trace_count
from skid.engine.training import Training, train

__all__ = ["Program", "Training", "cached_program", "clear_cache", "trace_count", "train"]
