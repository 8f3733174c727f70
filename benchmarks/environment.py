"""What every benchmark states about the process it ran in, and the thread limit it sets."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform

import threadpoolctl

PACKAGES = (
    "numpy",
    "scikit-learn",
    "tensorflow",
    "keras",
    "torch",
    "lassonet",
    "pyepo",
    "ortools",
    "lightgbm",
    "pygmtools",
    "pylibmgm",
)


def limit_threads(n_threads: int) -> None:
    """Give every numerical library of this process the same number of threads.

    TensorFlow accepts the limit only before its first operation, so this is called first.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    threadpoolctl.threadpool_limits(n_threads)
    if is_installed("torch"):
        import torch

        # The first step of an optimiser loads it, which crashes once TensorFlow is there.
        import torch._dynamo

        torch.set_num_threads(n_threads)
    if is_installed("tensorflow"):
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(n_threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(n_threads)


def is_installed(module: str) -> bool:
    """Whether a top-level module can be imported, without importing it."""
    return importlib.util.find_spec(module) is not None


def describe(n_threads: int) -> dict:
    """Versions, processor, cores and threads of this run."""
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES if _version(name)},
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "threads": n_threads,
    }


def header(description: dict) -> str:
    """Format the description as one line of text above the tables."""
    versions = ", ".join(f"{name} {number}" for name, number in description["packages"].items())
    return (
        f"{description['processor']}, {description['cores']} cores allowed, "
        f"{description['threads']} threads a library; "
        f"Python {description['python']}, {versions}"
    )


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return _version("tensorflow-cpu") if package == "tensorflow" else None


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
