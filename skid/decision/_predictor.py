"""The estimator: features in, decisions out."""

import numbers

import numpy as np
from sklearn.utils._param_validation import Hidden, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skid._callbacks import FitCall, with_callbacks
from skid.base import BaseSolverEstimator
from skid.decision._context import checked_context
from skid.decision._fit import fit_decisions
from skid.decision._problem import problem_of, right_decisions
from skid.decision._settings import checked_solver
from skid.engine.feed import row_blocks
from skid.inputs import checked_rows
from skid.losses import DECISION_LOSSES, DecisionLoss
from skid.metrics import exact_match, relative_regret
from skid.networks import ROWS_AT_A_TIME
from skid.solvers import Solver


class SolverPredictor(BaseSolverEstimator):
    """Learn to decide: a network predicts costs, a combinatorial solver decides by them.

    The network is trained through the solver, from past decisions that were right or from the
    true costs, so that its *decisions* are right; the costs only have to put the solver on the
    right path. The gradient passes the solver by *Identity with Projection*.

    Read more in the README.

    Parameters
    ----------
    solver : Solver or callable
        The decision, see :mod:`skid.solvers`; costs are minimised. A plain function maps a batch
        of costs (n, *cost_shape) to decisions of the same shape. Its parameters can be tuned, as
        in ``solver__capacity``.
    target : {"solutions", "costs"}, default="solutions"
        What y holds: right decisions, or true costs, whose best decisions are found once, before
        the training.
    loss : {"hamming", "squared", "regret", "spo+", "fenchel_young", "squared_costs"} or \
            DecisionLoss, default="hamming"
        What predicted costs, or the decisions by them, cost; see :mod:`skid.losses`.

        - ``"hamming"`` counts wrong entries of the decision; ``"squared"`` is half the squared
          distance to the right decision, which differs for rankings only.
        - ``"regret"`` is what the decision costs too much. It is linear in the decision, so
          through the identity gradient it only aligns the costs with the true ones.
        - ``"spo+"``, ``"fenchel_young"`` (perturbed) and ``"squared_costs"`` (the two-stage
          method: a regression of the costs) act on the costs and use no ``gradient``; of these,
          ``"fenchel_young"`` alone uses ``noise`` and ``n_draws``, and a ``projection`` if it is
          given one.

        ``"regret"``, ``"spo+"`` and ``"squared_costs"`` need ``target="costs"``, and ``"spo+"`` a
        solver of costs of any sign.
    hidden_layer_sizes : int or array-like of int, default=()
        Units of each hidden layer of the default network; () is a linear model. Where X has the
        shape (n, *cost_shape, n_features), one network is applied to each item.
    network : callable, default=None
        ``network(input_shape, n_outputs)`` returns a Keras model from (n, *input_shape) to as
        many outputs as there are costs, in any shape.
    projection : {"auto", "none", "mean", "norm", "std"}, default="auto"
        Projection of the costs. ``"auto"`` is the solver's own for losses through the solver,
        and none for the others.
    noise : {"auto", "two_point", "gumbel", "normal"} or Noise, default="auto"
        Noise on the projected costs while training; ``"auto"`` is normal noise.
    noise_scale : "auto" or float, default="auto"
        Factor of the noise. ``"auto"`` is what suits the solver, from 0.05 for paths across a
        grid to 0.6 for tours, and is switched off after a part of the training where that is
        better; with ``loss="fenchel_young"`` it is 1. More noise suits decisions that the features
        do not determine.
    n_draws : int, default=1
        Draws of the noise, and calls of the solver, for each row of a batch.
    gradient : {"identity", "blackbox", "imle", "perturbed", "straight_through"} or GradientRule, \
            default="identity"
        How the solver is differentiated. A rule that draws, ``"perturbed"``, has its own noise
        and number of draws, and uses no other.
    cost_sign : {"auto", -1, 0, 1}, default="auto"
        Sign of the predicted costs, 0 for any. ``"auto"`` is what suits the solver: positive for
        paths, negative (values) for packing; any with ``loss="spo+"`` or ``"squared_costs"``.
    standardize : {"auto", "columns", "table", "none"}, default="auto"
        Scale of the inputs, see :class:`skid.standardization.Standardization`. In arrays of more
        than two axes the last axis holds what is standardised: features of items, channels of
        images.
    alpha : "auto" or float, default="auto"
        Weight decay of the network's kernels, decoupled from the gradient; ``"auto"`` is 0.
    batch_size : "auto" or int, default="auto"
        ``"auto"`` is 32.
    learning_rate_init : "auto" or float, default="auto"
        Adam's learning rate in the first half of the training; it falls linearly to a fiftieth in
        the second half. ``"auto"`` is 0.01, or 0.001 for a ``network`` of your own.
    max_iter : "auto" or int, default="auto"
        Epochs. ``"auto"`` is 20, but at least 2,000 and at most 20,000 steps.
    shuffle : bool, default=True
        Whether each epoch has an order of its own.
    early_stopping : "auto" or bool, default="auto"
        Whether to hold out ``validation_fraction`` of the rows, stop when their loss (the
        regret where true costs are known, else the number of wrong entries) no longer falls, and
        keep the best network. ``"auto"`` is False: the falling learning rate ends the training.
        ``partial_fit`` holds out nothing.
    validation_fraction : float, default=0.1
        Share of rows that is held out.
    n_iter_no_change : int, default=10
        Epochs without an improvement by more than ``tol`` before an early stop.
    tol : float, default=1e-4
        See ``n_iter_no_change``.
    warm_start : bool, default=False
        Whether ``fit`` goes on from the network of the last fit. The scales of the inputs are
        learnt anew.
    device : str, default="auto"
        ``"auto"`` (the first GPU where TensorFlow sees one), ``"cpu"``, ``"gpu"`` or ``"gpu:1"``.
    random_state : int, RandomState instance or None, default=None
        Seed of everything: same int, same bits; for wide networks, with the same number of threads.
    verbose : int, default=0
        Whether to draw a progress bar.

    Attributes
    ----------
    diagnostics_ : dict of str to list of float
        For each epoch the mean training ``"loss"``, and for a few training rows ``"cost_norm"``
        (root mean square of the predicted costs), ``"cost_spread"`` (how much the costs of an
        instance differ, relative to that norm) and ``"changed_solutions"`` (share of the decisions
        that differ from those of the epoch before).
    loss_curve_ : list of float
        Mean training loss of each epoch.
    best_loss_ : float
        Least validation loss, or the least of ``loss_curve_`` without a validation.
    validation_scores_ : list of float
        Minus the validation loss after each epoch; only with ``early_stopping``.
    n_iter_ : int
        Number of epochs.
    n_features_in_ : int
        Number of columns of X, or its second dimension.
    feature_names_in_ : array of str
        Names of the columns of X, where all are strings.

    Warns
    -----
    CostCollapseWarning
        If the costs have shrunk to nothing, or to a constant.

    See Also
    --------
    skid.layers.SolverLayer : The solver alone, inside a Keras model.
    skid.metrics.relative_regret : What decisions cost too much, relative to the best.

    Notes
    -----
    Solvers without a form in the graph are called on the host, once for each batch, with all the
    cores they are given. The fitted estimator holds NumPy arrays: with the default network it
    predicts without TensorFlow.

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

    _parameter_constraints: dict = {
        **BaseSolverEstimator._parameter_constraints,
        "hidden_layer_sizes": ["array-like", Interval(numbers.Integral, 1, None, closed="left")],
        "solver": [Solver, callable],
        "target": [StrOptions({"solutions", "costs"})],
        # A class is told how to be written by `loss_of`.
        "loss": [StrOptions(set(DECISION_LOSSES)), DecisionLoss, Hidden(type)],
        "cost_sign": [StrOptions({"auto"}), Interval(numbers.Integral, -1, 1, closed="both")],
        "n_draws": [Interval(numbers.Integral, 1, None, closed="left")],
        "standardize": [StrOptions({"auto", "columns", "table", "none"})],
    }

    def __init__(
        self,
        solver,
        *,
        target="solutions",
        loss="hamming",
        hidden_layer_sizes=(),
        network=None,
        projection="auto",
        noise="auto",
        noise_scale="auto",
        n_draws=1,
        gradient="identity",
        cost_sign="auto",
        standardize="auto",
        alpha="auto",
        batch_size="auto",
        learning_rate_init="auto",
        max_iter="auto",
        shuffle=True,
        early_stopping="auto",
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        warm_start=False,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.solver = solver
        self.target = target
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.network = network
        self.projection = projection
        self.noise = noise
        self.noise_scale = noise_scale
        self.n_draws = n_draws
        self.gradient = gradient
        self.cost_sign = cost_sign
        self.standardize = standardize
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @with_callbacks
    def fit(self, X, y, sample_weight=None, context=None):
        """Learn costs whose decisions are right.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), (n_samples, *cost_shape, n_features) or \
                (n_samples, ...)
            Tables, items with features of their own, or, with ``network``, anything it takes.
        y : array-like of shape (n_samples, *cost_shape)
            Right decisions, or true costs with ``target="costs"``.
        sample_weight : array-like of shape (n_samples,), default=None
        context : dict of array, structured array or DataFrame, default=None
            What the solver takes from each row beside the costs, such as ``source`` and
            ``target`` of a path: see the solver's ``context``. A cross-validation can split a
            structured array, see :func:`skid.decision.context_array`.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If y does not suit the solver, the loss or the target, or X the network.
        """
        return self._fit(X, y, sample_weight, context, one_pass=False)

    def partial_fit(self, X, y, sample_weight=None, context=None):
        """Go on training for one pass over a part of the data.

        The first call fixes the standardisation of the costs. The learning rate and the noise
        stay as they are at the start of ``fit``. After a ``fit`` it starts anew, unless
        ``warm_start=True`` kept the network.

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

    def predict(self, X, context=None):
        """Decide: the cheapest feasible solution under the predicted costs.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)
        context : dict of array, structured array or DataFrame, default=None
            With the fields that it had in ``fit``.

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

    def predict_costs(self, X):
        """Costs that the decisions of ``predict`` are made by.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...)

        Returns
        -------
        array of shape (n_samples, *cost_shape)
            In the unit of the true costs with ``loss="squared_costs"``; else only their
            proportions mean something.
        """
        check_is_fitted(self)
        X = checked_rows(self, X, reset=False)
        blocks = row_blocks(X, ROWS_AT_A_TIME)
        return np.concatenate([self._model.costs(X[rows]) for rows in blocks])

    def score(self, X, y, sample_weight=None, context=None):
        """How good the decisions are, at most 1.

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
            Share of the decisions that are right in every entry, or, with ``target="costs"``,
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

    def to_keras(self):
        """The costs of ``predict_costs`` as a Keras model from raw rows of X.

        Followed by ``SolverLayer(solver, projection="none")`` it is the whole estimator, to be
        trained further or to be put into a larger model.

        Returns
        -------
        keras.Model
            From (n, ...) to (n, *cost_shape). The method ``predict`` of Keras rounds its inputs
            to single precision; a call of the model does not.
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

    def _fit(self, X, y, sample_weight, context, *, one_pass: bool):
        with self._fitting(one_pass=one_pass) as state:
            solver = checked_solver(self)
            random_state = self._random_state_of_passes()
            reset = not one_pass or state is None
            problem = problem_of(self, solver, X, y, sample_weight, context, reset=reset)
            self._context_fields = tuple(problem.context)
            call = FitCall(X, y, sample_weight=sample_weight, context=context)
            fitted = fit_decisions(
                self, problem, solver, random_state, state, call, one_pass=one_pass
            )
            vars(self).update(fitted)
        return self

    def _context_of_rows(self, context, n_rows: int) -> dict[str, np.ndarray]:
        """Fields of a context, all of the fit among them."""
        return checked_context(
            context, self._model.solver, n_rows, fields_of_fit=self._context_fields
        )
