"""Learn to find the cheapest path across a map from pictures of maps and right paths alone.

Run `python examples/paths_over_maps.py`. The costs of the terrains are never shown: a small
convolutional network sees a picture, puts a cost on every cell, and is trained through Dijkstra's
algorithm until the path is right. Prints how many paths across unseen maps are the cheapest, and
saves a picture of three maps.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from skid import SolverPredictor
from skid.datasets import make_terrain_paths
from skid.metrics import cost_ratio, optimal_share
from skid.solvers import GridShortestPath

SIDE, TILE = 12, 8
N_TRAIN, N_TEST = 800, 200


def main() -> None:
    """Train, print the score and save the picture."""
    plt.switch_backend("agg")  # draws to the file alone, with or without a display
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("paths_over_maps.png"))
    output = parser.parse_args().output
    images, costs, paths = make_terrain_paths(N_TRAIN + N_TEST, shape=(SIDE, SIDE), random_state=0)
    model = SolverPredictor(
        GridShortestPath((SIDE, SIDE)),
        network=network,
        learning_rate_init=3e-3,
        max_iter=25,
        random_state=0,
    )
    model.fit(images[:N_TRAIN], paths[:N_TRAIN])
    unseen, true, best = images[N_TRAIN:], costs[N_TRAIN:], paths[N_TRAIN:]
    found = model.predict(unseen)
    straight = GridShortestPath((SIDE, SIDE)).solve(np.ones_like(true))
    print(
        f"cheapest paths across {N_TEST} unseen maps: {optimal_share(true, found, best=best):.1%}, "
        f"mean cost {cost_ratio(true, found, best=best):.3f} of the cheapest "
        f"(straight ahead: {cost_ratio(true, straight, best=best):.2f})"
    )
    save_picture(output, unseen, true, best, found, model.predict_costs(unseen))
    print(f"picture: {output}")


def network(input_shape: tuple[int, ...], n_outputs: int):
    """Build convolutions from pixels to one cost for each tile."""
    import keras  # only now: skid has started TensorFlow without its messages
    from keras import layers

    image = keras.Input(input_shape)
    hidden = layers.Conv2D(16, 5, strides=4, padding="same", use_bias=False)(image)
    hidden = layers.ReLU()(layers.BatchNormalization()(hidden))
    hidden = layers.Conv2D(16, 3, padding="same", use_bias=False)(hidden)
    hidden = layers.ReLU()(layers.BatchNormalization()(hidden))
    return keras.Model(image, layers.Conv2D(1, 1)(layers.MaxPooling2D(TILE // 4)(hidden)))


def save_picture(output: Path, images, true, best, found, predicted) -> None:
    """Show maps and paths above true and learnt costs: two right paths and a wrong one."""
    right = (found == best).all(axis=(1, 2))
    shown = [*np.flatnonzero(right)[:2], *np.flatnonzero(~right)[:1]]
    figure, axes = plt.subplots(3, len(shown), figsize=(3.2 * len(shown), 9.6), squeeze=False)
    for column, row in enumerate(shown):
        extent = (-0.5, SIDE - 0.5, SIDE - 0.5, -0.5)
        axes[0, column].imshow(images[row], extent=extent)
        draw_path(axes[0, column], best[row], color="white", linewidth=5, label="cheapest")
        draw_path(axes[0, column], found[row], color="#c0272d", linewidth=2.5, label="skid")
        axes[0, column].set_title("the cheapest path" if right[row] else "not the cheapest")
        axes[1, column].imshow(true[row], cmap="cividis")
        axes[1, column].set_title("true cost, never shown")
        axes[2, column].imshow(predicted[row], cmap="cividis")
        axes[2, column].set_title("learnt cost")
    axes[0, 0].legend(loc="lower left")
    for axis in axes.flat:
        axis.set_axis_off()
    figure.tight_layout()
    figure.savefig(output, dpi=110)


def draw_path(axis, path: np.ndarray, **line) -> None:
    """Draw a path from its cells, each of which touches the next one."""
    cells = [np.array([0, 0])]
    left = {tuple(cell) for cell in np.argwhere(path > 0)} - {(0, 0)}
    while left:
        touching = [cell for cell in left if np.abs(cells[-1] - cell).max() == 1]
        if not touching:
            break
        # A step along a row or column comes before a diagonal one that would skip its cell.
        nearest = min(touching, key=lambda cell: np.abs(cells[-1] - cell).sum())
        cells.append(np.array(nearest))
        left.remove(nearest)
    rows, columns = np.array(cells).T
    axis.plot(columns, rows, solid_capstyle="round", solid_joinstyle="round", **line)


if __name__ == "__main__":
    main()
