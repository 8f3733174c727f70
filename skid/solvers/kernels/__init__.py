"""Compiled inner loops of the solvers; importing one of these modules imports numba."""
