"""Callbacks see, after each epoch and at the end, an estimator with all that it documents."""

import re
from copy import deepcopy
from inspect import cleandoc

import numpy as np
import pytest
import tensorflow as tf
from small_fits import SMALL_FITS, by_name, recorded

NAMES = [small.name for small in SMALL_FITS]
WITHOUT_PASSES = {
    "GraphMatcher",
    "QueryRanker",
    "RankingRetriever",
    "RationaleClassifier",
    "RationaleRegressor",
}
EPOCHS = 3
# Epochs of as many steps as lie between two validations, where these are counted in steps.
PARAMETERS = {
    "RationaleClassifier": {"batch_size": 1},
    "RationaleRegressor": {"batch_size": 1},
    "SubsetSelectorClassifier-sample": {"batch_size": 1},
}
# Epochs before the first validation: one every 100 steps of 48 an epoch, or of the predictor only.
NOT_VALIDATED = {
    "SubsetSelectorClassifier-sample": 2,
    "SubsetSelectorClassifier": EPOCHS,
    "SubsetSelectorRegressor": EPOCHS,
    "SubsetSelector": EPOCHS,
}


@pytest.fixture(autouse=True, scope="module")
def _step_by_step():
    """Validate without tracing: there are a few rows only."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def documented_attributes(estimator) -> set[str]:
    """Names in the section "Attributes" of the docstring."""
    section = re.search(
        r"^Attributes\n-+\n(.*?)\n\n\w", cleandoc(type(estimator).__doc__), re.S | re.M
    )
    names = set(re.findall(r"^(\w+_) :", section[1], re.M))
    assert names >= {"n_iter_", "loss_curve_", "best_loss_", "validation_scores_"}
    return names


def expected_attributes(estimator, *, is_validated: bool) -> set[str]:
    """Documented attributes that the parameters of the estimator ask for."""
    absent = {"feature_names_in_"}
    if not is_validated:
        absent.add("validation_scores_")
    if getattr(estimator, "scope", "dataset") == "sample":
        absent |= {"support_", "feature_scores_", "ranking_"}
    if getattr(estimator, "n_features_to_select", None) != "auto":
        absent.add("selection_path_")
    return documented_attributes(estimator) - absent


class Watcher:
    """Notes the attributes of the estimators that it is shown."""

    def __init__(self):
        self.seen, self.values, self.copies = [], [], []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        names = documented_attributes(estimator)
        found = {name for name in names if hasattr(fitted_estimator, name)}
        epochs = getattr(fitted_estimator, "n_iter_", None)
        curve = getattr(fitted_estimator, "loss_curve_", None)
        self.seen.append((context.task_name, found, epochs, curve))
        self.values.append({name: getattr(fitted_estimator, name) for name in sorted(found)})
        self.copies.append(deepcopy(self.values[-1]))

    def missing(self, estimator, not_validated) -> dict:
        """Attributes that lack, by epoch or ``"fit"``."""
        missing, epoch = {}, 0
        for task, found, _, _ in self.seen:
            epoch += task == "epoch"
            is_over = task == "fit"
            is_validated = estimator.early_stopping and (is_over or epoch > not_validated)
            expected = expected_attributes(estimator, is_validated=is_validated)
            if expected - found:
                missing["fit" if is_over else epoch] = sorted(expected - found)
        return missing


def watched(small, **parameters):
    """An estimator after a fit without training, and what a callback has seen of it."""
    pytest.importorskip("sklearn.callback")
    watcher, estimator = Watcher(), small.unfitted(max_iter=EPOCHS, **parameters)
    with recorded():
        small.fitted_again(estimator.set_callbacks(watcher))
    return estimator, watcher


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_estimator_of_each_epoch_has_all_documented_attributes(name, early_stopping):
    parameters = {"early_stopping": early_stopping, **PARAMETERS.get(name, {})}
    estimator, watcher = watched(by_name(name), **parameters)
    assert [task for task, *_ in watcher.seen] == ["epoch"] * EPOCHS + ["fit"]
    assert watcher.missing(estimator, NOT_VALIDATED.get(name, 0)) == {}


@pytest.mark.parametrize("name", NAMES)
def test_the_estimator_of_each_epoch_counts_the_epochs_so_far(name):
    _, watcher = watched(by_name(name), early_stopping=False)
    counts = [(epochs, len(curve or [])) for task, _, epochs, curve in watcher.seen]
    assert counts == [(1, 1), (2, 2), (3, 3), (3, 3)]


@pytest.mark.parametrize("name", NAMES)
def test_what_an_epoch_shows_does_not_change_later(name):
    _, watcher = watched(by_name(name), early_stopping=False)
    assert len(watcher.values) == EPOCHS + 1
    np.testing.assert_equal(watcher.values, watcher.copies)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("Subset")])
def test_the_estimator_of_each_epoch_of_a_path_has_all_documented_attributes(name):
    estimator, watcher = watched(by_name(name), n_features_to_select="auto", early_stopping=True)
    sizes = [entry["n_features"] for entry in estimator.selection_path_]
    assert len(watcher.seen) == (len(sizes) + 1) * EPOCHS + 1
    not_validated = len(watcher.seen)
    assert watcher.missing(estimator, not_validated) == {}
    np.testing.assert_equal(watcher.values, watcher.copies)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITHOUT_PASSES])
def test_a_pass_over_a_part_of_the_data_draws_a_bar(name, capsys):
    small = by_name(name)
    silent = small.unfitted().partial_fit(*small.arguments)
    assert capsys.readouterr().err == ""
    loud = small.unfitted(verbose=1).partial_fit(*small.arguments)
    bar = capsys.readouterr().err
    assert type(loud).__name__ in bar
    assert "epoch 1/1" in bar
    for answer, expected in zip(small.answers_of(loud), small.answers_of(silent), strict=True):
        assert (answer == expected).all()
