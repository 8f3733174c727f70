"""What type checkers and editors read; at run time the names are imported on first use."""

from skid import (
    base as base,
    datasets as datasets,
    decision as decision,
    decomposition as decomposition,
    engine as engine,
    exceptions as exceptions,
    feature_selection as feature_selection,
    gradients as gradients,
    inputs as inputs,
    layers as layers,
    learning_to_rank as learning_to_rank,
    losses as losses,
    matching as matching,
    metrics as metrics,
    networks as networks,
    noise as noise,
    projections as projections,
    retrieval as retrieval,
    schedules as schedules,
    solvers as solvers,
    standardization as standardization,
    text as text,
)
from skid.decision import SolverPredictor as SolverPredictor
from skid.decomposition import DiscreteAutoencoder as DiscreteAutoencoder
from skid.engine import clear_cache as clear_cache
from skid.feature_selection import (
    SubsetSelector as SubsetSelector,
    SubsetSelectorClassifier as SubsetSelectorClassifier,
    SubsetSelectorRegressor as SubsetSelectorRegressor,
)
from skid.learning_to_rank import QueryRanker as QueryRanker
from skid.matching import GraphMatcher as GraphMatcher
from skid.retrieval import RankingRetriever as RankingRetriever
from skid.text import (
    RationaleClassifier as RationaleClassifier,
    RationaleRegressor as RationaleRegressor,
)

__version__: str
__all__: list[str]
