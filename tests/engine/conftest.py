import numpy as np
import pytest

from skid.engine import Program
from skid.engine.backend import tensorflow
from skid.engine.feed import Feed, ShuffledRows


class LeastSquares:
    """Linear regression: a loss whose minimum and gradient are known."""

    key = "least squares"
    controls = ("rate", "decay", "noise_scale")
    compiled = True

    def loss(self, parameters, batch, constants, control, seed):
        tf = tensorflow()
        noise = tf.random.stateless_normal([], seed=seed, dtype=batch["y"].dtype)
        losses = self.evaluate(parameters, batch, constants, control)
        loss = tf.reduce_mean(losses) + control["noise_scale"] * noise
        return loss, loss, {"steps": parameters["steps"] + 1}

    def evaluate(self, parameters, batch, constants, control):
        tf = tensorflow()
        outputs = tf.linalg.matvec(batch["X"], parameters["weight"]) + constants["offset"]
        return tf.square(outputs - batch["y"])

    def learning_rate(self, name):
        return "rate"

    def decay(self, name, value, constants, control):
        return control["decay"] * value


@pytest.fixture
def regression():
    generator = np.random.default_rng(0)
    X = generator.normal(size=(40, 3))
    return {"X": X, "y": X @ [1.0, -2.0, 0.5] + 1.0}


@pytest.fixture(scope="session")
def program():
    return Program(LeastSquares())


@pytest.fixture
def start():
    return {"weight": np.zeros(3), "steps": np.zeros((), np.int32)}


@pytest.fixture
def constants():
    return {"offset": np.ones(())}


@pytest.fixture
def make_feed(regression):
    def make(batch_size=8):
        rows = ShuffledRows(
            [np.arange(40)], batch_size, shuffle=True, random_state=np.random.RandomState(0)
        )
        return Feed(regression, lambda n_steps: rows.draw(n_steps)[:, 0], lambda rows: rows)

    return make


@pytest.fixture
def make_controls():
    def make(n_steps, rate=0.05, decay=0.0, noise_scale=0.0):
        return np.tile([rate, decay, noise_scale], (n_steps, 1)).astype(float)

    return make
