"""Algorithms and data structures of the solvers: graphs, relaxations, searches, threads."""
