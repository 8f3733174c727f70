"""Pairs of frames of the CMU house and hotel, to learn from and to judge by."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

N_TRAINING_FRAMES = 40
BASELINES = (60, 90)
SIZES = (20, 30)
"""Points of the first frame; the second one has all 30."""
N_OUTLIERS = 5


class Pairs(NamedTuple):
    """Pairs of point sets and the partners of the points of the first."""

    X: list[tuple[np.ndarray, np.ndarray]]
    y: list[np.ndarray]


def load(folder: Path) -> dict[str, np.ndarray]:
    """Points of every frame in pixels, shape (frames, 30, 2)."""
    with np.load(folder / "cmu_keypoints.npz") as file:
        return {name: file[name].astype(np.float32) for name in ("house", "hotel")}


def split_frames(n_frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames to learn from, and the others."""
    order = np.random.default_rng(seed).permutation(n_frames)
    return np.sort(order[:N_TRAINING_FRAMES]), np.sort(order[N_TRAINING_FRAMES:])


def training_pairs(frames: np.ndarray, n_pairs: int, seed: int) -> Pairs:
    """Pairs of any two frames; 20 points of the first in one half, all 30 in the other."""
    random = np.random.default_rng(seed)
    chosen = _pairs_of_frames(frames, n_pairs, random)
    half = n_pairs // 2
    parts = [
        draw(frames, part, size, 30, random)
        for part, size in zip((chosen[:half], chosen[half:]), SIZES, strict=True)
    ]
    return Pairs(parts[0].X + parts[1].X, parts[0].y + parts[1].y)


def training_pairs_with_outliers(frames: np.ndarray, n_pairs: int, seed: int) -> Pairs:
    """Pairs of any two frames with 20 common points, outliers, rotation and scale."""
    random = np.random.default_rng(seed)
    chosen = _pairs_of_frames(frames, n_pairs, random)
    return draw(frames, chosen, 20, 20, random, N_OUTLIERS, is_moved=True)


def test_frames(numbers: np.ndarray, baseline: int, n_pairs: int) -> list[tuple[int, int]]:
    """Pairs of frames at a distance, all of them before any is taken again."""
    known = {*numbers.tolist()}
    found = [(i, i + baseline) for i in numbers.tolist() if i + baseline in known]
    if len(found) >= n_pairs:
        places = np.linspace(0, len(found) - 1, n_pairs).astype(int)
        return [found[place] for place in places]
    return [found[index % len(found)] for index in range(n_pairs)]


def draw(
    frames: np.ndarray,
    pairs: list[tuple[int, int]],
    n_a: int,
    n_b: int,
    random: np.random.Generator,
    n_outliers: int = 0,
    is_moved: bool = False,
) -> Pairs:
    """Draw points of pairs of frames, in random order.

    ``n_b`` is the number of all points, or ``n_a``: then both frames show the same points.
    """
    X, y = [], []
    for i, j in pairs:
        of_a = random.permutation(frames.shape[1])[:n_a]
        of_b = random.permutation(of_a if n_b == n_a else frames.shape[1])
        a, b = (
            np.concatenate([points, _outliers(points, n_outliers, random)])
            for points in (frames[i][of_a], frames[j][of_b])
        )
        if is_moved:
            turn, factor = random.uniform(0, 2 * np.pi), np.exp(random.normal(scale=0.3))
            b = b @ (factor * rotation(turn))
        partners = (of_a[:, np.newaxis] == of_b).argmax(axis=1)
        X.append((a.astype(frames.dtype), b.astype(frames.dtype)))
        y.append(np.concatenate([partners, np.full(n_outliers, -1)]))
    return Pairs(X, y)


def rotation(turn: float) -> np.ndarray:
    """Matrix of a rotation of rows by an angle."""
    return np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])


def _pairs_of_frames(
    frames: np.ndarray, n_pairs: int, random: np.random.Generator
) -> list[tuple[int, int]]:
    every = [(i, j) for i in range(len(frames)) for j in range(i + 1, len(frames))]
    order = np.resize(random.permutation(len(every)), n_pairs)
    return [every[place] for place in order]


def _outliers(points: np.ndarray, n_outliers: int, random: np.random.Generator) -> np.ndarray:
    """Points drawn uniformly from the box around others."""
    low, high = points.min(axis=0), points.max(axis=0)
    return low + (high - low) * random.uniform(size=(n_outliers, points.shape[1]))
