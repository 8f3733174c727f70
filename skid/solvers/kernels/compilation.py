"""Decorators for the compiled inner loops of the solvers.

A solver calls a `kernel`. Each process compiles it at the first call, which takes seconds for the
larger ones; if the environment variable ``NUMBA_CACHE_DIR`` names a directory, later processes load
the compiled code from there. `inner` is for functions that only kernels call: it omits the wrappers
for Python, which take a third of the compilation time.
"""

import numba

kernel = numba.njit(nogil=True, cache=bool(numba.config.CACHE_DIR))
inner = numba.njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
