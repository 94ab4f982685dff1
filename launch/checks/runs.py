"""Whole runs on a device: against the numbers of a CPU, against themselves, stopped and resumed."""

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from launch import documents, signals

RECORDED = Path(__file__).with_name("recorded.json")
_CONFIGS = Path(__file__).parents[2] / "experiments" / "configs"
_DETERMINISTIC = "--xla_gpu_deterministic_ops=true"
Lines = Iterator[tuple[str, float | str, str]]

PAPERS = ("glns_digits", "blur_toy", "bootstrap_digits", "self_play_puck")


def papers(small: bool) -> Lines:
    """The smoke run of each paper: its greatest deviation from what a CPU recorded, relative to numbers above 1e-2."""
    recorded = json.loads(RECORDED.read_text())
    for name in PAPERS[:1] if small else PAPERS:
        try:
            lines, seconds = _lines_of(name)
        except RuntimeError as error:  # the others may do better
            yield f"{name}/error", str(error)[:200], "failed"
            continue
        yield f"{name}/seconds", seconds, "s"
        yield f"{name}/deviation", deviation(lines, recorded[name]), "of the CPU's numbers"


def record() -> None:
    """Records the smoke runs for `papers`, on the CPU that this is."""
    RECORDED.write_text(json.dumps({name: _lines_of(name)[0] for name in PAPERS}, indent=1) + "\n")


def deviation(lines: Sequence[Mapping], recorded: Sequence[Mapping]) -> float:
    """The greatest difference of any number of any line; NaN where one is missing or not finite."""
    differences = [
        abs((math.nan if line.get(name) is None else line[name]) - value) / max(abs(value), 1e-2)
        for line, other in zip(lines, recorded, strict=True)
        for name, value in other.items()
        if isinstance(value, int | float)
    ]
    return float(np.max(differences))


def repeats(small: bool) -> Lines:
    """The fingerprints of a run, of the same run again, and of one that is stopped and resumed: how many there are."""
    flags = ("--config.num_steps=4", "--config.log_every=1", "--config.eval_every=2")
    for name in ("sgd_digits",) if small else ("sgd_digits", "glns_digits"):
        for how, extra in (("default", ""),) if small else (("default", ""), ("deterministic", _DETERMINISTIC)):
            with tempfile.TemporaryDirectory() as folder:
                env = {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {extra}".strip()}
                for run in ("straight", "again"):
                    _train(name, f"{folder}/{run}", *flags, env=env)
                _train(name, f"{folder}/parts", *flags, "--config.num_steps=2", env=env)
                _train(name, f"{folder}/parts", *flags, env=env)
                prints = [_summary(f"{folder}/{run}")["fingerprint"] for run in ("straight", "again", "parts")]
            yield f"{name}/{how}/repeated", "same" if prints[0] == prints[1] else "other", ""
            yield f"{name}/{how}/resumed", "same" if prints[0] == prints[2] else "other", ""


def stop(small: bool) -> Lines:
    """How long a run takes to save and leave after SIGTERM."""
    name = "self_play_puck"
    variant, *flags = ("smoke", "--config.num_steps=2000") if small else ("puck", "--config.num_seeds=1")
    with tempfile.TemporaryDirectory() as folder:
        command = _command(name, f"{folder}/run", variant, *flags)
        with subprocess.Popen(
            command, cwd=_CONFIGS.parents[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as run:
            records = Path(folder) / "run" / "metrics.jsonl"
            while run.poll() is None and not (records.exists() and records.read_bytes().count(b"\n") > 1):
                time.sleep(0.1)
            began = time.monotonic()
            run.send_signal(signal.SIGTERM)
            if run.wait() != signals.UNFINISHED:
                raise RuntimeError(f"the run that was stopped ended with status {run.returncode}")
    yield f"{name}/stop", time.monotonic() - began, "s"


def _lines_of(name: str) -> tuple[list[dict], float]:
    """-> (the records of a config's smoke run, its seconds)."""
    with tempfile.TemporaryDirectory() as folder:
        _train(name, f"{folder}/run")
        return documents.read_records(Path(folder) / "run"), _summary(f"{folder}/run")["wall_seconds"]


def _command(name: str, workdir: str, variant: str, *flags: str) -> list[str]:
    config = f"--config={_CONFIGS / name}.py:{variant}"
    return [sys.executable, "-m", "launch.train", config, f"--workdir={workdir}", *flags]


def _train(name: str, workdir: str, *flags: str, env: Mapping[str, str] | None = None) -> None:
    command = _command(name, workdir, "smoke", *flags)
    done = subprocess.run(
        command, cwd=_CONFIGS.parents[1], env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().split("\n")[-1])


def _summary(workdir: str) -> dict:
    return json.loads((Path(workdir) / "summary.json").read_text())
