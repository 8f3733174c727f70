"""One fit: the network and its start, the training, and what the estimator keeps of it."""

import numpy as np

from skid._callbacks import FitCall, FitProgress
from skid._target_scale import root_mean_square
from skid.decision._costs import CostNetwork, cost_network
from skid.decision._diagnostics import PROBED_ROWS, CostWatch
from skid.decision._model import DecisionModel
from skid.decision._objective import DecisionObjective
from skid.decision._problem import Problem
from skid.decision._settings import DecisionSettings, decision_settings
from skid.engine.backend import tensorflow
from skid.engine.fitting import fit_networks, steps_of_epoch, training_attributes
from skid.engine.folds import folds_of
from skid.engine.state import TrainingState
from skid.networks import gains_by_xla
from skid.solvers import Solver


def fit_decisions(
    estimator,
    problem: Problem,
    solver: Solver,
    random_state,
    state,
    call: FitCall,
    *,
    one_pass: bool,
) -> dict:
    """Train the network of an estimator, and return the attributes of the fitted one.

    Parameters
    ----------
    estimator : SolverPredictor
    problem : Problem
    solver : Solver
    random_state : numpy.random.RandomState
    state : TrainingState or None
        To go on from.
    call : FitCall
    one_pass : bool
        Whether to take one pass over the data, in the first part of the schedules.
    """
    settings = decision_settings(estimator, solver, np.count_nonzero(problem.weights))
    costs = _network(estimator, problem, solver, settings)
    constants = _constants(problem, costs, settings)
    if one_pass and state is not None:
        constants = estimator._model.constants
    fresh = TrainingState(
        costs.initial(
            np.random.RandomState(random_state.randint(np.iinfo(np.int32).max)),
            problem.inputs.dtype,
        )
    )
    state = state.checked_against(fresh) if state else fresh
    epoch = steps_of_epoch(problem, settings.batch_size)
    n_steps = epoch if one_pass else settings.n_steps
    steps = np.zeros(n_steps) if one_pass else np.arange(n_steps)
    objective = DecisionObjective(
        costs,
        solver,
        settings.rule,
        tuple(problem.context),
        in_graph=_in_graph(solver, problem),
        xla=gains_by_xla(problem.device, costs.network),
    )
    probe = slice(0, PROBED_ROWS)
    watch = CostWatch(
        costs,
        constants,
        solver,
        problem.inputs.apply(np.asarray(problem.X[probe])),
        {name: values[probe] for name, values in problem.context.items()},
        rescaled=settings.rule.projection in ("norm", "std"),
    )
    progress = FitProgress(estimator, -(-n_steps // epoch), call)

    def model(parameters) -> DecisionModel:
        weights = {name: np.asarray(value) for name, value in parameters.items()}
        return DecisionModel(problem.inputs, costs, weights, constants, solver)

    def report(parameters, losses) -> bool:
        loss = float(np.mean(losses))
        watch.end_epoch(parameters, loss)
        if not progress.wanted:
            return False
        return progress.end_epoch(loss, lambda: {"_model": model(parameters)})

    watch.start(state.parameters)
    rows = np.flatnonzero(problem.weights)
    folds, validation = folds_of(estimator, rows, problem.X, epoch, random_state, one_pass=one_pass)
    training = _training(
        problem, folds, objective, state, settings, steps, random_state, validation, constants,
        report,
    )  # fmt: skip
    fitted = {
        "_model": model(training.parameters),
        "diagnostics_": watch.diagnostics,
        **training_attributes(watch.diagnostics["loss"], training.validations),
    }
    progress.close(lambda: fitted)
    if not training.interrupted:
        watch.warn()
    return fitted | {"_training_state": TrainingState.after(training)}


def _training(
    problem, folds, objective, state, settings, steps, random_state, validation, constants, report
):
    """Train; an error of the solver is raised as it was, and not as TensorFlow's."""
    try:
        training, _ = fit_networks(
            problem,
            folds,
            objective,
            state,
            settings.controls(steps, problem.inputs.dtype),
            random_state,
            batch_size=settings.batch_size,
            shuffle=settings.shuffle,
            prepare=problem.prepare,
            validation=validation,
            constants=constants,
            report=report,
        )
    except tensorflow().errors.OpError as error:
        raise objective.pop_failure() or error from None
    return training


def _network(estimator, problem: Problem, solver: Solver, settings: DecisionSettings):
    sign = estimator.cost_sign
    if isinstance(sign, str):
        sign = 0 if settings.rule.loss.in_true_units else solver.default_cost_sign
    return cost_network(
        estimator.network,
        estimator._hidden_layer_sizes(),
        problem.inputs.row_shape,
        problem.cost_shape,
        sign,
    )


def _constants(problem: Problem, costs: CostNetwork, settings: DecisionSettings) -> dict:
    """Location and scale of the costs: those of the true costs where a loss compares with them."""
    dtype = problem.inputs.dtype
    location = np.zeros(problem.cost_shape, dtype)
    scale = np.ones((), dtype)
    if problem.costs is not None:
        size = _root_mean_square(problem.costs, problem.weights)
        scale = np.asarray(size if size > 0 else 1.0, dtype)
        if settings.rule.loss.in_true_units and costs.sign == 0:
            location = np.average(problem.costs, axis=0, weights=problem.weights).astype(dtype)
            deviation = _root_mean_square(problem.costs - location, problem.weights)
            scale = np.asarray(deviation if deviation > 0 else 1.0, dtype)
    return {"location": location, "scale": scale}


def _root_mean_square(costs: np.ndarray, weights: np.ndarray) -> float:
    entries = root_mean_square(costs.reshape(len(costs), -1), weights)
    return root_mean_square(entries[:, np.newaxis], np.ones(len(entries)))[0]


def _in_graph(solver: Solver, problem: Problem) -> bool:
    """Whether the solver runs on the device, inside the program."""
    kind = "gpu" if "GPU" in problem.device else "cpu"
    return hasattr(solver, "solve_tf") and kind in solver.graph_devices
