"""The README's snippets run as they stand, each in a new interpreter, and print what they claim."""

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
BY_XLA = True
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def printed(fresh_process, tmp_path):
    """Run a snippet and return the lines that it prints."""

    def run(snippet):
        lines = fresh_process(snippet, directory=tmp_path).stdout.splitlines()
        assert not list(tmp_path.iterdir())
        return lines

    return run


def test_quick_start_is_two_commands():
    section = README.split("## Quick start\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```bash\n(.*?)^```$", section, flags=re.DOTALL | re.MULTILINE)
    assert [block.count("\n") for block in blocks] == [1, 1]
    assert "examples/select_features.py" in blocks[0]
    assert "pytest" in blocks[1]


def test_snippets_are_short():
    assert len(SNIPPETS) == 4
    assert max(snippet.count("\n") for snippet in SNIPPETS) <= 15


def test_fit_and_predict(printed):
    *_, names, accuracy = printed(SNIPPETS[0])
    names = re.findall(r"'([^']+)'", names)
    assert len(set(names)) == 5
    assert set(names) <= set(load_breast_cancer().feature_names)
    assert float(accuracy) > 0.9


def test_pipeline_and_grid_search(printed):
    *_, best, accuracy = printed(SNIPPETS[1])
    assert re.search(r"'select__n_features_to_select': (2|4|8)\b", best)
    assert float(accuracy) > 0.9


def test_decisions(printed):
    assert 0 < float(printed(SNIPPETS[2])[-1]) < 0.12


def test_layer_alone(printed):
    *_, counts, explained = printed(SNIPPETS[3])
    np.testing.assert_array_equal([float(count) for count in re.findall(r"[\d.]+", counts)], [8.0])
    assert float(explained) > 0.6
