"""How functions are compiled that no one but kernels call.

Without the wrappers for callers in Python, which take a third of the time of compiling.
"""

import numba

inner = numba.njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
