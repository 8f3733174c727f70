"""The examples run, and save what they promise; only shorter than they do by themselves."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

EXAMPLES = {
    "discrete_codes_of_digits": "DiscreteAutoencoder",
    "match_points": "GraphMatcher",
    "paths_over_maps": "SolverPredictor",
    "rationales_of_reviews": "RationaleClassifier",
    "retrieve_digits": "RankingRetriever",
    "tour_over_globe": "SolverPredictor",
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name, monkeypatch, tmp_path, capsys):
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    estimator = getattr(example, EXAMPLES[name])
    monkeypatch.setattr(
        example,
        EXAMPLES[name],
        lambda *arguments, **parameters: estimator(*arguments, **parameters | {"max_iter": 1}),
    )
    if hasattr(example, "N_TEST"):
        monkeypatch.setattr(example, "N_TRAIN", 64)
        monkeypatch.setattr(example, "N_TEST", 32)
    output = tmp_path / "output"
    output = output.with_suffix(".html" if "reviews" in name else ".png")
    monkeypatch.setattr(sys, "argv", [name, "--output", str(output)])
    example.main()
    assert output.stat().st_size > 1000
    assert str(output) in capsys.readouterr().out


def test_every_example_is_run():
    # The quick start runs the first as it is, and the second has tests of its own.
    elsewhere = {"select_features", "own_estimator"}
    found = {path.stem for path in (ROOT / "examples").glob("*.py")} - elsewhere
    assert found == {*EXAMPLES}
