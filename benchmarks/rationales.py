"""Rationales of reviews (IMDB) and sentences (SST): `RationaleClassifier` beside its rivals.

Run `python benchmarks/rationales.py --data FOLDER`, with imdb.npz and sst.npz in it.

IMDB: ten words of each review explain a convolutional network. `agreement` is the share of test
reviews for which the network says of these ten words, all others at zero, what it says of the
whole review; `own` is the same for the estimator's own predictor. A method that ends in "whole
texts" does not ask the network about parts of the training reviews; nor do the rivals.

A method that ends in "joint" learns its predictor from the selected words, as the rivals do.

Rivals do not prefer rare words, unless `--rarity-weight` says so for all methods.

SST: `precision` is the share of the selected words of test sentences that carry a sentiment of
their own, by the labels of the treebank, which is that of the sentence; `accuracy` is that of the
prediction from these words. Learning rates are chosen by the score on a held-out tenth of the
training sentences, for each method.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, stdev

import environment
import numpy as np
import rationale_data
from rationale_data import ConvolutionalClassifier, Texts, only_selected, padded
from rationale_peers import ExactMarginals, SoftSubset, leave_one_out
from report import markdown

from skid import RationaleClassifier
from skid.gradients import IMLE, RelaxedTopK
from skid.noise import SumOfGamma

TASKS = ("imdb", "sst")
RATES = (1e-3, 3e-3)
OURS = "Identity, std"
WHOLE_TEXTS = "Identity, std, whole texts"


def settings_of(method: str, k: int) -> dict:
    """Parameters of an estimator that is trained by a method.

    The rivals learn their predictor from the selected words, and ask a model that is to be
    explained about whole texts only, as their papers do.
    """
    ours = {
        OURS: {},
        WHOLE_TEXTS: {"n_parts": 0},
        "Identity, none": {"projection": "none"},
        "Identity, std, joint": {"evidence": "selected", "n_parts": 0},
        "Identity, none, joint": {"evidence": "selected", "n_parts": 0, "projection": "none"},
    }
    rivals = {
        "L2X relaxation": {"gradient": RelaxedTopK(k, temperature=0.1)},
        "SoftSub": {"gradient": SoftSubset(k)},
        "I-MLE": {
            "gradient": IMLE(lambda_=100.0),
            "noise": SumOfGamma(k, tau=float(k)),
            "noise_scale": 1.0,
        },
        "SIMPLE": {"gradient": ExactMarginals(k)},
    }
    if method in ours:
        return ours[method]
    return {"projection": "none", "evidence": "selected", "n_parts": 0} | rivals[method]


METHODS = (
    OURS,
    WHOLE_TEXTS,
    "Identity, none",
    "Identity, std, joint",
    "Identity, none, joint",
    "L2X relaxation",
    "SoftSub",
    "I-MLE",
    "SIMPLE",
)
LEAVE_ONE_OUT = "leave one out"


def main() -> None:
    """Run the chosen tasks and print their tables."""
    arguments = parse_arguments()
    environment.limit_threads(arguments.threads)
    description = environment.describe(arguments.threads)
    print(environment.header(description))
    raw = {"environment": description}
    for task in arguments.tasks:
        raw[task] = []
        for row in {"imdb": measure_imdb, "sst": measure_sst}[task](arguments):
            raw[task].append(row)
            print(json.dumps(row), flush=True)
        print(f"\n{table(raw[task], task)}\n", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(raw))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--methods", nargs="+", default=[*METHODS, LEAVE_ONE_OUT])
    parser.add_argument("--sizes", nargs="+", type=int, default=[3, 5, 10], help="words, for SST")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--rate", type=float, help="the same for all instead of a tuned one (SST)")
    parser.add_argument("--rarity-weight", type=float, help="the same for all methods (SST)")
    parser.add_argument("--rows", type=int, default=25_000, help="training reviews (IMDB)")
    parser.add_argument("--test-rows", type=int, default=25_000, help="test reviews (IMDB)")
    parser.add_argument("--epochs", type=int, help="instead of the estimator's own number")
    parser.add_argument("--network-epochs", type=int, default=5, help="of the convolutions (IMDB)")
    parser.add_argument("--network-weights", type=Path, help="file to keep them in, or to load")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write every raw result to this file")
    return parser.parse_args()


class Remembered:
    """A network whose answers for the training reviews are computed once for all methods."""

    classes_ = ConvolutionalClassifier.classes_

    def __init__(self, network: ConvolutionalClassifier, table: np.ndarray) -> None:
        self.network = network
        self.table = table
        self.probabilities = network.predict_proba(table)

    def predict_proba(self, X) -> np.ndarray:
        """The known answers, or new ones for other texts."""
        return self.probabilities if X is self.table else self.network.predict_proba(X)


def measure_imdb(arguments: argparse.Namespace, k: int = 10) -> Iterator[dict]:
    """Ten words that explain the network, by each method and seed."""
    train, test, vocabulary = rationale_data.imdb(arguments.data)
    train = train.part(np.arange(arguments.rows))
    test = test.part(np.arange(arguments.test_rows))
    train_table, test_table = padded(train.ids), padded(test.ids)
    network = trained_network(train_table, train.labels, arguments)
    known = Remembered(network, train_table)
    whole = network.predict_proba(test_table).argmax(axis=1)
    yield {"method": "network itself", "accuracy": float((whole == test.labels).mean())}
    for method in (name for name in arguments.methods if name != LEAVE_ONE_OUT):
        for seed in arguments.seeds:
            model = RationaleClassifier(
                k,
                vocabulary=vocabulary,
                explain_model=known,
                max_iter=arguments.epochs or "auto",
                random_state=seed,
                **settings_of(method, k),
            )
            start, processor = time.perf_counter(), time.process_time()
            model.fit(train_table)
            seconds = time.perf_counter() - start
            processor = time.process_time() - processor
            masked = only_selected(test_table, model.explain(test_table))
            answers = network.predict_proba(masked).argmax(axis=1)
            own = model.predict(test_table)
            yield {
                "method": method,
                "seed": seed,
                "agreement": float((answers == whole).mean()),
                "own": float((own == whole).mean()),
                "accuracy": float((own == test.labels).mean()),
                "seconds": seconds,
                "processor": processor,
                "epochs": model.n_iter_,
                "held_out": max(model.validation_scores_),
            }


def trained_network(table, labels, arguments: argparse.Namespace) -> ConvolutionalClassifier:
    """The network to explain, from its file if there is one."""
    network = ConvolutionalClassifier(5003, seed=0)
    if arguments.network_weights and arguments.network_weights.exists():
        network.network.load_weights(arguments.network_weights)
        return network
    network.fit(table, labels, arguments.network_epochs)
    if arguments.network_weights:
        network.network.save_weights(arguments.network_weights)
    return network


def measure_sst(arguments: argparse.Namespace) -> Iterator[dict]:
    """Sentences of one sentiment or the other, by each method, number of words and seed."""
    train, _, test, vocabulary = rationale_data.sst(arguments.data)
    for k in arguments.sizes:
        for method in (name for name in arguments.methods if name != WHOLE_TEXTS):
            rate = arguments.rate or tuned_rate(method, train, vocabulary, k, arguments)
            for seed in arguments.seeds:
                model = sst_model(method, vocabulary, k, rate, seed, arguments)
                start = time.perf_counter()
                fitted(model, train)
                seconds = time.perf_counter() - start
                if method == LEAVE_ONE_OUT:
                    rationales = leave_one_out(model, test.ids, k)
                    kept = [np.array([word for word, _ in words]) for words in rationales]
                    predicted = model.predict(kept)
                else:
                    rationales, predicted = model.explain(test.ids), model.predict(test.ids)
                yield {
                    "method": method,
                    "k": k,
                    "rate": rate,
                    "seed": seed,
                    "precision": precision(rationales, test),
                    "accuracy": float((predicted == test.labels).mean()),
                    "seconds": seconds,
                    "epochs": model.n_iter_,
                }


def sst_model(method: str, vocabulary: dict, k: int, rate: float, seed: int, arguments):
    """An estimator; without a selection, for leaving one out, all words are selected."""
    settings = {} if method == LEAVE_ONE_OUT else settings_of(method, k)
    return RationaleClassifier(
        1000 if method == LEAVE_ONE_OUT else k,
        vocabulary=vocabulary,
        rarity_weight="auto" if arguments.rarity_weight is None else arguments.rarity_weight,
        learning_rate_init=rate,
        max_iter=arguments.epochs or "auto",
        random_state=seed,
        **settings,
    )


def fitted(model: RationaleClassifier, train: Texts) -> RationaleClassifier:
    """The model, without a word on that it selects all words where it is to."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "k=1000 is not less", UserWarning)
        return model.fit(train.ids, train.labels)


def tuned_rate(method: str, train: Texts, vocabulary: dict, k: int, arguments) -> float:
    """Learning rate with the best score on the training sentences that a fit holds out."""
    scores = {}
    for rate in RATES:
        model = sst_model(method, vocabulary, k, rate, 100, arguments)
        scores[rate] = max(fitted(model, train).validation_scores_)
    return max(scores, key=scores.get)


def precision(rationales: list, texts: Texts) -> float:
    """Share of the selected words with a sentiment of their own, that of the text."""
    agree = n_selected = 0
    for words, own, label in zip(rationales, texts.word_labels, texts.labels, strict=True):
        chosen = own[[place for _, place in words]].astype(int)
        agree += np.sum(chosen > 2) if label else np.sum(chosen < 2)
        n_selected += len(chosen)
    return float(agree / n_selected)


def table(rows: list[dict], task: str) -> str:
    """Mean and standard deviation over the seeds, in percent."""
    columns = ("agreement", "own", "accuracy") if task == "imdb" else ("precision", "accuracy")
    times = ("seconds", "processor") if task == "imdb" else ("seconds",)
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault((row["method"], row.get("k", 10)), []).append(row)
    lines = []
    for (method, k), group in groups.items():
        cells = [percent([row[name] for row in group if name in row]) for name in columns]
        for name in times:
            seconds = [row[name] for row in group if name in row]
            cells.append(f"{mean(seconds):.0f}" if seconds else "")
        lines.append([method, str(k), *cells])
    return markdown(["method", "k", *columns, *("fit, s", "processor, s")[: len(times)]], lines)


def percent(values: list[float]) -> str:
    """Mean, and standard deviation where there are several."""
    if not values:
        return ""
    spread = f" +- {100 * stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * mean(values):.1f}{spread}"


if __name__ == "__main__":
    main()
