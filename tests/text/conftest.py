"""Texts whose class two planted words decide."""

import numpy as np
import pytest

from skid import RationaleClassifier

GOOD = ["superb", "moving", "funny"]
BAD = ["dull", "clumsy", "endless"]
FILLING = [f"word{number}" for number in range(30)]


def planted_texts(n, seed):
    """Texts, their labels, and where the two words stand that say it."""
    random = np.random.RandomState(seed)
    texts, labels, places = [], [], []
    for _ in range(n):
        label = random.randint(2)
        words = random.choice(FILLING, random.randint(6, 25)).tolist()
        where = np.sort(random.choice(len(words), 2, replace=False))
        for place in where:
            words[place] = random.choice(GOOD if label else BAD)
        texts.append(" ".join(words))
        labels.append(label)
        places.append(where.tolist())
    return texts, np.array(["bad", "good"])[labels], places


@pytest.fixture(scope="session")
def planted():
    return planted_texts(300, seed=0)


@pytest.fixture(scope="session")
def unseen():
    return planted_texts(100, seed=1)


def quick(**parameters):
    """An estimator that is trained in a second."""
    settings = {"k": 2, "max_iter": 15, "learning_rate_init": 0.02, "n_filters": 16}
    settings |= {"embedding_size": 16, "hidden_layer_sizes": 16, "random_state": 0}
    settings |= {"alpha": 0.0, "noise_scale": 1.0}
    return RationaleClassifier(**(settings | parameters))


@pytest.fixture(scope="session")
def fitted(planted):
    texts, labels, _ = planted
    return quick().fit(texts, labels)
