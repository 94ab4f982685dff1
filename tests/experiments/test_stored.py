"""Arrays read in place: bytes are compared once, compressed ones copied once, a broken file is one line."""

import zipfile

import numpy as np
import pytest

from tests.experiments.shard_files import X, Y, files, files_of_parts, opened, six_parts, write

folder = pytest.fixture(six_parts)


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
