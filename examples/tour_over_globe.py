"""Learn where cities lie from round trips alone.

Run `python examples/tour_over_globe.py`. Thirty cities are known by name only. The training data
are shortest round trips through six of them at a time; a free point on the globe is learnt for
every city, by training through an exact solver of the travelling salesman problem. Prints how many
tours through cities never combined before are the shortest, and saves the learnt globe with the
tour that is predicted for one of these combinations.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from skid import SolverPredictor
from skid.solvers import TravelingSalesman

# Degrees north and east, to the nearest tenth.
CITIES = {
    "London": (51.5, -0.1), "Paris": (48.9, 2.4), "Berlin": (52.5, 13.4), "Rome": (41.9, 12.5),
    "Madrid": (40.4, -3.7), "Oslo": (59.9, 10.8), "Moscow": (55.8, 37.6), "Cairo": (30.0, 31.2),
    "Lagos": (6.5, 3.4), "Nairobi": (-1.3, 36.8), "Cape Town": (-33.9, 18.4),
    "Dakar": (14.7, -17.5), "Tehran": (35.7, 51.4), "Delhi": (28.6, 77.2), "Dhaka": (23.8, 90.4),
    "Bangkok": (13.8, 100.5), "Jakarta": (-6.2, 106.8), "Manila": (14.6, 121.0),
    "Beijing": (39.9, 116.4), "Tokyo": (35.7, 139.7), "Sydney": (-33.9, 151.2),
    "Auckland": (-36.8, 174.8), "Honolulu": (21.3, -157.9), "Los Angeles": (34.1, -118.2),
    "Mexico City": (19.4, -99.1), "New York": (40.7, -74.0), "Toronto": (43.7, -79.4),
    "Bogota": (4.7, -74.1), "Lima": (-12.0, -77.0), "Buenos Aires": (-34.6, -58.4),
}  # fmt: skip
STOPS = 6
N_TRAIN, N_TEST = 4000, 500


def main() -> None:
    """Train, print the score and save the picture."""
    plt.switch_backend("agg")  # draws to the file alone, with or without a display
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("tour_over_globe.png"))
    output = parser.parse_args().output
    places = on_sphere(np.radians(list(CITIES.values())))
    random = np.random.RandomState(0)
    trips = np.stack([random.permutation(len(CITIES))[:STOPS] for _ in range(N_TRAIN + N_TEST)])
    visited = places[trips]
    distances = np.linalg.norm(visited[:, :, None] - visited[:, None], axis=-1)
    solver = TravelingSalesman(STOPS)
    tours = solver.solve(distances)
    model = SolverPredictor(
        solver,
        network=network,
        standardize="none",
        learning_rate_init=3e-3,
        batch_size=50,
        max_iter=50,
        random_state=0,
    )
    model.fit(trips[:N_TRAIN], tours[:N_TRAIN])
    accuracy = model.score(trips[N_TRAIN:], tours[N_TRAIN:])
    print(
        f"shortest round trips through {STOPS} of {len(CITIES)} cities: {accuracy:.1%} of {N_TEST}"
    )
    learnt = learnt_places(model)
    unseen = trips[N_TRAIN : N_TRAIN + 1]
    legs = [unseen[0, pair] for pair in np.argwhere(np.triu(model.predict(unseen)[0]))]
    save_picture(output, places, aligned(learnt, places), legs)
    print(f"picture: {output}")


def on_sphere(radians: np.ndarray) -> np.ndarray:
    """Return points of the unit sphere from latitude and longitude."""
    latitude, longitude = radians.T
    flat = np.cos(latitude)
    return np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)], axis=1)


def network(input_shape: tuple[int, ...], n_outputs: int):
    """Build a table of points on the sphere, and the distances of those that a row names."""
    import keras  # only now: skid has started TensorFlow without its messages

    row = keras.Input(input_shape)
    points = keras.layers.Embedding(len(CITIES), 3, embeddings_initializer="random_normal")(row)
    points = keras.layers.UnitNormalization(axis=-1)(points)
    first, second = keras.ops.expand_dims(points, 2), keras.ops.expand_dims(points, 1)
    squared = keras.ops.sum(keras.ops.square(first - second), axis=-1)
    return keras.Model(row, keras.ops.sqrt(squared + 1e-8))


def learnt_places(model: SolverPredictor) -> np.ndarray:
    """Return the points that the network has given to the cities."""
    table = model.to_keras().get_weights()[0]
    return table / np.linalg.norm(table, axis=1, keepdims=True)


def aligned(learnt: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Turn, and mirror if need be, the learnt globe onto the true one: tours know no north."""
    left, _, right = np.linalg.svd(learnt.T @ places)
    return learnt @ left @ right


def save_picture(output: Path, places: np.ndarray, learnt: np.ndarray, legs: list) -> None:
    """Show where the cities are, where the tours have put them, and the legs of one tour."""
    figure, axis = plt.subplots(figsize=(11, 5.6), subplot_kw={"projection": "mollweide"})
    true, found = longitude_latitude(places), longitude_latitude(learnt)
    axis.scatter(true[:, 0], true[:, 1], 30, color="#3f74a8", label="true place")
    axis.scatter(found[:, 0], found[:, 1], 30, "#c0272d", marker="x", label="learnt from tours")
    for name, start, end in zip(CITIES, true, found, strict=True):
        if abs(start[0] - end[0]) < np.pi:  # else the line would cross the whole map
            axis.plot(*np.stack([start, end]).T, color="#c0272d", linewidth=0.8)
        axis.annotate(name, start, xytext=(3, 3), textcoords="offset points", fontsize=7)
    for number, (start, end) in enumerate(legs):
        line = longitude_latitude(great_circle(places[start], places[end]))
        line[1:][np.abs(np.diff(line[:, 0])) > np.pi] = np.nan  # to the other edge of the map
        label = None if number else "a predicted round trip"
        axis.plot(*line.T, color="#6a9f58", linewidth=1.8, zorder=0, label=label)
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(output, dpi=110)


def great_circle(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return points of the unit sphere on the shortest way between two of them."""
    shares = np.linspace(0, 1, 100)[:, np.newaxis]
    points = (1 - shares) * start + shares * end
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def longitude_latitude(points: np.ndarray) -> np.ndarray:
    """Return the angles of points of the unit sphere, in radians."""
    return np.stack(
        [np.arctan2(points[:, 1], points[:, 0]), np.arcsin(np.clip(points[:, 2], -1, 1))], axis=1
    )


if __name__ == "__main__":
    main()
