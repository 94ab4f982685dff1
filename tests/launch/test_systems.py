"""What Linux alone has, other systems and file systems do without."""

import errno
import os
import runpy
import shutil
import sys
from types import SimpleNamespace

import pytest
from ml_collections import ConfigDict

from launch import checkpoints, devices, folder
from launch.cli import UserError


def failing(number):
    def call(*_):
        raise OSError(number, os.strerror(number))

    return call


def test_the_number_of_cores(monkeypatch):
    assert devices.usable_cores() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")
    assert devices.usable_cores() == os.cpu_count()


@pytest.mark.parametrize("reserving", [None, errno.EINVAL, errno.EOPNOTSUPP])
def test_room_for_a_save(monkeypatch, tmp_path, reserving):
    if reserving is None:
        monkeypatch.delattr(os, "posix_fallocate")
    else:
        monkeypatch.setattr(os, "posix_fallocate", failing(reserving))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    checkpoints._make_room(tmp_path, 10)
    with pytest.raises(OSError, match="No space left"):
        checkpoints._make_room(tmp_path, 11)


def test_a_full_disk_has_no_room(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "posix_fallocate", failing(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        checkpoints._make_room(tmp_path, 1)


@pytest.mark.parametrize("flock", [None, errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK])
def test_without_locks_a_run_begins_with_a_warning(monkeypatch, capsys, tmp_path, flock):
    locks = flock and SimpleNamespace(LOCK_EX=2, LOCK_NB=4, flock=failing(flock))
    monkeypatch.setattr(folder, "fcntl", locks)
    folder.lock_workdir(tmp_path / "run", ConfigDict()).close()
    assert capsys.readouterr().err.startswith(f"warning: no file can be locked in {tmp_path / 'run'};")
    assert (tmp_path / "run" / "config.json").exists()


def test_other_failures_of_a_lock_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(folder, "fcntl", SimpleNamespace(LOCK_EX=2, LOCK_NB=4, flock=failing(errno.EIO)))
    with pytest.raises(UserError, match="cannot write to"):
        folder.lock_workdir(tmp_path, ConfigDict())


def test_the_run_folder_is_imported_without_fcntl(monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    assert runpy.run_path(folder.__file__)["fcntl"] is None
