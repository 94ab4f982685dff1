"""What starts runs on clusters: the scripts with commands of a cluster that are played, the container, and the job."""

import ast
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from absl import flags

from launch import jobs, schedule

CHECKOUT = Path(__file__).parents[2]
LAUNCH = CHECKOUT / "launch"


@pytest.fixture
def play(tmp_path):
    folder = tmp_path / "bin"
    folder.mkdir()

    def play(script, *words, commands, **variables):
        """Runs a script of launch/ with these commands. -> (its status, the lines that they wrote to $SAID)."""
        for name, text in commands.items():
            (folder / name).write_text(f"#!/bin/bash\n{text}\n")
            (folder / name).chmod(0o755)
        said = tmp_path / "said"
        path = {"PATH": f"{folder}:{os.environ['PATH']}", "SAID": str(said), "HOME": str(tmp_path)}
        command = ["bash", str(LAUNCH / script), *map(str, words)]
        status = subprocess.run(command, cwd=tmp_path, env={**path, **variables}, stderr=subprocess.PIPE).returncode
        return status, said.read_text().splitlines() if said.exists() else []

    return play


def slurm(status):
    """srun, which says what it was to run, and scontrol."""
    return {
        "srun": f'printf "%s|" srun "$@" >> "$SAID"; echo >> "$SAID"; exit {status}',
        "scontrol": 'echo "$@" >> "$SAID"',
    }


@pytest.mark.parametrize(("status", "requeued"), [(75, ["requeue 12"]), (0, []), (2, []), (137, [])])
def test_a_job_that_was_stopped_goes_back_into_the_queue(status, requeued, play):
    job = {"SLURM_JOB_ID": "12", "SLURM_CPUS_PER_TASK": "8"}
    ended, (run, *rest) = play("slurm.sh", "--config=a b.py", "--workdir=w", commands=slurm(status), **job)
    assert (ended, rest) == (status, requeued)
    assert run.endswith(
        "|--cpus-per-task=8|.venv/bin/python|-m|launch.train|--distributed|--config=a b.py|--workdir=w|"
    )


def test_a_job_that_asked_for_cpus_by_gpu_has_none_by_task(play, tmp_path):
    (tmp_path / "commands").write_text("python --config=one\n")
    play("slurm.sh", "--workdir=w", commands=slurm(0), SLURM_JOB_ID="12")
    job = {"SLURM_ARRAY_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "1"}
    ended, said = play("slurm_array.sh", tmp_path / "commands", commands=slurm(0), **job)
    assert (ended, said) == (
        0,
        [
            "srun|--kill-on-bad-exit=0|.venv/bin/python|-m|launch.train|--distributed|--workdir=w|",
            "srun|python|--config=one|",
        ],
    )


@pytest.mark.parametrize(("status", "requeued"), [(75, ["requeue 12_2"]), (0, []), (1, [])])
def test_a_job_of_an_array_runs_its_line(status, requeued, play, tmp_path):
    (tmp_path / "commands").write_text("python --config=one\npython '--config=a b.py:$x'\n")
    job = {"SLURM_ARRAY_JOB_ID": "12", "SLURM_JOB_ID": "14", "SLURM_CPUS_PER_TASK": "8"}
    command = ("slurm_array.sh", tmp_path / "commands")
    ended, said = play(*command, commands=slurm(status), SLURM_ARRAY_TASK_ID="2", **job)
    assert (ended, said) == (status, ["srun|--cpus-per-task=8|python|--config=a b.py:$x|", *requeued])
    ended, said = play(*command, commands=slurm(0), SLURM_ARRAY_TASK_ID="3", **job)
    assert (ended, len(said)) == (1, 1 + len(requeued))  # no such line: nothing more was run


def test_a_tpu_goes_on_until_the_run_is_finished(play, tmp_path):
    python = tmp_path / "collage" / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        '#!/bin/bash\nprintf "%s|" "$@" >> "$SAID"; echo >> "$SAID"; [ $(wc -l < "$SAID") = 3 ] || exit 75\n'
    )
    python.chmod(0o755)
    gcloud = {"gcloud": 'for word; do case $word in --command=*) exec bash -c "${word#*=}";; esac; done'}
    status, said = play("tpu.sh", "--config=a b.py", commands=gcloud, NAME="tpu", ZONE="zone")
    assert (status, said) == (0, ["-m|launch.train|--distributed|--config=a b.py|"] * 3)


@pytest.mark.parametrize("script", sorted(LAUNCH.glob("slurm*.sh")), ids=lambda script: script.stem)
def test_a_job_has_a_signal_before_its_end_for_the_tasks_and_may_be_queued_again(script):
    options = re.findall(r"^#SBATCH (.*)$", script.read_text(), re.MULTILINE)
    assert {"--signal=TERM@120", "--requeue", "--open-mode=append"} <= set(options)
    count = dict(option.split("=") for option in options if "=" in option)
    assert count["--gpus-per-node"] == count.get("--ntasks-per-node", count.get("--ntasks"))


def test_the_flags_in_scripts_and_in_the_job_are_those_of_a_run(monkeypatch):
    monkeypatch.chdir(CHECKOUT)
    _, job = yaml.safe_load_all((LAUNCH / "kubernetes.yaml").read_text())
    (container,) = job["spec"]["template"]["spec"]["containers"]
    examples = [container["args"]]
    for script in ("slurm.sh", "tpu.sh"):
        (example,) = re.findall(
            rf"^#.* launch/{script} (--config=\S+ --workdir=.*)$", (LAUNCH / script).read_text(), re.M
        )
        examples.append([*example.split(), "--distributed"])
    for words in examples:
        words = [word.replace("$(INDEX)", "1") for word in words]
        known = flags.FlagValues()
        jobs.define(known, ["train", *words])
        known(["train", *words])
        schedule.check(known.config)


def test_the_pods_of_a_job_find_each_other_and_start_again():
    service, job = yaml.safe_load_all((LAUNCH / "kubernetes.yaml").read_text())
    name, spec = job["metadata"]["name"], job["spec"]
    pod = spec["template"]["spec"]
    given = dict(word.removeprefix("--").split("=", 1) for word in pod["containers"][0]["args"])
    assert service["spec"] == {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": {"job-name": name}}
    assert pod["subdomain"] == service["metadata"]["name"]
    assert given["coordinator_address"].startswith(f"{name}-0.{pod['subdomain']}:")
    assert spec["completions"] == spec["parallelism"] == int(given["num_processes"])
    assert [env["name"] for env in pod["containers"][0]["env"]] == [given["process_id"].strip("$()")]
    statuses = {
        status: rule["action"]
        for rule in spec["podFailurePolicy"]["rules"]
        for status in rule.get("onExitCodes", {}).get("values", ())
    }
    assert statuses == {75: "Ignore", 1: "FailJob", 2: "FailJob"}
    assert given["workdir"].startswith(pod["containers"][0]["volumeMounts"][0]["mountPath"])


def test_a_container_is_for_an_extra_of_the_package():
    (extra,) = re.findall(r"^ARG DEVICE=(\w+)$", (LAUNCH / "Dockerfile").read_text(), re.MULTILINE)
    (call,) = [
        node.value
        for node in ast.parse((CHECKOUT / "setup.py").read_text()).body
        if isinstance(node, ast.Expr) and getattr(node.value, "func", None) and node.value.func.id == "setup"
    ]
    (extras,) = [word.value for word in call.keywords if word.arg == "extras_require"]
    assert extra in ast.literal_eval(extras)
