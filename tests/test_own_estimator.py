"""The estimator of `examples/own_estimator.py`: proof that a family needs little of its own."""

import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from skid.engine import Program

EXAMPLE = Path(__file__).parents[1] / "examples" / "own_estimator.py"


@pytest.fixture
def band_regressor(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLE.parent)
    from own_estimator import BandRegressor

    yield BandRegressor
    del sys.modules["own_estimator"]


@pytest.fixture
def spectra():
    X = np.random.RandomState(0).normal(size=(300, 20))
    return X, np.abs(X[:, 12:16].mean(axis=1))


def test_it_is_short():
    assert EXAMPLE.read_text().count("\n") <= 120


def test_it_keeps_the_contract_of_scikit_learn(band_regressor):
    results = check_estimator(band_regressor(max_iter=20), on_skip=None, on_fail=None)
    assert len(results) > 40
    assert [result["check_name"] for result in results if result["status"] == "failed"] == []


def test_it_finds_the_band(band_regressor, spectra):
    model = band_regressor(4, random_state=0).fit(*spectra)
    assert np.flatnonzero(model.band_).tolist() == [12, 13, 14, 15]


def test_what_it_did_not_write_works(band_regressor, spectra, monkeypatch, capsys):
    model = band_regressor(4, max_iter=3, random_state=0, warm_start=True, verbose=1).fit(*spectra)
    assert "epoch 3/3" in capsys.readouterr().err
    first_steps, run = [], Program.run

    def recorded(self, *arguments):
        first_steps.append(arguments[7])
        return run(self, *arguments)

    monkeypatch.setattr(Program, "run", recorded)
    model.set_params(verbose=0).fit(*spectra)
    assert first_steps[0] == 3 * 10
    model.set_params(hidden_layer_sizes=5)
    with pytest.raises(ValueError, match="hidden_layer_sizes was 'auto' and is 5"):
        model.fit(*spectra)
    model.set_params(warm_start=False, early_stopping=True, max_iter=200, n_iter_no_change=2)
    assert len(model.fit(*spectra).validation_scores_) == model.n_iter_ < 200
