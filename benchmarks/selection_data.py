"""The data sets of the selection benchmark and their splits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sklearn.datasets
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.preprocessing import LabelEncoder

MNIST_IMAGES = 10_000


@dataclass(frozen=True)
class Dataset:
    """A table, its task and the numbers of features to select from it."""

    name: str
    X: np.ndarray
    y: np.ndarray
    task: str
    sizes: tuple[int, ...]
    groups: np.ndarray | None = None
    pixels: bool = False

    @property
    def is_large(self) -> bool:
        """Whether caps on time apply."""
        return self.X.size > 10**6


@dataclass(frozen=True)
class Split:
    """One training part and the part it is judged on, without missing values."""

    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray
    y_test: np.ndarray

    @property
    def n_features(self) -> int:
        """Number of columns to choose from."""
        return self.X_train.shape[1]


def split(dataset: Dataset, *, seed: int) -> Split:
    """Split 75/25 by a seed: by group where there are groups, else stratified by class."""
    train, test = _split_rows(dataset.y, dataset.task, dataset.groups, seed=seed)
    return _impute(dataset, train, test)


def validation_split(dataset: Dataset, *, seed: int) -> Split:
    """Split the training part of `split` again 75/25: no row of its test part is in it."""
    outer, _ = _split_rows(dataset.y, dataset.task, dataset.groups, seed=seed)
    groups = None if dataset.groups is None else dataset.groups[outer]
    inner, validation = _split_rows(dataset.y[outer], dataset.task, groups, seed=seed)
    return _impute(dataset, outer[inner], outer[validation])


def load(names: list[str], *, folder: Path | None) -> list[Dataset]:
    """Load data sets by name; those whose file is not there are skipped with a printed line."""
    loaded = []
    for name in names:
        try:
            loaded.append(LOADERS[name](folder))
        except FileNotFoundError as error:
            print(f"skipped {name}: {error}")
    return loaded


def _split_rows(
    y: np.ndarray, task: str, groups: np.ndarray | None, *, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    rows = np.arange(len(y))
    if groups is not None:
        splitter = GroupShuffleSplit(n_splits=1, test_size=0.25, random_state=seed)
        return next(splitter.split(rows, y, groups))
    labels = y if task == "classification" else None
    return tuple(train_test_split(rows, test_size=0.25, stratify=labels, random_state=seed))


def _impute(dataset: Dataset, train: np.ndarray, test: np.ndarray) -> Split:
    X_train, X_test = dataset.X[train], dataset.X[test]
    if np.isnan(dataset.X).any():
        imputer = SimpleImputer(strategy="median").fit(X_train)
        X_train, X_test = imputer.transform(X_train), imputer.transform(X_test)
    return Split(X_train, X_test, dataset.y[train], dataset.y[test])


def _bundled(
    name: str,
    loader: Callable,
    task: str,
    sizes: tuple[int, ...],
    *,
    pixels: bool = False,
) -> Callable[[Path | None], Dataset]:
    def load_bundled(folder: Path | None) -> Dataset:
        X, y = loader(return_X_y=True)
        return Dataset(name, X, y, task, sizes, pixels=pixels)

    return load_bundled


def _friedman(folder: Path | None) -> Dataset:
    X, y = sklearn.datasets.make_friedman1(1_000, n_features=100, noise=1.0, random_state=0)
    return Dataset("friedman1", X, y, "regression", (5, 10))


def _mice(name: str, *, by_mouse: bool) -> Callable[[Path | None], Dataset]:
    def load_mice(folder: Path | None) -> Dataset:
        path = _file(folder, "mice_protein.csv")
        columns = np.genfromtxt(path, delimiter=",", dtype=str, encoding="utf-8")
        X = np.genfromtxt(path, delimiter=",", skip_header=1, usecols=range(1, 78))
        y = LabelEncoder().fit_transform(columns[1:, -1])
        mice = np.array([identifier.split("_")[0] for identifier in columns[1:, 0]])
        groups = mice if by_mouse else None
        return Dataset(name, X, y, "classification", (10, 50), groups=groups)

    return load_mice


def _mnist(folder: Path | None) -> Dataset:
    with np.load(_file(folder, "mnist.npz")) as arrays:
        X = arrays["x_train"][:MNIST_IMAGES].astype(np.float32) / 255
        y = arrays["y_train"][:MNIST_IMAGES].astype(np.int64)
    return Dataset("MNIST", X, y, "classification", (10, 50), pixels=True)


def _file(folder: Path | None, name: str) -> Path:
    if folder is None:
        raise FileNotFoundError(f"it needs --data with {name} in it")
    path = Path(folder) / name
    if not path.exists():
        raise FileNotFoundError(f"{name} is not in {folder}")
    return path


LOADERS: dict[str, Callable[[Path | None], Dataset]] = {
    "wine": _bundled("wine", sklearn.datasets.load_wine, "classification", (3, 6)),
    "breast": _bundled("breast", sklearn.datasets.load_breast_cancer, "classification", (5, 10)),
    "diabetes": _bundled("diabetes", sklearn.datasets.load_diabetes, "regression", (3, 5)),
    "friedman1": _friedman,
    "digits": _bundled(
        "digits", sklearn.datasets.load_digits, "classification", (10, 20), pixels=True
    ),
    "mice": _mice("mice", by_mouse=False),
    "mice_by_mouse": _mice("mice_by_mouse", by_mouse=True),
    "mnist": _mnist,
}
