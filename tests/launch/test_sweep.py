"""A sweep runs what its config lists, skips what is finished, and prints the same commands for a job array."""

import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from launch import children, cli, sweep, swept

CHECKOUT = Path(__file__).parents[2]
CONFIG = '''
"""Three tiny runs, two of which are one program."""

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict


def data(data_dir):
    part = np.arange(16, dtype=np.float32).reshape(8, 2) / 16, np.arange(8, dtype=np.int32) % 2
    return part, part


def learner(*, rate):
    def update(key, w, batch):
        x, y = batch
        return w - rate * x.T @ (x @ w - jax.nn.one_hot(y, 2)), {}

    return lambda key, example: jax.random.normal(key, (2, 2)), update, lambda w, x: jax.nn.log_softmax(x @ w)


def world(data, *, batch_size):
    if batch_size < 1:
        raise ValueError("batch_size must be at least 1")
    return tuple(data.train), lambda *_: jnp.zeros(()), lambda _, arrays, *__: (0.0, [a[:batch_size] for a in arrays])


def get_config(variant):
    """Seconds."""
    if variant != "smoke":
        raise ValueError(f"no variant {variant!r}")
    return ConfigDict({
        "num_steps": 2, "eval_every": 2, "evals": ("classification",), "log_metrics": ("eval/test_error",),
        "data": {"name": "tiny:data"}, "world": {"name": "tiny:world", "batch_size": 4},
        "learner": {"name": "tiny:learner", "rate": 0.1},
    })


def sweep(add):
    """A small grid."""
    add("smoke")
    add("smoke", **{"learner.rate": 0.5})
    add("smoke", **{"world.batch_size": 8})
'''


def test_runs_skips_and_draws(run, tmp_path):
    config = tmp_path / "tiny.py"
    config.write_text(CONFIG)
    flags = ("launch.sweep", f"--config={config}", f"--workdir={tmp_path / 'runs'}", "--config.num_seeds=2")
    status, printed = run(*flags, "--print_commands")
    assert status == 0
    assert not (tmp_path / "runs").exists()
    why, *commands = printed.strip().split("\n")
    assert why == "world.batch_size decides what is computed: runs that differ in it are apart"
    pair, single = map(shlex.split, commands)
    assert pair[1:3] == ["-m", "launch.train"]
    assert pair.count("--") == 1
    assert "--config.learner.rate=0.5" in pair[pair.index("--") :]
    assert subprocess.run([sys.executable, *single[1:]], cwd=CHECKOUT, check=False, capture_output=True).returncode == 0

    status, output = run(*flags)
    assert status == 0, output
    names = ("smoke", "smoke,learner.rate=0.5", "smoke,world.batch_size=8")
    workdirs = [tmp_path / "runs" / name for name in names]
    assert f"{workdirs[2]} is finished\n[1/1] 2 runs in one program: smoke, smoke,learner.rate" in output
    assert all((workdir / "summary.json").exists() for workdir in workdirs)

    status, output = run("launch.plot", *workdirs, f"--out={tmp_path / 'figures'}")
    assert status == 0, output
    assert "eval/test_error" in output.split("\n")[0]
    assert "±" in output.split("\n")[2]
    assert (tmp_path / "figures" / "eval_test_error.png").read_bytes().startswith(b"\x89PNG")

    status, output = run(*flags)
    assert status == 0, output
    assert output == "".join(f"{workdir} is finished\n" for workdir in workdirs)


def test_a_failed_run_fails_the_sweep_and_not_the_other_runs(run, tmp_path):
    config = tmp_path / "tiny.py"
    config.write_text(CONFIG.replace('add("smoke")', "pass").replace('"world.batch_size": 8', '"world.batch_size": 0'))
    status, output = run("launch.sweep", f"--config={config}", f"--workdir={tmp_path / 'runs'}")
    assert status == 1
    assert "batch_size must be at least 1" in output
    assert "1 of 2 runs failed" in output
    assert (tmp_path / "runs" / "smoke,learner.rate=0.5" / "summary.json").exists()


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--workdri=x"], "Unknown command line flag 'workdri'"),
        (["--config.learner.nope=1"], "config.learner.nope: no such key"),
        (["--config.num_steps=-1"], "num_steps must be"),
        (["--config.num_steps=few"], "--config.num_steps=few: it must be a whole number"),
        (["--sweep.learner.nope=1,2"], "config.learner.nope: no such key"),
        (["--sweep.num_steps=4,few"], "--config.num_steps=few: it must be a whole number"),
        (["--sweep.num_steps="], "--sweep.num_steps=: write --sweep.KEY=VALUE,VALUE"),
        (["--sweep.num_steps=4,,6"], "--sweep.num_steps=4,,6 has an empty value"),
        (["--sweep.num_steps=4,5,4"], "--sweep.num_steps=4,5,4 has 4 twice"),
        (["--sweep.seed=1", "--sweep.seed=2"], "--sweep.seed is given twice"),
        (["--sweep.seed=1", "--config.seed=2"], "--config.seed=2 and --sweep.seed set the same key"),
        (["--sweep.world.batch_size=1", "--sweep.world={'name': 'real'}"], "set the same key"),
    ],
)
def test_a_mistyped_flag_is_refused_before_any_run(run, tmp_path, flags, line):
    config = "--config=experiments/configs/sgd_digits.py"
    status, output = run("launch.sweep", config, f"--workdir={tmp_path / 'runs'}", *flags)
    assert status == 2, output
    assert output.startswith("error: ")
    assert output.count("\n") == 1
    assert line in output
    assert not (tmp_path / "runs").exists()


def test_values_from_the_command_line_are_a_product(run, tmp_path):
    rates, features = "--sweep.learner.tx.learning_rate=1e-2,0.03", "--sweep.learner.net.features=(8,),(8, 8)"
    config = "--config=experiments/configs/sgd_digits.py:smoke"
    apart = ("--pack=1", "--print_commands")
    status, output = run("launch.sweep", config, f"--workdir={tmp_path}", rates, features, *apart)
    assert status == 0, output
    runs = [shlex.split(line) for line in output.strip().split("\n")]
    assert len(runs) == 4
    assert f"--workdir={tmp_path}/learner.tx.learning_rate=0.01,learner.net.features=(8,)" in runs[0]
    assert ["--config.learner.tx.learning_rate=0.03" in run for run in runs] == [False, False, True, True]


def test_programs_run_several_at_a_time_each_with_its_gpus(monkeypatch, tmp_path, capsys):
    """The first waits for the second, in vain where they do not run at once."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5,7")
    script = "import os, pathlib, sys, time; here = pathlib.Path(sys.argv[1]) / sys.argv[2]\n"
    script += "here.write_text(os.environ['CUDA_VISIBLE_DEVICES']); there = here.with_name(sys.argv[3])\n"
    script += "for _ in range(3000): there.exists() or time.sleep(0.01)\n"
    script += "sys.exit(sys.argv[2] == 'b' or 2 * (not there.exists()))"
    commands = [[sys.executable, "-c", script, str(tmp_path), *names] for names in (("a", "b"), ("b", "a"), ("c", "a"))]
    names = ["", "", ""]
    assert children.run(commands, names, names, 2) == [0, 1, 0]
    assert [(tmp_path / name).read_text() for name in "ab"] == ["3,7", "5"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    assert children.run(commands, names, names, 2) == [0, 1, 0]
    assert (tmp_path / "c").read_text() == "3"
    assert capsys.readouterr().err == "--parallel=2: each program needs a GPU of its own, so 1 at a time\n"


def test_of_several_programs_at_a_time_each_line_has_a_name(monkeypatch, capsys):
    monkeypatch.setattr(children.gpus, "visible", tuple)
    script = "import sys; print('begun'); print('compiling', file=sys.stderr)"
    commands = [[sys.executable, "-c", script]] * 3
    assert children.run(commands, ["first", "second", "third"], ["a", "b", "c"], 2) == [0, 0, 0]
    out, err = capsys.readouterr()
    done = re.findall(r"\d of 3 in \d:\d\d  ETA \d:\d\d\n", out)  # two that end at once are one line
    assert done
    lines = ["[1/3] first", "[2/3] second", "[3/3] third", "a: begun", "b: begun", "c: begun", *map(str.strip, done)]
    assert sorted(out.splitlines()) == sorted(lines)
    assert sorted(err.splitlines()) == ["a: compiling", "b: compiling", "c: compiling"]


def test_an_unknown_variant_is_refused_before_any_run(run, tmp_path):
    config = tmp_path / "tiny.py"
    config.write_text(CONFIG.replace('add("smoke", ', 'add("smoek", '))
    status, output = run("launch.sweep", f"--config={config}", f"--workdir={tmp_path / 'runs'}")
    assert status == 2, output
    assert "no variant 'smoek'" in output
    assert not (tmp_path / "runs").exists()


def test_runs_that_were_stopped_or_failed_are_named(capsys):
    runs = [Path("a"), Path("b"), Path("c")]
    assert sweep._report(runs, dict.fromkeys(runs, 0)) == 0
    assert sweep._report(runs, {runs[0]: 0, runs[1]: 75, runs[2]: -signal.SIGTERM}) == 75
    assert "2 of 3 runs stopped: b, c\nthe same sweep goes on" in capsys.readouterr().err
    assert sweep._report(runs, {runs[0]: 2, runs[1]: 0, runs[2]: -signal.SIGKILL}) == 1
    assert capsys.readouterr().err == "2 of 3 runs failed: a, c\n"


def test_a_signal_stops_the_run_and_the_sweep(start, run, tmp_path):
    flags = ("launch.sweep", "--config=experiments/configs/sgd_digits.py", f"--workdir={tmp_path}")
    process = start(*flags, "--config.num_steps=42000")
    while not (tmp_path / "real" / "metrics.jsonl").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGHUP)
    status, output = process.wait()
    assert status == 75, output
    real, ideal = tmp_path / "real", tmp_path / "ideal"
    assert output.endswith(
        f"1 of 2 runs stopped: {real}\n1 of 2 runs left: {ideal}\nthe same sweep goes on from there\n"
    )
    assert "[2/2]" not in output
    assert not (tmp_path / "real" / "summary.json").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["real"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sweep = 3", "has no sweep(add)"),
        ("def sweep(): pass", "sweep(add): TypeError: sweep() takes 0 positional arguments"),
        ("def sweep(add): 1 / 0", "sweep(add): ZeroDivisionError: division by zero"),
        ("def sweep(add): exit(0)", "sweep(add): SystemExit: 0"),
        ("def sweep(add): add([1])", "sweep(add): TypeError"),
        ("def sweep(add): add('..')", "sweep has two runs, or none, for the folder"),
        ("def sweep(add): pass", "its sweep adds no run"),
    ],
)
def test_a_sweep_that_cannot_be_is_one_line(tmp_path, text, message):
    config = tmp_path / "config.py"
    config.write_text(text)
    with pytest.raises(cli.UserError) as error:
        swept.runs(str(config), tmp_path / "runs", [])
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "runs").exists()
