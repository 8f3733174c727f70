"""Data and networks of the decision benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass
class Task:
    """Rows with right decisions, cut into a training and a test part.

    Attributes
    ----------
    X : array of shape (n, ...)
    decisions, costs : array of shape (n, *cost_shape)
    n_train : int
        The first rows are learnt from.
    """

    X: np.ndarray
    decisions: np.ndarray
    costs: np.ndarray
    n_train: int

    @property
    def train(self) -> slice:
        """Rows to learn from."""
        return slice(0, self.n_train)

    @property
    def test(self) -> slice:
        """Rows to judge by."""
        return slice(self.n_train, None)


def terrain_network(input_shape: tuple[int, ...], n_outputs: int):
    """Convolutions from pixels to one cost for each tile of 8 by 8 pixels."""
    import keras
    from keras import layers

    def normalised(values, **convolution):
        values = layers.Conv2D(16, padding="same", use_bias=False, **convolution)(values)
        return layers.BatchNormalization()(values)

    image = keras.Input(input_shape)
    hidden = layers.ReLU()(normalised(image, kernel_size=5, strides=4))
    residual = layers.ReLU()(normalised(hidden, kernel_size=3))
    hidden = layers.ReLU()(layers.Add()([hidden, normalised(residual, kernel_size=3)]))
    return keras.Model(image, layers.Conv2D(1, 1)(layers.MaxPooling2D(2)(hidden)))


def globe(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Flags of a hundred countries, and their capitals as points of the unit sphere."""
    file = np.load(data / "globe_tsp.npz")
    chosen = file["selected"]
    latitude, longitude = (np.radians(file[name][chosen]) for name in ("lat", "lon"))
    points = np.stack(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.sin(latitude),
        ],
        axis=1,
    )
    return file["flags"][chosen].astype(np.float32) / 255, points


def tours(points: np.ndarray, k: int, n_train: int, n_test: int, seed: int) -> Task:
    """Round trips through k capitals; a row of X names the countries."""
    from skid.solvers import TravelingSalesman

    random = np.random.RandomState(seed)
    X = np.stack([random.permutation(len(points))[:k] for _ in range(n_train + n_test)])
    visited = points[X]
    costs = np.linalg.norm(visited[:, :, None] - visited[:, None], axis=-1)
    return Task(X, TravelingSalesman(k).solve(costs), costs, n_train)


def flag_network(flags: np.ndarray):
    """Function that builds a network from k countries to the distances of their capitals.

    A small convolutional network puts every flag on the unit sphere, once for each batch; the
    rows pick theirs.
    """

    def build(input_shape: tuple[int, ...], n_outputs: int):
        import keras
        from keras import layers

        class Distances(layers.Layer):
            def __init__(self):
                super().__init__()
                self.network = keras.Sequential(
                    [
                        keras.Input(flags.shape[1:]),
                        layers.Conv2D(20, 4, strides=2, activation="relu"),
                        layers.MaxPooling2D(2),
                        layers.Conv2D(50, 4, strides=2, padding="same", activation="relu"),
                        layers.Flatten(),
                        layers.Dense(500, activation="relu"),
                        layers.Dense(3),
                    ]
                )

            def call(self, rows):
                places = self.network(keras.ops.convert_to_tensor(flags))
                places /= keras.ops.norm(places, axis=1, keepdims=True) + 1e-6
                visited = keras.ops.take(places, keras.ops.cast(rows, "int32"), axis=0)
                squared = keras.ops.sum(
                    keras.ops.square(visited[:, :, None] - visited[:, None]), axis=-1
                )
                return keras.ops.sqrt(squared + 1e-8)

        rows = keras.Input(input_shape)
        return keras.Model(rows, Distances()(rows))

    return build


def energy(data: Path, seed: int, *, with_weight: bool) -> tuple[Task, np.ndarray]:
    """Half-hours of 789 days as items of a knapsack: 550 days to learn from, 139 to judge by.

    The 100 days between are the validation part of the published protocol, unused here.
    """
    file = np.load(data / "energy_knapsack.npz")
    weights = file["weights"]
    X = np.concatenate([file["X_1gtrain"], file["X_1gtest"]])[:, 1:]
    X = (X - file["X_1gtrain"][:, 1:].mean(axis=0)) / file["X_1gtrain"][:, 1:].std(axis=0)
    X = X.reshape(-1, len(weights), X.shape[-1])
    values = np.concatenate([file["y_train"], file["y_test"]]).reshape(len(X), -1)
    values = values / file["y_train"].mean()
    if with_weight:
        size = np.broadcast_to(weights[:, None].astype(float), (*X.shape[:2], 1))
        X = np.concatenate([X * size, size], axis=2)
    order = np.random.RandomState(seed).permutation(len(X))
    order = np.concatenate([order[:550], order[650:]])
    return Task(X[order], np.empty(0), -values[order], 550), weights


def digit_edges(side: int) -> np.ndarray:
    """Edges between the cells of a square grid, to the right and down."""
    cells = np.arange(side * side).reshape(side, side)
    right = np.stack([cells[:, :-1].ravel(), cells[:, 1:].ravel()], axis=1)
    down = np.stack([cells[:-1].ravel(), cells[1:].ravel()], axis=1)
    return np.concatenate([right, down])


def digit_matchings(data: Path, side: int, n_train: int, n_test: int, seed: int) -> Task:
    """Grids of handwritten digits; an edge costs the number of two digits that it reads.

    Training grids hold training digits, test grids test digits.
    """
    from skid.solvers import PerfectMatching

    random = np.random.RandomState(seed)
    file = np.load(data / "mnist.npz")
    edges = digit_edges(side)
    images, costs = [], []
    for part, n in (("train", n_train), ("test", n_test)):
        chosen = random.randint(len(file[f"x_{part}"]), size=(n, side * side))
        tiles = file[f"x_{part}"][chosen].reshape(n, side, side, 28, 28)
        images.append(tiles.transpose(0, 1, 3, 2, 4).reshape(n, side * 28, side * 28, 1))
        digits = file[f"y_{part}"][chosen].astype(float)
        costs.append(10 * digits[:, edges[:, 0]] + digits[:, edges[:, 1]])
    costs = np.concatenate(costs)
    return Task(np.concatenate(images), PerfectMatching(edges).solve(costs), costs, n_train)


def digit_network(side: int):
    """Function that builds a network from a grid of digits to the costs of its edges."""
    edges = digit_edges(side)

    def build(input_shape: tuple[int, ...], n_outputs: int):
        import keras
        from keras import layers

        read = keras.Sequential(
            [
                keras.Input((28, 28, 1)),
                layers.Conv2D(16, 5, strides=2, activation="relu"),
                layers.Conv2D(32, 3, strides=2, activation="relu"),
                layers.Flatten(),
                layers.Dense(64, activation="relu"),
                layers.Dense(2),
            ]
        )
        image = keras.Input(input_shape)
        tiles = layers.Reshape((side, 28, side, 28, 1))(image)
        tiles = layers.Permute((1, 3, 2, 4, 5))(tiles)
        tiles = layers.Reshape((side * side, 28, 28, 1))(tiles)
        parts = layers.TimeDistributed(read)(tiles)
        first = keras.ops.take(parts[:, :, 0], edges[:, 0], axis=1)
        second = keras.ops.take(parts[:, :, 1], edges[:, 1], axis=1)
        return keras.Model(image, first + second)

    return build
