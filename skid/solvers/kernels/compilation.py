"""How the inner loops of the solvers are compiled.

A `kernel` is what a solver calls. Each process compiles it at its first call, which takes seconds
for the larger ones; where the environment variable ``NUMBA_CACHE_DIR`` names a directory, compiled
code is kept there for the processes to come. `inner` is for functions that only kernels call:
without the wrappers for callers in Python, which take a third of the time of compiling.
"""

import numba

kernel = numba.njit(nogil=True, cache=bool(numba.config.CACHE_DIR))
inner = numba.njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
