"""A mistake is one line that says what to do, exit status 2, and nothing created that was not there."""

import gzip
import shutil

import numpy as np
import pytest

GLN = "--config=experiments/configs/glns_digits.py:smoke"
SGD = "--config=experiments/configs/sgd_digits.py:smoke"
IDX = "--config=experiments/configs/glns_mnist.py:smoke"

MISTAKES = {
    "no flags": ([], "--config"),
    "no such config": (["--config=nope.py"], "in experiments/configs are blur_ablations"),
    "config that fails": (["--config={data}/opens.py"], "opens.py failed: FileNotFoundError"),
    "config that explains": (["--config={data}/lines.py"], "lines.py: two lines"),
    "no such variant": (["--config=experiments/configs/glns_digits.py:nope"], "there are real, ideal"),
    "unknown key": ([GLN, "--config.learner.learnin_rate=1"], 'Did you mean "learning_rate"'),
    "wrong type": ([GLN, "--config.num_steps=many"], "--config.num_steps=many"),
    "unknown flag": ([GLN, "--wrkdir=x"], "Did you mean: workdir"),
    "argument": ([GLN, "nope"], "unexpected argument 'nope'"),
    "no such learner": ([GLN, "--config.learner.name=nope"], ", ewc, glns"),
    "no such optimizer": ([SGD, "--config.learner.tx.name=nope"], "there are adam"),
    "old key": ([GLN, "--config.probe_every=2"], "config.probe_every is now config.eval_every"),
    "no such eval": ([GLN, "--config.evals=('nope',)"], "there are adaptation, agreement, classification"),
    "no such metric": ([GLN, "--config.log_metrics=('nope',)"], "there are train/error"),
    "setting of another": ([GLN, "--config.data.name=idx"], "unexpected keyword argument"),
    "wrong sizes": ([GLN, "--config.learner.sizes=(3, 2)"], "end in 1"),
    "too few classes": ([GLN, "--config.learner.num_classes=4"], "labels 0 to 9"),
    "batch size": ([GLN, "--config.world.batch_size=0"], "batch_size must be at least 1"),
    "schedule": ([GLN, "--config.eval_every=3"], "multiple of log_every"),
    "impossible network": ([SGD, "--config.learner.net.features=(0,)"], "--debug shows where"),
    "half a cluster": ([GLN, "--num_processes=2"], "--coordinator_address"),
    "no data folder": ([IDX], "--data_dir"),
    "missing file": ([IDX, "--data_dir={data}/none"], "train-images-idx3-ubyte"),
    "truncated file": ([IDX, "--data_dir={data}/truncated"], "not a whole gzip file"),
    "other format": ([IDX, "--data_dir={data}/other"], "not an IDX file"),
    "short file": ([IDX, "--data_dir={data}/short"], "should hold"),
    "counts differ": ([IDX, "--data_dir={data}/counts"], "do not belong together"),
    "too few images": ([IDX, "--data_dir={data}/good"], "num_train must be 1 to 20"),
    "workdir is a file": ([GLN, "--workdir={data}/file"], "cannot write to --workdir"),
    "workdir cannot be": ([GLN, "--workdir=/proc/nope"], "cannot write to --workdir"),
}


def idx(array):
    header = bytes((0, 0, 8, array.ndim)) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Folders of IDX files, each but `good` with something wrong."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "none").mkdir()
    (folder / "file").write_text("")
    (folder / "opens.py").write_text("def get_config(): open('nope')")
    (folder / "lines.py").write_text("def get_config(): raise TypeError('two\\nlines')")
    good = folder / "good"
    good.mkdir()
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28))
    for prefix in ("train", "t10k"):
        (good / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (good / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(np.arange(20) % 10))
    wrong = {
        "truncated": ("train-images-idx3-ubyte.gz", gzip.compress(idx(images))[:500]),
        "other": ("t10k-labels-idx1-ubyte", b"label,5"),
        "short": ("t10k-labels-idx1-ubyte", idx(np.arange(20))[:-3]),
        "counts": ("train-labels-idx1-ubyte", idx(np.arange(19) % 10)),
    }
    for name, (file, content) in wrong.items():
        shutil.copytree(good, folder / name)
        (folder / name / file).write_bytes(content)
    return folder


@pytest.mark.parametrize("name", MISTAKES)
def test_one_line_and_status_2(fork, data, tmp_path, name):
    flags, message = MISTAKES[name]
    flags = [flag.format(data=data) for flag in flags]
    if flags and not any(flag.startswith("--workdir") for flag in flags):
        flags.append(f"--workdir={tmp_path / 'run'}")
    status, output = fork("launch.train", *flags)
    assert status == 2, output
    assert output.startswith("error: ")
    assert len(output.strip().split("\n")) == 1
    assert message in output
    assert not list(tmp_path.iterdir())


def test_debug_shows_the_traceback(fork, tmp_path):
    status, output = fork(
        "launch.train", GLN, "--config.world.batch_size=0", "--debug", f"--workdir={tmp_path / 'run'}"
    )
    assert status != 0
    assert "Traceback" in output
    assert "bootstrap/worlds.py" in output


@pytest.mark.parametrize("program", ["train", "sweep", "plot", "bench"])
def test_help_helps(fork, program):
    status, output = fork(f"launch.{program}", "--help")
    assert status == 0
    assert f"python -m launch.{program}" in output
    assert "--[no]debug" in output


def test_plot_and_sweep_refuse_in_one_line(fork, tmp_path):
    mistakes = {
        ("launch.plot",): "name at least one run folder",
        ("launch.plot", tmp_path): "is not a run folder",
        ("launch.plot", tmp_path, tmp_path.parent): "--out=DIR",
        ("launch.sweep", "--config=nope.py", f"--workdir={tmp_path}"): "no config file nope.py",
        ("launch.sweep", "--config=experiments/evals.py", f"--workdir={tmp_path}"): "has no sweep(add)",
    }
    for argv, message in mistakes.items():
        status, output = fork(*argv)
        assert status == 2, output
        assert message in output
        assert len(output.strip().split("\n")) == 1
    assert not list(tmp_path.iterdir())


def test_a_sweep_with_a_damaged_run_is_refused_before_any_runs(fork, tmp_path):
    config, damaged = tmp_path / "config.py", tmp_path / "second" / "metrics.jsonl"
    config.write_text("def sweep(add): add('first'), add('second')\n")
    damaged.parent.mkdir()
    damaged.write_text("[1]\n")
    status, output = fork("launch.sweep", f"--config={config}", f"--workdir={tmp_path}")
    assert status == 2, output
    assert output.startswith(f"error: {damaged}, line 1: it is not a JSON object")
    assert len(output.strip().split("\n")) == 1
    assert not (tmp_path / "first").exists()
