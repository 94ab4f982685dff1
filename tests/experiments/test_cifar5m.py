"""CIFAR-5m's files: every row comes from its place, nothing is read that is not asked for, a bad file is one line."""

import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from experiments.data import cifar5m
from experiments.data.cifar5m_shards import shards

PER_PART = 7
RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, size=(6 * PER_PART, 32, 32, 3), dtype=np.uint8)
Y = RNG.integers(0, 10, size=6 * PER_PART)


def write(folder, part, save=np.savez, **changed):
    rows = slice(part * PER_PART, (part + 1) * PER_PART)
    arrays = {"X": X[rows], "Y": Y[rows]} | changed
    save(folder / f"part{part}.npz", **{name: array for name, array in arrays.items() if array is not None})
    return folder / f"part{part}.npz"


@pytest.fixture
def folder(tmp_path):
    """A folder with six parts of seven images each."""
    for part in range(6):
        write(tmp_path, part)
    return tmp_path


def files(folder):
    """All but the notes of which files have been checked."""
    return sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))


def files_of_parts():
    return [f"part{i}.npz" for i in range(6)]


def opened(folder):
    return shards(str(folder), num_per_part=PER_PART)


@pytest.mark.parametrize(
    ("first", "count"), [(0, 1), (6, 1), (7, 1), (6, 2), (3, 4), (5, 20), (0, 35), (34, 1), (35, 0)]
)
def test_rows_come_from_their_files(folder, first, count):
    train, _ = opened(folder)
    images, labels = train.rows(first, count)
    assert (images.dtype, labels.dtype) == (np.uint8, np.int32)
    np.testing.assert_array_equal(images, X[first : first + count])
    np.testing.assert_array_equal(labels, Y[first : first + count])


def test_train_is_the_first_five_parts_and_test_the_last(folder):
    train, test = opened(folder)
    assert (len(train), len(test)) == (35, 7)
    np.testing.assert_array_equal(test.rows(1, 6)[0], X[36:])


def test_the_data_set(folder):
    data = cifar5m(str(folder), num_train=9, num_test=3, num_per_part=PER_PART)
    assert (data.first.x.dtype, data.test.x.dtype) == (np.uint8, np.uint8)
    np.testing.assert_array_equal(data.first.x, X[:9])
    np.testing.assert_array_equal(data.first.y, Y[:9])
    np.testing.assert_array_equal(data.test.x, X[35:38])
    np.testing.assert_array_equal(data.test.y, Y[35:38])
    np.testing.assert_array_equal(data.read(5, 12).x, X[5:17])


def test_an_order_seed_draws_the_order_of_the_images(folder):
    """Each train image comes once, with its label, also across files; other seeds have other ones first."""
    labels = []
    for seed in (0, 1):
        data = cifar5m(str(folder), num_train=9, num_test=3, num_per_part=PER_PART, order_seed=seed)
        x, y = (np.concatenate([data.read(0, 20)[i], data.read(20, 15)[i]]) for i in range(2))
        rows = [int(np.flatnonzero((image == X).all(axis=(1, 2, 3)))[0]) for image in x]
        np.testing.assert_array_equal(np.sort(rows), np.arange(35))
        np.testing.assert_array_equal(y, Y[rows])
        np.testing.assert_array_equal(data.first.x, x[:9])
        np.testing.assert_array_equal(data.test.x, X[35:38])
        labels.append(rows)
    assert labels[0] != labels[1]


def test_more_than_there_is_is_refused(folder):
    for name, most in {"num_train": 35, "num_test": 7}.items():
        settings = {"num_train": 1, "num_test": 1, name: most + 1}
        with pytest.raises(ValueError, match=rf"data\.{name} must be 1 to {most}, got {most + 1}"):
            cifar5m(str(folder), **settings, num_per_part=PER_PART)


def test_the_public_files_hold_1000448_images(folder):
    with pytest.raises(ValueError, match=r"part0.npz: 7 images and 7 labels, not 1000448; fetch it again"):
        cifar5m(str(folder))


@pytest.mark.parametrize(("first", "count"), [(-1, 2), (0, 36), (35, 1), (3, -1)])
def test_rows_that_are_not_there_are_refused(folder, first, count):
    with pytest.raises(ValueError, match=r"no samples .*: the files hold 35"):
        opened(folder)[0].rows(first, count)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.int64, np.uint64, ">i4"])
def test_labels_of_any_integer_type(folder, dtype):
    write(folder, 1, Y=Y[7:14].astype(dtype))
    labels = opened(folder)[0].rows(6, 9)[1]
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, Y[6:15])


def test_labels_in_a_column(folder):
    write(folder, 1, Y=Y[7:14, None])
    np.testing.assert_array_equal(opened(folder)[0].rows(6, 9)[1], Y[6:15])


def test_files_by_their_other_name(folder):
    for path in folder.glob("part*.npz"):
        path.rename(folder / f"cifar5m_{path.name}")
    np.testing.assert_array_equal(opened(folder)[0].rows(0, 35)[1], Y[:35])
    (folder / "partX.npz").touch()
    (folder / "part0.npz").touch()  # of another set, whose others are not here
    np.testing.assert_array_equal(opened(folder)[0].rows(0, 35)[1], Y[:35])
    (folder / "cifar5m_part2.npz").unlink()
    with pytest.raises(FileNotFoundError, match=r"^no cifar5m_part2.npz in "):
        opened(folder)


@pytest.mark.parametrize("damage", ["a flipped bit", "zeros"])
def test_damaged_bytes_are_noticed_and_the_check_is_made_once(folder, damage, monkeypatch):
    path = folder / "part2.npz"
    content = bytearray(path.read_bytes())
    content[9000:9100] = bytes(100) if damage == "zeros" else bytes([content[9000] ^ 1]) + content[9001:9100]
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=rf"^{path} is not a whole .npz file \(X.npy has another checksum .*fetch it again"
    ):
        opened(folder)
    write(folder, 2)
    opened(folder)
    monkeypatch.setattr("zlib.crc32", lambda *_: pytest.fail("checked again"))
    np.testing.assert_array_equal(opened(folder)[0].rows(14, 7)[0], X[14:21])


def test_files_beyond_4_gigabytes_have_64_bit_offsets(folder, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    path = write(folder, 0)
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("Y.npy").extra[:2] == b"\1\0"  # the record of 64-bit sizes and offsets
    np.testing.assert_array_equal(opened(folder)[0].rows(0, 14)[0], X[:14])
    np.testing.assert_array_equal(opened(folder)[0].rows(0, 14)[1], Y[:14])


def test_npy_headers_of_version_2(folder):
    with zipfile.ZipFile(folder / "part2.npz", "w") as archive:
        for name, array in {"X": X[14:21], "Y": Y[14:21]}.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array, version=(2, 0))
    np.testing.assert_array_equal(opened(folder)[0].rows(10, 10)[0], X[10:20])


def test_a_compressed_part_is_copied_once_and_said_so(folder):
    path = write(folder, 3, save=np.savez_compressed)
    with pytest.warns(UserWarning, match=r"part3.npz is compressed: copying .* to .*part3\.[XY]\.npy") as warned:
        train, _ = opened(folder)
    assert len(warned) == 2
    np.testing.assert_array_equal(train.rows(20, 9)[0], X[20:29])
    train, _ = opened(folder)  # no warning: those are errors here
    np.testing.assert_array_equal(train.rows(20, 9)[1], Y[20:29])
    assert files(folder) == sorted([*files_of_parts(), "part3.X.npy", "part3.Y.npy"])
    write(folder, 3, save=np.savez_compressed, X=255 - X[21:28])  # a newer file of the same size
    with pytest.warns(UserWarning, match="is compressed"):
        train, _ = opened(folder)
    np.testing.assert_array_equal(train.rows(21, 7)[0], 255 - X[21:28])
    assert path.is_file()


def test_a_damaged_copy_of_a_compressed_part_is_made_anew(folder):
    write(folder, 3, save=np.savez_compressed)
    with pytest.warns(UserWarning, match="is compressed"):
        opened(folder)
    copy = folder / "part3.X.npy"
    content = bytearray(copy.read_bytes())
    content[9000] ^= 1
    copy.write_bytes(content)
    with pytest.warns(UserWarning, match="is compressed: copying .* to .*part3.X.npy"):
        train, _ = opened(folder)
    np.testing.assert_array_equal(train.rows(21, 7)[0], X[21:28])


def test_a_compressed_part_that_is_damaged_leaves_no_copy(folder):
    path = write(folder, 3, save=np.savez_compressed)
    content = bytearray(path.read_bytes())
    content[5000:5100] = bytes(100)
    path.write_bytes(content)
    with (
        pytest.warns(UserWarning, match="is compressed"),
        pytest.raises(ValueError, match=r"part3.npz is not a whole .npz file \(.*\); fetch it again"),
    ):
        opened(folder)
    assert files(folder) == files_of_parts()


def test_a_compressed_part_that_cannot_be_copied(folder, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    write(folder, 3, save=np.savez_compressed)
    monkeypatch.setattr("shutil.copyfileobj", full)
    with (
        pytest.warns(UserWarning, match="is compressed"),
        pytest.raises(ValueError, match=r"part3.npz is compressed, and copying it to .*part3.X.npy failed: .*No space"),
    ):
        opened(folder)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"X": X[:6]}, "6 images and 7 labels, not 7; fetch it again"),
        ({"Y": Y[:6]}, "7 images and 6 labels, not 7; fetch it again"),
        ({"X": X[:8], "Y": Y[:8]}, "8 images and 8 labels, not 7; fetch it again"),
        ({"X": None, "images": X[:7]}, "has no array X; it holds Y, images"),
        ({"Y": None}, "has no array Y; it holds X"),
        ({"X": X[:7].astype(np.float32)}, r"X should be images uint8 \[n, 32, 32, 3\], not float32 of shape \(7, "),
        ({"X": X[:7].transpose(0, 3, 1, 2).copy()}, r"X should be .*, not uint8 of shape \(7, 3, 32, 32\)"),
        ({"X": np.asfortranarray(X[:7])}, "X is in Fortran order; save it again in C order"),
        ({"Y": Y[:7].astype(float)}, r"Y should be integers \[n\] or \[n, 1\], not float64 of shape \(7,\)"),
        ({"Y": Y[:14].reshape(7, 2)}, r"Y should be integers \[n\] or \[n, 1\], not int64 of shape \(7, 2\)"),
        ({"Y": Y[:7].astype(object)}, "Y holds Python objects; save it again as an array of numbers"),
        ({"Y": np.arange(4, 11)}, "labels from 4 to 10, not 0 to 9; fetch it again"),
        ({"Y": np.arange(-1, 6)}, "labels from -1 to 5, not 0 to 9; fetch it again"),
    ],
)
def test_a_wrong_part_is_named(folder, changed, message):
    path = write(folder, 4, **changed)
    with pytest.raises(ValueError, match=f"^{path}:? ?(?:{message})") as refusal:
        opened(folder)
    assert "\n" not in str(refusal.value)


def test_missing_parts_are_named(folder):
    for part in (1, 5):
        (folder / f"part{part}.npz").unlink()
    with pytest.raises(FileNotFoundError, match=rf"^no part1.npz, part5.npz in {folder}; --data_dir names the folder"):
        opened(folder)


def test_a_file_cut_short_is_named(folder):
    path = folder / "part2.npz"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=rf"^{path} is not a whole .npz file \(.*\); fetch it again"):
        opened(folder)


def test_a_file_with_a_piece_missing_is_named(folder):
    path = folder / "part2.npz"
    content = path.read_bytes()
    path.write_bytes(content[:2000] + content[3000:])
    with pytest.raises(ValueError, match=rf"^{path} is not a whole .npz file \(.*\); fetch it again"):
        opened(folder)


@pytest.mark.parametrize("length", [5, 100, 10_000])
def test_a_truncated_member_is_named(folder, length):
    whole = folder / "X.npy"
    np.save(whole, X[14:21])
    path = folder / "part2.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", whole.read_bytes()[:length])
        archive.writestr("Y.npy", b"")
    message = "X is not a .npy array" if length < 128 else f"X of shape .* should hold 21504 bytes, not {length - 128}"
    with pytest.raises(ValueError, match=f"^{path}: {message}.*; fetch it again"):
        opened(folder)


def test_a_folder_must_be_named():
    with pytest.raises(ValueError, match="give their folder with --data_dir"):
        shards(None)


def resident():
    """Bytes of mapped files that are in this process's memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssFile"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here to read the resident memory from")
def test_a_pass_holds_no_more_than_a_slab(tmp_path):
    size, slab = 2000, 500  # files of 6.1 MB, slabs of 1.5 MB
    for part in range(6):
        np.savez(tmp_path / f"part{part}.npz", X=np.full((size, *X.shape[1:]), part, np.uint8), Y=np.zeros(size, int))
    train, _ = shards(str(tmp_path), num_per_part=size)
    mapped, most_mapped = resident(), 0
    tracemalloc.start()
    for first in range(0, len(train), slab):
        images, labels = train.rows(first, slab)
        most_mapped = max(most_mapped, resident() - mapped)
        assert images[0, 0, 0, 0] == first // size
        del images, labels
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2 * slab * 3072
    assert most_mapped < 4 * slab * 3072
