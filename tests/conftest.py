"""What the tests share: a fresh interpreter, and settings that hold in every worker."""

import os
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent

# Set before TensorFlow and matplotlib are imported, and inherited by the fresh processes.
os.environ["MPLBACKEND"] = "agg"
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))

# Compiling takes seconds: examples have no deadline. The same examples in every run.
hypothesis.settings.register_profile("skid", deadline=None, derandomize=True)
hypothesis.settings.load_profile("skid")


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
