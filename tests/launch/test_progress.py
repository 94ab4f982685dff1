"""The line that says where a run stands."""

import time

import pytest

from launch import progress


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.seconds = {"wall": 0.0, "compile": 0.0}

    def launch(self):
        return self.seconds


@pytest.fixture
def said(monkeypatch, capfd):
    monkeypatch.setattr(progress, "_EVERY", -1)
    clock = Clock()
    say = progress.lines(0, 100, ("train/loss",), clock)

    def line(step, wall, compiling):
        clock.seconds = {"wall": wall, "compile": compiling}
        say(step, {"train/loss": 0.5})
        return capfd.readouterr().err

    return line


def test_the_time_to_go_is_right_from_the_second_line_on(said):
    """40 s of compiling and 20 s of warming up, then two seconds a step."""
    assert "step 10/100  train/loss 0.5  0.25 steps/s  ETA 6:00" in said(10, 80.0, 40.0)
    assert "0.5 steps/s  ETA 2:40" in said(20, 100.0, 40.0)
    assert "0.5 steps/s  ETA 2:20" in said(30, 125.0, 45.0)


def test_compiling_is_said_where_it_takes_long(monkeypatch, capfd):
    with progress.compiling():
        pass
    assert capfd.readouterr().out == ""
    monkeypatch.setattr(progress, "_MOMENT", 0.05)
    with progress.compiling():
        time.sleep(0.2)
    assert capfd.readouterr().out == "compiling ..\ncompiled in 0 s\n"
