"""What the tests share: a fresh interpreter, and settings that hold in every worker."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent

# Set before TensorFlow, numba and matplotlib are imported, and inherited by the other processes.
os.environ["MPLBACKEND"] = "agg"
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
# Tests compile many programs and run each for moments: less effort of the compiler saves half.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
if "NUMBA_CACHE_DIR" not in os.environ:
    # Kernels are compiled once for all processes of a run.
    os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="skid-kernels-")
    atexit.register(shutil.rmtree, os.environ["NUMBA_CACHE_DIR"], ignore_errors=True)

# Compiling takes seconds: examples have no deadline. The same examples in every run.
hypothesis.settings.register_profile("skid", deadline=None, derandomize=True)
hypothesis.settings.load_profile("skid")


def pytest_collection_modifyitems(items):
    """Keep tests that share compiled programs in one process: a file, or one estimator's checks."""
    for item in items:
        shared = item.nodeid.partition("::")[0]
        callspec = getattr(item, "callspec", None)
        if callspec is not None and "estimator" in callspec.params:
            shared += f"::{callspec.params['estimator']}"
        item.add_marker(pytest.mark.xdist_group(shared))


@pytest.fixture(scope="session")
def fresh_process():
    """Run code in a new interpreter and return what it wrote: ``stdout`` and ``stderr``."""

    def run(code, *, directory, arguments=()):
        finished = subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert finished.returncode == 0, finished.stderr
        return finished

    return run
