"""What the tests share: a fresh interpreter, and settings that hold in every worker."""

import atexit
import gc
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
# Tests train for moments: programs are traced and not compiled, but where a test asks for it.
os.environ["SKID_DISABLE_JIT"] = "1"
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    # Processes side by side share the cores: more threads than cores wait for one another.
    n_threads = max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ.setdefault(name, str(n_threads))
if "NUMBA_CACHE_DIR" not in os.environ:
    # Kernels are compiled once for all processes of a run.
    os.environ["NUMBA_CACHE_DIR"] = tempfile.mkdtemp(prefix="skid-kernels-")
    atexit.register(shutil.rmtree, os.environ["NUMBA_CACHE_DIR"], ignore_errors=True)

# Tracing makes millions of objects, which live as long as the program: looking through them again
# and again would take a tenth of the time.
gc.set_threshold(100_000, 20, 100)

# Compiling takes seconds: examples have no deadline. The same examples in every run.
hypothesis.settings.register_profile("skid", deadline=None, derandomize=True)
hypothesis.settings.load_profile("skid")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep tests that share compiled programs in one process: a file, or one estimator's checks."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file, _, test = nodeid.partition("::")
            return f"{file}::{test.partition('-check_')[0]}" if "-check_" in test else file

    return ByFile(config, log) if config.getvalue("dist") == "load" else None


@pytest.fixture(autouse=True, scope="module")
def _by_xla_where_a_module_asks_for_it(request):
    with pytest.MonkeyPatch.context() as patch:
        if getattr(request.module, "BY_XLA", False):
            patch.delenv("SKID_DISABLE_JIT")
        yield


@pytest.fixture
def by_xla(monkeypatch):
    """Compile the programs of this test as users do."""
    monkeypatch.delenv("SKID_DISABLE_JIT", raising=False)


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
