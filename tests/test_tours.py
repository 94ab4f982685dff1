"""The tours run from beginning to end, some of them shortened, and say what they say."""

import importlib.util
import os
import runpy
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments import data
from glns import shared_density
from self_play import c_mujoco, holdouts

CHECKOUT = Path(__file__).parents[1]
TOURS = sorted((CHECKOUT / "experiments" / "tours").glob("*.py"))


def shortened(name, **numbers):
    """What a tour leaves whose numbers are smaller. numbers: line -> line."""
    path = CHECKOUT / "experiments" / "tours" / f"{name}.py"
    source = path.read_text()
    for old, new in numbers.items():
        assert source.count(old) == 1
        source = source.replace(old, new)
    left = {"__name__": "__main__"}
    exec(compile(source, path, "exec"), left)
    return left


def test_there_are_tours():
    assert [path.stem for path in TOURS] == [
        "blur_toy",
        "bootstrap_digits",
        "distributions",
        "frame",  # tests/launch/test_notebooks.py
        "glns_density",
        "glns_digits",
        "gripper",
        "self_play_holdouts",
        "self_play_puck",
        "streams",
    ]


def test_blur(capsys):
    tour = shortened("blur_toy", **{"for _ in range(5):": "for _ in range(2):"})
    assert tour["difference"] < 1e-6 < tour["moved"]
    assert tour["metrics"]["accuracy"].mean() > 0.86
    for rules in tour["compared"].values():
        after_ten = {rule: curves[:, 10].mean() for rule, curves in rules.items()}
        assert after_ten["learned genome"] > after_ten["before meta-training"]
    assert len(tour["toys"].axes) == 15
    assert tour["antisymmetric"]["by hand"] < 1e-5 < 0.01 < tour["antisymmetric"]["learned"]
    of_genome, *of_adam = (of_steps[9] for of_steps in tour["errors"].values())
    assert of_genome < min(of_adam)
    assert "after ten batches" in capsys.readouterr().out


def test_bootstrap(capsys):
    tour = shortened("bootstrap_digits", **{"NUM_STEPS, EVERY = 500, 32, 900": "NUM_STEPS, EVERY = 200, 32, 450"})
    for said in (tour["network_said"], tour["gln_said"]):
        assert said["frac_stopped"] == 1
        assert 4 * abs(said["bootstrap_error"]) < said["generalisation_gap"]
    assert len(tour["picture"].axes) == 2
    assert "bootstrap error" in capsys.readouterr().out


def test_distributions(capsys):
    tour = runpy.run_path(str(CHECKOUT / "experiments" / "tours" / "distributions.py"))
    assert len(tour["picture"].axes) == 4
    assert 0 < tour["bayes"]["error"] < 0.2 < tour["noisy"]["error"]
    assert 0.17 < tour["wrong"] < 0.23
    assert "Bayes error of the mixture" in capsys.readouterr().out


def test_digits(capsys):
    tour = runpy.run_path(str(CHECKOUT / "experiments" / "tours" / "glns_digits.py"))
    assert tour["test_error"] < 0.06
    assert tour["maps"].shape == (10, 10, 8, 8)
    assert len(tour["saliency"].axes) == 20
    kept = {name: rows[-1][0] for name, rows in tour["kept"].items()}  # of the first task, in the end
    assert kept["GLN"] > kept["SGD"] + 0.2
    assert "on the test digits after one pass" in capsys.readouterr().out


def middles(images):
    """A quarter of each image: pixels are drawn one after the other, each by a network that sees all of them."""
    return jax.tree.map(lambda leaf: leaf[:, 7:21, 7:21] if leaf.ndim == 3 else leaf, images)


def test_density(monkeypatch):
    folder = Path(os.environ.get("COLLAGE_DATA", CHECKOUT.parent / "shared" / "data" / "binarized_mnist"))
    if not (folder / "binarized_mnist_train.amat").is_file():
        pytest.skip(f"the data files are missing: no binarised MNIST in {folder} (COLLAGE_DATA names another)")
    if shared_density.native is None:
        pytest.skip("the native code was not built: no C++ compiler")
    monkeypatch.setenv("COLLAGE_DATA", str(folder))
    whole = data.binarized_mnist
    monkeypatch.setattr(data, "binarized_mnist", lambda *args, **numbers: middles(whole(*args, **numbers)))
    tour = shortened(
        "glns_density",
        **{
            "NUM_DRAWN = 8": "NUM_DRAWN = 1",
            "num_train=12000": "num_train=400",
            "batch_size=240": "batch_size=80",
            "learner, lived), 50)": "learner, lived), 5)",
        },
    )
    assert tour["metrics"]["nats"][-1] < tour["metrics"]["nats"][0] - 20
    assert set(np.unique(tour["samples"])) == {0, 1}
    for painted in (tour["painted"], tour["shared_painted"]):
        np.testing.assert_array_equal(painted[:, :7], tour["images"].test.x[:, :7])
    assert tour["shared_metrics"]["nats"] < tour["metrics"]["nats"][-1]  # of 66 images, of the last 80 of 400
    assert len(tour["picture"].axes) == 5


@pytest.mark.skipif(not c_mujoco.available(), reason="the physics kernel was not built: no C++ compiler")
def test_gripper(capsys):
    tour = shortened("gripper", **{"NUM_GAMES, NUM_STEPS = 64, 240": "NUM_GAMES, NUM_STEPS = 8, 12"})
    assert min(tour["found"][name] for name in ("push_1", "on a ring")) > 0.6
    assert tour["images"].shape == (4, 240, 320, 3)
    assert all(tour[film].startswith(b"GIF89a") for film in ("film", "unseen", "stacking"))
    assert capsys.readouterr().out.count("of the goals") == 4


def test_holdouts(monkeypatch, physics):
    physics("c")
    some = {name: holdouts.HOLDOUTS[name] for name in ("far", "flip_1", "stack_2")}
    monkeypatch.setattr(holdouts, "HOLDOUTS", some)
    tour = runpy.run_path(str(CHECKOUT / "experiments" / "tours" / "self_play_holdouts.py"))
    pictures = [axes.get_title() for axes in tour["picture"].axes if axes.get_title()]
    assert pictures == [name.replace("_", " ") for name in some]


def test_self_play(capsys, physics):
    physics("c")
    tour = shortened("self_play_puck", **{"EVERY = 128, 45, 5": "EVERY = 16, 3, 1"})
    assert [record["step"] for record in tour["records"]] == [1, 2, 3]
    assert all(0 <= record["eval/holdout_success"] <= 1 for record in tour["records"])
    assert len(tour["picture"].axes) == 3
    assert capsys.readouterr().out.count("m away, of which Bob reaches") == len(tour["records"])


@pytest.mark.parametrize("installed", [True, False])
def test_streams(installed, monkeypatch, capsys):
    """The map turns around with the stream; without river the tour says what is missing."""
    if not installed:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    elif importlib.util.find_spec("river") is None:
        pytest.skip("river, which is optional, is not installed")
    tour = shortened("streams", **{"NUM_ROWS = 4000": "NUM_ROWS = 1200"})
    for name, sign in {"first bit": 1, "second bit": 1, "second number": -1}.items():
        assert sign * tour["before"][name] > 0 > sign * tour["after"][name]
    assert np.mean(tour["right"]["GLN"]) > 0.75
    assert set(tour["right"]) == {"GLN", "forest"} - (set() if installed else {"forest"})
    assert len(tour["picture"].axes) == 1
    assert ("pip install 'river" in capsys.readouterr().out) != installed
