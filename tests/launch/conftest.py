import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


def _start(*argv, env=None, **kwargs):
    """`python -m launch.PROGRAM flags ..` in a process of its own, its errors in its output."""
    return subprocess.Popen(
        [sys.executable, "-m", *map(str, argv)],
        cwd=CHECKOUT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **kwargs,
    )


@pytest.fixture(scope="session")
def start():
    return _start


# Imports once what the programs import, then runs each command line in a fork: seconds become hundredths of one. A fork
# that fails ends at once, without Python's own ending, which takes most of a second.
_FORKS = """
import gc, json, os, runpy, sys
import experiments, launch.configs, launch.devices, launch.outputs, launch.progress, launch.runlog, launch.signals
import launch.suites
experiments.data.digits(None)
gc.freeze()
for line in sys.stdin:
    program, *flags = json.loads(line)
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.dup2(writing, 1), os.dup2(writing, 2)
        sys.argv = [program, *flags]
        try:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            sys.stdout.flush(), sys.stderr.flush()
            if isinstance(end.code, int) and end.code:
                os._exit(end.code)
            raise
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        output = pipe.read()
    print(json.dumps([os.waitstatus_to_exitcode(os.wait()[1]), output]), flush=True)
"""


@pytest.fixture(scope="session")
def fork():
    command = [sys.executable, "-B", "-W", "ignore", "-c", _FORKS]
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def fork(*argv):
            """Like `run`, for short commands. -> (exit status, output)."""
            process.stdin.write(json.dumps([str(word) for word in argv]) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield fork


@pytest.fixture
def refused(fork, tmp_path):
    def refused(words, program, *flags, folder=None):
        """The command fails in one line that has these words, and leaves the folder and the checkout as they were."""

        def seen():
            paths = [*CHECKOUT.glob("*"), *tmp_path.rglob("*"), *(folder.rglob("*") if folder else ())]
            return {path: None if path.is_dir() else path.stat().st_mtime_ns for path in paths}

        before = seen()
        status, output = fork(program, *flags)
        assert status == 2, output
        assert output.startswith("error: ")
        assert len(output.strip().split("\n")) == 1, output
        assert words in output
        assert seen() == before

    return refused


@pytest.fixture(scope="session")
def run():
    def run(*argv, **kwargs):
        """Runs it to its end. -> (exit status, output)."""
        with _start(*argv, **kwargs) as process:
            output, _ = process.communicate(timeout=300)
            return process.returncode, output

    return run
