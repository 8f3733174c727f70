"""Reviews and sentences for `rationales.py`, and the network that is to be explained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

MAX_LENGTH = 400
BATCH_SIZE = 40
RESERVED = ("<pad>", "<start>", "<unk>")


@dataclass
class Texts:
    """A part of a data set.

    Attributes
    ----------
    ids : list of int array
        Numbers of the words of each text.
    labels : int array of shape (n,)
    word_labels : list of int array, or None
        Sentiment of each word alone, 0 to 4, where the data set knows it.
    """

    ids: list
    labels: np.ndarray
    word_labels: list | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def part(self, rows) -> Texts:
        """Some of the texts."""
        words = None if self.word_labels is None else [self.word_labels[row] for row in rows]
        return Texts([self.ids[row] for row in rows], self.labels[rows], words)


def imdb(folder: Path) -> tuple[Texts, Texts, dict]:
    """Reviews for training and for the test, the last 400 words of each; and the vocabulary."""
    data = np.load(folder / "imdb.npz")
    texts = [ids[-MAX_LENGTH:] for ids in _ragged(data["ids"], data["offsets"])]
    whole = Texts(texts, data["label"].astype(int))
    parts = [whole.part(np.flatnonzero(data["split"] == split)) for split in (0, 1)]
    return *parts, _vocabulary(data)


def sst(folder: Path) -> tuple[Texts, Texts, Texts, dict]:
    """Sentences of one sentiment or the other for training, development and test."""
    data = np.load(folder / "sst.npz")
    texts = Texts(
        _ragged(data["ids"], data["offsets"]),
        (data["label"] > 2).astype(int),
        _ragged(data["token_label"], data["offsets"]),
    )
    sided = data["label"] != 2
    parts = [texts.part(np.flatnonzero(sided & (data["split"] == split))) for split in (0, 1, 2)]
    return *parts, _vocabulary(data)


def padded(ids: list) -> np.ndarray:
    """Texts as one array, zeros in front of the shorter ones, as Learning to Explain has them."""
    table = np.zeros((len(ids), MAX_LENGTH), np.int32)
    for row, text in zip(table, ids, strict=True):
        row[len(row) - len(text) :] = text
    return table


def only_selected(table: np.ndarray, rationales: list) -> np.ndarray:
    """A padded array with everything but the selected words at zero."""
    kept = np.zeros(table.shape, bool)
    for row, rationale in zip(kept, rationales, strict=True):
        row[[position for _, position in rationale]] = True
    return np.where(kept, table, 0)


class ConvolutionalClassifier:
    """The network of Learning to Explain: 250 convolutions of width 3, the maximum, 250 units.

    Attributes
    ----------
    classes_ : array
    """

    classes_ = np.arange(2)

    def __init__(self, n_words: int, seed: int) -> None:
        keras.utils.set_random_seed(seed)
        layers = keras.layers
        self.network = keras.Sequential(
            [
                keras.Input((MAX_LENGTH,), dtype="int32"),
                layers.Embedding(n_words, 50),
                layers.Dropout(0.2),
                layers.Conv1D(250, 3, activation="relu"),
                layers.GlobalMaxPooling1D(),
                layers.Dense(250, activation="relu"),
                layers.Dropout(0.2),
                layers.Dense(2, activation="softmax"),
            ]
        )
        self.network.compile("adam", "sparse_categorical_crossentropy")

    def fit(self, table: np.ndarray, labels: np.ndarray, n_epochs: int) -> ConvolutionalClassifier:
        """Train for a number of epochs, and keep the best one by the accuracy on a held-out tenth.

        The authors keep the best one by the accuracy on the test reviews.
        """
        held_out = np.arange(len(table)) % 10 == 9
        best, weights = -1.0, None
        for _ in range(n_epochs):
            self.network.fit(
                table[~held_out], labels[~held_out], batch_size=BATCH_SIZE, epochs=1, verbose=0
            )
            answers = self.predict_proba(table[held_out]).argmax(axis=1)
            accuracy = float((answers == labels[held_out]).mean())
            if accuracy > best:
                best, weights = accuracy, self.network.get_weights()
        self.network.set_weights(weights)
        return self

    def predict_proba(self, X) -> np.ndarray:
        """Probabilities of the classes, of a padded array."""
        return self.network.predict(X, batch_size=256, verbose=0)


def _ragged(values: np.ndarray, offsets: np.ndarray) -> list:
    return np.split(values, offsets[1:-1])


def _vocabulary(data) -> dict:
    words = enumerate(data["vocab"].tolist())
    return {word: number for number, word in words if word not in RESERVED}
