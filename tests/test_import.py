import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import skid

HEAVY = {"tensorflow", "keras", "numba", "matplotlib"}

FIT = """
import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_wine
from skid import SubsetSelectorClassifier

X, y = load_wine(return_X_y=True)
model = SubsetSelectorClassifier(3, max_iter=5, random_state=0).fit(X, y)
joblib.dump((model, X, model.predict_proba(X)), sys.argv[1])
"""

PREDICT = """
import sys
from pathlib import Path

import joblib
import numpy as np

model, X, expected = joblib.load(sys.argv[1])
np.testing.assert_array_equal(model.predict_proba(X), expected)
assert model.transform(X).shape == (len(X), 3)
print("tensorflow" in sys.modules)
"""


def imported_by(fresh_process, code, directory):
    """Top-level modules that are there after the code has run."""
    code += "\nimport json, sys; print(json.dumps([name.split('.')[0] for name in sys.modules]))"
    return set(json.loads(fresh_process(code, directory=directory).stdout))


@pytest.fixture(scope="module")
def fit_elsewhere(fresh_process, tmp_path_factory):
    """A model that another process has fitted and saved, and what that process wrote."""
    directory = tmp_path_factory.mktemp("fit")
    finished = fresh_process(FIT, directory=directory, arguments=["model.joblib"])
    return directory, finished


def test_import_loads_nothing_but_itself(fresh_process, tmp_path):
    modules = imported_by(fresh_process, "import skid", tmp_path)
    assert not modules & (HEAVY | {"numpy", "scipy", "sklearn"})


def test_public_names_need_no_tensorflow(fresh_process, tmp_path):
    code = "import skid\nfor name in skid.__all__:\n    getattr(skid, name)"
    modules = imported_by(fresh_process, code, tmp_path)
    assert "sklearn" in modules
    assert not modules & HEAVY


@pytest.mark.parametrize("name", [name for name in skid.__all__ if name != "__version__"])
def test_public_name_comes_from_skid_and_is_kept(name):
    value = getattr(skid, name)
    assert value.__name__ == name
    assert value.__module__.startswith("skid.")
    assert vars(skid)[name] is value


@pytest.mark.parametrize("name", sorted(set(dir(skid)) - set(skid.__all__)))
def test_submodule_is_an_attribute(name):
    module = getattr(skid, name)
    assert inspect.ismodule(module)
    assert module.__name__ == f"skid.{name}"


def test_dir_holds_public_names_once():
    assert set(skid.__all__) <= set(dir(skid))
    assert len(dir(skid)) == len(set(dir(skid)))


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="'skid' has no attribute 'SubsetSelektor'"):
        skid.SubsetSelektor  # noqa: B018


def test_fit_writes_nothing(fit_elsewhere):
    directory, finished = fit_elsewhere
    assert finished.stdout == ""
    assert finished.stderr == ""
    assert [path.name for path in directory.iterdir()] == ["model.joblib"]


def test_saved_model_predicts_without_tensorflow(fit_elsewhere, fresh_process):
    directory, _ = fit_elsewhere
    finished = fresh_process(PREDICT, directory=directory, arguments=["model.joblib"])
    assert finished.stdout == "False\n"


STARTS_IN_THREADS = """
import os, threading, time
from skid.engine import backend

duplicate, calls = os.dup, []

def duplicate_slowly(descriptor):
    calls.append(descriptor)
    time.sleep(0.2 * len(calls))
    return duplicate(descriptor)

os.dup = duplicate_slowly
threads = [threading.Thread(target=backend.tensorflow) for _ in range(2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
os.write(2, b"heard")
"""


def test_fits_that_start_in_threads_leave_the_error_stream(fresh_process, tmp_path):
    (tmp_path / "tensorflow.py").write_text("import time\ntime.sleep(0.6)\n")
    assert fresh_process(STARTS_IN_THREADS, directory=tmp_path).stderr == "heard"


def test_import_without_docstrings(tmp_path):
    code = "import skid\nfor name in skid.__all__:\n    getattr(skid, name)"
    subprocess.run([sys.executable, "-OO", "-c", code], cwd=tmp_path, check=True)


def test_type_checkers_see_the_names_that_are_imported_on_use():
    stub = Path(skid.__file__).with_suffix(".pyi").read_text()
    seen = set(re.findall(r" as (\w+)", stub)) | set(re.findall(r"^(\w+):", stub, re.MULTILINE))
    assert seen == {*dir(skid), "__all__"}
