"""Machine learning with a combinatorial solver inside, as plain scikit-learn estimators."""

from importlib import import_module

__version__ = "0.1.0"

_PUBLIC = {
    "DiscreteAutoencoder": "skid.decomposition",
    "GraphMatcher": "skid.matching",
    "QueryRanker": "skid.learning_to_rank",
    "RankingRetriever": "skid.retrieval",
    "RationaleClassifier": "skid.text",
    "RationaleRegressor": "skid.text",
    "SolverPredictor": "skid.decision",
    "SubsetSelector": "skid.feature_selection",
    "SubsetSelectorClassifier": "skid.feature_selection",
    "SubsetSelectorRegressor": "skid.feature_selection",
    "clear_cache": "skid.engine",
}
_SUBMODULES = (
    "base",
    "datasets",
    "decision",
    "decomposition",
    "engine",
    "exceptions",
    "feature_selection",
    "gradients",
    "inputs",
    "layers",
    "learning_to_rank",
    "losses",
    "matching",
    "metrics",
    "networks",
    "noise",
    "projections",
    "retrieval",
    "schedules",
    "solvers",
    "standardization",
    "text",
)

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str):
    if name in _PUBLIC:
        value = getattr(import_module(_PUBLIC[name]), name)
    elif name in _SUBMODULES:
        value = import_module(f"skid.{name}")
    else:
        raise AttributeError(f"module 'skid' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *_SUBMODULES])
