import numpy as np
import pytest

from skid.solvers.algorithms import threads
from skid.solvers.algorithms.threads import n_threads, solve_in_threads


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(threads, "_cores", lambda: 2)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.mark.parametrize("n", [0, 1, 7, 100])
def test_every_instance_is_solved_once(n):
    calls = np.zeros(n, int)

    def solve_rows(start, stop):
        calls[start:stop] += 1

    solve_in_threads(solve_rows, n, smallest_chunk=3)
    assert (calls == 1).all()


def test_a_share_of_the_cores(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert n_threads() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert n_threads() == 2


def test_error_of_a_range_is_raised():
    def solve_rows(start, stop):
        if start <= 50 < stop:
            raise ValueError("instance 50 has no solution")

    with pytest.raises(ValueError, match="instance 50 has no solution"):
        solve_in_threads(solve_rows, 100, smallest_chunk=10)


def test_a_solver_may_call_another_in_its_threads():
    solved = np.zeros((4, 8), int)

    def solve_rows(start, stop):
        for row in range(start, stop):

            def solve_entries(first, last, row=row):
                solved[row, first:last] += 1

            solve_in_threads(solve_entries, 8, smallest_chunk=1)

    solve_in_threads(solve_rows, 4, smallest_chunk=1)
    assert (solved == 1).all()
