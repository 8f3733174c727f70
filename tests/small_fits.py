"""A small fit of every estimator, what it answers, and a record of what its programs are given."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pytest
import tensorflow as tf
from sklearn.base import ClassifierMixin, clone

from skid import (
    DiscreteAutoencoder,
    GraphMatcher,
    QueryRanker,
    RankingRetriever,
    RationaleClassifier,
    RationaleRegressor,
    SolverPredictor,
    SubsetSelector,
    SubsetSelectorClassifier,
    SubsetSelectorRegressor,
)
from skid.engine import Program
from skid.solvers import TopK

RANDOM = np.random.RandomState(0)
N_ROWS = 48
ROWS = RANDOM.normal(size=(N_ROWS, 6)).astype(np.float32)
LABELS = np.digitize(ROWS[:, 0] - ROWS[:, 1], [-0.5, 0.5])
NUMBERS = ROWS[:, 0] - 2 * ROWS[:, 1]
COSTS = (ROWS @ RANDOM.normal(size=(6, 5))).astype(np.float32)
DECISIONS = TopK(2).solve(COSTS)
QUERIES = np.arange(N_ROWS) // 6
SHARES = 1 / (1 + np.exp(-2 * ROWS))
WORDS = np.array(["good", "bad", "The", "film", "plot", "actor", "music", "end", "scene", "role"])
TEXTS = [
    " ".join([WORDS[label], *RANDOM.choice(WORDS[2:], 4 + row % 3)])
    for row, label in enumerate(np.arange(N_ROWS) % 2)
]
RATINGS = np.where(np.arange(N_ROWS) % 2 == 0, 4.5, 1.5)
POINTS = RANDOM.normal(size=(N_ROWS, 4, 2)).astype(np.float32)
COPIES = POINTS[:, ::-1] + np.float32(0.3) * RANDOM.normal(size=POINTS.shape).astype(np.float32)
GRAPHS = [
    [{"points": points, "features": points[:, :1]} for points in pair]
    for pair in zip(POINTS, COPIES, strict=True)
]
PARTNERS = [np.array([3, 2, 1, 0])] * N_ROWS

SHORT = {"max_iter": 1, "random_state": 0}
IN_HALVES = {"batch_size": N_ROWS // 2, **SHORT}
SELECTOR = {"hidden_layer_sizes": 4, **IN_HALVES}
RATIONALE = {"hidden_layer_sizes": 4, "n_filters": 4, "embedding_size": 4, **IN_HALVES}


@dataclass(frozen=True)
class SmallFit:
    """An estimator, what it learns from, and how to ask what it has learnt."""

    estimator: object
    arguments: tuple
    answers: Callable
    name: str
    metadata: dict = field(default_factory=dict)

    def unfitted(self, **parameters):
        return clone(self.estimator).set_params(**parameters)

    def fit(self, **parameters):
        return self.fitted_again(self.unfitted(**parameters))

    def fit_without_steps(self, **parameters):
        """All of a fit but the training."""
        with recorded():
            return self.fit(**parameters)

    def fitted_again(self, estimator):
        return estimator.fit(*self.arguments, **self.metadata)

    def answers_of(self, estimator) -> list[np.ndarray]:
        return [np.asarray(answer) for answer in self.answers(estimator)]


def _codes(model):
    """Codes, what they mean, and the logits behind them; nothing that depends on the noise."""
    codes = model.transform(SHARES)
    divergence = model.negative_bound(SHARES, kl="marginal")[1]
    return [codes, model.inverse_transform(codes), divergence]


def _selected(method):
    return lambda model: [
        getattr(model, method)(ROWS),
        model.explain(ROWS),
        getattr(model, "feature_scores_", []),
    ]


def _words(method):
    return lambda model: [
        getattr(model, method)(TEXTS),
        [f"{word} {place}" for words in model.explain(TEXTS) for word, place in words],
    ]


_SELECTORS = [
    (SubsetSelectorClassifier, (ROWS, LABELS), "predict_proba"),
    (SubsetSelectorRegressor, (ROWS, NUMBERS), "predict"),
    (SubsetSelector, (ROWS,), "reconstruct"),
]
SMALL_FITS = [
    *(
        SmallFit(
            estimator(2, scope=scope, **SELECTOR),
            arguments,
            _selected(method),
            estimator.__name__ + ("" if scope == "dataset" else f"-{scope}"),
        )
        for estimator, arguments, method in _SELECTORS
        for scope in ("dataset", "sample")[: 1 + issubclass(estimator, ClassifierMixin)]
    ),
    SmallFit(
        SolverPredictor(TopK(2), **IN_HALVES),
        (ROWS, DECISIONS),
        lambda model: [model.predict_costs(ROWS)],
        "SolverPredictor",
    ),
    SmallFit(
        RankingRetriever(n_components=3, hidden_layer_sizes=4, n_classes_per_batch=2, **SHORT),
        (ROWS, LABELS),
        lambda model: [model.transform(ROWS)],
        "RankingRetriever",
    ),
    SmallFit(
        QueryRanker(hidden_layer_sizes=4, alpha=0.5, **IN_HALVES),
        (ROWS, LABELS),
        lambda model: [model.predict(ROWS)],
        "QueryRanker",
        {"qid": QUERIES},
    ),
    SmallFit(
        DiscreteAutoencoder(2, group_size=4, k=2, hidden_layer_sizes=4, **IN_HALVES),
        (SHARES,),
        _codes,
        "DiscreteAutoencoder",
    ),
    SmallFit(
        GraphMatcher(hidden_layer_sizes=4, **IN_HALVES),
        (GRAPHS, PARTNERS),
        lambda model: model.predict_affinities(GRAPHS[:8]),
        "GraphMatcher",
    ),
    SmallFit(
        RationaleClassifier(2, **RATIONALE),
        (TEXTS, np.arange(N_ROWS) % 2),
        _words("predict_proba"),
        "RationaleClassifier",
    ),
    SmallFit(
        RationaleRegressor(2, **RATIONALE),
        (TEXTS, RATINGS),
        _words("predict"),
        "RationaleRegressor",
    ),
]


@dataclass
class Training:
    """What one training gave to its program, step by step.

    ``rows`` has the shape (n_steps, ..., batch_size). ``start`` and ``end`` hold the parameters
    and the two moments of Adam before the first and after the last step.
    """

    program: Program
    first_step: int
    arrays: set
    constants: dict
    controls: dict
    rows: np.ndarray
    start: list[dict]
    end: list[dict]

    @property
    def n_steps(self) -> int:
        return len(self.rows)

    @property
    def batch_size(self) -> int:
        return self.rows.shape[-1]


class Recorder:
    """Takes the place of `Program.run`, and keeps what it is given.

    Without ``run`` no step is taken: the schedules of thousands of steps cost nothing then.
    """

    def __init__(self, run=None) -> None:
        self.run = run
        self.trainings: list[Training] = []

    def __call__(
        self, program, parameters, moments, data, constants, rows, controls, n_steps, *others
    ):
        first_step = others[0]
        found = untrained(parameters, moments, n_steps)
        if self.run:
            found = self.run(
                program, parameters, moments, data, constants, rows, controls, n_steps, *others
            )
        names = program.objective.controls
        controls = np.asarray(controls)[:n_steps]
        columns = dict(zip(names, controls.T, strict=True))
        rows = np.asarray(rows)[:n_steps]
        start, end = (
            [{name: np.array(value) for name, value in part.items()} for part in (first, *others)]
            for first, others in ((parameters, moments), found[:2])
        )
        last = self.trainings[-1] if self.trainings else None
        if last and last.program is program and last.first_step + last.n_steps == first_step:
            last.controls = {
                name: np.concatenate([last.controls[name], column])
                for name, column in columns.items()
            }
            last.rows = np.concatenate([last.rows, rows])
            last.end = end
        else:
            constants = {name: np.array(value) for name, value in constants.items()}
            self.trainings.append(
                Training(program, first_step, set(data), constants, columns, rows, start, end)
            )
        return found

    def with_control(self, name: str) -> list[Training]:
        """Trainings whose program has a control of that name."""
        return [training for training in self.trainings if name in training.controls]


@contextmanager
def recorded(run=None):
    """What training programs are given, by default without taking a step."""
    recorder = Recorder(run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Program, "run", lambda *arguments: recorder(*arguments))
        yield recorder


def untrained(parameters, moments, n_steps):
    """What a program returns that has trained nothing."""
    parameters, *moments = (
        {name: tf.convert_to_tensor(value) for name, value in values.items()}
        for values in (parameters, *moments)
    )
    return parameters, tuple(moments), np.ones(n_steps)


@cache
def reference(small: str, **parameters):
    """The fitted estimator of a name under the given parameters; tests must not change it."""
    return by_name(small).fit(**parameters)


def by_name(name: str) -> SmallFit:
    return next(small for small in SMALL_FITS if small.name == name)
