"""The parts of one's own in CONTRIBUTING.md run as they stand, and learn what they claim."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
PARTS = re.findall(
    r"^\*\*([A-Z][a-z ]+)\.\*\*.*?^```python\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE
)


def test_every_kind_of_part_has_a_short_example():
    names = [name for name, _ in PARTS]
    assert names == [
        "Loss of decisions",
        "Loss of rankings",
        "Loss of embeddings",
        "Solver",
        "Gradient rule",
        "Noise",
        "Projection",
        "Network",
    ]
    assert PAGE.count("```python") == len(PARTS)
    assert max(code.count("\n") for _, code in PARTS) <= 20


@pytest.mark.parametrize("code", [pytest.param(code, id=name) for name, code in PARTS])
def test_example_learns(code, capsys):
    exec(compile(code, "CONTRIBUTING.md", "exec"), {"__name__": "__main__"})
    score = float(capsys.readouterr().out)
    assert score > float(re.search(r"# above ([\d.]+)\n$", code)[1])
