import numpy as np
import pytest

from skid import SolverPredictor
from skid.decision import context_array
from skid.solvers import CallableSolver, TopK


def fit(subset_task, *, y=None, solver=None, context=None, **parameters):
    X, _, right = subset_task
    model = SolverPredictor(solver or TopK(2), max_iter=1, **parameters)
    return model.fit(X, right if y is None else y, context=context)


def test_losses_of_costs_need_costs(subset_task):
    with pytest.raises(ValueError, match=r"loss='spo\+' needs the true costs.*target='costs'"):
        fit(subset_task, loss="spo+")


def test_costs_passed_as_decisions(subset_task):
    with pytest.raises(ValueError, match=r"y\[0\] is no solution of TopK: its entries"):
        fit(subset_task, y=subset_task[1])


def test_infeasible_decision(subset_task):
    y = subset_task[2].copy()
    y[3] = 1
    with pytest.raises(ValueError, match=r"y\[3\] is no solution of TopK: it is not feasible"):
        fit(subset_task, y=y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.zeros(400), r"y holds no solutions of TopK\(k=2\): The costs must have the shape"),
        (np.full((400, 6), np.nan), "instance 0 are not finite"),
    ],
)
def test_target_of_the_wrong_kind(y, message, subset_task):
    with pytest.raises(ValueError, match=message):
        fit(subset_task, y=y)


def test_rows_of_another_number(subset_task):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fit(subset_task, y=subset_task[2][:10])


def test_invalid_projection(subset_task):
    class Packing(TopK):
        projections = ("none", "norm")

    with pytest.raises(ValueError, match=r"projection='std' changes the solutions of Packing"):
        fit(subset_task, solver=Packing(2), projection="std")


def test_error_of_a_solver_reaches_the_user_as_it_is(subset_task):
    calls = []

    def moody(costs):
        calls.append(len(costs))
        if len(calls) > 4:
            raise RuntimeError("the solver is out of coffee")
        return TopK(2).solve(costs)

    with pytest.raises(RuntimeError, match=r"^the solver is out of coffee$"):
        fit(subset_task, solver=CallableSolver(moody))


def test_failed_fit_leaves_the_earlier_one(subset_task):
    X, _, right = subset_task
    model = SolverPredictor(TopK(2), max_iter=1, random_state=0).fit(X, right)
    before = model.predict_costs(X)
    with pytest.raises(ValueError, match="no solution"):
        model.fit(X, 1 - right)
    np.testing.assert_array_equal(model.predict_costs(X), before)


def test_solver_without_context(subset_task):
    with pytest.raises(ValueError, match="context has the field 'capacity', but TopK takes none"):
        fit(subset_task, context={"capacity": np.ones(400)})


def test_context_of_the_wrong_kind(subset_task):
    with pytest.raises(ValueError, match=r"context must be a dict of arrays.*got ndarray"):
        fit(subset_task, context=np.ones(400))


def test_rows_of_another_shape(subset_task):
    X, _, right = subset_task
    model = SolverPredictor(TopK(2), max_iter=1).fit(np.stack([X, X], axis=2), right)
    with pytest.raises(ValueError, match=r"rows of the shape \(4, 2\), as in fit"):
        model.predict(np.stack([X, X, X], axis=2))


def test_fields_of_a_context_have_one_length():
    with pytest.raises(ValueError, match="must have one length"):
        context_array(a=[1, 2], b=[1])
