"""Digits in [0, 1], and an autoencoder of them."""

import pytest
from sklearn.datasets import load_digits

from skid import DiscreteAutoencoder


@pytest.fixture(scope="session")
def digits():
    """Rows and labels, float32. Programs for 1,600 rows serve these as well."""
    X, y = load_digits(return_X_y=True)
    return (X[:1792] / 16).astype("float32"), y[:1792]


@pytest.fixture(scope="session")
def quick():
    """An estimator whose programs compile and train fast; the same one for the same settings."""

    def build(**parameters):
        settings = {
            "group_size": 6,
            "k": 2,
            "hidden_layer_sizes": (32,),
            "learning_rate_init": 0.01,
            "max_iter": 20,
            "random_state": 0,
        }
        return DiscreteAutoencoder(8, **(settings | parameters))

    return build


@pytest.fixture(scope="session")
def fitted(quick, digits):
    """A trained one; tests leave it as it is."""
    return quick(max_iter=60, learning_rate_init=0.003).fit(digits[0])
