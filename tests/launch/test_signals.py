"""A signal stops a run within seconds, whatever it computes; its exit status says that the same command goes on."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from launch import signals

LAUNCH = Path(signals.__file__).parent


@pytest.fixture
def left(monkeypatch):
    """The lines and statuses with which the process would have ended."""
    ends = []
    monkeypatch.setattr(signals, "exit_now", lambda *end: ends.append(end))
    monkeypatch.setattr(signals, "PATIENCE", 0.2)
    return ends


def wait_for(condition):
    until = time.monotonic() + 10
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    assert condition()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_asks_to_stop(monkeypatch, tmp_path, number, left):
    monkeypatch.setattr(signals, "PATIENCE", 60)
    mine = lambda *_: None  # noqa: E731
    before = signal.signal(number, mine)
    try:
        with signals.stopping(tmp_path) as stop_asked:
            assert not stop_asked()
            os.kill(os.getpid(), number)
            wait_for(stop_asked)
        assert signal.getsignal(number) == mine
        assert left == []
    finally:
        signal.signal(number, before)


def test_a_run_that_ignores_hangups_goes_on(tmp_path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
    try:
        with signals.stopping(tmp_path) as stop_asked:
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.05)
            assert not stop_asked()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_is_being_computed_is_left_and_what_is_being_saved_is_not(tmp_path, left):
    (tmp_path / "checkpoints" / "36").mkdir(parents=True)
    (tmp_path / "checkpoints" / "8").mkdir()
    with signals.stopping(tmp_path):
        with signals.saving():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.5)
            assert left == []
        wait_for(lambda: left)
    assert left == [("left what is being computed; the same command goes on from step 36", 75)]


def test_a_second_signal_leaves_at_once(monkeypatch, tmp_path, left):
    monkeypatch.setattr(signals, "PATIENCE", 60)
    with signals.stopping(tmp_path), signals.saving():
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
        wait_for(lambda: left)
    assert left == [("left at once; the same command begins it", 75)]


def test_a_run_that_leaves_in_time_leaves_no_thread(tmp_path, left):
    before = threading.active_count()
    with signals.stopping(tmp_path):
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.3)
    assert threading.active_count() == before
    assert left == []


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_before_it_begins_a_run_leaves_in_one_line(name):
    heard = f"signal.signal(signal.{name}, signal.default_int_handler)"  # shells have SIGINT ignored in the background
    stop = f"os.kill(os.getpid(), signal.{name}); time.sleep(9)"
    code = f"import os, signal, time; from launch import signals; {heard}; signals.leave_before_it_begins(); {stop}"
    done = subprocess.run([sys.executable, "-c", code], cwd=LAUNCH.parent, capture_output=True, text=True, check=False)
    assert done.returncode == signals.UNFINISHED
    assert done.stderr == "stopped; the same command goes on, or begins\n"
