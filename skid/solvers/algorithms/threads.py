"""Solve the instances of a batch side by side, on the cores that this process may use."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock, current_thread

from joblib import cpu_count

_CHUNKS_PER_THREAD = 4
_THREAD_NAME = "skid-solver"
_lock = Lock()
_executor: ThreadPoolExecutor | None = None
_executor_key: tuple[int, int] | None = None


def n_threads() -> int:
    """Threads that solve side by side: the cores of the process, or its share of them.

    joblib tells its workers their share through ``OMP_NUM_THREADS``, which a user may set as well.

    Examples
    --------
    >>> from skid.solvers.algorithms.threads import n_threads
    >>> n_threads() >= 1
    True
    """
    limit = os.environ.get("OMP_NUM_THREADS", "")
    cores = _cores()
    return min(cores, int(limit)) if limit.isdigit() and int(limit) else cores


@cache
def _cores() -> int:
    """Counting them takes longer than solving a small batch."""
    return cpu_count()


def solve_in_threads(
    solve_rows: Callable[[int, int], None], n_instances: int, *, smallest_chunk: int
) -> None:
    """Call ``solve_rows(start, stop)`` on ranges that together are all instances.

    Parameters
    ----------
    solve_rows : callable
        Solves the instances ``start <= i < stop`` and writes their solutions where they belong.
        It gains by threads as far as it releases the GIL.
    n_instances : int
    smallest_chunk : int
        Instances whose solution is worth the hand-over to a thread, some 50 microseconds. Up to
        so many are solved in the calling thread.

    Raises
    ------
    Exception
        What ``solve_rows`` raised for the first range that failed.

    Examples
    --------
    >>> import numpy as np
    >>> from skid.solvers.algorithms.threads import solve_in_threads
    >>> squares = np.zeros(5)
    >>> def solve_rows(start, stop):
    ...     squares[start:stop] = np.arange(start, stop) ** 2
    >>> solve_in_threads(solve_rows, 5, smallest_chunk=1)
    >>> squares.tolist()
    [0.0, 1.0, 4.0, 9.0, 16.0]
    """
    # A thread of the pool that waited for the pool could wait for itself.
    inside = current_thread().name.startswith(_THREAD_NAME)
    if inside or n_instances <= smallest_chunk or n_threads() == 1:
        solve_rows(0, n_instances)
        return
    threads = n_threads()
    size = max(smallest_chunk, -(-n_instances // (_CHUNKS_PER_THREAD * threads)))
    starts = range(0, n_instances, size)
    pool = _pool(threads)
    jobs = [pool.submit(solve_rows, start, min(start + size, n_instances)) for start in starts]
    for job in jobs:
        job.result()


def _pool(threads: int) -> ThreadPoolExecutor:
    """The pool of this process: a forked child must not wait for the threads of its parent."""
    global _executor, _executor_key
    with _lock:
        if _executor_key != (os.getpid(), threads):
            _executor = ThreadPoolExecutor(threads, thread_name_prefix=_THREAD_NAME)
            _executor_key = (os.getpid(), threads)
        return _executor
