"""The travelling salesman problem: the shortest round trip through all cities."""

from __future__ import annotations

import numpy as np

from skid._parameter_checks import check_count
from skid.solvers.algorithms.highs import check_time_limit, warn_of_time_limit
from skid.solvers.algorithms.threads import solve_in_threads
from skid.solvers.base import Solver, check_costs

# Largest number of cities for dynamic programming, whose time doubles with every city.
_MOST_CITIES_BY_SETS = 12
# Kicks of the local search before the proof: it nearly always finds the shortest tour.
_KICKS_PER_CITY = 10
# Cost of starting a job in a thread.
_SECONDS_PER_JOB = 5e-5
# Costs above this, or below its inverse, are scaled: kernels use 1e300 for required edges.
_LARGEST_COST = 1e100


class TravelingSalesman(Solver):
    """Find the cheapest round trip through n cities.

    ``y(w) = argmin <w, y>`` over the symmetric 0/1 matrices with a zero diagonal whose edges form
    one cycle through all n cities.

    Parameters
    ----------
    n : int
        Number of cities, at least 3.
    heuristic : bool, default=False
        Whether to return a short tour found by a local search instead of the shortest tour.
    n_kicks : int, default=None
        Number of times that the local search changes its best tour at random and improves it
        again; 10 n if None. Used with ``heuristic=True`` only.
    time_limit : float, default=None
        Seconds for the proof of one instance, above 0; None for no limit. The limit does not
        apply to the local search, which comes first, nor to instances of up to 12 cities.
    random_state : int, default=0
        Seed of the local search, at least 0. The same random numbers are used for every instance.
        Exact solutions depend on it only in the choice among equally short tours.

    Notes
    -----
    The objective is ``<w, y>`` for a symmetric y: every edge counts twice, with the mean of its
    two costs. Costs that are not symmetric are therefore used as ``(w + w^T) / 2``. The diagonal
    is ignored, and costs may have any sign.

    All solutions have the sum 2 n, so every projection is valid.

    *Exact.* Up to 12 cities are solved by dynamic programming over sets of cities [1]_, more by
    branch and bound: tours are bounded by 1-trees whose prices are raised by subgradients [2]_,
    [3]_, and each node fixes edges that a better tour cannot contain or must contain. If the search
    becomes too large, the remaining edges are passed to an integer program, with constraints
    against subtours that are added when they are violated [4]_. A tour may exceed the shortest by
    1e-10 of the largest cost, but not if all costs are integers. Up to 50 cities this takes
    milliseconds; from 70 on single instances may take a minute or more.

    *Heuristic.* 2-opt and Or-opt moves to the 10 nearest neighbours, with random kicks [5]_. On the
    48 instances of TSPLIB with 14 to 200 cities the mean gap to the shortest tour is 0.3 %, the
    largest 6.2 %, and 73 % are optimal; with ``n_kicks`` of 50 n they are 0.1 %, 3.3 % and 81 %
    (``benchmarks/tours.py``).

    The solvers release the GIL; numba compiles them at the first call of a process.

    References
    ----------
    .. [1] M. Held, R. M. Karp: *A dynamic programming approach to sequencing problems*, Journal
       of the Society for Industrial and Applied Mathematics 10, 196-210, 1962.
    .. [2] M. Held, R. M. Karp: *The traveling-salesman problem and minimum spanning trees: part
       II*, Mathematical Programming 1, 6-25, 1971.
    .. [3] T. Volgenant, R. Jonker: *A branch and bound algorithm for the symmetric traveling
       salesman problem based on the 1-tree relaxation*, European Journal of Operational Research
       9, 83-89, 1982.
    .. [4] G. B. Dantzig, D. R. Fulkerson, S. M. Johnson: *Solution of a large-scale
       traveling-salesman problem*, Operations Research 2, 393-410, 1954.
    .. [5] O. Martin, S. W. Otto, E. W. Felten: *Large-step Markov chains for the traveling
       salesman problem*, Complex Systems 5, 299-326, 1991.

    Examples
    --------
    Four corners of a square, of which the second and the third are opposite:

    >>> import numpy as np
    >>> from skid.solvers import TravelingSalesman
    >>> corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> distances = np.linalg.norm(corners[:, None] - corners, axis=2)
    >>> TravelingSalesman(4).solve(distances[None])
    array([[[0., 1., 1., 0.],
            [1., 0., 0., 1.],
            [1., 0., 0., 1.],
            [0., 1., 1., 0.]]])
    """

    default_projection = "std"
    default_noise_scale = 0.6
    default_noise_fraction = 0.5

    def __init__(
        self,
        n: int,
        *,
        heuristic: bool = False,
        n_kicks: int | None = None,
        time_limit: float | None = None,
        random_state: int = 0,
    ):
        self.n = n
        self.heuristic = heuristic
        self.n_kicks = n_kicks
        self.time_limit = time_limit
        self.random_state = random_state

    @property
    def cost_shape(self) -> tuple[int, int]:  # type: ignore[override]  # Read-only here.
        """A cost for every pair of cities."""
        return (self.n, self.n)

    @property
    def binary(self) -> bool:  # type: ignore[override]  # Read-only here.
        """Whether the tours are proven to be the shortest."""
        return self._by_sets or (not self.heuristic and self.time_limit is None)

    @property
    def _by_sets(self) -> bool:
        return self.n <= _MOST_CITIES_BY_SETS and not self.heuristic

    def solve(self, costs: np.ndarray) -> np.ndarray:
        """Find a tour for every instance.

        Parameters
        ----------
        costs : array-like of shape (n_instances, n, n), float
            Costs between cities, of any sign. The diagonal is ignored; it may be NaN or infinite.

        Returns
        -------
        ndarray of shape (n_instances, n, n), dtype of ``costs``
            1 for the pairs of cities that are neighbours in the tour, in both directions.

        Raises
        ------
        ValueError
            If a parameter or the shape is wrong or a cost is not finite.

        Warns
        -----
        TimeLimitWarning
            If the proof that a tour is the shortest stopped at the time limit. The message
            contains the instances and the largest remaining gap.
        """
        self._check_parameters()
        costs = check_costs(_with_free_diagonal(costs), cost_shape=self.cost_shape)
        symmetric = _symmetrised(costs)
        tours = np.empty(costs.shape[:2], np.int64)
        gaps = np.full(len(costs), np.nan)
        if self._by_sets:
            self._solve_by_sets(symmetric, tours)
        else:
            self._solve_by_search(symmetric, tours, gaps)
        warn_of_time_limit(gaps, self.time_limit)
        solutions = np.zeros(costs.shape, costs.dtype)
        instances = np.arange(len(costs))[:, np.newaxis]
        following = np.roll(tours, -1, axis=1)
        solutions[instances, tours, following] = 1
        solutions[instances, following, tours] = 1
        return solutions

    def _solve_by_sets(self, costs: np.ndarray, tours: np.ndarray) -> None:
        from skid.solvers.kernels.tour_held_karp import shortest_tours

        seconds = 3e-10 * self.n**2 * 2**self.n
        solve_in_threads(
            lambda start, stop: shortest_tours(costs[start:stop], tours[start:stop]),
            len(costs),
            smallest_chunk=max(1, int(_SECONDS_PER_JOB / seconds)),
        )

    def _solve_by_search(self, costs: np.ndarray, tours: np.ndarray, gaps: np.ndarray) -> None:
        from skid.solvers.algorithms.tour_search import find_shortest_tour
        from skid.solvers.kernels.tour_improvement import improved_tours

        n_kicks = self.n * min(_KICKS_PER_CITY, self.n // 8)
        if self.heuristic:
            n_kicks = _KICKS_PER_CITY * self.n if self.n_kicks is None else self.n_kicks
        seed = np.uint64(self.random_state)

        def solve_rows(start: int, stop: int) -> None:
            improved_tours(costs[start:stop], n_kicks, seed, tours[start:stop])
            if self.heuristic:
                return
            for instance in range(start, stop):
                tours[instance], gaps[instance] = find_shortest_tour(
                    costs[instance], tours[instance], instance=instance, time_limit=self.time_limit
                )

        solve_in_threads(solve_rows, len(costs), smallest_chunk=1)

    def _check_parameters(self) -> None:
        check_count("n", self.n, least=3)
        check_count("n_kicks", 0 if self.n_kicks is None else self.n_kicks, least=0)
        check_count("random_state", self.random_state, least=0)
        check_time_limit(self.time_limit)


def _with_free_diagonal(costs: np.ndarray) -> np.ndarray:
    """Return a copy with a zero diagonal, which may have been infinite or NaN."""
    costs = np.array(costs)
    if costs.ndim == 3 and costs.shape[1] == costs.shape[2] and costs.dtype.kind == "f":
        cities = np.arange(costs.shape[1])
        costs[:, cities, cities] = 0
    return costs


def _symmetrised(costs: np.ndarray) -> np.ndarray:
    """Return the mean of the two directions in float64 and C order, with a zero diagonal."""
    halves = np.array(costs, dtype=np.float64, order="C") / 2
    symmetric = halves + halves.swapaxes(1, 2)
    cities = np.arange(costs.shape[1])
    symmetric[:, cities, cities] = 0
    largest = abs(symmetric).max(axis=(1, 2), initial=0)
    extreme = (largest > _LARGEST_COST) | ((largest > 0) & (largest < 1 / _LARGEST_COST))
    symmetric[extreme] /= largest[extreme, np.newaxis, np.newaxis]
    return symmetric
