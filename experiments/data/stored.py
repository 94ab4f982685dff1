"""Arrays in .npz files, read in place: np.load reads a whole array into memory, whatever mmap_mode says."""

import contextlib
import io
import os
import shutil
import struct
import tempfile
import tokenize
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Stored(NamedTuple):
    """Where an array [n, ..] in C order lies in a file."""

    path: Path
    offset: int  # bytes before its first element
    dtype: np.dtype
    shape: tuple[int, ...]

    def rows(self, first: int, count: int) -> np.ndarray:
        """The rows first .. first + count - 1, memory-mapped; count > 0. With the array goes what it held of memory."""
        width = self.dtype.itemsize * int(np.prod(self.shape[1:]))
        return np.memmap(self.path, self.dtype, "r", self.offset + first * width, (count, *self.shape[1:]))


def locate(path: Path, key: str) -> Stored:
    """Finds the array `key` of an .npz file, without reading it.

    Its bytes are compared with the checksum of the archive, once: a small file beside it remembers that, where one can
    be written. An array that is stored compressed cannot be read in place: it is copied, once and with a warning, to a
    .npy file beside the .npz, whose bytes are compared as well.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if f"{key}.npy" not in archive.namelist():
                there = ", ".join(name.removesuffix(".npy") for name in archive.namelist()) or "nothing"
                raise ValueError(f"{path} has no array {key}; it holds {there}")
            info = archive.getinfo(f"{key}.npy")
            if info.compress_type != zipfile.ZIP_STORED:
                return _array(_uncompressed(path, archive, info), key, 0, info.file_size)
            start = _start(path, info)
            if not _as_stored(path, info, start):
                raise zipfile.BadZipFile(f"{info.filename} has another checksum than it was stored with")
            return _array(path, key, start, info.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise ValueError(f"{path} is not a whole .npz file ({error}); fetch it again") from error


def _start(path: Path, info: zipfile.ZipInfo) -> int:
    """Where the bytes of a member begin: behind its local header, which is as long as it says itself."""
    with path.open("rb") as file:
        file.seek(max(0, info.header_offset))  # negative where a piece of the file is missing
        header = file.read(_LOCAL_HEADER.size)
    signature, *_, name_length, extra_length = _LOCAL_HEADER.unpack(header.ljust(_LOCAL_HEADER.size))
    if info.header_offset < 0 or signature != b"PK\3\4":
        raise zipfile.BadZipFile(f"no header where {info.filename} should begin")
    return info.header_offset + _LOCAL_HEADER.size + name_length + extra_length


_LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # APPNOTE.TXT of the zip format, 4.3.7


def _as_stored(path: Path, info: zipfile.ZipInfo, start: int) -> bool:
    """Whether the bytes of a member, from `start` on, are those that were stored."""
    now, done = path.stat(), path.with_name(f".{path.name}.{info.filename}.checked")
    known = f"{now.st_size} {now.st_mtime_ns} {info.CRC}\n"
    with contextlib.suppress(OSError):
        if done.read_text() == known:
            return True
    found, left = 0, info.file_size
    with path.open("rb") as file:
        file.seek(start)
        while chunk := file.read(min(left, 1 << 22)):
            found, left = zlib.crc32(chunk, found), left - len(chunk)
    if found == info.CRC:
        with contextlib.suppress(OSError):  # such as a folder in which nothing may be written
            done.write_text(known)
    return found == info.CRC


_LONGEST_HEADER = 1 << 14  # of a .npy array that NumPy reads without being told to: 10,000 characters


def _array(path: Path, key: str, start: int, size: int) -> Stored:
    """The array in the .npy bytes start .. start + size - 1 of a file."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    with path.open("rb") as file:
        file.seek(start)
        header = io.BytesIO(file.read(min(size, _LONGEST_HEADER)))
    try:
        shape, fortran_order, dtype = readers[np.lib.format.read_magic(header)](header)
    except (ValueError, KeyError, tokenize.TokenError) as error:
        raise ValueError(f"{path}: {key} is not a .npy array ({error}); fetch it again") from error
    offset = start + header.tell()
    if dtype.hasobject:
        raise ValueError(f"{path}: {key} holds Python objects; save it again as an array of numbers")
    if fortran_order:
        raise ValueError(f"{path}: {key} is in Fortran order; save it again in C order (np.ascontiguousarray)")
    wanted, there = dtype.itemsize * int(np.prod(shape)), min(start + size, path.stat().st_size) - offset
    if wanted != there:
        raise ValueError(f"{path}: {key} of shape {shape} should hold {wanted} bytes, not {there}; fetch it again")
    return Stored(path, offset, dtype, shape)


def _uncompressed(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Path:
    """The uncompressed copy of a member, beside its file: that of an earlier run, if it has the member's bytes."""
    copy = path.with_name(f"{path.stem}.{info.filename}")
    if copy.is_file() and copy.stat().st_size == info.file_size and _as_stored(copy, info, 0):
        return copy
    warnings.warn(f"{path} is compressed: copying {info.file_size / 1e9:.1f} GB of it to {copy}", stacklevel=2)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:  # of a copy that fails, nothing is left
            with archive.open(info) as source, (Path(folder) / copy.name).open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            os.replace(target.name, copy)
    except OSError as error:
        raise ValueError(f"{path} is compressed, and copying it to {copy} failed: {error}") from error
    return copy
