import json
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skid import SubsetSelectorClassifier, SubsetSelectorRegressor

SCOPES = ("dataset", "sample")


@pytest.mark.parametrize("scope", SCOPES)
def test_a_seed_gives_the_same_bits_again(estimator, X, target, short, answers, fitted, scope):
    expected = answers(fitted(estimator, scope), X)
    again = clone(fitted(estimator, scope)).fit(X, target)
    np.testing.assert_array_equal(answers(again, X), expected)
    assert again.loss_curve_ == fitted(estimator, scope).loss_curve_
    other = clone(again).set_params(random_state=1).fit(X, target)
    assert not np.array_equal(answers(other, X), expected)


def test_a_generator_as_random_state_moves_on(X, y, short):
    generator = np.random.RandomState(3)
    model = SubsetSelectorRegressor(3, **short | {"random_state": generator})
    first = model.fit(X, y).predict(X)
    assert not np.array_equal(model.fit(X, y).predict(X), first)
    again = model.set_params(random_state=np.random.RandomState(3)).fit(X, y)
    np.testing.assert_array_equal(again.predict(X), first)


FRESH = """
import hashlib, json, sys
import numpy as np
from skid import SubsetSelectorRegressor
X = np.random.default_rng(0).normal(size=(120, 8))
y = X[:, 0] + np.sin(2 * X[:, 1])
hashes = {}
for scope in ("dataset", "sample"):
    model = SubsetSelectorRegressor(3, scope=scope, max_iter=4, random_state=0).fit(X, y)
    hashes[scope] = hashlib.sha256(model.predict(X).tobytes()).hexdigest()
print(json.dumps(hashes))
"""


@pytest.mark.usefixtures("by_xla")
def test_a_fresh_process_with_other_threads_gives_the_same_bits(X, fitted):
    import hashlib

    n_threads = "2" if os.environ.get("OMP_NUM_THREADS") == "1" else "1"
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    process = subprocess.run(
        [sys.executable, "-c", FRESH],
        env=os.environ | dict.fromkeys(names, n_threads),
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stderr == ""
    expected = {
        scope: hashlib.sha256(
            fitted(SubsetSelectorRegressor, scope).predict(X).tobytes()
        ).hexdigest()
        for scope in SCOPES
    }
    assert json.loads(process.stdout) == expected


def test_a_bar_does_not_change_the_result(X, y, fitted, capsys):
    for scope in SCOPES:
        model = clone(fitted(SubsetSelectorRegressor, scope)).set_params(verbose=1).fit(X, y)
        np.testing.assert_array_equal(
            model.predict(X), fitted(SubsetSelectorRegressor, scope).predict(X)
        )
    output = capsys.readouterr()
    assert output.out == ""
    assert "SubsetSelectorRegressor [" in output.err
    assert "epoch 4/4" in output.err


def test_a_quiet_fit_prints_nothing_and_writes_no_file(
    estimator, X, target, short, answers, capfd, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for scope in SCOPES:
        answers(estimator(2, scope=scope, **short).fit(X, target), X)
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


def drawn():
    """The next numbers of every global generator, after it was seeded and half used."""
    import tensorflow as tf

    return [
        random.random(),
        np.random.random(),
        float(tf.random.uniform([])),
        float(tf.random.get_global_generator().uniform([])),
    ]


def seeded():
    import tensorflow as tf

    random.seed(1)
    np.random.seed(1)
    tf.random.set_seed(1)
    tf.random.set_global_generator(tf.random.Generator.from_seed(1))


@pytest.mark.parametrize("scope", SCOPES)
def test_global_generators_are_left_alone(estimator, X, target, short, answers, scope):
    seeded()
    drawn()
    expected = drawn()
    seeded()
    drawn()
    for method in ("fit", "partial_fit"):
        model = getattr(estimator(2, scope=scope, **short), method)(X, target)
        answers(model, X)
    assert drawn() == expected


def test_a_grid_search_gives_the_same_scores_in_one_process_and_in_two(X, labels):
    """20 candidates over a pipeline; worker processes compile programs of their own."""
    pipeline = make_pipeline(
        StandardScaler(), SubsetSelectorClassifier(max_iter=2, n_networks=2, random_state=0)
    )
    grid = {
        "subsetselectorclassifier__n_features_to_select": [1, 2, 4, 6, 8],
        "subsetselectorclassifier__learning_rate_init": [0.003, 0.03],
        "subsetselectorclassifier__alpha": [0.0, 0.1],
    }
    searches = [
        GridSearchCV(pipeline, grid, cv=KFold(2), n_jobs=n_jobs, error_score="raise").fit(X, labels)
        for n_jobs in (1, 2)
    ]
    scores = [
        np.stack([search.cv_results_[f"split{split}_test_score"] for split in range(2)])
        for search in searches
    ]
    assert scores[0].shape == (2, 20)
    assert len(np.unique(scores[0])) > 3
    np.testing.assert_array_equal(*scores)
    assert searches[0].best_params_ == searches[1].best_params_
    np.testing.assert_array_equal(*[search.predict_proba(X) for search in searches])
