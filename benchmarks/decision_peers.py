"""PyEPO's training loop for the shortest path benchmark, as its documentation shows it."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

METHODS = ("SPO+", "PFYL", "NID", "DBB")


def train_pyepo(
    method: str,
    grid: tuple[int, int],
    X: np.ndarray,
    costs: np.ndarray,
    X_test: np.ndarray,
    *,
    seed: int,
    epochs: int,
    learning_rate: float,
    n_threads: int,
) -> tuple[np.ndarray, float]:
    """Train a linear model with a method of PyEPO.

    It runs in a process of its own: PyTorch's backward pass crashes beside a compiled TensorFlow
    program.

    Parameters
    ----------
    method : {"SPO+", "PFYL", "NID", "DBB"}
    grid : tuple of int
    X, costs, X_test : array
    seed, epochs, n_threads : int
    learning_rate : float
        Of Adam; batches of 32 rows.

    Returns
    -------
    predicted : array
        Costs of the test rows.
    seconds_per_epoch : float
        Without the data set, whose right decisions are found before.
    """
    import torch
    from pyepo.data.dataset import optDataset
    from pyepo.model.ort import shortestPathModel

    torch.set_num_threads(n_threads)
    torch.manual_seed(seed)
    model = shortestPathModel(grid)
    loader = torch.utils.data.DataLoader(optDataset(model, X, costs), batch_size=32, shuffle=True)
    network = torch.nn.Linear(X.shape[1], costs.shape[1])
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    loss_of = _loss(method, model)
    started = time.perf_counter()
    for _ in range(epochs):
        for features, true_costs, solutions, objectives in loader:
            loss = loss_of(network(features), true_costs, solutions, objectives)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    seconds = (time.perf_counter() - started) / epochs

    with torch.no_grad():
        return network(torch.as_tensor(X_test, dtype=torch.float32)).numpy(), seconds


def _loss(method: str, model) -> Callable:
    import pyepo

    if method == "SPO+":
        spo = pyepo.func.SPOPlus(model)
        return spo
    if method == "PFYL":
        fenchel_young = pyepo.func.perturbedFenchelYoung(model, n_samples=1, sigma=1.0)
        return lambda predicted, true, solutions, objectives: fenchel_young(predicted, solutions)
    layer = (
        pyepo.func.negativeIdentity(model)
        if method == "NID"
        else pyepo.func.blackboxOpt(model, lambd=20)
    )

    def excess(predicted, true, solutions, objectives):
        """Distance of the decision's cost to the best one: their task loss of such layers."""
        found = (layer(predicted) * true).sum(dim=1, keepdim=True)
        return (found - objectives).abs().mean()

    return excess
