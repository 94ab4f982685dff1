"""Streams whose law drifts, by their published definitions: rows in the order of time. Nothing is downloaded.

Letters: C centres, D features, n rows.
"""

from collections.abc import Callable

import numpy as np

from experiments.data.kinds import Data, Part

_NOISE = {"sea": 0.1, "hyperplane": 0.05}  # the fraction of labels that are wrong, as in the public generators


def drifting(
    data_dir: str | None, *, stream: str, num_rows: int = 20_480, width: int = 1, seed: int = 0, num_test: int = 1000
) -> Data:
    """A stream of num_rows rows; the test part is the num_test rows that would come next. x float32, y int32.

    stream: "agrawal" (Agrawal 1993, functions 2 and 7, perturbation 0.05), "led" (Breiman 1984, 17 irrelevant features,
      noise 0.1), "mixed" (Gama 2004) or "sea" (Street & Kim 2001, noise 0.1), each with a second concept in its second
      half; "hyperplane" (Hulten 2001, noise 0.05) or "rbf" (Bifet 2009), which move all the time.
    width: rows that the change takes. Row t is of the second concept with probability 1 / (1 + exp(-4 (t - n / 2) /
      width)) (Bifet 2009): 1 is abrupt.
    """
    del data_dir
    there = {**_CONCEPTS, **_MOVING}
    if stream not in there:
        raise ValueError(f"data.stream must be one of {', '.join(there)}; got {stream!r}")
    for name, value in {"num_rows": num_rows, "width": width, "num_test": num_test}.items():
        if value < 1:
            raise ValueError(f"data.{name} must be at least 1, got {value}")
    rng, n = np.random.default_rng(seed), num_rows + num_test
    if stream in _MOVING:
        x, y = _MOVING[stream](rng, n)
    else:
        z = np.clip(4 * (np.arange(n) - num_rows / 2) / width, -500, 500)
        second = rng.uniform(size=n) < 1 / (1 + np.exp(-z))
        (x, y), (x_after, y_after) = (_CONCEPTS[stream](rng, n, concept) for concept in (0, 1))
        x, y = np.where(second[:, None], x_after, x), np.where(second, y_after, y)
    wrong = rng.uniform(size=n) < _NOISE.get(stream, 0.0)
    rows = Part(x.astype(np.float32), np.where(wrong, 1 - y, y).astype(np.int32))
    return Data(Part(*(array[:num_rows] for array in rows)), Part(*(array[num_rows:] for array in rows)))


def _sea(rng, n, concept):
    """Three features, of which the first two count; the threshold moves from 8 to 9.5."""
    x = rng.uniform(0, 10, (n, 3))
    return x, x[:, 0] + x[:, 1] > (8.0, 9.5)[concept]


def _mixed(rng, n, concept):
    """Two bits and two numbers, of which at least two of three conditions hold; later the classes are swapped."""
    bits, numbers = rng.uniform(size=(n, 2)) < 0.5, rng.uniform(size=(n, 2))
    below = numbers[:, 1] < 0.5 + 0.3 * np.sin(3 * np.pi * numbers[:, 0])
    return np.concatenate([bits, numbers], axis=1), (bits.sum(axis=1) + below >= 2) != bool(concept)


# Which of seven segments are lit: top, upper left, upper right, middle, lower left, lower right, bottom.
_DIGITS = "1110111 0010010 1011101 1011011 0111010 1101011 1101111 1010010 1111111 1111011"
_SEGMENTS = np.array([list(map(int, digit)) for digit in _DIGITS.split()])


def _led(rng, n, concept):
    """A digit's segments, each inverted with probability 0.1, and 17 random bits; later four segments change places."""
    y = rng.integers(10, size=n)
    segments = _SEGMENTS[y] ^ (rng.uniform(size=(n, 7)) < 0.1)
    x = np.concatenate([segments, rng.integers(2, size=(n, 17))], axis=1)
    return (x[:, [7, 8, 9, 10, 4, 5, 6, 0, 1, 2, 3, *range(11, 24)]] if concept else x), y


def _agrawal(rng, n, concept):
    """Nine facts of people who ask for a loan; numbers are perturbed by up to 5 % of their range after labelling."""
    salary, age = rng.uniform(20_480, 150_000, n), rng.integers(20, 81, n)
    commission = np.where(salary >= 75_000, 0, rng.uniform(10_000, 75_000, n))
    education, car, zipcode = rng.integers(5, size=n), rng.integers(1, 21, n), rng.integers(9, size=n)
    house = (8 - zipcode) * 100_000 * rng.uniform(0.5, 1.5, n)
    years, loan = rng.integers(1, 31, n), rng.uniform(0, 500_000, n)
    if concept:  # function 7
        y = 0.67 * (salary + commission) - 0.2 * loan - 20_480 > 0
    else:  # function 2
        low = np.select([age < 40, age < 60], [50_000, 75_000], 25_000)
        y = (low <= salary) & (salary <= low + 50_000)
    ranges = {0: 130_000, 1: 75_000, 2: 60, 6: 800_000, 7: 29, 8: 500_000}
    x = np.stack([salary, commission, age, education, car, zipcode, house, years, loan], axis=1)
    for column, width in ranges.items():
        x[:, column] += 0.05 * width * rng.uniform(-1, 1, n) * (x[:, column] != 0)
    return x, y


def _hyperplane(rng, n):
    """Ten numbers; of the plane's weights five move by 0.001 a row and turn round with probability 0.1."""
    x, start = rng.uniform(size=(n, 10)), rng.uniform(size=10)
    turns = np.where(rng.uniform(size=(n, 5)) < 0.1, -1, 1).cumprod(axis=0)
    weights = start + np.pad(0.001 * turns.cumsum(axis=0), ((0, 0), (0, 5)))
    return x, (weights * x).sum(axis=1) >= 0.5 * weights.sum(axis=1)


def _rbf(rng, n):
    """Thirty Gaussian blobs of four classes in ten dimensions; each centre moves 0.0005 a row within the unit cube."""
    centres, y, stds, weights = rng.uniform(size=(30, 10)), rng.integers(4, size=30), *rng.uniform(size=(2, 30))
    speeds = rng.normal(size=(30, 10))
    speeds *= 0.0005 / np.linalg.norm(speeds, axis=1, keepdims=True)
    which, directions = rng.choice(30, n, p=weights / weights.sum()), rng.normal(size=(n, 10))
    moved = (centres[which] + np.arange(n)[:, None] * speeds[which]) % 2
    steps = directions * (stds[which] * rng.normal(size=n) / np.linalg.norm(directions, axis=1))[:, None]
    return 1 - np.abs(1 - moved) + steps, y[which]  # centres turn back at the faces of the cube


_CONCEPTS: dict[str, Callable] = {"agrawal": _agrawal, "led": _led, "mixed": _mixed, "sea": _sea}
_MOVING: dict[str, Callable] = {"hyperplane": _hyperplane, "rbf": _rbf}
