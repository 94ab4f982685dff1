"""The cache of compiled programs stays small; memory is measured."""

import os
import subprocess
import sys
import time
from pathlib import Path

from launch import machine

LAUNCH = Path(machine.__file__).parent


def test_the_cache_keeps_what_was_used_lately(tmp_path):
    for i in range(6):
        path = tmp_path / f"program-{i}"
        path.write_bytes(bytes(100))
        used = time.time() - 86400 * i
        os.utime(path, (used, used))
    machine.trim(tmp_path, max_bytes=1000, max_days=4.5)
    assert sorted(path.name[-1] for path in tmp_path.iterdir()) == ["0", "1", "2", "3", "4"]
    machine.trim(tmp_path, max_bytes=250, max_days=4.5)
    assert sorted(path.name[-1] for path in tmp_path.iterdir()) == ["0", "1"]
    machine.trim(tmp_path / "none")


def test_the_peak_of_memory_is_that_of_this_process_alone():
    code = """
from launch.machine import peak_memory
before = peak_memory()
held = b"x" * before
print(before, peak_memory())
"""
    large = b"x" * 2**30  # begun from a process that holds more
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=LAUNCH.parent, capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert len(large) > after >= 1.5 * before > 2**26
