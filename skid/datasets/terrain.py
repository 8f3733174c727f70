"""Images of terrain maps, and the cheapest paths across them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from scipy.ndimage import gaussian_filter
from scipy.special import ndtri
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import validate_params

from skid._parameter_checks import checked_grid_shape
from skid.datasets._constraints import AT_LEAST_ONE, FRACTION, NOT_NEGATIVE
from skid.solvers.grid_path import GridShortestPath

TERRAIN_COSTS = (0.8, 1.2, 5.3, 7.7, 9.2)
"""Vertex costs of the Warcraft maps (Vlastelica et al., ICLR 2020)."""

_TERRAIN_COLOURS = (
    (0.45, 0.70, 0.25),  # meadow
    (0.76, 0.58, 0.34),  # track
    (0.14, 0.38, 0.18),  # forest
    (0.48, 0.46, 0.48),  # rock
    (0.20, 0.36, 0.70),  # water
    (0.80, 0.76, 0.50),  # sand
    (0.80, 0.84, 0.88),  # snow
    (0.58, 0.22, 0.16),  # clay
)
_TEXTURES_PER_TERRAIN = 4
_MAPS_PER_BLOCK = 64


@validate_params(
    {
        "n_samples": [AT_LEAST_ONE],
        "shape": [tuple, list],
        "tile_pixels": [AT_LEAST_ONE],
        "terrain_costs": ["array-like"],
        "smoothness": [NOT_NEGATIVE],
        "brightness": [FRACTION],
        "noise": [NOT_NEGATIVE],
        "dtype": "no_validation",
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def make_terrain_paths(
    n_samples: int = 1000,
    *,
    shape: tuple[int, int] = (12, 12),
    tile_pixels: int = 8,
    terrain_costs: ArrayLike = TERRAIN_COSTS,
    smoothness: float = 1.5,
    brightness: float = 0.2,
    noise: float = 0.08,
    dtype: DTypeLike = np.float32,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Generate images of maps, the costs of their cells and the cheapest paths across.

    A map is a grid of cells, each of one terrain and drawn as a square tile of pixels. Terrains
    form patches: they are the quantiles of a smooth random field, in a random order for each map.
    A tile shows one of four textures of its terrain, with a random brightness, is blended with its
    neighbours at the border, and all pixels have noise. A path leads from the top left to the
    bottom right cell, in steps to any of the eight neighbours, and its cost is the sum over all
    its cells, including both ends.

    Parameters
    ----------
    n_samples : int, default=1000
    shape : tuple of (int, int), default=(12, 12)
        Rows and columns of cells, at least two cells in total.
    tile_pixels : int, default=8
        Side of a tile in pixels.
    terrain_costs : array-like of 2 to 8 floats, default=(0.8, 1.2, 5.3, 7.7, 9.2)
        Cost of a cell by its terrain, at least 0.
    smoothness : float, default=1.5
        Standard deviation, in cells, of the kernel that smooths the field. It determines the size
        of the patches.
    brightness : float, default=0.2
        The colours of a tile are multiplied by a number uniform in
        ``[1 - brightness, 1 + brightness]``.
    noise : float, default=0.08
        Standard deviation of the noise of a pixel, relative to the full intensity.
    dtype : {float32, float64, uint8}, default=float32
        Type of the images: intensities from 0 to 1, for uint8 from 0 to 255. The images are the
        same; uint8 takes a quarter of the memory of float32.
    random_state : int, RandomState or None, default=None
        Random numbers of the data, except the textures, which are fixed: maps of different seeds
        are from the same distribution.

    Returns
    -------
    images : ndarray of shape (n_samples, rows * tile_pixels, columns * tile_pixels, 3), ``dtype``
    costs : ndarray of shape (n_samples, rows, columns)
        Costs of the cells.
    paths : ndarray of shape (n_samples, rows, columns)
        1 for the cells of a cheapest path, 0 otherwise.

    Raises
    ------
    ValueError
        If a parameter is outside its range.

    Notes
    -----
    The task is similar to the Warcraft maps of Vlastelica et al. and has the same terrain costs,
    with different images.

    References
    ----------
    Vlastelica, Paulus, Musil, Martius, Rolinek: *Differentiation of Blackbox Combinatorial
    Solvers*, ICLR 2020, section 4.1.

    Examples
    --------
    >>> from skid.datasets import make_terrain_paths
    >>> images, costs, paths = make_terrain_paths(3, shape=(6, 6), random_state=0)
    >>> images.shape, images.dtype.name, costs.shape
    ((3, 48, 48, 3), 'float32', (3, 6, 6))
    >>> costs[0, 0].tolist(), paths[0, 0].tolist()
    ([7.7, 7.7, 7.7, 7.7, 7.7, 9.2], [1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    """
    rows, columns = checked_grid_shape("shape", shape)
    if rows * columns < 2:
        raise ValueError(f"shape must have at least two cells, got {(rows, columns)}")
    terrain_costs = _checked_terrain_costs(terrain_costs)
    dtype = np.dtype(dtype)
    if dtype not in (np.float32, np.float64, np.uint8):
        raise ValueError(f"dtype must be float32, float64 or uint8, got {dtype}")
    generator: np.random.RandomState = check_random_state(random_state)
    n_terrains = len(terrain_costs)
    terrains = _terrains((n_samples, rows, columns), n_terrains, smoothness, generator)
    textures = _textures(n_terrains, tile_pixels)
    # Quantiles of the normal distribution; a random byte selects one for each pixel.
    noise_levels = np.float32(255 * noise) * ndtri((np.arange(256) + 0.5) / 256).astype(np.float32)
    images = np.empty((n_samples, rows * tile_pixels, columns * tile_pixels, 3), dtype)
    for start in range(0, n_samples, _MAPS_PER_BLOCK):
        maps = slice(start, start + _MAPS_PER_BLOCK)
        pictures = _pictures(terrains[maps], textures, brightness, generator)
        pixels = np.frombuffer(generator.bytes(pictures.size), np.uint8)
        pictures += noise_levels[pixels].reshape(pictures.shape)
        np.rint(np.clip(pictures, 0, 255, out=pictures), out=pictures)
        if dtype == np.uint8:
            images[maps] = pictures
        else:
            np.divide(pictures, dtype.type(255), out=images[maps])
    costs = terrain_costs[terrains]
    return images, costs, GridShortestPath((rows, columns), neighbours=8).solve(costs)


def _checked_terrain_costs(terrain_costs: ArrayLike) -> np.ndarray:
    costs = np.asarray(terrain_costs, dtype=np.float64)
    limit = len(_TERRAIN_COLOURS)
    if costs.ndim != 1 or not 2 <= len(costs) <= limit:
        raise ValueError(
            f"terrain_costs must be 2 to {limit} numbers, got an array of shape {costs.shape}"
        )
    if not np.isfinite(costs).all() or costs.min() < 0:
        raise ValueError(f"terrain_costs must be finite and at least 0, got {costs.tolist()}")
    return costs


def _terrains(
    shape: tuple[int, int, int],
    n_terrains: int,
    smoothness: float,
    random_state: np.random.RandomState,
) -> np.ndarray:
    """Terrain of every cell by the ranks of a smooth field, with equal areas of each map."""
    n_maps, rows, columns = shape
    field = gaussian_filter(random_state.normal(size=shape), (0, smoothness, smoothness))
    ranks = field.reshape(n_maps, -1).argsort(axis=1).argsort(axis=1)
    bands = ranks * n_terrains // (rows * columns)
    terrain_of_band = random_state.random_sample((n_maps, n_terrains)).argsort(axis=1)
    return np.take_along_axis(terrain_of_band, bands, axis=1).reshape(shape)


def _textures(n_terrains: int, tile_pixels: int) -> np.ndarray:
    """Fixed textures of shape (terrains, variants, pixels, pixels, 3), from 0 to 255."""
    grain = np.random.RandomState(0).normal
    shape = (len(_TERRAIN_COLOURS), _TEXTURES_PER_TERRAIN, tile_pixels, tile_pixels)
    tint = 0.02 * grain(size=(*shape[:2], 1, 1, 3))
    pattern = gaussian_filter(grain(size=shape), (0, 0, 1, 1), mode="wrap")
    pattern *= 0.06 / pattern.std()
    colours = np.reshape(_TERRAIN_COLOURS, (-1, 1, 1, 1, 3)) + tint + pattern[..., np.newaxis]
    return (255 * colours[:n_terrains]).astype(np.float32)


def _pictures(
    terrains: np.ndarray,
    textures: np.ndarray,
    brightness: float,
    random_state: np.random.RandomState,
) -> np.ndarray:
    """Pictures without noise, float32 of shape (maps, rows * pixels, columns * pixels, 3)."""
    n_maps, rows, columns = terrains.shape
    pixels = textures.shape[2]
    variants = random_state.randint(_TEXTURES_PER_TERRAIN, size=terrains.shape)
    light = random_state.uniform(1 - brightness, 1 + brightness, terrains.shape)
    tiles = textures[terrains, variants]
    tiles *= light.astype(np.float32)[..., np.newaxis, np.newaxis, np.newaxis]
    pictures = tiles.transpose(0, 1, 3, 2, 4, 5).reshape(n_maps, rows * pixels, columns * pixels, 3)
    for first, second in (
        (pictures[:, pixels - 1 : -1 : pixels], pictures[:, pixels::pixels]),
        (pictures[:, :, pixels - 1 : -1 : pixels], pictures[:, :, pixels::pixels]),
    ):
        # The last line of pixels of a tile and the first of the next are mixed by a quarter.
        exchanged = 0.25 * (second - first)
        first += exchanged
        second -= exchanged
    return pictures
