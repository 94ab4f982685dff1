"""Mirrors have all records of a run, however often it was killed."""

import importlib.util
import sys
import types

import pytest

from launch import cli, metrics

CONFIG = """{"seed": 0, "num_seeds": 2, "num_steps": 9, "log_every": 1, "eval_every": 1, "checkpoint_every": 9,
  "log_metrics": [], "data": {}, "world": {}, "learner": {"name": "sgd"}}"""


class Service:
    """What stands in for the package wandb: its server, which outlives the launches, and the last of its runs.

    It takes steps in their order alone, and none twice. A process that is killed has not sent the last one.
    """

    def __init__(self):
        self.history, self.inits, self.Settings, self.killed = {}, [], dict, False

    def init(self, **settings):
        self.inits.append(settings)
        sent = self.history.setdefault(settings["id"], [])
        waiting = []

        def log(numbers, *, step, commit):
            assert commit
            assert step >= run.step
            sent.extend(waiting)
            waiting[:] = [(step, numbers)]
            run.step = step + 1

        def finish():
            sent.extend(() if self.killed else waiting)

        run = types.SimpleNamespace(step=sent[-1][0] + 1 if sent else 0, log=log, finish=finish)
        return run


@pytest.fixture
def service(monkeypatch):
    service = Service()
    monkeypatch.setitem(sys.modules, "wandb", service)
    return service


def test_a_run_that_was_killed_is_whole_in_weights_and_biases(service, tmp_path):
    (workdir := tmp_path / "run").mkdir()
    (workdir / "config.json").write_text(CONFIG)

    def lines(steps):
        return [{"step": step, "train/loss": 1 / (1 + step), "train/loss/seeds": [0.1, None]} for step in steps]

    def launch(kept, steps, *, killed):
        writer = metrics.Writer(workdir, lines(kept), wandb="project")
        for line in lines(steps):
            step, numbers = line["step"], {name: value for name, value in line.items() if name != "step"}
            writer.write(step, numbers, {"time/wall": 1.0})
        service.killed = killed
        writer.close()

    launch([], range(5), killed=True)  # step 4 is lost
    (workdir / "wandb" / "offline-run-1").mkdir()
    launch(range(3), [3, 4], killed=True)  # from an older checkpoint: 3 is there, 4 is lost again
    launch(range(5), range(5, 10), killed=False)
    assert not (workdir / "wandb" / "offline-run-1").exists()
    ((identity, history),) = service.history.items()
    assert [step for step, _ in history] == list(range(10))
    assert {name for _, numbers in history for name in numbers} == {"time/wall", "train/loss"}
    assert [numbers["train/loss"] for _, numbers in history] == [1 / (1 + step) for step in range(10)]
    assert {(one["project"], one["name"], one["id"], one["resume"]) for one in service.inits} == {
        ("project", "run", identity, "allow")
    }
    assert service.inits[0]["config"]["learner"] == {"name": "sgd"}


def test_a_service_that_refuses_is_one_line(service, tmp_path, monkeypatch):
    def init(**settings):
        raise RuntimeError("no key:\n log in")

    monkeypatch.setattr(service, "init", init)
    (tmp_path / "config.json").write_text(CONFIG)
    with pytest.raises(cli.UserError, match=r"^--wandb=project: RuntimeError: no key: log in"):
        metrics.Writer(tmp_path, [], wandb="project")


def test_without_the_package_the_flag_says_how_to_get_it(refused, tmp_path):
    if importlib.util.find_spec("wandb"):
        pytest.skip("the package is installed")
    config, workdir = "--config=experiments/configs/sgd_digits.py:smoke", f"--workdir={tmp_path / 'run'}"
    refused("pip install 'collage[wandb]'", "launch.train", config, workdir, "--wandb=project")
