import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


# Imports once what the programs import, then runs each command line in a fork: seconds become hundredths of one. A fork
# that fails ends at once, without Python's own ending, which takes most of a second.
_FORKS = """
import gc, json, os, runpy, sys
import experiments, launch.configs, launch.devices, launch.outputs, launch.progress, launch.runlog, launch.signals
import launch.suites
experiments.data.digits(None)
gc.freeze()
for line in sys.stdin:
    command, *given = json.loads(line)
    if command == "poll":
        pid, status = os.waitpid(given[0], os.WNOHANG)
        print(os.waitstatus_to_exitcode(status) if pid else "null", flush=True)
        continue
    (program, *flags), env, output = given
    if pid := os.fork():
        print(pid, flush=True)
        continue
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for stream in (1, 2):
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    os.environ.update(env)
    sys.argv = [program, *flags]
    try:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        sys.stdout.flush(), sys.stderr.flush()
        if isinstance(end.code, int) and end.code:
            os._exit(end.code)
        raise
    raise SystemExit
"""


class _Program:
    """A running `python -m launch.PROGRAM flags ..`, its errors in its output."""

    def __init__(self, ask, argv, env, output):
        self._ask, self._output, self._status = ask, output, None
        self.pid = ask("start", [str(word) for word in argv], env or {}, str(output))

    def poll(self):
        """-> the exit status, None while it runs."""
        if self._status is None:
            self._status = self._ask("poll", self.pid)
        return self._status

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, seconds=300):
        """-> (exit status, output)."""
        end = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() > end:
                self.send_signal(signal.SIGKILL)
            time.sleep(0.002)
        return self._status, self._output.read_text()


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    """start(program, *flags, env={}) -> the running program."""
    command = [sys.executable, "-B", "-W", "ignore", "-c", _FORKS]
    folder, number = tmp_path_factory.mktemp("outputs"), itertools.count()
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:

        def ask(*question):
            server.stdin.write(json.dumps(question) + "\n")
            server.stdin.flush()
            return json.loads(server.stdout.readline())

        yield lambda *argv, env=None: _Program(ask, argv, env, folder / str(next(number)))


@pytest.fixture(scope="session")
def run(start):
    """run(program, *flags, env={}) -> (exit status, output) of the program at its end."""
    return lambda *argv, env=None: start(*argv, env=env).wait()


@pytest.fixture
def refused(run, tmp_path):
    def refused(words, program, *flags, folder=None):
        """The command fails in one line that has these words, and leaves the folder and the checkout as they were."""

        def seen():
            paths = [*CHECKOUT.glob("[!.]*"), *tmp_path.rglob("*"), *(folder.rglob("*") if folder else ())]
            return {path: None if path.is_dir() else path.stat().st_mtime_ns for path in paths}

        before = seen()
        status, output = run(program, *flags)
        assert status == 2, output
        assert output.startswith("error: ")
        assert len(output.strip().split("\n")) == 1, output
        assert words in output
        assert seen() == before

    return refused
