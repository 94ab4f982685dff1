"""From a run to a start of another: the file that it leaves, and what is said where there is none."""

import io

import chex
import jax
import numpy as np
import pytest

import bootstrap
import experiments
from experiments import artifacts, data

CONFIG = {
    "seed": 0,
    "num_steps": 4,
    "data": {"name": "digits"},
    "world": {"name": "paired", "batch_size": 8, "num_samples": 16},
    "learner": {
        "name": "sgd",
        "net": {"name": "mlp", "features": (3,), "num_classes": 10},
        "tx": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
    },
}


def begun(config, seed):
    experiment = experiments.build.first(experiments.plan(config))
    return bootstrap.begin(jax.random.key(seed), experiment.learner, experiment.world)


def started(place, **changes):
    learner = CONFIG["learner"] | changes
    return CONFIG | {"learner": {"name": "started", "learner": learner, "init_from": str(place)}}


@pytest.fixture(scope="module")
def run():
    return begun(CONFIG, 0)


@pytest.fixture(scope="module")
def folder(run, tmp_path_factory):
    """That of a run which has left its file."""
    folder = tmp_path_factory.mktemp("run")
    files, write = artifacts.params(artifacts.Context(CONFIG, None, run, ""))
    for name, content in write(run).items():
        assert name in files
        (folder / name).write_bytes(content)
    return folder


def test_a_run_goes_on_with_what_another_has_learned(run, folder, tmp_path):
    (tmp_path / "ideal-params.npz").write_bytes((folder / "params.npz").read_bytes())  # the only one
    for place in (folder / "params.npz", tmp_path):
        again = begun(started(place), 1)
        chex.assert_trees_all_equal(again.learner, run.learner)
        assert again.world.seed != run.world.seed
    with pytest.raises(AssertionError):
        chex.assert_trees_all_equal(begun(CONFIG, 1).learner, run.learner)


def test_a_baseline_may_have_a_start_as_well(run, folder):
    of_both = CONFIG | {"baselines": {"pretrained": started(folder)["learner"]}}
    baselines = begun(of_both, 1).learner.baselines
    chex.assert_trees_all_equal(baselines["pretrained"].params, run.learner.params)


def test_an_average_by_its_name(run):
    config = CONFIG | {"learner": {"name": "averaged", "learner": CONFIG["learner"], "decay": 0.9}}
    assert begun(config, 0).learner._fields == ("learner", "average")


def test_wrong_shapes_are_one_line(folder):
    net = CONFIG["learner"]["net"] | {"features": (4,)}
    with pytest.raises(ValueError, match=r"params/Dense_0/bias is \[3\] in the start but \[4\] in this l") as refusal:
        experiments.plan(started(folder, net=net))
    assert "\n" not in str(refusal.value)


def test_files_that_are_not_there(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a run leaves its params\.npz by --config\.artifacts="):
        data.parameters(str(tmp_path))
    for name in ("real-0-params.npz", "real-1-params.npz"):
        (tmp_path / name).write_bytes((folder / "params.npz").read_bytes())
    with pytest.raises(FileNotFoundError, match=r"of several seeds or cells, name one of 'real-0-params\.npz'"):
        data.parameters(str(tmp_path))


def test_damaged_files(folder, tmp_path):
    objects = io.BytesIO()
    np.savez(objects, a=np.array([{}], object))
    content = (folder / "params.npz").read_bytes()
    for number, damaged in enumerate((b"text", content[:100], objects.getvalue())):
        path = tmp_path / f"{number}.npz"
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=f"{number}.npz is not a whole .npz file of arrays"):
            data.parameters(str(path))
