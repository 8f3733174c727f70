"""Import TensorFlow late and quietly, and find the device that a fit asks for."""

import multiprocessing
import os
import re
import sys
import tempfile
from contextlib import contextmanager
from functools import cache
from threading import Lock

_INFORMATIONAL = re.compile(
    rb"I\d{4} |WARNING: All log messages before absl::InitializeLog|.*Unable to register cu"
)

_importing = Lock()
"""Two threads that import at a time would each take the other's file for the error stream."""


@cache
def tensorflow():
    """Import TensorFlow on first use and return the module.

    The log level and, inside a worker process, the thread count are only suggested through
    environment variables: what the user has set stays.
    """
    with _importing:
        if "tensorflow" in sys.modules:
            import tensorflow as tf

            return tf
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        # Off by default on older processors, where it speeds convolutions up as well.
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
        # joblib tells its workers their share of the cores through OMP_NUM_THREADS, which
        # TensorFlow does not read: two workers would each start a thread per core.
        if multiprocessing.parent_process() is not None and "OMP_NUM_THREADS" in os.environ:
            os.environ.setdefault("TF_NUM_INTRAOP_THREADS", os.environ["OMP_NUM_THREADS"])
        with _start_up_messages_held_back():
            import tensorflow as tf

        return tf


def compiles() -> bool:
    """Whether XLA compiles programs: always, unless the environment has ``SKID_DISABLE_JIT=1``.

    Without XLA a first fit starts sooner and every step takes longer, which suits debugging and
    tests.
    """
    return os.environ.get("SKID_DISABLE_JIT", "0") != "1"


def compiled(function):
    """A function of tensors as one compiled kernel, also inside a graph that is not compiled."""
    return tensorflow().function(function, autograph=False, jit_compile=compiles() or None)


@contextmanager
def _start_up_messages_held_back():
    """Suppress informational messages of TensorFlow's libraries while they load.

    They write to the file descriptor of the standard error stream, before any log level applies.
    All other lines are passed on afterwards.
    """
    try:
        stream = os.dup(2)
    except OSError:  # The process has no standard error stream.
        yield
        return
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stream, 2)
            os.close(stream)
            held_back.seek(0)
            lines = [line for line in held_back if not _INFORMATIONAL.match(line)]
            if lines:
                os.write(2, b"".join(lines))


def resolve_device(device: str) -> str:
    """Turn the ``device`` parameter of an estimator into the name of a TensorFlow device.

    Raises
    ------
    ValueError
        If the name is unknown, or if TensorFlow does not see that GPU.

    Examples
    --------
    >>> from skid.engine.backend import resolve_device
    >>> resolve_device("cpu")
    '/CPU:0'
    """
    match = re.fullmatch(r"auto|cpu|gpu(?::(\d+))?", device)
    if match is None:
        raise ValueError(f"device must be 'auto', 'cpu', 'gpu' or 'gpu:N', got {device!r}")
    if device == "cpu":
        return "/CPU:0"
    n_gpus = len(tensorflow().config.list_physical_devices("GPU"))
    if device == "auto":
        return "/GPU:0" if n_gpus else "/CPU:0"
    index = int(match[1] or 0)
    if index >= n_gpus:
        raise ValueError(
            f"device must be one of the {n_gpus} GPU(s) that TensorFlow sees, got {device!r}"
        )
    return f"/GPU:{index}"
