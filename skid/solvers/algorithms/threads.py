"""Solve the instances of a batch in parallel, on the cores that this process may use."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock, current_thread

import numpy as np
from joblib import cpu_count

_CHUNKS_PER_THREAD = 4
_THREAD_NAME = "skid-solver"
_lock = Lock()
_executor: ThreadPoolExecutor | None = None
_executor_key: tuple[int, int] | None = None


def n_threads() -> int:
    """Number of threads: the cores of the process, limited by ``OMP_NUM_THREADS``.

    joblib sets this variable in its workers, to divide the cores among them.
    """
    limit = os.environ.get("OMP_NUM_THREADS", "")
    cores = _cores()
    return min(cores, int(limit)) if limit.isdigit() and int(limit) else cores


@cache
def _cores() -> int:
    """Number of cores; counting them takes longer than solving a small batch."""
    return cpu_count()


def solve_in_threads(
    solve_rows: Callable[[int, int], None], n_instances: int, *, smallest_chunk: int
) -> None:
    """Call ``solve_rows(start, stop)`` on ranges that together cover all instances.

    Threads make it faster only while ``solve_rows`` releases the GIL. ``smallest_chunk`` instances
    should take about 50 microseconds, the cost of starting a job in a thread; no more than these
    are solved in the calling thread. An error of ``solve_rows`` is raised, that of the first range.
    """
    # A thread of the pool that waits for the pool might wait for itself.
    in_pool = current_thread().name.startswith(_THREAD_NAME)
    threads = n_threads()
    if in_pool or n_instances <= smallest_chunk or threads == 1:
        solve_rows(0, n_instances)
        return
    size = max(smallest_chunk, math.ceil(n_instances / (_CHUNKS_PER_THREAD * threads)))
    starts = range(0, n_instances, size)
    pool = _pool(threads)
    jobs = [pool.submit(solve_rows, start, min(start + size, n_instances)) for start in starts]
    for job in jobs:
        job.result()


def solve_in_blocks(
    solve_block: Callable[[np.ndarray, slice, np.ndarray], None],
    costs: np.ndarray,
    *,
    smallest_chunk: int,
) -> np.ndarray:
    """Solve blocks of instances in threads, in float64; return solutions in the dtype of the costs.

    ``solve_block(block, rows, solutions)`` writes the solutions of ``block``, which is
    ``costs[rows]`` in float64 and C order, to an array of zeros.
    """
    solutions = np.zeros_like(costs)

    def solve_rows(start: int, stop: int) -> None:
        rows = slice(start, stop)
        # A copy can be written to: numba compiles a kernel again for read-only arrays.
        block = np.array(costs[rows], np.float64, order="C")
        block_solutions = np.zeros_like(block)
        solve_block(block, rows, block_solutions)
        solutions[rows] = block_solutions

    if len(costs):
        solve_in_threads(solve_rows, len(costs), smallest_chunk=smallest_chunk)
    return solutions


def _pool(threads: int) -> ThreadPoolExecutor:
    """The pool of this process; a forked child must not wait for the threads of its parent."""
    global _executor, _executor_key
    with _lock:
        if _executor is None or _executor_key != (os.getpid(), threads):
            _executor = ThreadPoolExecutor(threads, thread_name_prefix=_THREAD_NAME)
            _executor_key = (os.getpid(), threads)
        return _executor
