"""Worlds of rows that are read as they are needed: of a file, of a data set of items, of one with columns."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import bootstrap
from bootstrap import UNLIMITED, fed, shuffled

N, BATCH = 40, 4
X, Y = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32), np.arange(N, dtype=np.int32)


class Items:
    """As a torch Dataset: an example an index."""

    def __len__(self):
        return N

    def __getitem__(self, i):
        return X[i], int(Y[i])


def torch_items():
    """A Dataset of torch, where torch is installed."""
    data = pytest.importorskip("torch.utils.data")
    torch = pytest.importorskip("torch")

    class Dataset(data.Dataset):
        def __len__(self):
            return N

        def __getitem__(self, i):
            if not 0 <= i < N:
                raise IndexError(i)
            return torch.from_numpy(X)[i], int(Y[i])

    return Dataset()


class Columns:
    """As a Dataset of Hugging Face: columns of the rows asked for."""

    num_rows = N

    def __getitem__(self, rows):
        return {"image": X[rows].tolist(), "label": Y[rows].tolist()}


def hugging_face_columns():
    """A Dataset of Hugging Face, where their library is installed."""
    table = pytest.importorskip("pyarrow").table({"image": X.tolist(), "label": Y.tolist()})
    return pytest.importorskip("datasets").Dataset(table, fingerprint="rows")  # which it would pickle for


def of_items(dataset):
    def read(first, count):
        if first + count > len(dataset):
            raise ValueError(f"there are {len(dataset)} rows")
        x, y = zip(*(dataset[i] for i in range(first, first + count)), strict=True)
        return np.stack([np.asarray(one) for one in x]), np.array(y, np.int32)

    return read


def of_columns(dataset):
    def read(first, count):
        columns = dataset[slice(first, first + count)]
        return np.array(columns["image"], np.float32), np.array(columns["label"], np.int32)

    return read


def of_file(tmp_path):
    np.save(tmp_path / "x.npy", X)
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    return lambda first, count: (np.asarray(x[first : first + count]), Y[first : first + count])


def learner():
    """Keeps the labels that it is shown, the newest first."""

    def update(key, seen, batch):
        x, y = batch
        return jnp.concatenate([y, seen])[: 2 * N], {"sum": x.sum()}

    return bootstrap.Learner(lambda key, example: -jnp.ones(2 * N, jnp.int32), update, lambda seen, x: seen)


def shown(world, steps_a_call, num_steps=N // BATCH):
    """The labels of all steps in their order, and the sums of their inputs."""
    key, sums = jax.random.key(0), []
    run = bootstrap.begin(key, learner(), world)
    for step in range(0, num_steps, steps_a_call):
        data = world.read_rows(world.data, step, steps_a_call)
        run, metrics = bootstrap.advance(key, learner(), world._replace(data=data), run, steps_a_call)
        sums.extend(metrics["sum"])
    batches = np.array(run.learner)[: num_steps * BATCH].reshape(-1, BATCH)
    return batches[::-1].reshape(-1), np.array(sums)


@pytest.mark.parametrize("kind", ["file", "items", "columns", "torch", "hugging_face"])
def test_the_ideal_world_is_one_pass_over_all_rows(kind, tmp_path):
    reads = {
        "file": lambda: of_file(tmp_path),
        "items": lambda: of_items(Items()),
        "columns": lambda: of_columns(Columns()),
        "torch": lambda: of_items(torch_items()),
        "hugging_face": lambda: of_columns(hugging_face_columns()),
    }
    read = reads[kind]()
    labels, sums = shown(fed(read, 8, batch_size=BATCH), 5)
    np.testing.assert_array_equal(labels, Y)
    np.testing.assert_allclose(sums, X.reshape(-1, BATCH * 3).sum(axis=1), rtol=1e-5)


def test_the_real_world_shows_the_rows_that_are_kept_again_and_again():
    labels, _ = shown(fed(of_items(Items()), 12, batch_size=BATCH, num_samples=8), 2)
    np.testing.assert_array_equal(labels[:8], Y[:8])
    np.testing.assert_array_equal(np.sort(labels.reshape(-1, 8)), np.tile(Y[:8], (5, 1)))


def of_rows(rows):
    return X[rows], Y[rows]


def worlds_of(keys):
    return [fed(shuffled(of_rows, N, key), 8, batch_size=BATCH) for key in keys]


def test_each_key_draws_its_own_order_of_what_is_read():
    keys = jax.random.split(jax.random.key(1), 3)
    orders = []
    for world in worlds_of(keys):
        labels = world.read_rows(world.data, 0, N // BATCH).present[1]
        np.testing.assert_array_equal(np.sort(labels), Y)
        np.testing.assert_array_equal(world.data.first[1], labels[:8])
        orders.append(labels)
    for labels, other in zip(orders, [*orders[1:], Y], strict=True):
        assert (labels == other).mean() < 0.3
    (resumed,) = worlds_of(keys[:1])
    np.testing.assert_array_equal(resumed.read_rows(resumed.data, 7, 2).present[0], X[orders[0][7 * BATCH : 9 * BATCH]])
    with pytest.raises(ValueError, match="there are no rows 36 to 43: there are 40"):
        resumed.read_rows(resumed.data, 9, 2)


def test_seeds_with_orders_of_their_own_learn_at_once():
    keys = jax.random.split(jax.random.key(1), 2)
    worlds = worlds_of(keys)

    def one(key, data):
        world = worlds[0]._replace(data=data)
        return bootstrap.advance(key, learner(), world, bootstrap.begin(key, learner(), world), 5)[0].learner

    read = [world.read_rows(world.data, 0, 5) for world in worlds]
    together = jax.vmap(one)(keys, jax.tree.map(lambda *leaves: np.stack(leaves), *read))
    for labels, key, data in zip(together, keys, read, strict=True):
        np.testing.assert_array_equal(labels, one(key, data))
        np.testing.assert_array_equal(labels[: 5 * BATCH].reshape(5, BATCH)[::-1].reshape(-1), data.present[1])


@pytest.mark.parametrize("num_parts", [2, 5])
def test_each_process_reads_a_part_and_together_they_have_all(num_parts):
    """Of 8 rows two parts have 4 each, of five 2, the last none: rows without a label stand there."""
    asked = []

    def read(first, count):
        asked.append((first, count))
        return sliced(first, count)

    world = fed(read, 8, batch_size=BATCH)
    asked.clear()
    parts = [world.read_rows(world.data, 3, 2, (i, num_parts)) for i in range(num_parts)]
    read_rows = [row for first, count in asked for row in range(first, first + count)]
    np.testing.assert_array_equal(read_rows, np.arange(3 * BATCH, 5 * BATCH))
    assert all(part.first is world.data.first for part in parts)
    assert {len(leaf) for part in parts for leaf in part.present} == {-(-2 * BATCH // num_parts)}
    x, y = jax.tree.map(lambda *leaves: np.concatenate(leaves), *(part.present for part in parts))
    whole = world.read_rows(world.data, 3, 2)
    np.testing.assert_array_equal(x[: 2 * BATCH], whole.present[0])
    np.testing.assert_array_equal(y[: 2 * BATCH], whole.present[1])
    assert np.isnan(x[2 * BATCH :]).all()
    assert (y[2 * BATCH :] < 0).all()
    assert {part.start.item() for part in parts} == {whole.start.item()}


def test_what_is_not_there_is_refused():
    read = of_items(Items())
    with pytest.raises(ValueError, match="num_samples must be 1 to 8, as many as are kept, or UNLIMITED; got 9"):
        fed(read, 8, batch_size=BATCH, num_samples=9)
    world = fed(read, 8, batch_size=BATCH, num_samples=UNLIMITED)
    with pytest.raises(ValueError, match="there are 40 rows"):
        world.read_rows(world.data, 9, 2)


def sliced(first, count):
    """As a user's slices: at the end of the rows they give fewer."""
    return X[first : first + count], Y[first : first + count]


def test_fewer_rows_than_asked_for_are_not_the_last_one_again():
    with pytest.raises(ValueError, match="there are no rows 0 to 49: read gave 40 of 50"):
        fed(sliced, 50, batch_size=BATCH)
    world = fed(sliced, 8, batch_size=BATCH)
    with pytest.raises(ValueError, match="there are no rows 36 to 43: read gave 4 of 8"):
        world.read_rows(world.data, 9, 2)
    with pytest.raises(ValueError, match="there are no rows 40 to 43: read gave 0 of 4"):
        world.read_rows(world.data, 10, 1)
    with pytest.raises(ValueError, match="num_samples must be 1 to 8, as many as are kept, or UNLIMITED; got"):
        fed(sliced, 8, batch_size=BATCH, num_samples=np.int64(9))
    with pytest.raises(ValueError, match="read must be a function that gives rows, got a ndarray; of arrays x and y: "):
        fed(np.zeros((40, 3)), 8, batch_size=4)
    with pytest.raises(ValueError, match=r"got a ndarray; of arrays x and y: lambda rows: \(x\[rows\], y\[rows\]\)"):
        shuffled(np.zeros((40, 3)), 40, jax.random.key(0))
    for wrong in (None, "5", 5.0):
        with pytest.raises(ValueError, match=f"num_samples must be a whole number, got {wrong!r}"):
            fed(sliced, 8, batch_size=BATCH, num_samples=wrong)
    with pytest.raises(ValueError, match=r"num_kept must be a whole number, got 8\.0"):
        fed(sliced, 8.0, batch_size=BATCH)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: (x.astype(np.uint8), y), r"it gave float32 \[8, 3\] and then uint8 \[4, 3\]"),
        (lambda x, y: (x, y[:, None]), r"it gave int32 \[8\] and then int32 \[4, 1\]"),
        (lambda x, y: (x, y - 20), "a label must be at least 0, got -12"),
        (lambda x, y: (x, y.astype(np.int64) + 2**32), "a label must be 0 to 2147483647, got 4294967307"),
        (lambda x, y: (x, y.astype(np.uint32) + np.uint32(2**31)), "a label must be 0 to 2147483647, got 2147483659"),
        (lambda x, y: x, r"read must give \(x, y\), two arrays; got a ndarray"),
        (lambda x, y: (x.tolist(), y), "x must be an array of NumPy or JAX, got a list"),
    ],
)
def test_rows_of_another_kind_than_before_are_refused(change, message):
    world = fed(lambda first, count: change(*sliced(first, count)) if first else sliced(first, count), 8, batch_size=4)
    with pytest.raises(ValueError, match=message):
        world.read_rows(world.data, 2, 1)


def test_numbers_that_become_narrower_on_the_device_are_of_one_kind():
    world = fed(lambda first, count: (np.float64(X[:count]), np.int64(Y[:count])), 8, batch_size=BATCH)
    assert world.read_rows(jax.tree.map(jnp.asarray, world.data), 2, 1).start == 8


def test_a_row_that_was_not_read_has_no_label():
    world = fed(sliced, 4, batch_size=BATCH)
    key = jax.random.key(0)
    state, (_, y) = world.draw(None, world.data, world.init(key, world.data), None)
    np.testing.assert_array_equal(y, Y[:4])
    read_too_late = world.read_rows(world.data, 3, 1)
    for data in (world.data, read_too_late):
        _, (x, y) = world.draw(None, data, state, None)
        assert np.isnan(x).all()
        assert (y < 0).all()


@pytest.mark.parametrize("dtype", [bool, np.uint8])
def test_labels_of_few_bits_have_room_for_no_label(dtype):
    world = fed(lambda first, count: (np.zeros((count, 2), np.float32), np.zeros(count, dtype)), 4, batch_size=2)
    _, label = bootstrap.reading.row(jax.random.key(0), jnp.uint32(40), world.data)
    assert not 0 <= label < 256
