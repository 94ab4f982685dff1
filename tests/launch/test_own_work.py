"""The README's "Bring your own": one file in a folder of its own trains, goes on, sweeps and is drawn."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
(EXAMPLE,) = re.findall(r"This is `mine\.py`:\n\n```python\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
SWEEP = """

def sweep(add):
    for rate in (0.001, 0.003):
        add("", **{"learner.rate": rate})
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Somebody's own folder, with the example in it."""
    folder = tmp_path_factory.mktemp("somewhere")
    (folder / "mine.py").write_text(EXAMPLE)
    return folder


def launch(folder, program, *flags):
    """-> (exit status, output)."""
    command = [sys.executable, "-W", "ignore", "-m", f"launch.{program}", *flags]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def train(folder, workdir, *flags):
    status, output = launch(folder, "train", "--config=mine.py", f"--workdir={workdir}", *flags)
    assert status == 0, output
    return output


@pytest.fixture(scope="module")
def trained(folder):
    """Trained for 130 steps, which end between two records, and then to 200."""
    first = train(folder, "grown", "--config.num_steps=130")
    (folder / "mine.py").write_text(EXAMPLE + "\n")  # another file, the same functions
    return first, train(folder, "grown")


def test_it_learns_beside_its_baseline(folder, trained):
    summary = json.loads((folder / "grown" / "summary.json").read_text())
    assert summary["steps"] == 200
    assert summary["eval/test_error"] < 0.2 > summary["eval/adam/test_error"]
    assert {"eval/confidence", "eval/adam/confidence", "train/adam/loss"} <= summary.keys()
    assert (folder / "grown" / "figures" / "mine_sure_and_wrong.png").exists()
    assert "figure: grown/figures/mine_sure_and_wrong.png" in trained[1]


def test_a_finished_run_goes_on_as_if_it_had_been_asked_for_more_at_once(folder, trained):
    """To the bit, though at its end it recorded and measured what a longer run does not."""
    train(folder, "whole")
    prints = [json.loads((folder / run / "summary.json").read_text())["fingerprint"] for run in ("grown", "whole")]
    assert prints[0] == prints[1]
    records = [(folder / run / "metrics.jsonl").read_bytes() for run in ("grown", "whole")]
    assert records[0] == records[1]
    assert "resuming at step 100 of 200" in trained[1]


def test_a_module_that_changed_is_named(folder, trained):
    assert f"{folder}/mine.py has changed since the last launch" in trained[1]
    launches = json.loads((folder / "grown" / "run.json").read_text())
    assert launches["modules"].keys() == {"mine", "optax"}
    assert launches["modules"]["mine"]["file"] == str(folder / "mine.py")
    assert len(launches["modules"]["mine"]["sha256"]) == 64
    assert launches["modules"]["mine"]["sha256"] != launches["resumed"][0]["modules"]["mine"]["sha256"]
    json.loads((folder / "grown" / "config.json").read_text())


def test_it_is_drawn_again_from_anywhere(folder, trained, tmp_path):
    path = folder / "grown" / "figures" / "mine_sure_and_wrong.png"
    path.unlink()
    status, output = launch(tmp_path, "plot", str(folder / "grown"), "--figure=mine:sure_and_wrong")
    assert status == 0, output
    assert path.exists()


def test_it_sweeps(folder, trained):
    (folder / "mine.py").write_text(EXAMPLE.replace("get_config()", 'get_config(variant="")') + SWEEP)
    status, output = launch(folder, "sweep", "--config=mine.py", "--workdir=runs", "--print_commands")
    assert status == 0, output
    (program,) = output.strip().split("\n")  # of both
    assert len(re.findall(r"--config=mine\.py --workdir=\S+ --config\.learner\.rate=0\.00[13]", program)) == 2


def test_help_lists_the_keys(folder):
    status, output = launch(folder, "train", "--config=mine.py", "--help")
    assert status == 0
    assert "Follow the signs of the gradients" in output
    assert "  --workdir: The run's folder" in output
    assert {"  --config.learner.rate=0.003", "  --config.seed=0"} <= set(output.split("\n"))


def test_help_lists_the_variants(run):
    status, output = run("launch.train", "--config=experiments/configs/glns_digits.py:online", "--help")
    assert status == 0
    assert "glns_digits.py:VARIANT: real, ideal, online, dendritic, categorical, smoke" in output
    assert "  --config.world.batch_size=1" in output.split("\n")


def test_a_key_that_is_none_takes_a_value(folder, tmp_path):
    (tmp_path / "none.py").write_text(
        (folder / "mine.py").read_text().replace('"n": 500}', '"n": None}').replace("mine:", "none:")
    )
    flags = ("--config=none.py", "--workdir=run", "--config.data.n=40", "--config.num_steps=1", "--config.log_every=1")
    status, output = launch(tmp_path, "train", *flags)
    assert status == 0, output
    assert json.loads((tmp_path / "run" / "config.json").read_text())["data"]["n"] == 40


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--config.learner.name=mine:nobody", "learner 'mine:nobody': module 'mine' has no attribute 'nobody'"),
        ("--config.learner.name=yours:learner", "learner 'yours:learner': No module named 'yours'"),
        ("--config.learner.net.name=Net", "no learner.net named 'Net'; there are alexnet"),
        ("--config.evals=('mine:data',)", "evals.mine:data 'mine:data': needs n; give them in the config"),
    ],
)
def test_what_is_wrong_is_said_before_the_first_step(run, folder, tmp_path, flag, message):
    workdir = tmp_path / "run"
    status, output = run("launch.train", f"--config={folder}/mine.py", f"--workdir={workdir}", flag)
    assert status == 2, output
    assert message in output
    assert len(output.strip().split("\n")) == 1
    assert not workdir.exists()
