"""The kinds of data sets. A function of one's own returns `Data`, or the same arrays as bare tuples.

Each kind has `test`, a Part, and `stream()`, the endless stream that `bootstrap.paired` shows.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from bootstrap import reading
from bootstrap.rows import place
from bootstrap.worlds import check_samples


class Part(NamedTuple):
    """Inputs and their targets, the same number of both."""

    x: np.ndarray
    y: np.ndarray


class Stream(NamedTuple):
    """A data set as a stream of samples.

    sample: (key, index, arrays) -> (x, y), sample `index`; the key is the sample's own, and is consumed.
    arrays: what `sample` takes.
    num_samples: how many differ; None for a distribution, which never ends.
    order: (key, index) -> the index of the sample at this place, which each key orders otherwise; None: as they are.
    read: (first, count) -> Part, for data read as they are needed.
    """

    sample: Callable
    arrays: Any
    num_samples: int | None
    order: Callable | None = None
    read: Callable | None = None


class Data(NamedTuple):
    """A data set in memory."""

    train: Part
    test: Part
    per_seed = False

    def stream(self) -> Stream:
        """The rows in an order that each seed draws for itself: `bootstrap.rows`."""
        return _rows(self.train, len(self.train.x))


class PerSeed(NamedTuple):
    """Splits of a data set: every array has a leading axis, and seed i of a run has split i."""

    train: Part
    test: Part
    per_seed = True

    def stream(self) -> Stream:
        """The rows of a split, in an order that its seed draws."""
        return _rows(self.train, self.train.x.shape[1])


class Sampled(NamedTuple):
    """A distribution: fresh samples without end, and a fixed test part of the same law.

    sampler: (key, arrays) -> (x, y), one sample. num_classes: of its labels; None: those that the test part has.
    """

    sampler: Callable
    arrays: Any
    test: Part
    num_classes: int | None = None
    per_seed = False

    def stream(self) -> Stream:
        """Sample i is what the sampler draws by the sample's key."""

        def sample(key, index, arrays):
            del index
            return self.sampler(key, arrays)

        return Stream(sample, self.arrays, None)


class OnDisk(NamedTuple):
    """A data set too large for the device, read as it is needed.

    first: its first rows, which stay in memory. read: (first, count) -> Part, these rows.
    """

    first: Part
    test: Part
    read: Callable
    per_seed = False

    def stream(self) -> Stream:
        """Sample i is row i, of the first rows or of those that were read for the present steps."""
        return Stream(reading.row, reading.window(self.first), len(self.first.x), read=self.read)


KINDS = (Data, PerSeed, Sampled, OnDisk)


def in_memory(data: Any, world: str) -> Part:
    """The train part, for a world that shows rows of it. Raises ValueError where there is none."""
    if not isinstance(data, Data | PerSeed):
        raise ValueError(
            f"the world {world!r} shows the rows of a data set in memory; this one is a distribution or is read from "
            "files as it is needed: take the world 'paired'"
        )
    return data.train


def num_classes(data: Any) -> int:
    """How many labels there are. Raises ValueError for targets that are no class numbers."""
    labels = [part.y for part in _parts(data).values()]
    if any(y.ndim != 1 or y.dtype.kind not in "iub" for y in labels):
        raise ValueError(f"these targets, {labels[0].dtype} {list(labels[0].shape)}, are no class numbers")
    known = data.num_classes if isinstance(data, Sampled) else None
    return int(max(y.max() for y in labels)) + 1 if known is None else known


def as_kind(made: Any) -> Any:
    """What a function of one's own returned, as a kind of data: (train, test) become Data."""
    if isinstance(made, KINDS):
        return made
    try:
        train, test = made
        return Data(*(Part(*(np.asarray(array) for array in part)) for part in (train, test)))
    except (TypeError, ValueError) as error:
        raise ValueError(
            "a data set is experiments.data.Data(Part(x, y), Part(x, y)) or ((x, y), (x, y)), train and test; "
            f"got {type(made).__name__} ({error})"
        ) from error


def check(data: Any) -> None:
    """Raises ValueError, with what to mend, where nothing could learn from the data or be tested on them."""
    parts = _parts(data)
    for name, part in parts.items():
        whose = f"the {name} part of the data"
        try:
            check_samples(part.x, part.y)
        except ValueError as error:
            raise ValueError(f"{whose}: {error}") from error
        for field, array in part._asdict().items():
            bad = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
            if bad.any():
                raise ValueError(
                    f"{whose} has NaN or infinite {field} in {bad.sum()} of {len(bad)} samples; mend or drop them"
                )
    widths = [part.x.shape[1:] for part in parts.values()]
    if widths[0] != widths[-1]:
        raise ValueError(f"train inputs have shape {widths[0]} but test inputs {widths[1]}")


def as_numbers(x: Any) -> Any:
    """Pixels in bytes become float32 from -1 to 1; anything else stays."""
    return x.astype(np.float32) / np.float32(127.5) - 1 if x.dtype == np.uint8 else x


def standardised(data: Data) -> Data:
    """All numbers of the train part together have mean 0 and deviation 1; the test part is measured with these."""
    mean, deviation = data.train.x.mean(), data.train.x.std()
    return Data(*(part._replace(x=(part.x - mean) / deviation) for part in data))


def _parts(data: Any) -> Mapping[str, Part]:
    """The arrays of samples in memory, by name; those of all splits together."""
    match data:
        case PerSeed():
            return {name: Part(*map(np.concatenate, getattr(data, name))) for name in ("train", "test")}
        case Sampled():
            return {"test": data.test}
        case OnDisk():
            return {"train": data.first, "test": data.test}
    return {"train": data.train, "test": data.test}


def _rows(arrays: Any, number: int) -> Stream:
    return Stream(_row, arrays, number, partial(place, n=number))


def _row(key, index, arrays):
    del key
    x, y, *_ = arrays
    return jnp.asarray(x)[index], jnp.asarray(y)[index]
