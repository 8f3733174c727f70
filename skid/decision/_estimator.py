"""The estimator that learns decisions."""

import numbers
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.utils._param_validation import Hidden, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skid._docstrings import documented
from skid._parameters import (
    AUTO,
    COUNT,
    BatchSizeParameter,
    NoiseScaleParameter,
    StandardizeParameter,
)
from skid.base import BaseSolverEstimator, FitCall
from skid.decision import _defaults as defaults
from skid.decision._context import checked_context
from skid.decision._data import right_decisions, training_data
from skid.decision._plan import DecisionPlan
from skid.engine.feed import row_blocks
from skid.inputs import checked_rows
from skid.losses import DECISION_LOSSES, DecisionLoss
from skid.metrics import exact_match, relative_regret
from skid.networks import ROWS_AT_A_TIME
from skid.solvers import Solver


@documented(
    hidden_layer_sizes="() for rows and items alike. Where X has the shape (n, *cost_shape, "
    "n_features), one network is applied to each item",
    network_outputs="one output per cost, in any shape",
    projected="the predicted costs",
    projection="the default of the solver for losses through the solver, and none for the others",
    noisy="the projected costs",
    noise="normal noise",
    noise_scale="the default of the solver, from 0.05 for grid paths to 0.6 for tours, and "
    'for some solvers is switched off after a part of the training; with ``loss="fenchel_young"`` '
    "it is 1. Use more noise for decisions that the features do not determine",
    batch_rows="Rows of a batch",
    batch_size=defaults.BATCH_SIZE,
    alpha=f"{defaults.DECAY:g}",
    rate_schedule="It is constant in the first half of the training and then falls linearly to a "
    "fiftieth.",
    rate=f"{defaults.TABLE_RATE}, or {defaults.KERAS_RATE} with ``network``",
    epochs=f"{defaults.EPOCHS}, but at least {defaults.MINIMUM_STEPS:,} and at most "
    f"{defaults.MAXIMUM_STEPS:,} steps",
    rows="rows",
    held_out="``validation_fraction`` of the rows",
    validation_score="loss (the regret where true costs are known, else the number of wrong "
    "entries)",
    early_stopping="False, as the learning rate falls to the end of the training. ``partial_fit`` "
    "holds nothing out",
    scores="Minus the mean loss",
)
@dataclass(eq=False, repr=False, kw_only=True)
class SolverPredictor(
    StandardizeParameter, NoiseScaleParameter, BatchSizeParameter, BaseSolverEstimator
):
    """Learn to decide: a network predicts costs, and a combinatorial solver minimises them.

    The network is trained through the solver, on right decisions of the past or on true costs, so
    that its *decisions* are right. The gradient passes the solver by *Identity with Projection*.

    Read more in the README.

    Parameters
    ----------
    solver : Solver or callable
        Minimises the costs, see :mod:`skid.solvers`. A function maps a batch of costs
        (n, *cost_shape) to decisions of the same shape. The parameters of a solver can be tuned,
        as in ``solver__capacity``.
    target : {"solutions", "costs"}, default="solutions"
        What y holds: right decisions, or true costs. In the second case the solver finds the
        right decisions before the training.
    loss : str or DecisionLoss, default="hamming"
        Loss of the predicted costs, or of the decisions, see :mod:`skid.losses`.

        - ``"hamming"`` counts wrong entries of the decision; ``"squared"`` is half the squared
          distance to the right decision, which differs for rankings only.
        - ``"regret"`` is the true cost of the decision minus that of the best one. It is linear in
          the decision, so that the identity gradient only aligns predicted and true costs.
        - ``"spo+"``, ``"fenchel_young"`` (perturbed) and ``"squared_costs"`` (the two-stage
          method, a regression of the costs) do not use ``gradient``. Of these, only
          ``"fenchel_young"`` uses ``noise``, ``n_draws`` and ``projection``.

        ``"regret"``, ``"spo+"`` and ``"squared_costs"`` need ``target="costs"``, and ``"spo+"``
        a solver that takes costs of any sign.
    %(hidden_layer_sizes)s
    %(network)s
    %(projection)s
    %(noise)s
    %(noise_scale)s
    n_draws : int, default=1
        Draws of the noise, and calls of the solver, for each row of a batch.
    %(gradient)s
    cost_sign : {"auto", -1, 0, 1}, default="auto"
        Sign of the predicted costs, 0 for any. ``"auto"`` is the default of the solver, positive
        for paths and negative (values) for packing, or any with ``loss="spo+"`` or
        ``"squared_costs"``.
    %(standardize)s
    %(alpha)s
    %(batch_size)s
    %(learning_rate_init)s
    %(max_iter)s
    %(training)s

    Attributes
    ----------
    diagnostics_ : dict of str to list of float
        For each epoch the mean training ``"loss"``, and for a few training rows ``"cost_norm"``
        (root mean square of the predicted costs), ``"cost_spread"`` (mean standard deviation of
        the costs of an instance, relative to that norm) and ``"changed_solutions"`` (fraction of
        the decisions that differ from those of the epoch before).
    %(training_attributes)s
    %(input_attributes)s

    Warns
    -----
    CostCollapseWarning
        If the predicted costs have become almost zero or almost constant.

    See Also
    --------
    skid.layers.SolverLayer : The solver alone, inside a Keras model.
    skid.metrics.relative_regret : Excess cost of decisions, relative to the best ones.

    Notes
    -----
    Solvers without ``solve_tf`` are called on the host, once for each batch. The fitted estimator
    holds NumPy arrays, and with the default network it predicts without TensorFlow.

    References
    ----------
    Sahoo, Paulus, Vlastelica, Musil, Kuleshov, Martius: *Backpropagation through Combinatorial
    Algorithms: Identity with Projection Works*, ICLR 2023.

    Elmachtoub, Grigas: *Smart "Predict, then Optimize"*, Management Science 68, 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from skid import SolverPredictor
    >>> from skid.solvers import TopK
    >>> rng = np.random.RandomState(0)
    >>> X = rng.normal(size=(300, 4))
    >>> costs = X @ rng.normal(size=(4, 6))
    >>> best_two = TopK(2).solve(costs)
    >>> model = SolverPredictor(TopK(2), random_state=0).fit(X[:200], best_two[:200])
    >>> bool(model.score(X[200:], best_two[200:]) > 0.8)
    True
    """

    solver: Solver | Callable[[np.ndarray], np.ndarray] = field(kw_only=False)
    target: Literal["solutions", "costs"] = "solutions"
    loss: str | DecisionLoss = "hamming"
    n_draws: int = 1
    cost_sign: Literal["auto", -1, 0, 1] = "auto"

    _parameter_constraints: ClassVar[dict[str, list]] = {
        "solver": [Solver, callable],
        "target": [StrOptions({"solutions", "costs"})],
        # `loss_of` explains how to write an instance where a class is passed.
        "loss": [StrOptions(set(DECISION_LOSSES)), DecisionLoss, Hidden(type)],
        "cost_sign": [AUTO, Interval(numbers.Integral, -1, 1, closed="both")],
        "n_draws": [COUNT],
    }

    def fit(self, X: Any, y: Any, sample_weight: Any = None, context: Any = None) -> Self:
        """Learn to predict costs that lead to right decisions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, *cost_shape, n_features) or \
                (n_samples, ...)
            Tables, items with features, or any rows that ``network`` takes.
        y : array-like of shape (n_samples, *cost_shape)
            Right decisions, or true costs with ``target="costs"``.
        sample_weight : array-like of shape (n_samples,), default=None
        context : dict of array, structured array or DataFrame, default=None
            Inputs of the solver for each row in addition to the costs, such as ``source`` and
            ``target`` of a path, see the attribute ``context`` of the solver. A cross-validation
            can split a structured array, see :func:`skid.decision.context_array`.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If y does not suit the solver, ``loss`` or ``target``, or X does not suit ``network``.
        """
        return self._fit(X, y, sample_weight, context, one_pass=False)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, context: Any = None) -> Self:
        """Continue training with one pass over a part of the data.

        The first call fixes location and scale of the costs. The learning rate and the noise are
        those at the start of ``fit``. After a ``fit`` without ``warm_start=True`` the network
        is a fresh one.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
        y : array-like of shape (n_samples, *cost_shape)
        sample_weight : array-like of shape (n_samples,), default=None
        context : dict of array, structured array or DataFrame, default=None

        Returns
        -------
        self : object
        """
        return self._fit(X, y, sample_weight, context, one_pass=True)

    def predict(self, X: Any, context: Any = None) -> np.ndarray:
        """Find the cheapest feasible solution under the predicted costs.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
        context : dict of array, structured array or DataFrame, default=None
            With the same fields as in ``fit``.

        Returns
        -------
        array of shape (n_samples, *cost_shape)

        Raises
        ------
        ValueError
            If a field of the context is missing, or X has another shape than in ``fit``.
        """
        check_is_fitted(self)
        X = checked_rows(self, X, reset=False)
        context = self._context_of_rows(context, len(X))
        return np.concatenate(
            [
                self._model.decisions(X[rows], {name: v[rows] for name, v in context.items()})
                for rows in row_blocks(X, ROWS_AT_A_TIME)
            ]
        )

    def predict_costs(self, X: Any) -> np.ndarray:
        """Predict the costs that ``predict`` minimises.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)

        Returns
        -------
        array of shape (n_samples, *cost_shape)
            In the unit of the true costs with ``loss="squared_costs"``; with other losses only
            their ratios are meaningful.
        """
        check_is_fitted(self)
        X = checked_rows(self, X, reset=False)
        blocks = row_blocks(X, ROWS_AT_A_TIME)
        return np.concatenate([self._model.costs(X[rows]) for rows in blocks])

    def score(self, X: Any, y: Any, sample_weight: Any = None, context: Any = None) -> float:
        """Score of the decisions, at most 1.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
        y : array-like of shape (n_samples, *cost_shape)
            As in ``fit``.
        sample_weight : array-like of shape (n_samples,), default=None
        context : dict of array, structured array or DataFrame, default=None

        Returns
        -------
        float
            Fraction of the decisions that are right in every entry, or, with ``target="costs"``,
            1 minus the relative regret.
        """
        decisions = self.predict(X, context=context)
        y = np.asarray(y)
        if self.target == "solutions":
            return exact_match(y, decisions, sample_weight=sample_weight)
        best, _ = right_decisions(
            self._model.solver,
            y,
            self._context_of_rows(context, len(decisions)),
            "costs",
            decisions.dtype,
        )
        return 1 - relative_regret(y, decisions, best=best, sample_weight=sample_weight)

    def to_keras(self) -> Any:
        """Export ``predict_costs`` as a Keras model from raw rows of X.

        Followed by ``SolverLayer(solver, projection="none")`` it is the whole estimator.

        Returns
        -------
        keras.Model
            From (n, ...) to (n, *cost_shape). The method ``predict`` of Keras rounds its inputs to
            single precision, a call of the model does not.
        """
        check_is_fitted(self)
        return self._model.to_keras()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        tags.input_tags.three_d_array = True
        return tags

    def _fit(self, X: Any, y: Any, sample_weight: Any, context: Any, *, one_pass: bool) -> Self:
        with self._fitting(one_pass=one_pass) as (state, random_state):
            solver = defaults.checked_solver(self)
            reset = not one_pass or state is None
            data = training_data(self, solver, X, y, sample_weight, context, reset=reset)
            scale = None if reset else self._model.constants
            plan = DecisionPlan(self, data, solver, random_state, one_pass=one_pass, scale=scale)
            call = FitCall(X, y, sample_weight=sample_weight, context=context)
            self._carry_out(plan, state, call)
        return self

    def _context_of_rows(self, context: Any, n_rows: int) -> dict[str, np.ndarray]:
        """Fields of a context, including all fields of the fit."""
        return checked_context(
            context, self._model.solver, n_rows, fields_of_fit=self._context_fields
        )
